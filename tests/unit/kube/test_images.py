"""Setting images of a target."""

from __future__ import annotations

import pytest
from tests.unit.kube.manifests import deployment, template

from progressive._kube.patch import PatchRefused, apply
from progressive._kube.workload.images import images_of, set_images
from progressive.errors import SpecError

TARGET = deployment(pods=template(initContainers=[{"name": "migrate", "image": "migrate:1"}]))


def test_images_of_containers_and_init_containers_are_set() -> None:
    """Everything else stays as it is."""
    after = apply(TARGET, set_images(TARGET, {"web": "web:2", "migrate": "migrate:2"}))

    spec = after["spec"]["template"]["spec"]
    assert "web:2" == spec["containers"][0]["image"]
    assert "migrate:2" == spec["initContainers"][0]["image"]
    assert [] == set_images(after, {"web": "web:2", "migrate": "migrate:2"})
    back = {"web": "registry.example.com/web:1", "migrate": "migrate:1"}
    assert TARGET == apply(after, set_images(after, back))


def test_images_are_told_by_container() -> None:
    """What was released, in words; a container that a webhook completes has none to tell."""
    pods = template(image="web:2", initContainers=[{"name": "migrate", "image": "migrate:1"}])
    pods["spec"]["containers"].append({"name": "istio-proxy", "image": "auto"})
    pods["spec"]["containers"].append({"name": "later"})

    assert ("web=web:2", "istio-proxy=auto") == images_of(deployment(pods=pods))


def test_an_unknown_container_is_refused_with_those_there_are() -> None:
    """A typo must not end in a release of nothing."""
    with pytest.raises(SpecError) as caught:
        set_images(TARGET, {"web": "web:2", "wbe": "web:2"})

    assert (
        "Deployment shop/web has no container 'wbe'; it has web, migrate" == caught.value.problem
    )


@pytest.mark.parametrize("image", ["", " web:2", "web: 2", "web:2\n"])
def test_a_text_that_is_no_image_is_refused(image: str) -> None:
    """An unset variable in a pipeline arrives as an empty text."""
    with pytest.raises(SpecError, match="is no image reference for container 'web'"):
        set_images(TARGET, {"web": image})


def test_an_edit_that_came_between_is_not_overwritten() -> None:
    """Another container at that place, or another image: the patch is refused whole."""
    patch = set_images(TARGET, {"web": "web:2"})
    other = apply(TARGET, set_images(TARGET, {"web": "web:3"}))

    with pytest.raises(PatchRefused):
        apply(other, patch)
