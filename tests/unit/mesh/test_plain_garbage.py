"""Objects that the API server would never have stored are refused, never stumbled over."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.mesh.manifests import endpoints
from tests.unit.mesh.plain import (
    FLAGGERS,
    TARGET,
    Objects,
    autoscaler,
    canary,
    carried_out,
    deployment,
    labels,
    main,
    on,
    pods,
    services,
)

from progressive._mesh.codec import MeshCodec
from progressive._mesh.kubernetes.codec import KubernetesCodec
from progressive._mesh.nginx.codec import NginxCodec
from progressive._model.traffic import Match, RouteRef, Split, TextMatch
from progressive.errors import InvalidRequest, RouterError

EXAMPLES = 420
"""Each mutates all objects of its world, 25 in the four worlds: ten thousand in all."""

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 2**70)
    | st.floats(allow_nan=True)
    | st.text(max_size=3)
    | st.sampled_from(["web", "web-primary", "web-canary", "true", "100", "nginx", "Canary"])
)
JUNK = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
SIDES = [endpoints("web-primary", True, None), endpoints("web-canary", True)]


def noted(manifest: dict[str, Any]) -> dict[str, Any]:
    """With everything in its metadata that somebody may look at."""
    one = copy.deepcopy(manifest)
    one["metadata"].setdefault("annotations", {})["example.com/a"] = "b"
    one["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "progressive"}
    one["metadata"]["ownerReferences"] = [{"apiVersion": "v1", "kind": "App", "name": "a"}]
    one["metadata"]["managedFields"] = [
        {"manager": "progressive", "fieldsV1": {"f:spec": {"f:replicas": {}}}, "time": "1"},
        {"manager": "kubectl", "fieldsV1": {"f:metadata": {"f:annotations": {}}}, "time": "2"},
    ]
    return one


WORLDS: dict[str, tuple[MeshCodec, Objects]] = {
    "selector": (KubernetesCodec(), [*services(labels("primary")), *SIDES]),
    "replicas": (
        KubernetesCodec(),
        [
            *pods(9, 1),
            deployment("web-legacy", 2, labels("legacy")),
            *SIDES,
            autoscaler("other"),
            autoscaler("web-primary"),
        ],
    ),
    "nginx": (NginxCodec(), [main(), canary(weight="20", by_header="x"), *services({}), *SIDES]),
    "nginx without a canary": (NginxCodec(), [main(), *SIDES]),
}

TARGETS = [TARGET, FLAGGERS, on(RouteRef(name="web", rule=0)), evolve(TARGET, canary="web")]
MATCH = (Match(headers={"x": TextMatch(exact="y")}),)
SPLITS = [Split(canary=0), Split(canary=30), Split(canary=100), Split(canary=100, match=MATCH)]


@st.composite
def mutated(draw: st.DrawFn, objects: Objects) -> Objects:
    """Each object with one to three of its parts gone, or junk."""
    found = [noted(one) if draw(st.booleans()) else copy.deepcopy(one) for one in objects]
    for place in range(len(found)):
        for _ in range(draw(st.integers(1, 3))):
            holder: Any = found
            key: Any = place
            while draw(st.integers(0, 5)) and holder[key] and isinstance(holder[key], dict | list):
                holder = holder[key]
                keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
                key = draw(st.sampled_from(keys))
            if holder is found:
                continue
            if isinstance(holder, dict) and draw(st.booleans()):
                del holder[key]
            else:
                holder[key] = draw(JUNK)
    return found


@pytest.mark.parametrize("world", WORLDS)
@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data())
def test_whatever_stands_there_is_read_or_refused(world: str, data: st.DataObject) -> None:
    """
    A traceback would hide what is wrong with the object, and a plan on garbage would be written.
    """
    codec, sound = WORLDS[world]
    objects = data.draw(mutated(sound))
    target, split = data.draw(st.sampled_from(TARGETS)), data.draw(st.sampled_from(SPLITS))
    untouched = copy.deepcopy(objects)
    for plan in (
        lambda: codec.write(objects, target, split),
        lambda: codec.reset(objects, target),
    ):
        try:
            patches = plan()
        except RouterError:
            continue
        # a plan that is not refused can be carried out, and need not be read for it
        carried_out([one for one in objects if _has_name(one)], patches)
    try:
        observed = codec.read(objects, target)
    except RouterError:
        pass
    else:
        assert 0 <= observed.canary <= observed.total
    codec.steered(objects, target)

    assert repr(untouched) == repr(objects)


def _has_name(one: dict[str, Any]) -> bool:
    meta = one.get("metadata")
    return "kind" in one and isinstance(meta, dict) and "name" in meta


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"annotations": {"nginx.ingress.kubernetes.io/canary": True}}, "quotes"),
        ({"annotations": {"nginx.ingress.kubernetes.io/canary": "true", "a": 20}}, "quotes"),
        ({"labels": ["a"]}, "labels"),
        ({"ownerReferences": {"kind": "Canary"}}, "ownerReferences"),
        ({"managedFields": [1]}, "managedFields"),
        ({"managedFields": [{"manager": "a", "fieldsV1": {"f:spec": 1}}]}, "fieldsV1"),
    ],
)
def test_what_is_wrong_with_the_metadata_is_said(change: dict[str, Any], words: str) -> None:
    """
    The commonest fault in a file: a number or a word without quotes.
    """
    one = canary(weight="20")
    one["metadata"].update(change)
    with pytest.raises(InvalidRequest, match=rf"Ingress shop/web-canary: metadata\..*{words}"):
        NginxCodec().write([main(), one], TARGET, Split(canary=30))
