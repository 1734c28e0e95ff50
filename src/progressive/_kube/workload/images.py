"""Says which images a Deployment runs, and works out the patch that sets others.

Floor 3, pure. Used by the workload adapter for the record of a run, and for ``progressive run
--image CONTAINER=REF``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from progressive._kube.marks import Manifest, named
from progressive.errors import SpecError

_PARTS = ("containers", "initContainers")


def images_of(target: Manifest) -> tuple[str, ...]:
    """``container=image`` for each container; one without an image (a webhook sets it) is out."""
    containers = target["spec"]["template"]["spec"].get("containers") or ()
    return tuple(f"{one['name']}={one['image']}" for one in containers if one.get("image"))


def set_images(target: Manifest, images: Mapping[str, str]) -> list[dict[str, Any]]:
    """
    A JSON patch that sets these images; empty when they are set already.

    Each change tests that the container still has its name and its old image, so an edit that
    came between is a conflict and is not overwritten.

    Args:
        images: Container → image reference.

    Raises:
        SpecError: An unknown container, or a text that is no image reference.
    """
    spec = target["spec"]["template"]["spec"]
    places = {
        container["name"]: (f"/spec/template/spec/{part}/{index}", container)
        for part in _PARTS
        for index, container in enumerate(spec.get(part) or ())
    }
    patch: list[dict[str, Any]] = []
    for name, image in images.items():
        if name not in places:
            raise SpecError(
                "image",
                f"{named('Deployment', target)} has no container {name!r}; it has "
                f"{', '.join(places)}",
            )
        if not image or image != image.strip() or len(image.split()) != 1:
            raise SpecError("image", f"{image!r} is no image reference for container {name!r}")
        path, container = places[name]
        if container.get("image") == image:
            continue
        patch.append({"op": "test", "path": f"{path}/name", "value": name})
        if "image" in container:
            patch.append({"op": "test", "path": f"{path}/image", "value": container["image"]})
        patch.append({"op": "add", "path": f"{path}/image", "value": image})
    return patch
