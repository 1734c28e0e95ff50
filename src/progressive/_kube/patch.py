"""Applies JSON patches (RFC 6902 and RFC 7386), as the API server does.

Floor 3, pure: documents in, new documents out; what comes in is never changed.
Asked by the memory cluster, and wherever a write is worked out offline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from progressive.errors import ProgressiveError


class PatchRefused(ProgressiveError):
    """
    One operation of a patch cannot be carried out, so none is.

    Attributes:
        index: Which operation, from 0.
        op: Its word, such as ``test``.
        path: Its JSON pointer.
        problem: What is wrong there.
        test_failed: Another value stands there than a ``test`` asked for; the document has
            changed since the patch was made.
    """

    def __init__(
        self, index: int, op: str, path: str, problem: str, test_failed: bool = False
    ) -> None:
        super().__init__(index, op, path, problem, test_failed)
        self.index, self.op, self.path, self.problem = index, op, path, problem
        self.test_failed = test_failed

    def __str__(self) -> str:
        return f"operation {self.index} ({self.op} {self.path or 'the whole'}): {self.problem}"


class _Missing(Exception):
    """A pointer leads nowhere; the text says where it stopped."""


def apply(document: Any, patch: Sequence[Mapping[str, Any]]) -> Any:
    """
    The document after an RFC 6902 patch: all operations, or none.

    Raises:
        PatchRefused: An operation cannot be carried out, or a ``test`` failed.
    """
    result = _copied(document)
    for index, operation in enumerate(patch):
        op, path = str(operation.get("op", "")), str(operation.get("path", ""))
        try:
            result = _carry_out(result, op, path, operation)
        except _Missing as missing:
            raise PatchRefused(index, op, path, str(missing), op == "test") from None
        except _TestFailed as failed:
            raise PatchRefused(index, op, path, str(failed), True) from None
    return result


def merge(document: Any, patch: Any) -> Any:
    """The document after an RFC 7386 merge patch: null removes, lists are replaced whole."""
    if not isinstance(patch, Mapping):
        return _copied(patch)
    result = dict(document) if isinstance(document, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return {key: _copied(value) for key, value in result.items()}


_SCALARS = frozenset({str, int, float, bool, type(None)})


def _copied(value: Any) -> Any:
    """A deep copy; of decoded JSON, which has no circles, in a fifth of the time."""
    kind = type(value)
    if kind is dict:
        return {key: _copied(one) for key, one in value.items()}
    if kind is list:
        return [_copied(one) for one in value]
    return value if kind in _SCALARS else deepcopy(value)


def read(document: Any, pointer: str) -> Any:
    """
    The value at a JSON pointer (RFC 6901).

    Raises:
        LookupError: Nothing is there; the text says where the pointer stopped.
    """
    try:
        return _read(document, _steps(pointer))
    except _Missing as missing:
        raise LookupError(str(missing)) from None


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal: 1 is 1.0, but true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def pointer(*steps: str | int) -> str:
    """The JSON pointer of these steps; ``/`` and ``~`` in keys are escaped."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


class _TestFailed(Exception):
    """Another value stands there."""


def _carry_out(document: Any, op: str, path: str, operation: Mapping[str, Any]) -> Any:
    steps = _steps(path)
    match op:
        case "test":
            found, wanted = _read(document, steps), _value(operation)
            if not same(found, wanted):
                raise _TestFailed(f"is {found!r}, not {wanted!r}")
            return document
        case "add":
            return _add(document, steps, _copied(_value(operation)))
        case "remove":
            return _remove(document, steps)
        case "replace":
            _read(document, steps)
            value = _copied(_value(operation))
            return value if not steps else _set(document, steps, value)
        case "move" | "copy":
            source = _steps(str(operation.get("from", "")))
            value = _copied(_read(document, source))
            if op == "move":
                if steps[: len(source)] == source and steps != source:
                    raise _Missing("cannot be moved into itself")
                document = _remove(document, source)
            return _add(document, steps, value)
        case _:
            raise _Missing(f"{op!r} is no operation of RFC 6902")


def _value(operation: Mapping[str, Any]) -> Any:
    if "value" not in operation:
        raise _Missing("has no value")
    return operation["value"]


def _steps(path: str) -> list[str]:
    if not path:
        return []
    if not path.startswith("/"):
        raise _Missing("is no JSON pointer: it must be empty or start with '/'")
    return [step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/")]


def _read(document: Any, steps: list[str]) -> Any:
    for depth, step in enumerate(steps):
        if isinstance(document, list):
            document = document[_index(step, len(document) - 1)]
        elif isinstance(document, Mapping) and step in document:
            document = document[step]
        else:
            raise _Missing(f"nothing at {pointer(*steps[: depth + 1])}")
    return document


def _index(step: str, last: int) -> int:
    # isdecimal alone would take digits of other scripts
    if not (step.isascii() and step.isdecimal()) or (len(step) > 1 and step[0] == "0"):
        raise _Missing(f"{step!r} is no index of a list")
    if int(step) > last:
        raise _Missing(f"index {step} is beyond the end of the list")
    return int(step)


def _add(document: Any, steps: list[str], value: Any) -> Any:
    if not steps:
        return value
    holder = _read(document, steps[:-1])
    if isinstance(holder, list):
        last = steps[-1]
        holder.insert(len(holder) if last == "-" else _index(last, len(holder)), value)
        return document
    return _set(document, steps, value)


def _set(document: Any, steps: list[str], value: Any) -> Any:
    holder = _read(document, steps[:-1])
    if isinstance(holder, list):
        holder[_index(steps[-1], len(holder) - 1)] = value
    elif isinstance(holder, dict):
        holder[steps[-1]] = value
    else:
        raise _Missing(f"nothing can be put into {pointer(*steps[:-1])}")
    return document


def _remove(document: Any, steps: list[str]) -> Any:
    if not steps:
        raise _Missing("the whole document cannot be removed")
    _read(document, steps)
    holder = _read(document, steps[:-1])
    if isinstance(holder, list):
        del holder[_index(steps[-1], len(holder) - 1)]
    else:
        del holder[steps[-1]]
    return document
