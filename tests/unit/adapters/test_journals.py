"""Journals and decisions in a cluster, beyond what every store and inbox promises."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from tests.contract.cluster_contract import maps
from tests.contract.places_contract import Told, target

from progressive._model.events import Command
from progressive.clusters import MemoryCluster
from progressive.errors import (
    ClusterError,
    ErrorKind,
    SpecError,
    StoreConflict,
    StoreError,
)
from progressive.stores import ConfigMapInbox, ConfigMapStore

WEB = target("shop")
JOURNAL, INBOX = maps("shop", "progressive-web"), maps("shop", "progressive-web-inbox")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
AWAY = ClusterError("away", ErrorKind.UNAVAILABLE, 3.0)


def test_journal_is_an_object_that_people_can_read() -> None:
    """`kubectl get configmap progressive-web -o yaml`."""
    cluster = MemoryCluster()
    ConfigMapStore(cluster).save(WEB, "{}", None)
    made = cluster.get(JOURNAL)

    assert {"journal": "{}"} == made["data"]
    assert {"app.kubernetes.io/managed-by": "progressive"} == made["metadata"]["labels"]
    assert "1" == made["metadata"]["annotations"]["progressive.dev/schema"]


def test_label_of_somebody_else_is_no_conflict_and_stays() -> None:
    """Only another journal means another driver."""
    cluster = MemoryCluster()
    store = ConfigMapStore(cluster)
    first = store.save(WEB, "a", None)
    cluster.merge_patch(JOURNAL, {"metadata": {"labels": {"cost": "7"}}, "data": {"x": "y"}})
    second = store.save(WEB, "b", first)
    found = cluster.get(JOURNAL)

    assert first != second
    assert ("7", {"x": "y", "journal": "b"}) == (
        found["metadata"]["labels"]["cost"],
        found["data"],
    )


def test_object_without_a_journal_is_an_empty_place() -> None:
    """Somebody prepared it, or took the journal out."""
    cluster = MemoryCluster()
    cluster.create(
        maps("shop"),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "progressive-web"}},
    )
    store = ConfigMapStore(cluster)
    before = store.load(WEB)
    store.save(WEB, "a", None)
    after = store.load(WEB)

    assert before is None
    assert after is not None and "a" == after.text


def test_deleted_journal_is_written_again() -> None:
    """Its run still drives; without a journal nobody could take it over."""
    cluster = MemoryCluster()
    store = ConfigMapStore(cluster)
    first = store.save(WEB, "a", None)
    cluster.discard(JOURNAL)
    second = store.save(WEB, "b", first)
    saved = ConfigMapStore(cluster).load(WEB)

    assert saved is not None and ("b", second) == (saved.text, saved.version)


def test_one_save_is_one_request() -> None:
    """Saves are the commonest requests of a release."""
    cluster = MemoryCluster()
    store = ConfigMapStore(cluster)
    version = store.save(WEB, "a", None)
    cluster.calls.clear()
    for text in "bcd":
        version = store.save(WEB, text, version)

    assert [("patch", JOURNAL)] * 3 == cluster.calls


@pytest.mark.parametrize("kind", [ErrorKind.CONFLICT, ErrorKind.UNAVAILABLE])
def test_save_whose_answer_was_lost_is_known_again(kind: ErrorKind) -> None:
    """By what it says and how often it was saved."""
    cluster = MemoryCluster()
    store = ConfigMapStore(cluster)
    first = store.save(WEB, "a", None)
    cluster.fail(ClusterError("lost", kind), verb="patch", after=True)
    if kind is ErrorKind.UNAVAILABLE:
        with pytest.raises(StoreError):
            store.save(WEB, "b", first)
    second = store.save(WEB, "b", first)
    saved = store.load(WEB)

    assert saved is not None and ("b", second) == (saved.text, saved.version)


def test_own_save_that_landed_without_an_answer_is_no_other_driver() -> None:
    """
    An API server that was silent carries out what it had received; by then the run has moved on
    and saves another text. Taken for another driver, it would stop with the traffic split.
    """
    cluster = MemoryCluster()
    store = ConfigMapStore(cluster)
    first = store.save(WEB, "a", None)
    cluster.fail(AWAY, verb="patch", after=True)
    with pytest.raises(StoreError):
        store.save(WEB, "b", first)
    third = store.save(WEB, "c", first)
    ConfigMapStore(cluster).save(WEB, "theirs", third)

    with pytest.raises(StoreConflict):
        store.save(WEB, "d", third)
    assert "theirs" == cluster.get(JOURNAL)["data"]["journal"]


def test_journal_that_is_too_large_is_refused_with_words() -> None:
    """The API server's own words would be about bytes of a request."""
    with pytest.raises(StoreError) as caught:
        ConfigMapStore(MemoryCluster()).save(WEB, "ä" * 500_000, None)

    assert ErrorKind.INVALID is caught.value.kind
    assert "the journal of shop/web has 976 KiB; a ConfigMap holds 900 KiB" == str(caught.value)


