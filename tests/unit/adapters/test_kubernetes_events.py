"""Notifications as Kubernetes Events (L16)."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve

from progressive import Notification, Outcome, Reason, Target
from progressive._adapters.notifiers.events import event_of, name_of
from progressive.clusters import MemoryCluster
from progressive.errors import ClusterError, ErrorKind
from progressive.notifiers import KubernetesEvents

SHOP = Target(namespace="shop", service="web", primary="web-primary", canary="web-canary", port=80)
EVENTS = "/api/v1/namespaces/shop/events"
AT = datetime(2026, 11, 25, 19, 45, 12, 345, tzinfo=UTC)
STARTED = Notification(
    id="20261125t194512-ab12/0", at=AT, kind="started", message="new revision", target=SHOP
)
ENDED = Notification(
    id="20261125t194512-ab12/1",
    at=AT,
    kind="rolled_back",
    reason=Reason.CHECK_FAILED,
    message="good 3 > 2",
    terminal=True,
    target=SHOP,
)
WEB = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "uid-web"}


def about(target: Target) -> dict[str, Any]:
    return WEB


def stored(cluster: MemoryCluster) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cluster.get(EVENTS)["items"]
    return found


def test_each_notification_is_one_event_about_the_target() -> None:
    """`kubectl describe deployment` looks for the uid; a filter looks for the reason."""
    cluster = MemoryCluster()
    events = KubernetesEvents(cluster, about=about)
    events.tell(STARTED)
    events.tell(ENDED)
    first, last = stored(cluster)

    assert {**WEB, "namespace": "shop"} == first["involvedObject"] == last["involvedObject"]
    assert [("Started", "Normal"), ("RolledBack", "Warning")] == [
        (one["reason"], one["type"]) for one in (first, last)
    ]
    assert "check-failed: good 3 > 2" == last["message"]
    assert {"progressive"} == {first["source"]["component"], first["reportingComponent"]}
    assert ("2026-11-25T19:45:12.000345Z", "2026-11-25T19:45:12Z") == (
        first["eventTime"],
        first["lastTimestamp"],
    )
    assert STARTED.id == first["metadata"]["annotations"]["progressive.dev/notification"]


def test_a_repetition_is_told_already(caplog: pytest.LogCaptureFixture) -> None:
    """Exactly once, whoever died in between: the name is the id."""
    cluster = MemoryCluster()
    with caplog.at_level(logging.DEBUG, logger="progressive"):
        for one in (ENDED, evolve(ENDED, repeat=True), evolve(ENDED, message="other words")):
            KubernetesEvents(cluster).tell(one)

    assert ["check-failed: good 3 > 2"] == [one["message"] for one in stored(cluster)]
    assert [] == caplog.records


def test_two_workloads_of_somebody_else_are_told_of_at_their_service() -> None:
    """Nobody said what kind of object is behind it."""
    cluster = MemoryCluster()
    KubernetesEvents(cluster).tell(STARTED)
    (found,) = stored(cluster)

    assert ("Service", "web", "shop") == tuple(
        found["involvedObject"][key] for key in ("kind", "name", "namespace")
    )


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_a_word_of_its_own_and_a_type(outcome: Outcome) -> None:
    """A word for each, so that alerts can be made of them."""
    event = event_of(evolve(ENDED, kind=outcome.value), SHOP, WEB)
    calm = {Outcome.PROMOTED, Outcome.INITIALIZED, Outcome.UNCHANGED, Outcome.SUPERSEDED}

    assert outcome.value == event["reason"].lower() or "_" in outcome.value
    assert ("Normal" if outcome in calm else "Warning") == event["type"]
    assert event["reason"].isalpha() and event["reason"][0].isupper()


@pytest.mark.parametrize(
    ("kind", "reason", "loud"),
    [
        ("started", "Started", "Normal"),
        ("held", "Held", "Normal"),
        ("resumed", "Resumed", "Normal"),
        ("drift", "Drift", "Warning"),
        ("canary-lost", "CanaryLost", "Warning"),
    ],
)
def test_progress_has_words_too(kind: str, reason: str, loud: str) -> None:
    """What somebody should look at is a Warning."""
    event = event_of(evolve(STARTED, kind=kind), SHOP, WEB)

    assert (reason, loud) == (event["reason"], event["type"])


@pytest.mark.parametrize("letter", ["x", "ü", "€", "𝒳"])
def test_a_long_message_is_cut_between_letters(letter: str) -> None:
    """The server takes 1024 bytes, and half a letter is none."""
    message = event_of(evolve(STARTED, message=letter * 2000), SHOP, WEB)["message"]

    assert 1020 < len(message.encode()) <= 1024
    assert {letter} == set(message[:-1]) and message.endswith("…")
    exact = event_of(evolve(STARTED, message="x" * 1024), SHOP, WEB)["message"]
    assert "x" * 1024 == exact


@pytest.mark.parametrize(
    "run",
    ["20261125t194512-ab12", "2026-01-01T00:00:00", "Build #7/release", "..", "x" * 300, "ü"],
)
def test_every_run_gets_a_valid_name_of_its_own(run: str) -> None:
    """A program may name its runs as it likes."""
    import re

    names = {name_of(f"{run}/{number}", SHOP) for number in range(3)}
    others = {name_of(f"{run}/0", evolve(SHOP, service="api")), name_of(f"{run.upper()}!/0", SHOP)}

    assert 3 == len(names) and not names & others
    for name in names | others:
        assert len(name) <= 253
        assert re.fullmatch(
            r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", name
        )


def test_a_missing_right_is_said_once_and_disturbs_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One line that names the right, no traceback, and no further request."""
    cluster = MemoryCluster()
    cluster.deny("create", "events")
    events = KubernetesEvents(cluster)
    with caplog.at_level(logging.WARNING, logger="progressive"):
        events.tell(STARTED)
        events.tell(ENDED)

    (said,) = caplog.records
    assert "grant create of events" in said.getMessage() and said.exc_info is None
    assert "20261125t194512-ab12" == getattr(said, "run", "")
    assert 1 == len(cluster.calls)


def test_an_outage_is_said_and_the_next_one_is_tried(caplog: pytest.LogCaptureFixture) -> None:
    """A started that was lost is no reason to lose the outcome."""
    cluster = MemoryCluster()
    cluster.fail(ClusterError("no answer", ErrorKind.UNAVAILABLE), verb="create")
    events = KubernetesEvents(cluster)
    with caplog.at_level(logging.WARNING, logger="progressive"):
        events.tell(STARTED)
        events.tell(ENDED)

    assert ["RolledBack"] == [one["reason"] for one in stored(cluster)]
    assert "started is not told as a Kubernetes Event: no answer" in caplog.text


def test_progress_is_tried_shortly_and_an_outcome_patiently() -> None:
    """A run does not wait for an Event before it moves on."""

    class Two(MemoryCluster):
        hurried: MemoryCluster

        def urgent(self) -> MemoryCluster:
            return self.hurried

    cluster = Two()
    cluster.hurried = MemoryCluster()
    events = KubernetesEvents(cluster)
    events.tell(STARTED)
    events.tell(ENDED)

    assert ["Started"] == [one["reason"] for one in stored(cluster.hurried)]
    assert ["RolledBack"] == [one["reason"] for one in stored(cluster)]


def test_a_notification_that_is_about_nothing_is_passed_over() -> None:
    """One that a program made by hand, without a run."""
    cluster = MemoryCluster()
    KubernetesEvents(cluster).tell(evolve(STARTED, target=None))

    assert [] == cluster.calls
