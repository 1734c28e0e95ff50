"""How low an autoscaler of the primary may go during a release, and what it gets back (L25)."""

from __future__ import annotations

import json

import pytest
from tests.unit.kube.manifests import REFERENCE, Document, deployment, hpa, keda

from progressive._kube.patch import apply
from progressive._kube.workload.capacity import (
    MIN_REPLICAS,
    Change,
    giving_back,
    minimum,
    of_primary,
    raised,
    raising,
)

PRIMARY = deployment(name="web-primary", select={"app": "web-primary"})


def after(autoscaler: Document, change: Change | None) -> Document:
    """The autoscaler once the change is written."""
    assert change is not None
    changed: Document = apply(autoscaler, list(change.operations))
    marks = {**(changed["metadata"].get("annotations") or {}), MIN_REPLICAS: change.note}
    kept = {key: value for key, value in marks.items() if value is not None}
    changed["metadata"] = {**changed["metadata"], "annotations": kept}
    return changed


def limits(autoscaler: Document) -> Document:
    return {key: one for key, one in autoscaler["spec"].items() if "eplica" in key}


@pytest.mark.parametrize(
    ("before", "up"),
    [
        (hpa(minReplicas=2), {"maxReplicas": 10, "minReplicas": 6}),
        (hpa(), {"maxReplicas": 10, "minReplicas": 6}),
        (hpa(minReplicas=2, maxReplicas=4), {"maxReplicas": 4, "minReplicas": 4}),
        (keda(minReplicaCount=1), {"minReplicaCount": 6}),
        (keda(), {"minReplicaCount": 6}),
        (keda(maxReplicaCount=5), {"maxReplicaCount": 5, "minReplicaCount": 5}),
        (keda(minReplicaCount=2, idleReplicaCount=0), {"minReplicaCount": 6}),
        (keda(minReplicaCount=8, idleReplicaCount=0), {"minReplicaCount": 8}),
    ],
)
def test_a_minimum_goes_up_and_comes_back_as_it_was(before: Document, up: Document) -> None:
    """
    Also where it was absent, and where KEDA may idle below its minimum.
    """
    there = after(before, raising(before, 6))
    back = after(there, giving_back(there))

    assert up == limits(there)
    assert before["spec"] == back["spec"]
    assert raised(there) and not raised(back)
    assert (None, None) == (raising(there, 6), giving_back(back)), "repeated, nothing is written"


@pytest.mark.parametrize("one", [hpa(minReplicas=6), hpa(minReplicas=7), keda(minReplicaCount=9)])
def test_a_minimum_is_never_lowered(one: Document) -> None:
    """
    Somebody wants it so high.
    """
    assert raising(one, 6) is None


@pytest.mark.parametrize(
    ("one", "least"),
    [(hpa(), 1), (hpa(minReplicas=3), 3), (keda(), 0), (keda(minReplicaCount=2), 2)],
)
def test_an_absent_minimum_is_the_kinds_own(one: Document, least: int) -> None:
    """
    Kubernetes keeps one, KEDA none.
    """
    assert least == minimum(one)


def test_a_primary_at_zero_is_kept_at_one() -> None:
    """
    WS-12: nothing could be sent to it, and nothing compared with it.
    """
    asleep = keda()
    change = raising(asleep, 0)

    assert {"minReplicaCount": 1} == limits(after(asleep, change))


def test_what_somebody_changes_meanwhile_stays() -> None:
    """
    A person who wants more, or less, has the last word.
    """
    there = after(hpa(minReplicas=2), raising(hpa(minReplicas=2), 6))
    there["spec"]["minReplicas"] = 3

    back = after(there, giving_back(there))

    assert 3 == back["spec"]["minReplicas"]
    assert not raised(back)


def test_a_second_raise_keeps_what_the_first_one_kept() -> None:
    """
    A driver died before it gave anything back: its six are nobody's wish.
    """
    there = after(hpa(minReplicas=2), raising(hpa(minReplicas=2), 6))
    higher = after(there, raising(there, 8))

    assert (8, 2) == (
        higher["spec"]["minReplicas"],
        after(higher, giving_back(higher))["spec"]["minReplicas"],
    )


def test_a_second_raise_over_somebodys_change_keeps_theirs() -> None:
    """
    The next release raises again, and gives back what they wanted.
    """
    there = after(hpa(minReplicas=2), raising(hpa(minReplicas=2), 6))
    there["spec"]["minReplicas"] = 3
    again = after(there, raising(there, 6))

    assert (6, 3) == (
        again["spec"]["minReplicas"],
        after(again, giving_back(again))["spec"]["minReplicas"],
    )


@pytest.mark.parametrize(
    "note",
    [
        "2",
        "{}",
        "[]",
        "nonsense",
        json.dumps({"before": {"minReplicas": "2"}, "set": {"minReplicas": 6}}),
        json.dumps({"before": {"maxReplicas": 0}, "set": {"maxReplicas": 10}}),
        json.dumps({"before": None, "set": {"minReplicas": 6}}),
        json.dumps({"before": {"minReplicas": -1}, "set": {"minReplicas": 6}}),
        json.dumps({"before": {"minReplicas": True}, "set": {"minReplicas": 6}}),
    ],
)
def test_a_note_that_somebody_spoilt_is_removed_and_no_value_is_made_up(note: str) -> None:
    """
    It must neither end a run with a traceback nor write what it says.
    """
    spoilt = hpa(minReplicas=6)
    spoilt["metadata"]["annotations"] = {MIN_REPLICAS: note, "other": "kept"}

    back = after(spoilt, giving_back(spoilt))

    assert spoilt["spec"] == back["spec"]
    assert {"other": "kept"} == back["metadata"]["annotations"]


def test_keda_pauses_as_it_likes() -> None:
    """
    WS-18: a pause that a person wrote is neither kept, nor copied, nor taken away.
    """
    paused = keda(minReplicaCount=1)
    paused["metadata"]["annotations"] = {"autoscaling.keda.sh/paused-replicas": "0"}
    there = after(paused, raising(paused, 4))

    assert "0" == there["metadata"]["annotations"]["autoscaling.keda.sh/paused-replicas"]
    assert paused == after(there, giving_back(there))


def test_an_autoscaler_that_keda_keeps_is_left_to_keda() -> None:
    """
    KEDA writes its HorizontalPodAutoscaler over and over from its ScaledObject.
    """
    kept = hpa(minReplicas=1)
    owner = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "web", "uid": "u"}
    kept["metadata"]["ownerReferences"] = [owner]
    elsewhere = hpa()
    elsewhere["spec"]["scaleTargetRef"] = {**REFERENCE, "name": "other"}
    own, scaled = hpa(minReplicas=1), keda()

    assert (own, scaled) == of_primary([kept, elsewhere, own, scaled], PRIMARY)
