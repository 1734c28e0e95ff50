"""Reads a scenario from a document, all its faults at once.

Floor 4, pure. YAML 1.1 reads a bare ``on:`` as true; the key is taken as either.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from progressive._documents.findings import Findings
from progressive._documents.shapes import (
    ABSENT,
    FLAG,
    TEXT,
    Duration,
    ListOf,
    Number,
    Record,
    Shape,
    Text,
    described,
)
from progressive._model.events import Command, Readiness
from progressive._model.release import Problem, Severity
from progressive._scenario.scenario import (
    ERROR,
    Call,
    Fault,
    Moment,
    Scenario,
    Side,
    Traffic,
    What,
)

_RATE = Number(least=0, most=1, fraction=True)
_MILLISECONDS = Number(least=0.001, most=86_400_000, fraction=True)


def _answer(value: object, path: str, findings: Findings) -> Any:
    """A number (an infinite one as well), null, or the word ``error``."""
    if value is None or value == ERROR:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    findings.error(path, f"{described(value)} where a number, null or error belongs")
    return ABSENT


def _one_or_many(item: Shape) -> Shape:
    def read(value: object, path: str, findings: Findings) -> Any:
        if isinstance(value, list | tuple):
            return ListOf(item=item, least=1)(value, path, findings)
        return item(value, path, findings)

    return read


def _named(item: Shape) -> Shape:
    """A mapping of names to answers; unlike elsewhere, null is an answer here."""

    def read(value: object, path: str, findings: Findings) -> Any:
        if not isinstance(value, Mapping):
            findings.error(path, f"{described(value)} where a mapping belongs")
            return ABSENT
        clean = {}
        for name, one in value.items():
            read_one = item(one, f"{path}.{name}", findings)
            if read_one is not ABSENT:
                clean[str(name)] = read_one
        return clean

    return read


def _time(value: object, path: str, findings: Findings) -> Any:
    if value in ("0s", "0", 0):
        return timedelta(0)
    return Duration()(value, path, findings)


def _call_number(value: object, path: str, findings: Findings) -> Any:
    """``3``, or ``"3.."`` for the third and all later calls."""
    if isinstance(value, str) and value.endswith("..") and value[:-2].isdecimal():
        number = Number(least=1)(int(value[:-2]), path, findings)
        return ABSENT if number is ABSENT else (number, True)
    number = Number(least=1)(value, path, findings)
    return ABSENT if number is ABSENT else (number, False)


_SIDE = Record(
    fields={
        "error_rate": _RATE,
        "latency_ms": Record(fields={"p50": _MILLISECONDS, "p99": _MILLISECONDS}),
    }
)
_MOMENT = Record(
    fields={
        "time": _time,
        "do": Text(choices=tuple(Command)),
        "revision": TEXT,
        "weight": Number(least=0),
    },
    needs=("time",),
    exactly_one=("do", "revision", "weight"),
)
_FAULT = Record(
    fields={
        "call": _call_number,
        "on": Text(choices=tuple(Call)),
        "what": Text(choices=tuple(What)),
    },
    needs=("call", "on", "what"),
)
_READINESS = _one_or_many(Text(choices=tuple(Readiness)))
_SCENARIO = Record(
    fields={
        "first_deploy": FLAG,
        "metrics": _named(_one_or_many(_answer)),
        "gates": _named(_one_or_many(Text(choices=("open", "closed")))),
        "hooks": _named(_one_or_many(Text(choices=("ok", "fail")))),
        "workloads": Record(fields={"canary": _READINESS, "primary": _READINESS}),
        "at": ListOf(item=_MOMENT),
        "faults": ListOf(item=_FAULT),
        "traffic": Record(
            fields={
                "rpm": Number(least=0, fraction=True),
                "random_seed": Number(least=0),
                "primary": _SIDE,
                "canary": _SIDE,
                "changes": ListOf(
                    item=Record(
                        fields={"at_weight": Number(least=0), "canary": _SIDE},
                        needs=("at_weight", "canary"),
                    )
                ),
            }
        ),
    }
)


def read_scenario(document: object) -> tuple[Scenario | None, tuple[Problem, ...]]:
    """A scenario, or everything that is wrong with it."""
    findings = Findings()
    clean = _SCENARIO({} if document is None else _on_is_a_word(document), "", findings)
    if any(one.severity is Severity.ERROR for one in findings.problems) or clean is ABSENT:
        return None, findings.problems
    traffic = clean.get("traffic")
    scenario = Scenario(
        first_deploy=clean.get("first_deploy", False),
        metrics=clean.get("metrics", {}),
        workloads=clean.get("workloads", {}),
        at=tuple(Moment(**one) for one in clean.get("at", ())),
        faults=tuple(_fault(one) for one in clean.get("faults", ())),
        traffic=None if traffic is None else _traffic(traffic),
    )
    return scenario, findings.problems


def _on_is_a_word(document: object) -> object:
    if not isinstance(document, Mapping) or not isinstance(document.get("faults"), list):
        return document
    faults = [
        {("on" if key is True else key): value for key, value in one.items()}
        if isinstance(one, Mapping)
        else one
        for one in document["faults"]
    ]
    return {**document, "faults": faults}


def _fault(clean: Mapping[str, Any]) -> Fault:
    number, onwards = clean["call"]
    return Fault(call=number, onwards=onwards, on=clean["on"], what=clean["what"])


def _side(clean: Mapping[str, Any], default: Side) -> Side:
    latency = clean.get("latency_ms", {})
    p50 = latency.get("p50", default.p50)
    return Side(
        error_rate=clean.get("error_rate", default.error_rate),
        p50=p50,
        p99=max(p50, latency.get("p99", default.p99)),
    )


def _traffic(clean: Mapping[str, Any]) -> Traffic:
    canary = _side(clean.get("canary", {}), Side())
    changes, latest = [], canary
    for one in sorted(clean.get("changes", ()), key=lambda change: change["at_weight"]):
        latest = _side(one["canary"], latest)  # what a change does not name stays
        changes.append((one["at_weight"], latest))
    return Traffic(
        rpm=clean.get("rpm", Traffic().rpm),
        random_seed=clean.get("random_seed", 0),
        primary=_side(clean.get("primary", {}), Side()),
        canary=canary,
        changes=tuple(changes),
    )
