"""Where the two wings meet: what a release needs from the world, as Protocols.

Floor 3. Any object with these methods will do; `progressive.testing` has fakes of all of them,
and contract suites that hold fakes and real parts to the same promises.
Every method may raise `AdapterError` (or one of its kinds) and nothing else on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from attrs import frozen

from progressive._model.checks import Question, Sample
from progressive._model.events import Event, Readiness, Situation
from progressive._model.record import Notification, Transition
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Capabilities, Observed, Side, Split, Target

Tell = Callable[[Event], None]
"""Hands an interruption to the run; may be called from any thread, at any time."""

Observer = Callable[[Transition], None]
"""Is shown every transition; what it raises is logged and never disturbs the run."""


class RouteMaker(Protocol):
    """A router that can make its own routing object; most can."""

    def establish(
        self, target: Target, service: ServiceSpec, owner: Mapping[str, Any] | None
    ) -> None:
        """
        Make the routing object where there is none, all traffic on the primary.

        Args:
            owner: The owner reference that the object carries; None: nobody's.
        """


@frozen(kw_only=True)
class HandedBack:
    """
    What became of the routes of a release that is given up, by name.

    Attributes:
        removed: What the release had made, and nobody needs.
        kept: What the release had made; it sends its traffic to the apex now.
        foreign: What others made; it names the services of both sides, which must go on.
    """

    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


@runtime_checkable
class RouteReturner(Protocol):
    """A router that can take a release out of its routes; beside others the services stay."""

    def hand_back(self, target: Target, service: ServiceSpec) -> HandedBack:
        """Take the sides out of what a release made; the apex serves by itself by now."""


@frozen(kw_only=True)
class Fence:
    """
    Keeps a driver that slept from landing a late write (L18).

    Attributes:
        token: ``<run>/<epoch>``; the epoch grows with each taking of the target.
        confirm: Asks whether the target is still ours; raises `LeaseLost` if it is not.
    """

    token: str
    confirm: Callable[[], None]

    @classmethod
    def of(cls, run: str, hold: Hold) -> Fence:
        """The fence of one taking of a target, for a run."""
        return cls(token=f"{run}/{hold.epoch}", confirm=hold.confirm)


@runtime_checkable
class FencedRouter(Protocol):
    """A router whose route objects can carry the token of their driver; others need not."""

    def fence(self, target: Target, fence: Fence, *, at_once: bool) -> None:
        """
        From now on every write tests the token, and writes it first where it is not there.

        Args:
            at_once: Write it now, for another driver may be about to write; otherwise with the
                first write, unless an object carries another token already.

        Raises:
            RouterError: Kind ``lost``: the target belongs to another driver.
        """

    def unfence(self, target: Target) -> None:
        """The run is over: remove the token, and test none any more."""


@runtime_checkable
class FencedWorkload(Protocol):
    """A workload that finds out before it writes whose turn it is; others need not."""

    def fence(self, target: Target, fence: Fence) -> None:
        """From now on a write raises kind ``lost`` once the target is another driver's."""


class Closeable(Protocol):
    """Something that goes on beside the run until it is closed."""

    def close(self) -> None:
        """Stop; safe to call twice."""


@runtime_checkable
class TrafficRouter(Protocol):
    """Moves traffic between the two sides."""

    @property
    def capabilities(self) -> Capabilities:
        """What can be expressed; asked before anything is written."""

    def current(self, target: Target) -> Observed:
        """Read the split; raises rather than guesses."""

    def shift(self, target: Target, split: Split) -> Observed:
        """Write one whole order and read it back; the same order again writes nothing."""

    def reset(self, target: Target) -> Observed:
        """All traffic to the primary and every rule of ours gone; safe in any state."""


@runtime_checkable
class MetricsProvider(Protocol):
    """Answers questions about traffic."""

    def sample(self, question: Question) -> Sample:
        """
        One number, or a sample that says why there is none.

        Raises:
            MetricsError: The server refused, or cannot be asked.
        """


@frozen(kw_only=True)
class Asked:
    """
    How a side stands.

    Attributes:
        readiness: ``ready``, ``waiting`` or ``stuck``.
        message: Why, in words with numbers.
    """

    readiness: Readiness
    message: str = ""


