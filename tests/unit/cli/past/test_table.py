"""What `progressive history` lists, which run `explain` picks, and what hides neither."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from tests.contract.cluster_contract import maps
from tests.unit.cli.past.runs import NOW, newest, played
from tests.unit.cli.past.world import DRIVER, HOUR, bad, die_at, play

from progressive._cli.past.decision import decision
from progressive._cli.past.page import page, page_dict
from progressive._cli.past.table import table, table_dict
from progressive._cli.past.times import age, span
from progressive._release.past.history import chosen, runs_in
from progressive.errors import SpecError
from progressive.testing import MemoryCluster, Scenario


def test_a_driver_that_cannot_be_asked_for_hides_nothing() -> None:
    """
    Reading Leases is another right than reading ConfigMaps.
    """
    cluster = played(kind=die_at(3670))
    cluster.deny("get", "leases")
    record, _ = newest(cluster)

    assert "unfinished" == record.state
    assert "who drives it is not known" in decision(record)
    assert 'cannot get resource "leases"' in decision(record)


def test_a_journal_that_cannot_be_read_does_not_hide_the_others() -> None:
    """
    One was written by a newer version, one was edited by hand; the third is what is looked for.
    """
    cluster = played(bad([50]))
    play(cluster, after=2 * HOUR)
    runs = runs_in(cluster, "shop")
    journal = {"journal": '{"schema": "progressive.dev/journal/v9"}'}
    cluster.merge_patch(maps("shop", "progressive-web"), {"data": journal})
    damaged = {f"run-{runs[1].run}": '{"sch'}
    cluster.merge_patch(maps("shop", "progressive-web-history"), {"data": damaged})
    found = runs_in(cluster, "shop")
    record, surroundings = newest(cluster)
    text = page(record, surroundings, now=NOW)
    listed = table(found, older=0, now=NOW + 2 * HOUR)

    assert ["unreadable", "unreadable", "finished"] == [one.state for one in found]
    assert runs[2].run == found[2].run
    assert "progressive.dev/journal/v9" in text
    assert "kubectl -n shop get configmap progressive-web -o yaml" in text
    assert 2 == sum(line.endswith("cannot be read") for line in listed.splitlines())
    assert "initialized" in listed
    json.dumps(page_dict(record, surroundings))


def test_the_table_says_when_what_by_whom_and_how_far() -> None:
    """
    Newest first, two lines each.
    """
    cluster = played(bad([99.9, 50]))
    first, second = runs_in(cluster, "shop")

    assert [
        "STARTED (UTC)                 RELEASE   OUTCOME                     TOOK        REACHED",
        "2026-01-01 01:00:00  3 h ago  shop/web  rolled_back (check-failed)  1 min 30 s  20 %",
        f"    run {first.run} · web=registry/web:42 (revision B) · by {DRIVER}",
        "2026-01-01 00:00:00  4 h ago  shop/web  initialized                 0 s         0 %",
        f"    run {second.run} · web=registry/web:41 (revision A) · by {DRIVER}",
        "",
        "7 older runs are not shown; --limit shows more.",
    ] == table([first, second], older=7, now=NOW + 4 * HOUR).splitlines()


def test_programs_get_whole_reports() -> None:
    """
    One JSON document; what cannot be read has a problem and no report.
    """
    cluster = played(bad([99.9, 50]))
    record, surroundings = newest(cluster)
    listed = json.loads(json.dumps(table_dict(runs_in(cluster, None), older=0)))
    one = json.loads(json.dumps(page_dict(record, surroundings)))

    assert ["rolled_back", "initialized"] == [run["report"]["outcome"] for run in listed["runs"]]
    assert [None, None] == [run["problem"] for run in listed["runs"]]
    assert {"revision": "A", "images": ["web=registry/web:41"]} == one["before"]
    assert "was rolled back" in one["decision"]
    assert "progressive run canary.yaml" in [entry["command"] for entry in one["advice"]]
    assert ["web=registry/web:42"] == one["report"]["images"]


def test_a_run_is_found_by_the_beginning_of_its_id() -> None:
    """
    Ids are long, and typed at night.
    """
    cluster = played()
    records = runs_in(cluster, "shop")

    assert records[0] is chosen(records, None, where="x")
    assert records[1] is chosen(records, records[1].run, where="x")
    assert records[0] is chosen(records, "20260101t01", where="x")
    with pytest.raises(SpecError, match="several runs in shop begin with '2026'"):
        chosen(records, "2026", where="shop")
    with pytest.raises(SpecError) as caught:
        chosen(records, "2025", where="shop")
    assert all(one.run in str(caught.value) for one in records)
    with pytest.raises(SpecError, match="there was no run yet in shop"):
        chosen((), None, where="shop")


def test_a_clock_that_went_back_does_not_hide_the_present_run() -> None:
    """
    The journal is the newest run, whatever its time says.
    """
    cluster = MemoryCluster()
    play(cluster, Scenario(first_deploy=True), after=5 * HOUR)
    play(cluster, bad([50]), after=HOUR)

    assert ["rolled_back", "initialized"] == [
        str(one.report.outcome) for one in runs_in(cluster, "shop")
    ]


def test_another_release_with_a_damaged_journal_is_not_the_newest_run() -> None:
    """
    It has no time, and would stand before all others for ever.
    """
    cluster = played()
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "progressive-api",
            "labels": {"app.kubernetes.io/managed-by": "progressive"},
        },
        "data": {"journal": "oops"},
    }
    cluster.create(maps("shop"), body)
    records = runs_in(cluster, "shop")

    assert "shop/api" == records[0].target
    assert "shop/web" == chosen(records, None, where="x").target


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.6, "1 min"),
        (390, "6 min 30 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (360_000, "4 d 4 h"),
    ],
)
def test_a_length_of_time_is_said_as_people_say_it(seconds: float, words: str) -> None:
    """
    Nobody counts 7500 s at night.
    """
    assert words == span(timedelta(seconds=seconds))


def test_an_instant_of_a_faster_clock_is_just_now() -> None:
    """
    Two machines never agree on the second.
    """
    assert ["just now", "just now", "1 min ago", "23 h ago", "3 d ago"] == [
        age(NOW - timedelta(seconds=seconds), NOW) for seconds in (-5, 59, 61, 86_399, 270_000)
    ]
