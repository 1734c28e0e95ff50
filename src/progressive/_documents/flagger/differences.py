"""Says where a release means something else than Flagger 1.44 would make of its document.

Floor 3, pure. Shown by `progressive plan`; only what applies to this document is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from progressive._documents.durations import duration_text
from progressive._model.checks import Builtin
from progressive._model.release import Document

_FLAGGERS_SHORTEST = timedelta(seconds=10)


def differs_from_flagger(document: Document) -> tuple[str, ...]:
    """A sentence for each difference; empty where there is none to speak of."""
    spec = document.source[0].get("spec") if document.source else None
    if not isinstance(spec, Mapping) or document.source[0].get("kind") != "Canary":
        return ()
    if document.plan.skip_analysis:
        return (
            "the primary must be ready before this ends as promoted; Flagger does not ask it when "
            "the analysis is skipped",
        )
    return (*_of_weights(document, spec), *_of_rounds(document, spec), *_of_ends(document))


def flaggers_weights(step: int, most: int) -> tuple[int, ...]:
    """
    Where Flagger goes: it adds `step` until `most` is reached or passed, 100 at most.

    >>> flaggers_weights(20, 50)
    (20, 40, 60)
    """
    weights = [min(step, 100)]
    while weights[-1] < most:
        weights.append(min(weights[-1] + step, 100))
    return tuple(weights)


def _of_weights(document: Document, spec: Mapping[str, Any]) -> Iterator[str]:
    analysis = spec["analysis"]
    step, most = analysis.get("stepWeight"), analysis.get("maxWeight", 100)
    if isinstance(step, int) and not analysis.get("stepWeights"):
        theirs, ours = flaggers_weights(step, most), document.plan.weights
        if theirs != ours:
            yield (
                f"the weights are {_listed(ours)}, the last one {ours[-1]}, never above it; "
                f"Flagger goes {_listed(theirs)}"
            )
    yield (
        f"the first weight ({document.plan.weights[0]}) is written at once when the canary is "
        "ready; Flagger waits one interval before it"
    )
    if document.plan.promotion_step is not None:
        yield (
            "a split that somebody else set to 0 while traffic returns ends the return; Flagger "
            "never leaves that state"
        )


def _of_rounds(document: Document, spec: Mapping[str, Any]) -> Iterator[str]:
    plan = document.plan
    if plan.interval < _FLAGGERS_SHORTEST:
        yield f"the interval is {duration_text(plan.interval)} as written; Flagger makes it 10s"
    if not plan.checks:
        return
    if len(plan.checks) > 1:
        yield (
            "every round asks all checks; Flagger stops at the first that fails, so the later "
            "ones are not in its events"
        )
    deadline = plan.deadlines.undecided_rounds
    yield (
        f"a round without data holds the weight, and {deadline} of them in a row end the release "
        "as inconclusive; Flagger counts each as a failed check"
    )
    latency = [one for one in plan.checks if one.builtin is Builtin.DURATION]
    for check in latency:
        bound = check.at_most if check.at_most is not None else check.at_least
        if bound is not None and bound != int(bound):
            yield (
                f"the bound {bound:g} of {check.name} is compared as it is; Flagger cuts it to "
                f"{int(bound)} ms"
            )
    if latency:
        yield "latencies keep their fractions; Flagger cuts them to whole milliseconds"
    metrics = [one for one in spec["analysis"].get("metrics") or () if isinstance(one, Mapping)]
    if any("templateRef" in one and "interval" not in one for one in metrics):
        yield "a template without an interval looks back 1m; Flagger leaves {{ interval }} empty"


def _of_ends(document: Document) -> Iterator[str]:
    plan = document.plan
    if plan.checks:
        often = "the first failure" if plan.threshold == 1 else f"failure {plan.threshold}"
        yield f"{often} rolls back at once; Flagger does so one interval later"
    yield (
        f"after promotion the canary runs for {duration_text(plan.drain_time)} more, so that open "
        "requests can end; Flagger scales it down in its next tick"
    )
    yield (
        "what was analysed is promoted; Flagger copies what the target is by then, even if it "
        "changed meanwhile"
    )
    yield (
        "going back to the promoted version ends the release as superseded; Flagger goes on with "
        "the old code"
    )


def _listed(weights: tuple[int, ...]) -> str:
    if len(weights) <= 12:
        return ", ".join(map(str, weights))
    return f"{', '.join(map(str, weights[:10]))}, … {weights[-1]}"
