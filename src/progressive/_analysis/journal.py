"""The saved form of an analysis: JSON in, JSON out.

Floor 3, pure. One document holds the plan, the address and the state, so that another process
can go on with nothing else. It is bounded (L19): the oldest rounds, then the oldest events, give
way until it fits. Times are RFC 3339, durations seconds; a field at its default is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from attrs import evolve
from cattrs import ClassValidationError, Converter, transform_error
from cattrs.strategies import configure_tagged_union

from progressive._analysis.state import State
from progressive._model.actions import (
    Action,
    AskReady,
    Finish,
    Mark,
    Measure,
    Point,
    Prepare,
    Promote,
    Read,
    Reset,
    Scale,
    Shift,
    Wait,
)
from progressive._model.origin import Origin
from progressive._model.plan import Plan
from progressive._model.report import stamp
from progressive._model.traffic import Target
from progressive.errors import ErrorKind, ProgressiveError, StoreError

SCHEMA = "progressive.dev/journal/v1"
LIMIT = 64 * 1024
"""Bytes (L19)."""

AnyAction = (
    Prepare
    | Point
    | Mark
    | Scale
    | Promote
    | Shift
    | Reset
    | Read
    | Measure
    | AskReady
    | Wait
    | Finish
)


def write(
    plan: Plan,
    target: Target,
    state: State,
    origin: Origin | None = None,
    *,
    limit: int = LIMIT,
) -> str:
    """The saved form; the record is cut from its old end until it fits into `limit` bytes."""
    converter = _converter()
    head = {
        "schema": SCHEMA,
        "target": converter.unstructure(target),
        "plan": converter.unstructure(plan),
    }
    if origin is not None:
        head["origin"] = converter.unstructure(origin)
    while True:
        text = _dump({**head, "state": converter.unstructure(state)})
        if len(text.encode()) <= limit or not (state.rounds or state.events or state.decisions):
            return text
        state = _cut(state)


def shortened(text: str, limit: int) -> str:
    """
    The same journal in at most `limit` bytes; one that fits is left as it is.

    Raises:
        StoreError: The text is too long, and not a whole journal.
    """
    if len(text.encode()) <= limit:
        return text
    plan, target, state, origin = read(text)
    return write(plan, target, state, origin, limit=limit)


def _cut(state: State) -> State:
    """A quarter of the rounds gives way, or of the events, or at last of the decisions."""
    if not (state.rounds or state.events):
        return evolve(state, decisions=state.decisions[max(1, len(state.decisions) // 4) :])
    if len(state.rounds) > len(state.events) // 4:
        over = max(1, len(state.rounds) // 4)
        return evolve(
            state,
            rounds=state.rounds[over:],
            rounds_trimmed=state.rounds_trimmed + over,
        )
    over = max(1, len(state.events) // 4)
    return evolve(state, events=state.events[over:], events_trimmed=state.events_trimmed + over)


def _dump(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def read(text: str) -> tuple[Plan, Target, State, Origin | None]:
    """
    What was saved.

    Raises:
        StoreError: The text is not a whole journal, or one of a newer version.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise damaged(f"it is not whole JSON ({error})") from error
    if not isinstance(document, dict):
        raise damaged("it is not a mapping")
    if document.get("schema") != SCHEMA:
        raise damaged(
            f"its schema is {document.get('schema')!r}, this version reads {SCHEMA!r}; "
            "go on with the version that wrote it"
        )
    converter = _converter()
    told = document.get("origin")
    try:
        plan = converter.structure(document["plan"], Plan)
        target = converter.structure(document["target"], Target)
        state = converter.structure(document["state"], State)
        origin = None if told is None else converter.structure(told, Origin)
    except ClassValidationError as error:
        raise damaged("; ".join(transform_error(error))) from error
    except (AttributeError, KeyError, TypeError, ValueError, ProgressiveError) as error:
        raise damaged(f"{type(error).__name__}: {error}") from error
    _refuse_what_cannot_be(plan, state)
    return plan, target, state, origin


def _refuse_what_cannot_be(plan: Plan, state: State) -> None:
    """Somebody edited it: each field is well made, and together they are no run."""
    if not -1 <= state.step < max(1, len(plan.weights)):
        raise damaged(f"state.step is {state.step}, and there are {len(plan.weights)} weights")
    for index, one in enumerate(state.notifications):
        run, _, number = one.id.rpartition("/")
        if not run or not number.isdecimal():
            raise damaged(f"state.notifications[{index}].id is {one.id!r}, no run and number")


def damaged(why: str) -> StoreError:
    """What is said of a journal that cannot be gone by."""
    return StoreError(
        f"the journal cannot be read: {why}. Look at it, and remove it once the traffic is where "
        "it should be",
        kind=ErrorKind.INVALID,
    )


@cache
def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True, omit_if_default=True)
    converter.register_unstructure_hook(datetime, stamp)
    converter.register_structure_hook(datetime, lambda text, _: datetime.fromisoformat(text))
    converter.register_unstructure_hook(timedelta, timedelta.total_seconds)
    converter.register_structure_hook(timedelta, lambda value, _: timedelta(seconds=value))
    converter.register_structure_hook(float, _structure_float)
    converter.register_unstructure_hook(float, _unstructure_float)
    any_action: Any = AnyAction  # a union is no type to mypy
    configure_tagged_union(any_action, converter, tag_name="order")
    converter.register_structure_hook(
        Action, lambda value, _: converter.structure(value, any_action)
    )
    converter.register_unstructure_hook(
        Action, lambda value: converter.unstructure(value, unstructure_as=any_action)
    )
    return converter


def _unstructure_float(value: float) -> float | str:
    """JSON has no infinity."""
    return value if abs(value) != float("inf") else str(value)


def _structure_float(value: Any, _: type) -> float:
    return float(value)
