"""The saved form of a run: bounded, whole, or refused with the place of the fault."""

from __future__ import annotations

import json
import pickle

import pytest
from attrs import evolve
from tests.unit.analysis.world import (
    CHANGED,
    NOW,
    PLAN,
    TARGET,
    go,
    good,
    latest,
    measured,
    started,
)

from progressive import (
    CanaryAnalysis,
    Command,
    Commanded,
    Measure,
    MetricCheck,
    Origin,
    Sample,
    Started,
    StoreError,
)


def test_a_journal_of_a_month_stays_below_its_limit() -> None:
    """
    L19: at most 64 KiB and 200 rounds; the report says what was trimmed.
    """
    plan = evolve(PLAN, threshold=10_000)
    analysis = started(plan)
    for _ in range(2_000):
        go(analysis, Measure)
        analysis.receive(good(analysis, values=(12.345, 20.0)))
    text = analysis.to_json()
    report = CanaryAnalysis.from_json(text).report

    assert len(text.encode()) <= 64 * 1024
    assert len(report.rounds) <= 200
    assert 2_000 == len(report.rounds) + report.trimmed["rounds"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: text[: len(text) // 2], "not whole JSON"),
        (lambda text: "[]", "not a mapping"),
        (lambda text: text.replace("journal/v1", "journal/v9"), "journal/v9"),
        (lambda text: text.replace('"threshold":2', '"threshold":"two"'), "threshold"),
        (lambda text: text.replace('"threshold":2', '"treshold":2'), "treshold"),
        (lambda text: json.dumps({**json.loads(text), "state": {"phase": "flying"}}), "phase"),
    ],
)
def test_a_damaged_journal_is_named(damage: object, words: str) -> None:
    """
    Half-written state must give one clear error with the place of the fault.
    """
    text = started().to_json()

    with pytest.raises(StoreError, match=words) as told:
        CanaryAnalysis.from_json(damage(text))  # type: ignore[operator]
    assert not told.value.transient
    assert words in str(pickle.loads(pickle.dumps(told.value)))


def test_infinite_bounds_and_values_survive_the_journal() -> None:
    """
    +Inf is a number, and JSON has none.
    """
    check = MetricCheck(name="q", query="q", at_most=float("inf"))
    analysis = started(evolve(PLAN, checks=(check,)))
    go(analysis, Measure)
    analysis.receive(measured(analysis, Sample(value=float("inf"))))

    text = analysis.to_json()

    assert "Infinity" not in text
    assert analysis.report == CanaryAnalysis.from_json(text).report


def test_a_journal_says_what_its_run_was_made_of() -> None:
    """
    A sweep has no document: router and workload come from here. Older journals do not say it.
    """
    origin = Origin(release="web", router="istio", workload="web")
    analysis = CanaryAnalysis(PLAN, TARGET, origin=origin)
    analysis.receive(Started(at=NOW))
    plain = json.loads(analysis.to_json())
    del plain["origin"]

    assert origin == CanaryAnalysis.from_json(analysis.to_json()).origin
    assert CanaryAnalysis.from_json(json.dumps(plain)).origin is None


def test_the_words_of_people_keep_the_journal_bounded() -> None:
    """
    L19: who writes a novel as a reason must not make the journal too large to be saved.
    """
    analysis = started(PLAN, CHANGED)
    for number in range(80):
        told = Commanded(
            at=latest(analysis),
            command=Command.RESUME,
            by="ü" * 900,
            why="ü" * 900,
            id=str(number),
        )
        analysis.receive(told)
    text = analysis.to_json()

    assert len(text.encode()) <= 64 * 1024
    assert "79" == CanaryAnalysis.from_json(text).report.decisions[-1].id
