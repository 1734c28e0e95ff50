"""The decision in words: what became of a run and what decided it, for somebody who just woke.

Floor 5, pure. One paragraph; the numbers are those of the journal, and nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from progressive._cli.past.times import span
from progressive._cli.past.words import parts, what
from progressive._model.checks import Cause, Verdict, VerdictKind, in_digits
from progressive._model.plan import Plan
from progressive._model.record import Decision, Outcome, Phase, Reason, Round
from progressive._model.report import Report
from progressive._release.past.history import Recorded

_SILENCE = {
    Cause.UNREACHABLE: "The metrics server could not be reached, which says nothing against the "
    "new version.",
    Cause.REFUSED: "The metrics server refused to answer: look at the query and at the rights, "
    "not at the new version.",
    Cause.EMPTY: "The metrics server answered, and knew nothing about the canary: look at the "
    "labels of the query, whether the pods are scraped, and whether they had traffic.",
    Cause.NAN: "The metrics server knew the canary, but it had no requests to judge.",
    Cause.TOO_FEW_SCRAPES: "The pods were scraped too seldom for the length of a step.",
    Cause.TOO_FEW_REQUESTS: "The canary had fewer requests than the check wants to judge by.",
}


def decision(record: Recorded) -> str:
    """What became of the run, and why."""
    if record.analysis is None:
        return f"{record.problem[:1].upper()}{record.problem[1:]}."
    report, plan = record.report, record.analysis.plan
    if report.outcome is None:
        return _unfinished(record, report, record.analysis.phase)
    told = _ENDINGS.get((report.outcome, report.reason)) or _BY_OUTCOME[report.outcome]
    return told(report, plan)


def decisive(report: Report) -> Round | None:
    """The round that ended the run; None: no round did."""
    wanted = {
        Reason.CHECK_FAILED: (VerdictKind.FAIL,),
        Reason.NO_DATA: (VerdictKind.NO_DATA, VerdictKind.INCONCLUSIVE),
    }
    if report.reason not in wanted or not report.rounds:
        return None
    last = report.rounds[-1]
    return last if last.verdict in wanted[report.reason] else None


def sentence(text: str) -> str:
    """The same words, with a capital and a full stop."""
    text = text.strip()
    text = f"{text[:1].upper()}{text[1:]}"
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


def said(verdict: Verdict, unit: str) -> str:
    """A verdict that was no pass, as a clause."""
    value, low, high = verdict.value, verdict.at_least, verdict.at_most
    if value is None:
        return verdict.explanation or f"{verdict.check} had no data"
    number = f"{in_digits(value, low, high)}{unit}"
    looked = "" if verdict.window is None else f" over {span(verdict.window)}"
    if low is not None and value < low:
        return f"{verdict.check} was {number}{looked}, and must be at least {in_digits(low)}{unit}"
    if high is not None and value > high:
        return f"{verdict.check} was {number}{looked}, and must be at most {in_digits(high)}{unit}"
    return f"{verdict.check} was {number}{looked}"


def _subject(report: Report) -> str:
    if report.images or report.revision:
        return f"The new version, {what(report.revision, report.images)},"
    return "The canary"


def _units(plan: Plan) -> dict[str, str]:
    return {check.name: check.unit for check in plan.checks}


def _share(report: Report, weight: int) -> str:
    return f"{parts(weight, report.total)} of the traffic"


# by reason


def _check_failed(report: Report, plan: Plan) -> str:
    last = decisive(report)
    if last is None:
        return _with_message("was rolled back")(report, plan)
    units = _units(plan)
    bad = [one for one in last.checks if one.kind is VerdictKind.FAIL]
    silent = [one for one in last.checks if one.kind is VerdictKind.NO_DATA]
    clauses = [said(one, units.get(one.check, "")) for one in bad]
    if not bad:
        clauses = [f"{one.explanation} (which counts as a failure here)" for one in silent]
    budget = plan.threshold
    last_one = (
        "One such round was enough: the release allows none."
        if budget == 1
        else f"It was failure {budget} of {budget}, and all that the release allows."
    )
    had = f"while the canary had {_share(report, last.weight)}"
    return f"{_subject(report)} was rolled back {had}: {'; '.join(clauses)}. {last_one}"


def _no_data(report: Report, plan: Plan) -> str:
    last = decisive(report)
    if last is None:
        return _with_message("was taken back, for nothing could be decided")(report, plan)
    rounds = plan.deadlines.undecided_rounds
    silent = [one for one in last.checks if one.kind is not VerdictKind.PASS]
    words = "; ".join(one.explanation for one in silent)
    causes = dict.fromkeys(one.cause for one in silent if one.cause is not None)
    hints = " ".join(_SILENCE[one] for one in causes)
    return (
        f"{_subject(report)} was taken back at {_share(report, last.weight)}, not because it was "
        f"bad, but because nothing could be decided in {rounds} rounds in a row: {words}. {hints}"
    ).strip()


def _drift(report: Report, plan: Plan) -> str:
    return (
        f"{_subject(report)} was rolled back because another program kept writing to the route: "
        f"{report.message}. This says nothing against the new version."
    )


def _aborted(report: Report, plan: Plan) -> str:
    one = _last(report.decisions, "abort")
    had = [weight for weight in report.weights if weight]
    # without a weight nothing is said: a driver that was killed may not have noted its last write
    at = f" while the canary had {_share(report, had[-1])}" if had else ""
    if one is None:
        return f"{_subject(report)} was aborted{at}: {report.message}."
    if one.by.startswith("SIG"):
        return f"{_subject(report)} was aborted{at}, because its driver was ended ({one.by})."
    why = f": “{one.why}”" if one.why else ". No reason was given"
    return f"{_subject(report)} was aborted by {one.by or 'somebody'}{at}{why}."


def _superseded(report: Report, plan: Plan) -> str:
    return (
        f"{_subject(report)} was ended before it was decided whether it is good: {report.message}."
    )


def _promoted(report: Report, plan: Plan) -> str:
    rounds = len(report.rounds) + report.trimmed.get("rounds", 0)
    if one := _last(report.decisions, "promote"):
        why = f" (“{one.why}”)" if one.why else ""
        how = f"because {one.by or 'somebody'} decided it{why}, after {_counted(rounds)}"
    elif plan.skip_analysis:
        how = "without analysis, as its document says"
    else:
        how = f"after {_counted(rounds)}"
    bad = [one for one in report.rounds if one.verdict is not VerdictKind.PASS]
    also = f", {len(bad)} of which did not pass" if bad else ""
    return f"{_subject(report)} was promoted {how}{also}."


def _counted(rounds: int) -> str:
    return f"{rounds} round{'' if rounds == 1 else 's'}"


def _on_hold(report: Report, plan: Plan) -> str:
    one = _last(report.decisions, "hold")
    who = "" if one is None else f" by {one.by or 'somebody'}"
    why = f" (“{one.why}”)" if one is not None and one.why else ""
    return (
        f"{_subject(report)} was put on hold at {_share(report, report.final.weight)}{who}{why}, "
        "and nobody decided: the run has ended, and the split stands."
    )


def _stuck_primary(report: Report, plan: Plan) -> str:
    return (
        f"{_subject(report)} passed and was to be promoted, but {report.message}. Somebody has to "
        "look."
    )


def _with_message(words: str) -> Callable[[Report, Plan], str]:
    def told(report: Report, _: Plan) -> str:
        return f"{_subject(report)} {words}" + (f": {report.message}." if report.message else ".")

    return told


_ENDINGS: dict[tuple[Outcome, Reason | None], Callable[[Report, Plan], str]] = {
    (Outcome.ROLLED_BACK, Reason.CHECK_FAILED): _check_failed,
    (Outcome.ROLLED_BACK, Reason.DRIFT): _drift,
    (Outcome.INCONCLUSIVE, Reason.NO_DATA): _no_data,
    (Outcome.INCONCLUSIVE, None): _on_hold,
    (Outcome.STUCK, Reason.PRIMARY_NOT_READY): _stuck_primary,
}
_BY_OUTCOME: dict[Outcome, Callable[[Report, Plan], str]] = {
    Outcome.PROMOTED: _promoted,
    Outcome.INITIALIZED: lambda report, _: (
        f"This was the first deploy, of {what(report.revision, report.images)}: "
        f"{report.message}. Nothing was analysed."
    ),
    Outcome.UNCHANGED: lambda report, _: f"There was nothing to release: {report.message}.",
    Outcome.ROLLED_BACK: _with_message("was rolled back"),
    Outcome.INCONCLUSIVE: _with_message("was taken back, for nothing could be decided"),
    Outcome.TIMED_OUT: _with_message("ran out of time"),
    Outcome.REJECTED: _with_message("was refused, and nothing was written"),
    Outcome.SUPERSEDED: _superseded,
    Outcome.BUSY: _with_message("was left to another driver, which holds the target"),
    Outcome.UNREACHABLE: _with_message("was not begun, for the cluster could not be reached"),
    Outcome.STUCK: _with_message("may be left with a part of the traffic"),
    Outcome.ABORTED: _aborted,
}


def _unfinished(record: Recorded, report: Report, phase: Phase) -> str:
    subject, at = _subject(report), _share(report, report.final.weight)
    doing = _PHASES.get(phase, str(phase))
    if record.state == "on-hold":
        one = _last(report.decisions, "hold")
        who = "somebody" if one is None else one.by or "somebody"
        why = f": “{one.why}”" if one is not None and one.why else ""
        return f"{subject} is on hold at {at}. {sentence(f'{who} put it there{why}')}"
    if record.state == "running":
        return f"{subject} is on its way: {doing}, at {at}. Its driver lives: {record.holder}."
    heard = "" if report.started is None else f" {span(report.duration)} after its start"
    last = f"Its journal was last written{heard}: {doing}, at {at}."
    if record.state == "unfinished":
        return (
            f"{subject} is not decided, and who drives it is not known ({record.unknown}). {last}"
        )
    return f"{subject} is not decided, and nobody drives the run: its driver has died. {last}"


_PHASES = {
    Phase.INITIALIZING: "the primary is being made",
    Phase.STARTING: "the canary is being scaled up and awaited",
    Phase.STEPPING: "the next weight is being written",
    Phase.HOLDING: "a weight is held and measured",
    Phase.PAUSED: "on hold",
    Phase.PROMOTING: "the primary takes over what was analysed",
    Phase.RETURNING: "the traffic is on its way home",
}


def _last(decisions: Sequence[Decision], command: str) -> Decision | None:
    """The last decision of a kind that was followed: a refused one decided nothing."""
    followed = [one for one in decisions if not one.answer.startswith("refused")]
    return next((one for one in reversed(followed) if one.command == command), None)
