"""What happened in a run, in order: steps, rounds with every check, people, notifications.

Floor 5, pure. Queries stand on lines of their own and are not wrapped, so that they can be copied.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from attrs import frozen

from progressive._cli.past.decision import decisive
from progressive._cli.past.times import span
from progressive._cli.past.words import by, ending, parts, what, wrapped
from progressive._model.checks import Verdict
from progressive._model.record import Decision, Happening, Notification, Round
from progressive._model.report import Report
from progressive._release.past.history import Recorded

_MARGIN = " " * 25
_OF_PEOPLE = frozenset({"held", "resumed", "promote", "refused"})


@frozen(kw_only=True)
class _Entry:
    """At the same instant the lower `order` comes first: what decided, then what came of it."""

    at: datetime
    order: int
    lines: tuple[str, ...]


def timeline(record: Recorded) -> list[str]:
    """The lines, oldest first; a day begins with its date."""
    report = record.report
    if record.analysis is None or report.started is None:
        return []
    due = {one.id for one in record.analysis.due}
    entries = [_started(report), *_rounds(report), *_people(report), *_events(report)]
    entries += [_notified(one, one.id in due) for one in report.notifications]
    if report.outcome is not None:
        at = report.started + report.duration
        entries.append(_Entry(at=at, order=5, lines=(f"the end: {ending(record)}",)))
    lines: list[str] = []
    day = ""
    for entry in sorted(entries, key=lambda one: (one.at, one.order)):
        at = entry.at.astimezone(UTC)
        if f"{at:%Y-%m-%d}" != day:
            day = f"{at:%Y-%m-%d}"
            lines.append(f"  {day} (UTC)")
        elapsed = f"+{span(entry.at - report.started)}"
        lines += _placed(f"  {at:%H:%M:%S} {elapsed:>12}  ", entry.lines)
    return [*_trimmed(report), *lines]


def _placed(margin: str, texts: tuple[str, ...]) -> Iterator[str]:
    for number, text in enumerate(texts):
        first = margin if number == 0 else _MARGIN
        if text.lstrip().startswith("asked: "):
            yield f"{first}{text}"
            continue
        inner = len(text) - len(text.lstrip())
        yield from wrapped(text.strip(), first + " " * inner, _MARGIN + " " * (inner + 2))


def _trimmed(report: Report) -> Iterator[str]:
    dropped = [f"{count} {name}" for name, count in report.trimmed.items() if count]
    if dropped:
        yield f"  (older ones are not kept: {', '.join(dropped)})"


def _started(report: Report) -> _Entry:
    assert report.started is not None
    driver = report.drivers[0] if report.drivers else by(report)
    text = f"started by {driver}: {what(report.revision, report.images)}"
    return _Entry(at=report.started, order=0, lines=(text,))


# rounds


def _rounds(report: Report) -> Iterator[_Entry]:
    asked: dict[str, str] = {}
    deciding = decisive(report)
    before: Round | None = None
    begin = report.trimmed.get("rounds", 0) + 1
    for number, one in enumerate(report.rounds, begin):
        text = f"round {number} at {parts(one.weight, report.total)}: {one.verdict}"
        same = before is not None and one.checks and one.checks == before.checks
        if same and one is not deciding:
            yield _Entry(at=one.at, order=1, lines=(f"{text}, the same answers",))
            continue
        before = one
        lines = [text]
        for verdict in one.checks:
            known = verdict.query == asked.get(verdict.check)
            decided = one is deciding and not verdict.passed
            asked[verdict.check] = verdict.query
            lines += _verdict(verdict, query="" if known and not decided else verdict.query)
        if not one.checks:
            lines.append("  no checks")
        yield _Entry(at=one.at, order=1, lines=tuple(lines))


def _verdict(verdict: Verdict, *, query: str) -> Iterator[str]:
    window = "" if verdict.window is None else f", over {span(verdict.window)}"
    cause = "" if verdict.cause is None else f" [{verdict.cause}]"
    yield f"  {verdict.kind:7} {verdict.explanation}{window}{cause}"
    if query:
        yield f"          asked: {' '.join(query.split())}"


# the others


def _people(report: Report) -> Iterator[_Entry]:
    for one in report.decisions:
        yield _Entry(at=one.at, order=2, lines=(_decided(one),))


def _decided(one: Decision) -> str:
    why = f", “{one.why}”" if one.why else ""
    return f"{one.by or 'somebody'} said {one.command}{why}: {one.answer}"


def _events(report: Report) -> Iterator[_Entry]:
    decided = {one.at for one in report.decisions}
    for one in report.events:
        if not _is_told(one, decided):
            yield _Entry(at=one.at, order=3, lines=(_happened(one, report.total),))


def _is_told(one: Happening, decided: Collection[datetime]) -> bool:
    """A person's decision says the same, and what came of it."""
    return one.kind in _OF_PEOPLE and one.at in decided


def _happened(one: Happening, total: int) -> str:
    if one.kind == "step" and one.weight is not None:
        return f"step: the canary gets {parts(one.weight, total)}"
    if one.kind == "return" and one.weight is not None:
        kept = "none" if one.weight == 0 else f"{parts(one.weight, total)} for now"
        return f"return to the primary: the canary keeps {kept}"
    if one.kind == "promotion":
        return "promotion: it is decided, and the primary takes over"
    words = one.message or ("" if one.weight is None else parts(one.weight, total))
    return f"{one.kind.replace('-', ' ')}: {words}" if words else one.kind.replace("-", " ")


def _notified(one: Notification, doubtful: bool) -> _Entry:
    doubt = ", not known to be delivered" if doubtful else ""
    again = ", sent again" if one.repeat else ""
    text = f"notification {one.id.rpartition('/')[2]}: {one.kind}{again}{doubt}"
    return _Entry(at=one.at, order=4, lines=(text,))
