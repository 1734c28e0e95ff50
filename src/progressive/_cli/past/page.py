"""The page about one run: the decision first, then what led to it, then what to do.

Floor 5, pure. 100 columns; only queries may be longer.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from progressive._cli.past.advice import Advice, Surroundings, advice
from progressive._cli.past.decision import decision
from progressive._cli.past.table import run_dict
from progressive._cli.past.timeline import timeline
from progressive._cli.past.times import age, instant, span
from progressive._cli.past.words import WIDTH, by, ending, parts, released, what, wrapped
from progressive._model.record import Outcome, Phase
from progressive._model.report import Final, Report
from progressive._release.past.history import Recorded


def page(
    record: Recorded, around: Surroundings, *, now: datetime, split: Final | None = None
) -> str:
    """
    The page as text.

    Args:
        split: How the route stands now; None: it was not looked at.
    """
    lines = [_title(record, now), ""]
    lines += wrapped(decision(record), "  ", "  ")
    if where := traffic(record, around, split):
        lines += wrapped(where, "  ", "  ")
    if facts := list(_facts(record, around)):
        lines += ["", *facts]
    if told := timeline(record):
        lines += ["", "What happened", *told]
    lines += ["", "What to do", *_advices(advice(record, around))]
    return "\n".join(lines)


def page_dict(
    record: Recorded, around: Surroundings, *, split: Final | None = None
) -> dict[str, Any]:
    """The same as plain JSON values, with the whole report."""
    before = around.before
    return {
        **run_dict(record),
        "decision": decision(record),
        "traffic": traffic(record, around, split),
        "before": (
            None
            if before is None
            else {"revision": before.revision, "images": list(before.images)}
        ),
        "advice": [{"command": one.command, "why": one.why} for one in advice(record, around)],
    }


def traffic(record: Recorded, around: Surroundings, split: Final | None) -> str:
    """Where the users are, or were at the end of a run that others have followed."""
    report = record.report
    if record.analysis is None:
        return ""
    later = around.newest is not None and around.newest.run != record.run
    if split is not None and not later:
        return f"The route shows now: {_weight(split.weight, report)}."
    words = _weight(report.final.weight, report)
    if later:
        return f"When it ended: {words}. Later runs have followed."
    if report.outcome is None:
        later_on = _AHEAD.get(record.analysis.phase, "")
        return f"By its journal {words}{later_on}; -f FILE looks at the route itself."
    if not report.split_restored:
        return f"As far as the run knows: {words}."
    if report.final.weight == 0 and (runs := _on_primary(report, around)):
        words = f"{words}, which runs {runs}"
    return f"{words[:1].upper()}{words[1:]}."


_AHEAD = {
    Phase.STEPPING: ", or the next weight already",
    Phase.RETURNING: ", or none of it already",
}
"""A journal is saved before what it orders is done."""


def _weight(weight: int, report: Report) -> str:
    if weight == 0:
        return "all traffic is on the primary"
    if weight == report.total:
        return "all traffic is on the canary"
    return f"the canary has {parts(weight, report.total)} of the traffic"


def _on_primary(report: Report, around: Surroundings) -> str:
    """What the primary runs in words; empty: not known."""
    now = report.final.primary_revision
    if now is None:
        return ""
    if now == report.revision:
        new = "" if report.outcome is Outcome.UNCHANGED else "the new version, "
        return f"{new}{what(now, report.images)}"
    if around.before is not None and around.before.revision == now:
        return f"the version before, {what(now, around.before.images)}"
    return f"revision {now}"


def _title(record: Recorded, now: datetime) -> str:
    report = record.report
    if report.started is None:
        return f"{record.target}: {ending(record)}"
    end = report.started + report.duration
    word = "" if report.outcome is not None else "last heard of "
    return f"{record.target}: {ending(record)}, {word}{age(end, now)}"


def _facts(record: Recorded, around: Surroundings) -> Iterator[str]:
    report, before = record.report, around.before
    facts = [("run", record.run)]
    if record.analysis is not None and report.started is not None:
        plan = record.analysis.plan
        end = report.started + report.duration
        weights = " ".join(map(str, report.weights))
        wanted = " ".join(map(str, plan.weights)) or "none"
        facts += [
            ("released", released(report)),
            ("before", _before(around)) if before is not None else ("", ""),
            ("by", by(report)),
            ("started", f"{instant(report.started)} UTC"),
            ("ended", f"{instant(end)} UTC, after {span(report.duration)}")
            if report.outcome is not None
            else ("heard of", f"{instant(end)} UTC, {span(report.duration)} after its start"),
            ("weights", f"{weights or 'none'} (planned: {wanted}, a step every "
             f"{span(plan.interval)}, threshold {plan.threshold})"),
        ]  # fmt: skip
    for name, value in facts:
        if value:
            yield from wrapped(value, f"  {name:9} ", " " * 12)


def _before(around: Surroundings) -> str:
    assert around.before is not None
    before = around.before
    revision = f" (revision {before.revision})" if before.images else ""
    return what(before.revision, before.images) + revision


def _advices(advices: list[Advice]) -> Iterator[str]:
    for one in advices:
        if one.command:
            yield f"  {one.command}"
        yield from textwrap.wrap(one.why, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)
    if not advices:
        yield "  nothing"