def test_refusals_keep_their_kind() -> None:
    """The machine decides by it."""
    cluster = MemoryCluster()
    store = ConfigMapStore(cluster)
    cluster.fail(AWAY)
    with pytest.raises(StoreError) as away:
        store.load(WEB)
    cluster.deny("create", "configmaps")
    with pytest.raises(StoreError) as denied:
        store.save(WEB, "a", None)

    assert (ErrorKind.UNAVAILABLE, 3.0) == (away.value.kind, away.value.retry_after)
    assert ErrorKind.FORBIDDEN is denied.value.kind
    assert "the journal of shop/web cannot be saved: " in str(denied.value)
    assert not isinstance(denied.value, StoreConflict)


# decisions


def put_at(cluster: MemoryCluster, *commands: str, at: datetime = NOON) -> None:
    for number, command in enumerate(commands):
        moment = at + timedelta(seconds=number)
        ConfigMapInbox(cluster, now=lambda moment=moment: moment).put(  # type: ignore[misc]
            WEB, command, by="ann", why=""
        )


def test_decision_tells_who_when_and_why() -> None:
    """For the report, and for whoever looks later."""
    cluster = MemoryCluster()
    ConfigMapInbox(cluster, now=lambda: NOON).put(WEB, "abort", by="ann", why="errors")
    ((key, text),) = cluster.get(INBOX)["data"].items()

    assert key.startswith("20260101T120000.000000Z-")
    assert {
        "id": key,
        "command": "abort",
        "by": "ann",
        "why": "errors",
        "at": "2026-01-01T12:00:00Z",
    } == json.loads(text)


def test_unknown_command_is_refused() -> None:
    """Nobody would ever carry it out."""
    with pytest.raises(SpecError, match="'explode' is none of abort, hold"):
        ConfigMapInbox(MemoryCluster()).put(WEB, "explode", by="", why="")


def test_decisions_made_while_nobody_drove_are_told_before_anything_else() -> None:
    """A run that goes on must hear of an abort before it writes the next weight."""
    cluster, told = MemoryCluster(), Told()
    put_at(cluster, "hold", "resume", "abort")
    watching = ConfigMapInbox(cluster).watch(WEB, told, since=NOON)
    heard = [one.command for one in told.take(2)]
    watching.close()

    assert [Command.RESUME, Command.ABORT] == heard


def test_a_decision_carries_its_id() -> None:
    """The run works each one in once, and whoever decided finds the answer by it."""
    cluster, told = MemoryCluster(), Told()
    inbox = ConfigMapInbox(cluster)
    watching = inbox.watch(WEB, told)
    id = inbox.put(WEB, "hold", by="ann", why="")
    found = told.take(1)
    watching.close()

    assert [id] == [one.id for one in found]


def test_decisions_of_earlier_runs_are_not_told() -> None:
    """An abort of last week must not end today's release."""
    cluster, told = MemoryCluster(), Told()
    put_at(cluster, "abort")
    watching = ConfigMapInbox(cluster).watch(WEB, told)
    put_at(cluster, "hold", at=NOON - timedelta(days=1))
    found = told.take(1)
    watching.close()

    assert [Command.HOLD] == [one.command for one in found]


def test_only_the_newest_decisions_stay() -> None:
    """A ConfigMap is not endless."""
    cluster = MemoryCluster()
    put_at(cluster, *["hold"] * 55)
    kept = sorted(cluster.get(INBOX)["data"])

    assert 50 == len(kept)
    assert kept[0].startswith("20260101T120005")


def test_entry_that_cannot_be_read_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    """People edit ConfigMaps by hand; the decisions around it still count."""
    cluster, told = MemoryCluster(), Told()
    watching = ConfigMapInbox(cluster).watch(WEB, told)
    put_at(cluster, "hold")
    cluster.merge_patch(INBOX, {"data": {"oops": "abort please"}})
    put_at(cluster, "abort")
    found = told.take(2)
    watching.close()

    assert [Command.HOLD, Command.ABORT] == [one.command for one in found]
    assert "'oops'" in caplog.text


def test_decision_is_put_though_answers_are_lost() -> None:
    """The same key again does no harm, so it is simply sent again."""
    cluster = MemoryCluster()
    put_at(cluster, "hold")
    cluster.fail(AWAY, verb="patch", after=True)
    put_at(cluster, "abort")

    assert ["abort", "hold"] == sorted(
        json.loads(text)["command"] for text in cluster.get(INBOX)["data"].values()
    )


def test_inbox_that_may_not_be_read_is_refused_with_words() -> None:
    """A run that cannot be aborted should say so before it starts."""
    cluster = MemoryCluster()
    cluster.deny("watch", "configmaps")
    with pytest.raises(StoreError) as caught:
        ConfigMapInbox(cluster).watch(WEB, Told())

    assert ErrorKind.FORBIDDEN is caught.value.kind
    assert "the inbox of shop/web cannot be followed: " in str(caught.value)
