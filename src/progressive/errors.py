"""Everything that `progressive` raises, in one tree.

Floor 1: errors carry text and numbers, never model objects, and survive `pickle`, because Jenkins
workers and process pools pickle what they raise. What they say ends in logs, reports, journals and
build pages; so secrets are taken out here, whoever raises them (`_redaction.py`).

    ProgressiveError
    ├── SpecError (ValueError)      a document or a value is not valid; names the path
    ├── TransitionError             an answer that the state machine cannot take
    ├── PluginError                 a router or provider that cannot be found or loaded
    └── AdapterError                the world said no; `.kind` says in what way
        ├── ClusterError            the Kubernetes API
        ├── MetricsError            the metrics server
        ├── StoreError              the journal
        │   └── StoreConflict       somebody else saved first: another driver
        ├── LockError
        │   ├── Busy                another driver holds the target
        │   └── LeaseLost           another driver took it from us
        └── RouterError             the mesh, refined below by what was wrong

`OutcomeError` and its family, raised by `Report.raise_for_outcome()`, live beside `Report`.
"""

from __future__ import annotations

from enum import StrEnum

from progressive._redaction import redacted


class ErrorKind(StrEnum):
    """In what way the world said no; the machine decides by this word alone."""

    CONFLICT = "conflict"
    """Somebody else wrote meanwhile: read again, plan again."""
    UNAVAILABLE = "unavailable"
    """No answer, a time-out, 429 or 5xx: the same request may succeed later."""
    FORBIDDEN = "forbidden"
    """401 or 403: no repetition helps."""
    INVALID = "invalid"
    """The request itself is refused: no repetition helps."""
    NOT_FOUND = "not-found"
    """What the request is about does not exist."""
    NOT_READY = "not-ready"
    """A side without a ready endpoint: traffic is not sent there."""
    DRIFT = "drift"
    """The write was stored, and something else is there when it is read back."""
    LOST = "lost"
    """The Lease or the journal belongs to another driver now."""


class ProgressiveError(Exception):
    """The root of every error that this library raises on purpose."""


class SpecError(ProgressiveError, ValueError):
    """
    A document, a plan or a value that is not valid.

    Attributes:
        path: Where the fault is, such as ``spec.analysis.metrics[1].thresholdRange``.
        problem: What is wrong there and what to do.
        others: Further faults of the same document, as ``path: problem`` lines.
    """

    def __init__(self, path: str, problem: str, others: tuple[str, ...] = ()) -> None:
        problem, others = redacted(problem), tuple(redacted(one) for one in others)
        super().__init__(path, problem, others)
        self.path, self.problem, self.others = path, problem, others

    def __str__(self) -> str:
        first = f"{self.path}: {self.problem}" if self.path else self.problem
        return "\n".join((first, *self.others))


class TransitionError(ProgressiveError):
    """
    An answer that cannot follow from the standing action; the state is untouched.

    Attributes:
        event: Name of the event that was received.
        standing: Name of the standing action, or of the state.
    """

    def __init__(self, event: str, standing: str, hint: str = "") -> None:
        super().__init__(event, standing, hint)
        self.event, self.standing, self.hint = event, standing, hint

    def __str__(self) -> str:
        text = f"{self.event} cannot be received while {self.standing} stands"
        return f"{text}: {self.hint}" if self.hint else text


class PluginError(ProgressiveError):
    """
    A router or a metrics provider that cannot be found or loaded.

    Attributes:
        name: The name that was asked for.
        problem: Why it could not be had, and what to do.
    """

    def __init__(self, name: str, problem: str) -> None:
        problem = redacted(problem)
        super().__init__(name, problem)
        self.name, self.problem = name, problem

    def __str__(self) -> str:
        return f"{self.name}: {self.problem}"


