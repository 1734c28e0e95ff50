"""Works out the weights of a release from `spec.analysis` (L8).

Floor 3, pure. Asked by `canary.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from progressive._documents.findings import Findings, Rule

PATH = "spec.analysis"


def stepped(step: int, most: int) -> tuple[int, ...]:
    """
    ``step``, ``2 step``, … and `most` itself last, never above it.

    >>> stepped(20, 50)
    (20, 40, 50)
    """
    return (*range(step, most, step), most)


def read_weights(analysis: Mapping[str, Any], findings: Findings) -> tuple[int, ...]:
    """The canary weights, strictly growing; empty where none can be had (then a fault is told)."""
    given = [
        key
        for key in ("stepWeight", "stepWeights", "iterations")
        if _written(analysis, key, findings)
    ]
    if len(given) > 1:
        words = " and ".join(given)
        findings.error(PATH, f"{words} exclude each other; leave one of them", Rule.CONTRADICTION)
    if _written(analysis, "stepWeights", findings):
        return _listed(analysis, findings)
    if _written(analysis, "stepWeight", findings):
        return _stepped(analysis, findings)
    return ()


def _written(analysis: Mapping[str, Any], key: str, findings: Findings) -> bool:
    return key in analysis or findings.broken(f"{PATH}.{key}")


def _stepped(analysis: Mapping[str, Any], findings: Findings) -> tuple[int, ...]:
    step, most = analysis.get("stepWeight"), analysis.get("maxWeight", 100)
    if step is None or findings.broken(f"{PATH}.maxWeight"):
        return ()
    if step == 0:
        words = "0 never moves any traffic; write a step from 1 to 100, such as 10"
        findings.error(f"{PATH}.stepWeight", words, Rule.WEIGHTS)
        return ()
    if step > most:
        words = f"the step {step} is above maxWeight {most}: there is one weight, {most}"
        findings.warn(f"{PATH}.stepWeight", words, Rule.WEIGHTS)
    return stepped(step, most)


def _listed(analysis: Mapping[str, Any], findings: Findings) -> tuple[int, ...]:
    placed: Mapping[int, int] = analysis.get("stepWeights", {})
    before = 0
    for index, weight in placed.items():
        if weight <= before:
            words = f"{weight} does not grow after {before}; every weight must be above the last"
            findings.error(f"{PATH}.stepWeights[{index}]", words, Rule.WEIGHTS)
        before = max(before, weight)
    if "maxWeight" in analysis:
        words = "has no effect beside stepWeights, whose last entry is the greatest weight"
        findings.warn(f"{PATH}.maxWeight", words)
    return () if findings.broken(f"{PATH}.stepWeights") else tuple(placed.values())
