"""Moves traffic in any mesh that has a codec: reads, plans, writes once, reads back.

Floor 4: writes routing objects, through `ports.Cluster` alone. What to write is the codec's
decision (`_mesh/`); here are the things that need a cluster: conflicts, lost answers, several
objects, endpoints that are not ready. `objects.py` finds and reads.

Requests: one GET for `current`; one PATCH for `shift` after a `current`, and one list of the
EndpointSlices of both sides whenever the canary shall hold weight (asked each time, for traffic
is never sent to a side without a ready endpoint). The Services themselves are asked for before the
first write only where their EndpointSlices leave a question open (`preflight.shown_by`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from attrs import evolve

from progressive._adapters.mesh import accepted as done
from progressive._adapters.mesh.adopting import adopt, give_back
from progressive._adapters.mesh.drift import drifted
from progressive._adapters.mesh.fence import Guard, token_of
from progressive._adapters.mesh.making import create, made_known
from progressive._adapters.mesh.marked import Marked, marked_routes
from progressive._adapters.mesh.objects import MeshObjects, Sight
from progressive._adapters.mesh.owners import Owners
from progressive._adapters.mesh.returning import hand_back, take_up
from progressive._adapters.mesh.writes import Intent, MeshWrites, Written
from progressive._mesh import preflight
from progressive._mesh.codec import (
    Manifest,
    MeshCodec,
    ObjectKind,
    ObjectPatch,
    has_services,
    ref_of,
)
from progressive._mesh.effect import CountsTraffic, Effect
from progressive._mesh.standing import Standing
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Capabilities, Observed, Side, Split, Target
from progressive.errors import (
    DestinationNotFound,
    ErrorKind,
    InvalidRequest,
    PreflightFailed,
    RouterError,
    VersionNotServed,
)
from progressive.ports import Cluster, Fence, HandedBack


class MeshRouter:
    """
    A `TrafficRouter` (and `RouteMaker`) for every mesh with a codec.

    Threads may share it as long as each target is moved by one of them at a time.

    Args:
        codec: What the mesh's objects mean.
        cluster: Where they are; None: the cluster that kubectl would speak to, found at first use.
        acceptance: Asked after each shift that wrote something; None: level 2 is not asked.
        proof: Counts requests for `in_effect`; None: level 3 cannot be asked.
        offline: The cluster is a file: Services and EndpointSlices that are not there are not
            asked for.
        now: The clock.
        pause: Waits between two tries, in seconds.
    """

    def __init__(
        self,
        codec: MeshCodec,
        cluster: Cluster | None = None,
        *,
        acceptance: done.Acceptance | None = None,
        proof: CountsTraffic | None = None,
        offline: bool = False,
        now: Callable[[], datetime] | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._codec, self._given = codec, cluster
        self._acceptance, self._proof, self._offline = acceptance, proof, offline
        self._now, self._pause = now or (lambda: datetime.now(UTC)), pause
        self._reader: MeshObjects | None = None
        self._writer: MeshWrites | None = None
        self._totals: dict[Target, int] = {}
        self._owners = Owners(lambda: None if offline else self.cluster)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._codec.name}>"

    @property
    def cluster(self) -> Cluster:
        """The cluster; found in the environment at first use where none was given."""
        if self._given is None:
            from progressive._adapters.cluster.client import KubernetesCluster

            self._given = KubernetesCluster.from_environment()
        return self._given

    @property
    def kinds(self) -> tuple[ObjectKind, ...]:
        """What it steers."""
        return self._codec.kinds

    def marked(self, namespace: str | None) -> list[Marked]:
        """
        Routing objects of this mesh that carry a driver's mark; None: of all namespaces.

        Raises:
            RouterError: The API server said no.
        """
        return marked_routes(self._codec, self.cluster, namespace)

    def on_write(
        self, tell: Callable[[Written], None], *, before: Callable[[Intent], None] | None = None
    ) -> None:
        """
        From now on show `tell` each write that the API took, in order.

        Args:
            before: Is shown what is about to be written, at each try, and may refuse it by a
                `RouterError`.
        """
        self._writes.tell, self._writes.ask = tell, before

    def seen(self, target: Target) -> tuple[Manifest, ...]:
        """The steered objects as they were last read or written; none before a first reading."""
        sight = self._objects.seen(target)
        return () if sight is None else tuple(one for _, one in sight.steered(target))

    @property
    def capabilities(self) -> Capabilities:
        """What the mesh can express."""
        return self._codec.capabilities

    def current(self, target: Target, *, total: int | None = None) -> Observed:
        """
        Read the split.

        Args:
            total: The sum of weights in whose parts it is told; None: that of the last order.

        Raises:
            RouterError: There is no rule, several could be meant, its weights mean nothing, or
                the API cannot be read.
        """
        if total is not None:
            self._totals[target] = total
        sight = self._objects.look(target)
        sight.fresh = False
        return self._read(sight, target)

    def shift(self, target: Target, split: Split) -> Observed:
        """
        Write one whole order and read it back; the same order again writes nothing.

        Raises:
            RouterError: Before any write, what the mesh cannot express, what another controller
                moves, or a side without ready endpoints; `Conflict` after too many tries; `Drift`
                when something else is read back; `NotAccepted` when the mesh's controller refuses
                what is stored; kind ``unavailable`` when the state is unknown.
        """
        self._totals[target] = split.total
        mark = self._acceptance.mark() if self._acceptance else None
        before: list[Observed | None] = []

        def homeward(sight: Sight) -> bool:
            before.append(self._as_it_stands(sight, target))
            return done.shrinks(before[0], split)

        written = self._writes.carry_out(
            target, lambda sight: self._plan(sight, target, split), homeward=homeward
        )
        sight = self._objects.seen(target) or self._objects.look(target)
        observed = self._read(sight, target)
        if not observed.shows(split):
            raise drifted(sight, target, split, observed)
        if written and self._acceptance is not None:
            standing = partial(done.standing_of, self._codec, self._objects, target)
            note = done.taken_over(self._acceptance, mark, standing, before=before[0], split=split)
            observed = evolve(observed, warnings=(*observed.warnings, *note))
        return observed

    def accepted(self, target: Target, *, patience: timedelta = done.PATIENCE) -> Standing:
        """
        Wait until the mesh's controllers took over what is stored (level 2 of done).

        Returns:
            ``accepted``; or ``unverified``, with what was seen last, where the mesh has no status,
            its status names no generation, or no controller spoke within `patience`.

        Raises:
            NotAccepted: A controller refuses what is stored, with its reason and message.
            RouterError: The objects cannot be read.
        """
        settle = self.capabilities.settle
        asked = done.StatusAcceptance(settle, patience=patience, pause=self._pause)
        return asked.awaited(partial(done.standing_of, self._codec, self._objects, target))

    def reset(self, target: Target, *, total: int | None = None) -> Observed:
        """
        All traffic to the primary and every rule of ours gone; safe in any state.

        A route that does not exist has nothing to bring home: that is a success, with a note.

        Args:
            total: What the primary gets; None: the total of the last order, else 100.

        Raises:
            RouterError: The API could not be written; or, all else at home, the canary is alone.
        """
        if total is not None:
            self._totals[target] = total
        total = self._totals.get(target, 100)

        def plan(sight: Sight) -> Sequence[ObjectPatch]:
            return self._codec.reset(sight.readable, target, total=total)

        home = Observed(canary=0, total=total)
        try:
            written = self._writes.carry_out(target, plan, homeward=lambda _: True)
        except VersionNotServed as error:
            return evolve(home, warnings=(f"Note: nothing to reset: {error}",))
        sight = self._objects.seen(target) or self._objects.look(target)
        try:
            plan(sight)
        except DestinationNotFound as error:
            error.unsettled = written
            raise
        try:
            observed = self._read(sight, target)
        except RouterError as error:
            # nothing is left that a reset could change; what cannot be read is told, not raised
            words = "all is home, but the split cannot be read" if written else "nothing to reset"
            return evolve(home, warnings=(f"Note: {words}: {error}",))
        if observed.canary or observed.matched or observed.mirror:
            raise drifted(sight, target, Split(canary=0, total=observed.total), observed)
        return observed

    def establish(
        self, target: Target, service: ServiceSpec, owner: Mapping[str, Any] | None
    ) -> None:
        """
        Make the routing object where there is none, all traffic on the primary.

        Raises:
            RouterError: One of that name exists and does not hold both sides, or another object
                has its host already; kind ``unavailable``: the primary has no ready endpoint yet,
                though it is ready, for endpoints follow their pods after a moment.
        """
        self._owners.remember(target, owner)
        sight = self._objects.look(target)
        sight.fresh = False
        if sight.refs:
            self._read(sight, target)
            adopt(self._codec, self._objects, self._writes, target)
            return
        made = self._codec.make(target, service)
        there = [one for one in sight.objects if _same_name(one, made, target)]
        if there:
            if not take_up(self._codec, self._objects, self.cluster, target, service, there[0]):
                self._read(sight, target)
            return
        if rival := self._codec.rival((*sight.objects, *sight.neighbours), made, target):
            raise PreflightFailed(
                f"{rival} has a host of {target} already and does not hold "
                f"{target.primary} and {target.canary}; add both to one of its rules"
            )
        if not self._offline:
            self._require_primary(target)
        guard = self._writes.guards.get(target)
        marked = made_known(made, None if guard is None else guard.fence.token, owner)
        if create(self._codec, self._objects, self.cluster, marked, target):
            self._writes.last[target] = self._now()
        else:
            self.current(target)

    def hand_back(self, target: Target, service: ServiceSpec) -> HandedBack:
        """
        Take the sides out of what a release made; routes of people get their first weights again.

        Raises:
            RouterError: The API could not be read or written.
        """
        give_back(self._codec, self._objects, self._writes, target)
        return hand_back(self._codec, self._objects, self.cluster, target, service)

    def fence(self, target: Target, fence: Fence, *, at_once: bool) -> None:
        """
        From now on every write tests the token, and writes it first where it is not there.

        Raises:
            RouterError: Kind ``lost``: the target is another driver's; others: an object failed.
        """
        self._writes.guards[target] = Guard(fence)
        sight = self._objects.seen(target) or self._objects.look(target)
        others = [token_of(one) for _, one in sight.steered(target)]
        if at_once or any(token not in (None, fence.token) for token in others):
            self._writes.carry_out(target, lambda _: (), homeward=lambda _: True)

    def unfence(self, target: Target) -> None:
        """The run is over: remove the token, and test none any more."""
        self._writes.remove_tokens(target)

    def in_effect(
        self,
        target: Target,
        split: Split,
        *,
        since: datetime | None = None,
        at: datetime | None = None,
    ) -> Effect:
        """
        Whether users really get this split: the measured share (level 3 of done).

        Args:
            since: Begin of the window; default: the last write of this router, and settling.
            at: End of the window; None: now.

        Raises:
            InvalidRequest: The window begins before the write and its settling is over, or no
                `proof` was given.
            MetricsError: The requests could not be counted.
        """
        if self._proof is None:
            raise InvalidRequest(f"{self!r} has no proof=, so no traffic can be counted")
        written = self._writes.last.get(target)
        window = {"written": written, "since": since, "at": at}
        return done.measured(self._proof, self.capabilities, target, split, **window)

    @property
    def _objects(self) -> MeshObjects:
        if self._reader is None:
            self._reader = MeshObjects(self._codec, self.cluster, offline=self._offline)
        return self._reader

    @property
    def _writes(self) -> MeshWrites:
        if self._writer is None:
            self._writer = MeshWrites(
                self._objects, self.cluster, now=self._now, pause=self._pause
            )
            self._writer.owner = self._owners.of
        return self._writer

    def _read(self, sight: Sight, target: Target) -> Observed:
        total = self._totals.get(target, 100)
        return self._codec.read(sight.readable, target, total=total).told_apart()

    def _require_primary(self, target: Target) -> None:
        """A new route must not take users from pods that answer to a service without any."""
        if not preflight.is_served(self._objects.endpoints(target), target, Side.PRIMARY):
            raise PreflightFailed(
                f"service {target.namespace}/{target.primary} (primary) has no ready endpoint "
                "yet, so no route to it is made; look at its selector and its pods",
                ErrorKind.UNAVAILABLE,
            )

    def _as_it_stands(self, sight: Sight, target: Target) -> Observed | None:
        try:
            return self._read(sight, target)
        except RouterError:
            return None

    def _plan(self, sight: Sight, target: Target, split: Split) -> Sequence[ObjectPatch]:
        patches = self._codec.write(sight.everything, target, split)
        # the way home asks for nothing
        if not patches or self._offline or split.canary == 0:
            return patches
        if sight.around is None:
            sight.around = self._objects.around(target)
            if sight.around:
                patches = self._codec.write(sight.everything, target, split)
        if not patches or not has_services(self._codec, target):
            return patches
        endpoints = self._objects.endpoints(target)
        # what the Services and the neighbours forbid, they forbid before the first write
        if not sight.services and not preflight.shown_by(endpoints, target):
            services = self._objects.services(target)
            preflight.require_services(services, target)
            self._codec.write((*sight.everything, *services), target, split)
            sight.services = services
        sight.neighbours, sight.partial = [], bool(sight.neighbours) or sight.partial
        everything = (*sight.services, *endpoints)
        before = self._as_it_stands(sight, target)
        preflight.require_ready(everything, target, split, complete=True, before=before)
        return patches


def _same_name(one: Manifest, made: Manifest, target: Target) -> bool:
    return str(ref_of(one, target)) == str(ref_of(made, target))
