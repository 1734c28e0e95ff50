"""Holds a release whose drivers died against one that nobody disturbed.

Pure: two lives in, faults out, in words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from benchmarks.survival.life import Life

End = tuple[str, str | None]
"""Word and reason of a terminal notification."""

_AFTER: dict[str, End] = {
    "promoted": ("unchanged", None),
    "initialized": ("unchanged", None),
    "unchanged": ("unchanged", None),
    "superseded": ("unchanged", None),
}
"""What the same command answers when it is started again after its run was over."""


@dataclass
class Faults:
    """
    What was not as it should be, in words; all empty: the release survived.

    Attributes:
        outcome: Another end than undisturbed, or another state left behind.
        stuck: It did not end, or answered that somebody drives though nobody lived.
        missing: A run whose end nobody was told.
        twins: One message told under two ids, or a repetition that does not say so.
        unready: Traffic on a side without a ready endpoint.
        strange: Weights outside of the plan, or another course of them.
    """

    outcome: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    twins: list[str] = field(default_factory=list)
    unready: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any(vars(self).values())

    def __str__(self) -> str:
        return "; ".join(f"{key}: {', '.join(told)}" for key, told in vars(self).items() if told)


def ends(life: Life) -> list[End]:
    """The terminal notifications of each run, in order, each run once."""
    found: dict[str, End] = {}
    for one in _told(life):
        if one["terminal"]:
            found.setdefault(one["id"].rpartition("/")[0], (one["word"], one["reason"]))
    return list(found.values())


def compare(life: Life, undisturbed: Life) -> Faults:
    """What was otherwise than in the undisturbed release."""
    faults = Faults()
    _outcome(life, undisturbed, faults)
    _notifications(life, faults)
    if life.stuck:
        faults.stuck.append("a driver did not end")
    if life.report.get("outcome") == "busy":
        faults.stuck.append(f"busy: {life.report.get('message')}")
    faults.unready += life.seen.unready
    faults.strange += life.seen.strange
    same_end = ends(life) == ends(undisturbed)
    if same_end and not _moved(undisturbed) and life.seen.canary != undisturbed.seen.canary:
        faults.strange.append(f"weights {life.seen.canary}, not {undisturbed.seen.canary}")
    return faults


def _moved(life: Life) -> bool:
    # when a move is noticed is a matter of milliseconds: before or after one more step
    return any(word == "superseded" for word, _ in ends(life))


def _outcome(life: Life, undisturbed: Life, faults: Faults) -> None:
    expected, found = ends(undisturbed), ends(life)
    more = found[len(expected) :]
    if found[: len(expected)] != expected:
        faults.outcome.append(f"ended {found}, not {expected}")
    elif any(one not in _again(expected[-1], life) for one in more):
        faults.outcome.append(f"ended {found}, after {expected}")
    if life.left != undisturbed.left:
        faults.outcome.append(f"left {life.left}, not {undisturbed.left}")
    if not more and _judged(life.report) != _judged(undisturbed.report):
        told, wanted = _judged(life.report), _judged(undisturbed.report)
        faults.outcome.append(f"rounds {told}, not {wanted}")


def _again(end: End, life: Life) -> tuple[End, ...]:
    """Ends that may follow where the same command was started after the run was over."""
    if life.resumed:
        return ()
    word, _ = end
    if life.kind == "two workloads":
        return (("rejected", None),)
    return (_AFTER.get(word, end),)


def _judged(report: dict[str, Any]) -> list[tuple[int, str]]:
    rounds = report.get("rounds", [])
    return [
        (one["weight"], one["verdict"]) for one in rounds if one["verdict"] in ("pass", "fail")
    ]


def _notifications(life: Life, faults: Faults) -> None:
    told = _told(life)
    runs = {one["id"].rpartition("/")[0] for one in told}
    runs |= {one["run_id"] for one in life.lines if one["kind"] == "ends" and one.get("run_id")}
    for run in sorted(runs):
        mine = [one for one in told if one["id"].rpartition("/")[0] == run]
        terminal = [one for one in mine if one["terminal"]]
        if not terminal:
            faults.missing.append(run)
        if len({one["id"] for one in terminal}) > 1:
            faults.twins.append(f"{run} ended under {[one['id'] for one in terminal]}")
        unsaid = [one["id"] for one in terminal[1:] if not one["repeat"]]
        faults.twins += [f"{one} came again without saying so" for one in unsaid]
        progress = [one["id"] for one in mine if not one["terminal"]]
        faults.twins += [f"{one} came twice" for one in set(progress) if progress.count(one) > 1]


def _told(life: Life) -> list[dict[str, Any]]:
    return [one for one in life.lines if one["kind"] == "told"]
