"""What is and what is not a new revision."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.kube.manifests import deployment, template

from progressive._kube.workload.revision import (
    canonical,
    revision,
    revision_of,
    same,
    stored_for,
    stored_name,
    stored_revision,
    template_of,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)

BARE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"image": "web:1"}]}}
RICH = {
    "metadata": {
        "creationTimestamp": None,
        "labels": {"app": "wëb"},
        "annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-25T00:00:00Z"},
    },
    "spec": {
        "containers": [
            {
                "name": "web",
                "image": "registry.example.com/web@sha256:00",
                "args": ["", "--x"],
                "env": [{"name": "EMPTY", "value": ""}],
                "resources": {},
                "securityContext": {"runAsUser": 0, "privileged": False},
            }
        ],
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    },
}


@pytest.mark.parametrize(
    ("expected", "value"),
    [("ea1e0b8cadf5127b", BARE), ("f20112e44a382725", RICH), ("44136fa355b3678a", {})],
)
def test_hashes_are_the_same_in_every_release_of_this_library(
    expected: str, value: dict[str, Any]
) -> None:
    """
    A hash that changed would start a release of every target in every cluster.

    Never adapt these numbers; adapt the code.
    """
    assert expected == revision(value)


def test_the_hash_is_what_its_description_says() -> None:
    """So that another program can compute it, too."""
    text = (
        '{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-11-25T00:00:00Z"},'
        '"labels":{"app":"w\\u00ebb"}},"spec":{"containers":[{"args":["","--x"],'
        '"env":[{"name":"EMPTY"}],"image":"registry.example.com/web@sha256:00","name":"web",'
        '"securityContext":{"privileged":false,"runAsUser":0}}],'
        '"terminationGracePeriodSeconds":30,"volumes":[{"name":"tmp"}]}}'
    )

    assert text == canonical(RICH)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == revision(RICH)


@pytest.mark.parametrize(
    "empty",
    [
        {"metadata": {"creationTimestamp": None}},
        {"spec": {"securityContext": {}, "initContainers": [], "hostname": ""}},
        {"spec": {"affinity": {"podAntiAffinity": {"x": None}}}},
    ],
)
def test_empty_fields_that_another_version_writes_change_nothing(empty: dict[str, Any]) -> None:
    """
    Flagger hashes empty fields, so its upgrades start canaries fleet-wide (Flagger #1673).
    """
    plain = template()
    more = {part: {**plain[part], **empty.get(part, {})} for part in plain}

    assert revision(plain) == revision(more)


@pytest.mark.parametrize(
    "change",
    [
        {"image": "registry.example.com/web:2"},
        {"terminationGracePeriodSeconds": 0},
        {"hostNetwork": False},
        {"labels": {"app": "web", "x": "y"}},
    ],
)
def test_everything_that_says_something_is_a_new_revision(change: dict[str, Any]) -> None:
    """Zero and false are values, not empty fields."""
    assert revision(template()) != revision(template(**change))


def test_a_restart_is_a_new_revision() -> None:
    """``kubectl rollout restart`` writes an annotation, and pods are replaced by it."""
    restarted = template()
    restarted["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "now"}

    assert revision(template()) != revision(restarted)


def test_what_is_outside_the_template_is_no_new_revision() -> None:
    """Replicas, strategy and labels of the Deployment replace no pod."""
    assert revision_of(deployment()) == revision_of(
        deployment(replicas=9, meta={"labels": {"a": "b"}}, strategy={"type": "Recreate"})
    )


@given(VALUES, st.randoms())
def test_the_order_of_keys_never_counts(value: Any, dice: Any) -> None:
    """JSON objects have no order; serializers do."""

    def shuffled(one: Any) -> Any:
        if isinstance(one, dict):
            keys = list(one)
            dice.shuffle(keys)
            return {key: shuffled(one[key]) for key in keys}
        return [shuffled(inner) for inner in one] if isinstance(one, list) else one

    assert canonical(value) == canonical(shuffled(value))


@given(VALUES)
def test_a_canonical_text_is_its_own(value: Any) -> None:
    """What was stored, read back and hashed again has the same revision."""
    assert canonical(value) == canonical(json.loads(canonical(value)))


@given(st.lists(st.integers() | st.none(), min_size=2, max_size=5, unique=True))
def test_the_order_of_lists_counts(values: list[Any]) -> None:
    """Arguments and containers have an order."""
    assert not same({"args": values}, {"args": values[::-1]})


def test_a_stored_template_is_found_again_by_its_revision() -> None:
    """What is promoted is what was analysed, to the letter."""
    target = deployment()
    data = {"template": target["spec"]["template"]}
    primary = deployment(name="web-primary")
    owner = {"kind": "Deployment", "name": "web-primary", "uid": "uid-web-primary"}

    stored = stored_revision(target, data=data, number=4, owner=owner)

    assert f"web-{revision_of(target)}" == stored["metadata"]["name"]
    assert data == template_of(stored, revision_of(target))
    assert [stored] == stored_for([stored], primary)


def test_a_stored_template_that_was_tampered_with_is_none() -> None:
    """Else somebody could promote what nobody analysed."""
    target = deployment()
    stored = stored_revision(
        target, data={"template": target["spec"]["template"]}, number=1, owner={}
    )
    stored["data"]["template"] = template(image="evil:1")

    assert template_of(stored, revision_of(target)) is None
    assert template_of({"data": {"template": 3}}, revision_of(target)) is None
    assert template_of({}, revision_of(target)) is None


def test_stored_templates_of_others_are_left_alone() -> None:
    """A StatefulSet keeps its history in ControllerRevisions as well."""
    primary = deployment(name="web-primary")
    mine = {"kind": "Deployment", "name": "web-primary", "uid": "uid-web-primary"}
    listed: list[dict[str, Any]] = [
        {"metadata": {"name": "a", "ownerReferences": [mine]}, "revision": 2},
        {"metadata": {"name": "b", "ownerReferences": [{**mine, "uid": "before"}]}},
        {"metadata": {"name": "c", "ownerReferences": [{**mine, "kind": "StatefulSet"}]}},
        {"metadata": {"name": "d"}},
        {"metadata": {"name": "e", "ownerReferences": [mine]}, "revision": 11},
    ]

    assert ["e", "a"] == [one["metadata"]["name"] for one in stored_for(listed, primary)]


def test_a_long_name_leaves_room_for_the_revision() -> None:
    """Names of objects end at 253 characters."""
    name = stored_name("w" * 253, "0123456789abcdef")

    assert 253 == len(name)
    assert name.endswith("-0123456789abcdef")
