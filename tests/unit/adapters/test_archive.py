"""Runs that are over, put aside in a cluster: requests, sizes, and bad days."""

from __future__ import annotations

import pytest
from tests.contract.cluster_contract import maps
from tests.contract.places_contract import target

from progressive._adapters.journal.archive import journals_in
from progressive.clusters import MemoryCluster
from progressive.errors import ClusterError, ErrorKind, StoreError
from progressive.ports import RUNS_KEPT
from progressive.stores import ConfigMapInbox, ConfigMapStore

WEB = target("shop")
JOURNAL, HISTORY = maps("shop", "progressive-web"), maps("shop", "progressive-web-history")
RUNS = [f"202601{day:02}t120000-aaaa" for day in range(1, 29)]


def release(cluster: MemoryCluster, ended: str) -> list[tuple[str, str]]:
    """What the start of a run asks of the cluster to put the one before it aside."""
    store = ConfigMapStore(cluster)
    saved = store.load(WEB)
    cluster.calls.clear()
    store.keep(WEB, ended, f"of {ended}")
    calls = list(cluster.calls)
    store.save(WEB, "begun", None if saved is None else saved.version)
    return calls


def test_a_run_is_put_aside_by_one_request() -> None:
    """The first one, the tenth, and the eleventh that drops the oldest: a start is no spree."""
    cluster = MemoryCluster()
    calls = [release(cluster, run) for run in RUNS[:13]]

    assert [("create", maps("shop"))] == calls[0]
    assert [[("patch", HISTORY)]] * 12 == calls[1:]
    assert RUNS_KEPT == len(cluster.get(HISTORY)["data"])


def test_people_can_read_it() -> None:
    """`kubectl get configmap progressive-web-history -o yaml`, when nothing else is at hand."""
    cluster = MemoryCluster()
    release(cluster, RUNS[0])
    made = cluster.get(HISTORY)

    assert {f"run-{RUNS[0]}": f"of {RUNS[0]}"} == made["data"]
    assert {"app.kubernetes.io/managed-by": "progressive"} == made["metadata"]["labels"]


def test_a_history_that_somebody_deleted_begins_anew() -> None:
    """The journal still says what it held."""
    cluster = MemoryCluster()
    release(cluster, RUNS[0])
    cluster.discard(HISTORY)
    release(cluster, RUNS[1])
    calls = release(cluster, RUNS[2])

    assert [f"run-{run}" for run in RUNS[1:3]] == sorted(cluster.get(HISTORY)["data"])
    assert [("patch", HISTORY)] == calls


def test_a_history_that_the_journal_does_not_know_of_is_found_and_cut() -> None:
    """Somebody deleted the journal alone, or restored an old one."""
    cluster = MemoryCluster()
    for run in RUNS[:10]:
        release(cluster, run)
    cluster.discard(JOURNAL)
    release(cluster, RUNS[10])

    assert [f"run-{run}" for run in RUNS[1:11]] == sorted(cluster.get(HISTORY)["data"])


def test_what_others_keep_in_it_stays() -> None:
    """A note of a person beside the runs is none of them."""
    cluster = MemoryCluster()
    release(cluster, RUNS[0])
    cluster.merge_patch(HISTORY, {"data": {"note": "the black friday outage"}})
    for run in RUNS[1:15]:
        release(cluster, run)

    assert "the black friday outage" == cluster.get(HISTORY)["data"]["note"]
    assert RUNS[14:4:-1] == [one.run for one in ConfigMapStore(cluster).kept(WEB)]


def test_the_whole_of_it_fits_into_an_object() -> None:
    """The API server refuses a ConfigMap above 1 MiB; one run too large is refused here."""
    cluster = MemoryCluster()
    store = ConfigMapStore(cluster)
    for run in RUNS[:12]:
        store.keep(WEB, run, "x" * 88 * 1024)
    size = sum(len(text) for text in cluster.get(HISTORY)["data"].values())
    with pytest.raises(StoreError, match="has 88 KiB; 88 KiB are kept") as caught:
        store.keep(WEB, RUNS[12], "x" * (88 * 1024 + 1))

    assert ErrorKind.INVALID is caught.value.kind
    assert size < 900 * 1024


def test_an_old_run_that_cannot_be_dropped_is_no_failure() -> None:
    """What had to be kept is kept."""
    cluster = MemoryCluster()
    for run in RUNS[:10]:
        release(cluster, run)
    store = ConfigMapStore(cluster)  # it has not asked for the journal, so it knows of nothing
    cluster.fail(ClusterError("away", ErrorKind.UNAVAILABLE), verb="patch", skip=1)
    store.keep(WEB, RUNS[10], "of the eleventh")

    assert 11 == len(store.kept(WEB))


@pytest.mark.parametrize("verb", ["create", "patch", "get"])
def test_what_the_server_says_is_told(verb: str) -> None:
    """A right that is missing, or a quota."""
    cluster = MemoryCluster()
    if verb == "patch":
        release(cluster, RUNS[0])
    cluster.deny(verb, "configmaps")
    store = ConfigMapStore(cluster)
    with pytest.raises(StoreError, match="the history of shop/web cannot be") as caught:
        if verb == "get":
            store.kept(WEB)
        else:
            store.keep(WEB, RUNS[1], "text")

    assert ErrorKind.FORBIDDEN is caught.value.kind


def test_all_journals_of_a_namespace_are_found() -> None:
    """Of each service what is now and what was; by what is in an object, not by its name alone."""
    cluster = MemoryCluster()
    store = ConfigMapStore(cluster)
    for service in ("web", "web-history", "api"):
        store.save(target("shop", service), f"now {service}", None)
        store.keep(target("shop", service), RUNS[0], f"was {service}")
    store.save(target("bank", "web"), "elsewhere", None)
    store.keep(target("shop", "gone"), RUNS[0], "its journal was deleted")
    ConfigMapInbox(cluster).put(WEB, "hold", by="ann", why="")
    cluster.create(
        maps("shop"), {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    )
    found = journals_in(cluster, "shop")
    everywhere = journals_in(cluster, None)

    assert [
        ("api", "now api", ["was api"]),
        ("gone", None, ["its journal was deleted"]),
        ("web", "now web", ["was web"]),
        ("web-history", "now web-history", ["was web-history"]),
    ] == [(one.service, one.present, [kept.text for kept in one.kept]) for one in found]
    assert [("bank", "web")] == [
        (one.namespace, one.service) for one in everywhere if one not in found
    ]


def test_a_long_list_is_read_page_by_page() -> None:
    """A hundred histories in one answer would be 60 MiB."""

    class Paged(MemoryCluster):
        """Answers two objects a page, as a server with `limit` does."""

        def get(self, path: str, *, query: dict[str, str] | None = None) -> dict[str, object]:
            answer = super().get(path, query=query)
            if "items" not in answer:
                return answer
            begin = int((query or {}).get("continue", 0))
            rest = len(answer["items"]) - begin - 2
            told = {"continue": str(begin + 2)} if rest > 0 else {}
            page = answer["items"][begin : begin + 2]
            return {**answer, "items": page, "metadata": {**answer["metadata"], **told}}

    cluster = Paged()
    for number in range(5):
        ConfigMapStore(cluster).save(target("shop", f"s{number}"), "{}", None)

    assert [f"s{number}" for number in range(5)] == [
        one.service for one in journals_in(cluster, None)
    ]
