"""What a person reads on the console of a build."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from progressive import Outcome, Report
from progressive._cli import console
from progressive._cli.text import repair_text, report_text
from progressive._model.report import Final

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUN = Report(
    run_id="20260101t000000-aaaa",
    target="shop/web",
    started=NOW,
    duration=timedelta(seconds=9),
    final=Final(weight=20),
    split_restored=False,
)


def test_a_silent_minute_is_broken_by_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    CI servers end a build that says nothing; the line says where the run stands.
    """
    monkeypatch.setattr(console, "HEARTBEAT", 0.1)
    beaten, asked = threading.Event(), 0

    def words() -> str:
        nonlocal asked
        asked += 1
        if asked == 2:  # by then the first line is written
            beaten.set()
        return "shop/web still running, weight=20, 3 rounds"

    with console.log_lines(heartbeat=words):
        assert beaten.wait(10)

    assert "shop/web still running, weight=20, 3 rounds" in capsys.readouterr().err


def test_the_promise_is_a_line_each_minute() -> None:
    """
    Item 10 of the design.
    """
    assert 60.0 == console.HEARTBEAT


@pytest.mark.parametrize(
    ("report", "first", "traffic"),
    [
        (Report(target="shop/web"), "shop/web: no run yet", None),
        (evolve(RUN, holder="me"), "shop/web: running", "20 of 100 on the canary"),
        (RUN, "shop/web: interrupted, nobody drives it", "20 of 100 on the canary"),
        (
            evolve(RUN, outcome=Outcome.PROMOTED, final=Final(), split_restored=True),
            "shop/web: promoted",
            "all on the primary",
        ),
        (
            evolve(RUN, outcome=Outcome.PROMOTED, final=Final(weight=100), split_restored=True),
            "shop/web: promoted",
            "all on the canary",
        ),
        (Report(target="shop/web", outcome=Outcome.BUSY), "shop/web: busy", None),
    ],
)
def test_a_report_says_first_how_it_stands_and_where_the_users_are(
    report: Report, first: str, traffic: str | None
) -> None:
    """
    Of a run that never was, nothing is known about the traffic.
    """
    lines = report_text(report).splitlines()
    found = [line.split(None, 1)[1] for line in lines if line.strip().startswith("traffic")]

    assert first == lines[0]
    assert ([] if traffic is None else [traffic]) == found


def test_a_split_that_is_left_comes_with_its_repair() -> None:
    """
    Exit 10 in the morning: two commands to choose from; a run that goes on needs none.
    """
    left = repair_text(evolve(RUN, outcome=Outcome.STUCK), "canary.yaml")
    driven = repair_text(evolve(RUN, holder="job 7"), "canary.yaml")

    assert "20 of 100" in left
    assert "'progressive run canary.yaml' goes on" in left
    assert "'progressive abort canary.yaml' sends the traffic home" in left
    assert "job 7 drives it on" in driven
    assert "To repair" not in driven
    assert "" == repair_text(evolve(RUN, split_restored=True), "canary.yaml")