class Workload(Protocol):
    """The two copies of a workload that a release manages; every method can be repeated."""

    def situation(self, target: Target) -> Situation:
        """How things stand; reads only."""

    def prepare(self, target: Target) -> None:
        """Make the primary from the target, and the services of both sides, where absent."""

    def point(self, target: Target) -> None:
        """Point the apex service at the primary, and make the routing object where absent."""

    def mark(self, target: Target) -> None:
        """Write on the primary which revision it runs: the first deploy is complete."""

    def scale(self, target: Target, *, up: bool) -> None:
        """Scale the canary to the primary's present replicas, or to 0. Before it comes up its
        template is kept, and the primary's autoscalers may not go below those replicas."""

    def readiness(self, target: Target, side: Side, until: datetime) -> Asked:
        """Whether a side is ready; may wait for it until `until`, and answers as soon as it is."""

    def promote(self, target: Target, revision: str) -> None:
        """Copy the analysed template to the primary, in one patch with its hash."""

    def give_back(self, target: Target) -> None:
        """What was raised or kept for the run alone is given back; called at every end."""

    def watch(self, target: Target, tell: Tell) -> Closeable:
        """Tell `TargetMoved` whenever the target's template changes, until closed."""


@frozen(kw_only=True)
class Saved:
    """
    A journal as it was read.

    Attributes:
        text: The state, as the machine wrote it.
        version: What a save must name to replace just this one.
    """

    text: str
    version: str


RUNS_KEPT = 10
"""Runs of a target that a `Store` keeps beside the present one (L19)."""


@frozen(kw_only=True)
class Kept:
    """
    The journal of a run that is over, as it was put aside.

    Attributes:
        run: Id of the run, or what the place made of it.
        text: The state, as the machine wrote it.
    """

    run: str
    text: str


class Store(Protocol):
    """Keeps the journal of the present or last run of each target, and those of ten before it."""

    def load(self, target: Target) -> Saved | None:
        """The journal; None: there is none."""

    def save(
        self, target: Target, text: str, expected: str | None, *, urgent: bool = False
    ) -> str:
        """
        Replace the journal and return its new version.

        Args:
            expected: Version that is replaced; None: there was no journal.
            urgent: The way home waits for this: one short attempt, no repetition.

        Raises:
            StoreConflict: Another journal stands there: another driver is at work. A change
                around it that leaves the journal as it was (somebody labelled its object) is
                no conflict.
        """

    def keep(self, target: Target, run: str, text: str) -> None:
        """Put the journal of a run that is over aside, once or again; `RUNS_KEPT` stay."""

    def kept(self, target: Target) -> tuple[Kept, ...]:
        """The journals that were put aside, newest first."""


class Hold(Protocol):
    """A target that is ours alone, until it is closed."""

    @property
    def epoch(self) -> int:
        """Number of this taking; it grows with every one, whoever takes."""

    def confirm(self) -> None:
        """
        Ask whether the target is still ours.

        Raises:
            LeaseLost: It belongs to another driver.
            LockError: It cannot be asked.
        """

    def renew(self) -> None:
        """The journal was just saved, which shows life as well: put the next renewal off."""

    def close(self) -> None:
        """Free the target; safe to call twice."""


class Lock(Protocol):
    """Sees to it that one driver at a time moves a target."""

    def acquire(self, target: Target, run: str, tell: Tell) -> Hold:
        """
        Take the target; tells `DriverLost` if it is taken from us later.

        Raises:
            Busy: Another driver holds it and is alive.
        """

    def holder(self, target: Target) -> str | None:
        """Who holds it; None: nobody, or somebody whose time is over."""


class Inbox(Protocol):
    """Where people's decisions for a run are put, with or without a live driver."""

    def put(self, target: Target, command: str, *, by: str, why: str) -> str:
        """Append one decision, and return its id."""

    def watch(self, target: Target, tell: Tell, *, since: datetime | None = None) -> Closeable:
        """
        Tell `Commanded` for each new decision, until closed; the run drops what it knows by id.

        Args:
            since: What was put after this instant is new as well, though it is there already; it
                is told before this returns. So a driver hears what people decided while nobody
                drove, or while it was still finding out. None: nothing that is there is new.
        """


