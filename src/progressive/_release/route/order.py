"""What a routing command is asked to do, read from a document and an option.

Floor 5. Asked by `_cli/commands/route.py`; everything that is wrong is a `RouterError`, because
that is what the command answers with.
"""

from __future__ import annotations

from attrs import evolve, frozen

from progressive._documents.findings import Rule
from progressive._documents.reading import Reading
from progressive._model.release import Problem, Severity, Traffic
from progressive._model.traffic import Split
from progressive.errors import InvalidRequest, InvalidWeight, RouterError, Unsupported


@frozen(kw_only=True)
class Order:
    """
    One of three deeds; exactly one is set.

    Attributes:
        weight: The canary's new weight.
        read: Only read.
        reset: All traffic to the primary, and every rule of ours gone.
    """

    weight: int | None = None
    read: bool = False
    reset: bool = False


def traffic_of(reading: Reading) -> Traffic:
    """
    The traffic of a document.

    Raises:
        Unsupported: It asks for what its router cannot do.
        InvalidRequest: Something else is wrong with it.
    """
    errors = [one for one in reading.problems if one.severity is Severity.ERROR]
    if errors:
        raise refused(errors)
    if reading.traffic is None:
        raise InvalidRequest("the document says nothing about traffic")
    return reading.traffic


def refused(errors: list[Problem]) -> RouterError:
    """The faults of a document as the refusal of a routing command."""
    words = "; ".join(str(one) for one in errors)
    if all(one.id == Rule.UNSUPPORTED.value for one in errors):
        return Unsupported(words)
    return InvalidRequest(words)


def split_of(traffic: Traffic, weight: int) -> Split:
    """
    The whole order: the declared total, mirror, match and stickiness, with this weight.

    Raises:
        InvalidWeight: The weight is below 0 or above the total.
    """
    total = traffic.wanted.total
    if not 0 <= weight <= total:
        raise InvalidWeight(f"{traffic.target}: weight {weight} is outside 0 to {total}")
    return evolve(traffic.wanted, canary=weight)


def warnings_of(reading: Reading) -> tuple[str, ...]:
    """What is strange in the document, as ``Type: text`` lines."""
    return tuple(
        f"{'Deprecated' if one.id == Rule.DEPRECATED.value else 'Document'}: {one}"
        for one in reading.problems
        if one.severity is not Severity.ERROR
    )
