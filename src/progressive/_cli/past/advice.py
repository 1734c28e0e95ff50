"""What can be done after a run, as command lines with the reason beside each.

Floor 5, pure. Only commands that this version has are named.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection

from attrs import frozen

from progressive._model.record import Outcome, Phase, Reason
from progressive._release.past.history import Before, Recorded


@frozen(kw_only=True)
class Advice:
    """
    One thing that can be done.

    Attributes:
        command: The line to type; empty: the words are all.
        why: What it does.
    """

    command: str
    why: str


@frozen(kw_only=True)
class Surroundings:
    """
    What stands around a run.

    Attributes:
        file: The release document as it was given; ``FILE`` where none was.
        commands: Names of the commands that this version has.
        before: What the primary ran when it started.
        earlier, newest: The run before it, and the newest one, of the same target.
    """

    file: str
    commands: Collection[str]
    before: Before | None = None
    earlier: Recorded | None = None
    newest: Recorded | None = None


def advice(record: Recorded, around: Surroundings) -> list[Advice]:
    """What fits, the likeliest first; empty: nothing has to be done."""
    namespace, _, service = record.target.partition("/")
    told = _Lines(around=around, namespace=namespace)
    if around.newest is not None and around.newest.run != record.run:
        words = f"a later run of this release: {_ended(around.newest)}"
        return [told.explain(around.newest.run, words)]
    if record.analysis is None:
        return _of_unreadable(told, service)
    if record.report.outcome is None:
        return _of_unfinished(record, told)
    return _of_finished(record, told)


@frozen(kw_only=True)
class _Lines:
    around: Surroundings
    namespace: str

    def line(self, command: str, why: str, *arguments: str) -> Advice:
        words = ["progressive", command, self.around.file, *arguments]
        return Advice(command=shlex.join(words), why=why)

    def have(self, command: str, why: str) -> list[Advice]:
        return [self.line(command, why)] if command in self.around.commands else []

    def explain(self, run: str, why: str) -> Advice:
        return Advice(command=f"progressive explain {run} -n {self.namespace}", why=why)


def _ended(record: Recorded) -> str:
    report = record.report
    return str(report.outcome) if report.outcome is not None else record.state


def _of_unreadable(told: _Lines, service: str) -> list[Advice]:
    command = f"kubectl -n {told.namespace} get configmap progressive-{service} -o yaml"
    remove = (
        "shows the journal; look at the route as well, and delete this ConfigMap once the traffic "
        "is where it should be: a run refuses to start over it"
    )
    return [Advice(command=command, why=remove)]


def _of_unfinished(record: Recorded, told: _Lines) -> list[Advice]:
    abort = told.line("abort", "sends the traffic home and ends the run", "--why", "WHY")
    if record.state == "on-hold":
        return [
            *told.have("resume", "goes on where it stands"),
            *told.have("promote", "skips the rounds that are left"),
            abort,
        ]
    if record.state == "running":
        watch = told.line("status", "shows how it stands; it ends by itself")
        return [watch, *told.have("hold", "keeps the split until somebody decides"), abort]
    assert record.analysis is not None
    on_hold = record.analysis.phase is Phase.PAUSED
    resume = (
        told.have("resume", "ends its hold, and the run goes on from there") if on_hold else []
    )
    return [*resume, told.line("run", "goes on where it stopped"), abort]


def _of_finished(record: Recorded, told: _Lines) -> list[Advice]:
    report = record.report
    assert report.outcome is not None and record.analysis is not None
    if report.outcome is Outcome.STUCK:
        return _of_stuck(record, told)
    if not report.split_restored:
        return [
            told.line("abort", "sends the traffic home"),
            told.line("run", "sends it home and releases the target's version from the start"),
        ]
    if report.outcome is Outcome.SUPERSEDED and report.reason is Reason.REVERTED:
        return []
    following = _AFTER.get(report.outcome)
    return following(record, told) if following is not None else []


def _of_stuck(record: Recorded, told: _Lines) -> list[Advice]:
    assert record.analysis is not None
    if record.analysis.promotion_undecided is not None:
        # what was decided is not undone: an abort would be refused
        words = "repairs the primary first, and then brings the traffic back to it"
        return [told.line("run", f"{words}; do not scale or delete the target before that")]
    return [
        told.line("abort", "sends the traffic home, once the cluster answers"),
        told.line("run", "sends it home and tries the version again"),
    ]


def _after_promotion(record: Recorded, told: _Lines) -> list[Advice]:
    before = told.around.before
    images = () if before is None else before.images
    arguments = [word for image in images for word in ("--image", image)]
    if not images or images == record.report.images:
        return []  # the images are the same: another part of the template was changed
    return [told.line("run", "goes back, by a release of the version before", *arguments)]


def _after_failure(record: Recorded, told: _Lines) -> list[Advice]:
    first = _CAUSES.get(record.report.reason)
    why = "tries the same version again with a fresh budget, or releases a fixed one"
    look = [] if first is None else [Advice(command="", why=first)]
    return [*look, told.line("run", why)]


_CAUSES: dict[Reason | None, str] = {
    Reason.CHECK_FAILED: "look at the canary's logs at that time, and ask the query by hand",
    Reason.CANARY_NOT_READY: "look at its pods with kubectl describe: image, probes, resources",
    Reason.DRIFT: "let the other program leave the weights of the route alone",
    Reason.ROUTER_ERROR: "the message has the server's own words: often a right is missing",
}


def _again(why: str) -> Callable[[Recorded, _Lines], list[Advice]]:
    return lambda record, told: [told.line("run", why)]


def _after_nothing(record: Recorded, told: _Lines) -> list[Advice]:
    earlier = told.around.earlier
    if earlier is None:
        return []
    return [told.explain(earlier.run, f"the run before it: {_ended(earlier)}")]


_AFTER: dict[Outcome, Callable[[Recorded, _Lines], list[Advice]]] = {
    Outcome.PROMOTED: _after_promotion,
    Outcome.UNCHANGED: _after_nothing,
    Outcome.ROLLED_BACK: _after_failure,
    Outcome.INCONCLUSIVE: _again("once the metrics are there: tries the same version again"),
    Outcome.TIMED_OUT: _again("goes on, or tries again, with the time that you give it"),
    Outcome.REJECTED: _again("once what it was refused for is put right"),
    Outcome.SUPERSEDED: _again("releases what the target has now"),
    Outcome.BUSY: lambda record, told: [told.line("status", "shows what the other driver does")],
    Outcome.UNREACHABLE: _again("once the cluster can be reached"),
    Outcome.ABORTED: _again("tries the same version again"),
}