class Notifier(Protocol):
    """Brings notifications to people."""

    def tell(self, notification: Notification) -> None:
        """Deliver one; the same id may come twice after a crash, marked ``repeat``."""


class Cluster(Protocol):
    """
    A Kubernetes API, in plain dicts; every call has a time-out.

    Paths are those of the API, such as ``/api/v1/namespaces/shop/services/web``; answers are the
    decoded JSON. Refusals are `ClusterError` with the server's words. Writes carry the field
    manager ``progressive`` and strict field validation.
    """

    @property
    def namespace(self) -> str:
        """The namespace of the configuration, for documents that name none."""

    def get(self, path: str, *, query: dict[str, str] | None = None) -> dict[str, Any]:
        """Read one object, or one list."""

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Create an object in the collection `path`."""

    def json_patch(self, path: str, patch: list[dict[str, Any]]) -> dict[str, Any]:
        """One RFC 6902 patch; a failed ``test`` is an error of kind ``conflict``."""

    def merge_patch(self, path: str, patch: dict[str, Any]) -> dict[str, Any]:
        """One RFC 7386 patch; with ``metadata.resourceVersion`` in it a conflict is noticed."""

    def replace(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Replace an object; its ``metadata.resourceVersion`` must be the present one."""

    def delete(self, path: str, *, version: str | None = None) -> None:
        """Delete an object; absent is fine, another `version` a ``conflict`` (None: any)."""

    def watch(
        self,
        path: str,
        *,
        name: str | None = None,
        labels: str | None = None,
        until: datetime | None = None,
        known: dict[str, Any] | None = None,
    ) -> WatchStream:
        """
        Follow a collection, one object of it (`name`), or those with `labels`.

        Survives a dropped connection and an expired resource version by itself.

        Args:
            known: The object `name` as it was read or written before; what became of it since
                is told, and a first listing may be spared.

        Raises:
            ClusterError: The first listing failed; it is made before this returns. Without one
                the stream raises.
        """

    def served(self, group: str, plural: str | None = None) -> tuple[str, ...]:
        """
        Versions of an API group, the server's preferred one first; asked once, then remembered.

        Args:
            group: Such as ``networking.istio.io``; empty: the core group.
            plural: Such as ``virtualservices``: only versions that serve it; there may be none.

        Raises:
            ClusterError: The group is not installed (kind ``not-found``).
        """

    def store(self) -> Store:
        """The journal's place in this cluster."""

    def lock(self) -> Lock:
        """The Leases of this cluster."""

    def inbox(self) -> Inbox:
        """The decisions of people, in this cluster."""


class WatchStream(Protocol):
    """Objects as they are and as they change."""

    def __iter__(self) -> WatchStream: ...

    def __next__(self) -> tuple[str, dict[str, Any]]:
        """
        The next ``(type, object)``, type one of ``ADDED MODIFIED DELETED SYNCED``.

        The first listing arrives as ``ADDED`` and is closed by one ``SYNCED`` (with an empty
        object). Ends (`StopIteration`) at `until`, and when it is closed from another thread.
        """

    def close(self) -> None:
        """End the stream; safe from any thread, and twice."""


class Clock(Protocol):
    """Time, and waiting for it."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC; never goes backwards."""

    def wait(self, until: datetime | None, inbox: Mailbox) -> None:
        """Return at `until`, or as soon as there is something in `inbox`."""

    def beside(self, work: Callable[[], Event], inbox: Mailbox) -> None:
        """Start `work` beside the loop; its event is put into `inbox`."""


class Mailbox(Protocol):
    """What has been told to a run and is not yet received, in order."""

    def put(self, event: Event) -> None:
        """Add an event; from any thread."""

    def fail(self, error: BaseException) -> None:
        """Let the next `take` raise: what ran beside the loop broke."""

    def take(self) -> Event | None:
        """The oldest event, or None; raises what broke beside the loop."""

    def wait(self, seconds: float | None) -> bool:
        """Block until there is an event, or for so long; whether there is one."""