class AdapterError(ProgressiveError):
    """
    The world said no.

    Attributes:
        message: What happened, in the words of the server where there are any.
        kind: In what way; a subclass has a kind of its own, a call may be more precise.
        retry_after: Seconds to wait before a repetition, as the server asked; None: not said.
    """

    default_kind = ErrorKind.UNAVAILABLE

    def __init__(
        self, message: str, kind: ErrorKind | None = None, retry_after: float | None = None
    ) -> None:
        message = redacted(message)
        super().__init__(message, kind, retry_after)
        self.message = message
        self.kind = ErrorKind(kind) if kind is not None else self.default_kind
        self.retry_after = retry_after

    def __str__(self) -> str:
        return self.message

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.kind in (ErrorKind.CONFLICT, ErrorKind.UNAVAILABLE)


class ClusterError(AdapterError):
    """
    The Kubernetes API refused, or could not be asked.

    Attributes:
        status: HTTP status; 0 when there was no answer at all.
        reason: `reason` of the server's Status object, such as ``NotFound``; may be empty.
    """

    def __init__(
        self,
        message: str,
        kind: ErrorKind | None = None,
        retry_after: float | None = None,
        status: int = 0,
        reason: str = "",
    ) -> None:
        super().__init__(message, kind, retry_after)
        self.args = (self.message, kind, retry_after, status, reason)
        self.status, self.reason = status, reason


class MetricsError(AdapterError):
    """The metrics server refused, could not be asked, or answered more than one value."""


class StoreError(AdapterError):
    """The journal could not be read or written."""


class StoreConflict(StoreError):
    """The journal was saved by somebody else since it was read: another driver is at work."""

    default_kind = ErrorKind.LOST


class LockError(AdapterError):
    """The Lease of the target could not be taken or kept."""


class Busy(LockError):
    """Another driver holds the target and is alive; nothing was written."""

    default_kind = ErrorKind.LOST


class LeaseLost(LockError):
    """Another driver has taken the target; this one stops without touching traffic."""

    default_kind = ErrorKind.LOST


class RouterError(AdapterError):
    """
    A routing order that was not carried out.

    Attributes:
        unsettled: Whether the traffic may be split otherwise than before: something was written
            and is not put back, or it is not known whether it was.
    """

    unsettled = False


class RouteNotFound(RouterError):
    """No routing object sends traffic to both sides."""

    default_kind = ErrorKind.NOT_FOUND


class DestinationNotFound(RouterError):
    """A routing object exists, but lacks the primary or the canary."""

    default_kind = ErrorKind.NOT_FOUND


class AmbiguousRoute(RouterError):
    """Several rules could be meant; the target must name one in `routes`."""

    default_kind = ErrorKind.INVALID


class InvalidWeight(RouterError):
    """A weight that the mesh or the target's own bounds do not allow."""

    default_kind = ErrorKind.INVALID


class InvalidRequest(RouterError):
    """An order or an object that the API or the mesh refuses."""

    default_kind = ErrorKind.INVALID


class Unsupported(RouterError):
    """The mesh cannot express what was asked for; nothing was written."""

    default_kind = ErrorKind.INVALID


class Conflict(RouterError):
    """Other writers were faster, again and again; nothing was written."""

    default_kind = ErrorKind.CONFLICT


class NotOwned(RouterError):
    """An object that is needed belongs to somebody else."""

    default_kind = ErrorKind.FORBIDDEN


class ForeignController(RouterError):
    """Another progressive-delivery controller moves this traffic."""

    default_kind = ErrorKind.FORBIDDEN


class Drift(RouterError):
    """The read-back shows another split than the one that was written."""

    default_kind = ErrorKind.DRIFT


class PreflightFailed(RouterError):
    """A side that shall get traffic has no ready endpoint."""

    default_kind = ErrorKind.NOT_READY


class VersionNotServed(RouterError):
    """The API that the router writes is not installed, or not in a version that it knows."""

    default_kind = ErrorKind.NOT_FOUND


class NotAccepted(RouterError):
    """The mesh's controller did not accept the new split."""

    default_kind = ErrorKind.INVALID
