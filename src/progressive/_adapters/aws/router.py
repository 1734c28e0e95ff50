"""The router for App Mesh routes that AWS alone keeps: describes, plans, updates, compares.

Floor 4: writes to AWS, through `calls.py`. The plan is that of `_mesh/app_mesh/routes.py`. AWS has
no precondition for a write: its version counts writes, so that one between the reading and ours
is found out, and told, but not prevented.

Calls: one description for `current`; one description and one update for `shift`. Without `routes`
in the target the first of them looks for the route behind the virtual service of the apex.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from attrs import evolve, frozen

from progressive._adapters.aws.calls import AppMeshCalls, AwsRefusal, BotocoreCalls, RouteName
from progressive._kube.patch import apply
from progressive._mesh.app_mesh.routes import RouteCodec, route_manifest
from progressive._mesh.codec import Manifest, ObjectPatch
from progressive._model.traffic import Capabilities, Observed, Split, Target
from progressive.errors import (
    AmbiguousRoute,
    Conflict,
    DestinationNotFound,
    Drift,
    ErrorKind,
    InvalidRequest,
    RouteNotFound,
    RouterError,
)

_T = TypeVar("_T")

TRIES = 5
"""How often a call is made that AWS may take the next time."""

_PAUSE = 0.2
"""Seconds before the second try, doubled for each further one, with jitter."""

_PASSING = {
    "": ErrorKind.UNAVAILABLE,
    "ConflictException": ErrorKind.CONFLICT,
    "TooManyRequestsException": ErrorKind.UNAVAILABLE,
    "ServiceUnavailableException": ErrorKind.UNAVAILABLE,
    "InternalServerErrorException": ErrorKind.UNAVAILABLE,
}
"""Refusals that are asked again → what they are when they last."""

_LASTING: dict[str, type[RouterError]] = {
    "NotFoundException": RouteNotFound,
    "BadRequestException": InvalidRequest,
    "LimitExceededException": InvalidRequest,
    "ResourceInUseException": InvalidRequest,
}


@frozen(kw_only=True)
class _Written:
    """One update that AWS took, and the spec before it."""

    name: RouteName
    before: dict[str, Any]


class AppMeshApiRouter:
    """
    A `TrafficRouter` for App Mesh without a controller: weights of routes, through AWS's API.

    The sides are virtual nodes, named as the target's services or ``NAME_NAMESPACE``. `routes`
    of the target name virtual routers, and by `rule` their routes; without them the virtual
    service of the apex leads to the one route that holds both sides. A controller in a cluster
    would take the weights back: use `AppMeshRouter` there. AWS ended the service on 2026-09-30.

    Args:
        mesh: Name of the mesh.
        owner: Account of a shared mesh; None: the caller's own.
        calls: What speaks to AWS; None: botocore, with the environment's credentials.
        pause: Waits between two tries, in seconds.
        token: Makes a client token that was never used.

    Raises:
        PluginError: botocore is not installed, and no `calls` were given.
    """

    def __init__(
        self,
        mesh: str,
        *,
        owner: str | None = None,
        calls: AppMeshCalls | None = None,
        pause: Callable[[float], None] = time.sleep,
        token: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._mesh, self._owner = mesh, owner
        self._calls: AppMeshCalls = calls if calls is not None else BotocoreCalls()
        self._pause, self._token = pause, token
        self._codec = RouteCodec()
        self._jitter = random.Random()
        self._known: dict[Target, tuple[RouteName, ...]] = {}
        self._totals: dict[Target, int] = {}

    @property
    def capabilities(self) -> Capabilities:
        """Weights, in a total of at most 100."""
        return self._codec.capabilities

    def current(self, target: Target) -> Observed:
        """
        Read the split.

        Raises:
            RouterError: There is no such route, or AWS cannot be asked.
        """
        return self._read([route for _, route in self._routes(target)], target)

    def shift(self, target: Target, split: Split) -> Observed:
        """
        Write one whole order and read it back; the same order again writes nothing.

        Raises:
            RouterError: What cannot be expressed, before any write; `Conflict`: somebody else
                wrote between the reading and ours, whose change may be lost; `Drift`: AWS
                answered with another split.
        """
        self._totals[target] = split.total
        bare = evolve(target, routes=())

        def plan(route: Manifest) -> Sequence[ObjectPatch]:
            return self._codec.write([route], bare, split)

        routes = self._routes(target)
        # everything is planned before anything is written
        planned = [(name, route, plan(route)) for name, route in routes]
        before = self._standing([route for _, route in routes], target)
        growing = before is None or split.canary * before.total > before.canary * split.total
        after = self._carry_out(planned, put_back=growing and split.canary > 0)
        observed = self._read(after, target)
        if not observed.shows(split):
            raise Drift(
                f"{target}: ordered canary {split.canary} of {split.total}, AWS answered "
                f"{observed.canary} of {observed.total}"
            )
        return observed

    def reset(self, target: Target) -> Observed:
        """
        All traffic to the primary; safe in any state. A route that is gone has nothing to bring.

        Raises:
            RouterError: AWS could not be written; or, all else at home, a route has the canary
                alone.
        """
        total = self._totals.get(target, 100)
        bare = evolve(target, routes=())
        planned: list[tuple[RouteName, Manifest, Sequence[ObjectPatch]]] = []
        lone: list[DestinationNotFound] = []
        gone: list[RouteNotFound] = []
        names: tuple[RouteName, ...] = ()
        try:
            names = self._names(target)
        except RouteNotFound as error:
            gone.append(error)
        for name in names:
            try:
                route = self._describe(name)
                planned.append((name, route, self._codec.reset([route], bare, total=total)))
            except DestinationNotFound as error:
                lone.append(error)
            except RouteNotFound as error:
                gone.append(error)
        if gone:
            self._known.pop(target, None)
        after = self._carry_out(planned, put_back=False)
        if lone:
            lone[0].unsettled = any(patches for _, _, patches in planned)
            raise lone[0]
        try:
            if after:
                return self._read(after, target)
            words = str(gone[0])
        except DestinationNotFound as error:
            words = str(error)
        return Observed(canary=0, total=total, warnings=(f"Note: nothing to reset: {words}",))

    # reading

    def _read(self, routes: Sequence[Manifest], target: Target) -> Observed:
        bare, total = evolve(target, routes=()), self._totals.get(target, 100)
        seen = [self._codec.read([one], bare, total=total) for one in routes]
        first = seen[0]
        if any(one.canary * first.total != first.canary * one.total for one in seen):
            states = ", ".join(f"{one.canary} of {one.total}" for one in seen)
            raise Drift(f"{target}: the routes of this release differ: canary {states}")
        return first

    def _standing(self, routes: Sequence[Manifest], target: Target) -> Observed | None:
        try:
            return self._read(routes, target)
        except RouterError:
            return None

    def _names(self, target: Target) -> tuple[RouteName, ...]:
        if target not in self._known:
            self._known[target] = self._find(target)
        return self._known[target]

    def _routes(self, target: Target) -> list[tuple[RouteName, Manifest]]:
        names = self._names(target)
        try:
            return [(one, self._describe(one)) for one in names]
        except RouteNotFound:
            del self._known[target]
            raise

    def _describe(self, name: RouteName) -> Manifest:
        return route_manifest(self._ask(f"describe {name}", self._calls.describe, name))

    # finding

    def _find(self, target: Target) -> tuple[RouteName, ...]:
        if not target.routes:
            router = self._router_of_apex(target)
            return (self._only(router, target),)
        found = []
        for entry in target.routes:
            if isinstance(entry.rule, int):
                raise InvalidRequest(
                    f"{target}: routes in AWS have no order, so rule {entry.rule} names none; "
                    "name it by its name"
                )
            if entry.rule is None:
                found.append(self._only(entry.name, target))
            else:
                found.append(self._name(entry.name, entry.rule))
        return tuple(found)

    def _name(self, router: str, route: str) -> RouteName:
        return RouteName(mesh=self._mesh, owner=self._owner, router=router, route=route)

    def _router_of_apex(self, target: Target) -> str:
        names = (target.service, f"{target.service}.{target.namespace}")
        for name in names:
            try:
                deed = f"describe virtual service {name}"
                router = self._ask(deed, self._calls.router_of, self._mesh, self._owner, name)
            except RouteNotFound:
                continue
            if router is None:
                raise RouteNotFound(
                    f"the provider of virtual service {self._mesh}/{name} is no virtual router, "
                    "so it has no weights"
                )
            return router
        raise RouteNotFound(f"mesh {self._mesh} has no virtual service {' or '.join(names)}")

    def _only(self, router: str, target: Target) -> RouteName:
        bare = evolve(target, routes=())
        deed = f"list the routes of {self._mesh}/{router}"
        names = self._ask(deed, self._calls.routes_of, self._mesh, self._owner, router)
        known = [self._name(router, one) for one in names]
        both = [one for one in known if self._codec.steered([self._describe(one)], bare)]
        if len(both) > 1:
            raise AmbiguousRoute(
                f"{len(both)} routes hold both {target.primary} and {target.canary}: "
                f"{', '.join(map(str, both))}; name one by rule in spec.traffic.routes"
            )
        if not both:
            raise RouteNotFound(
                f"virtual router {self._mesh}/{router} has no route with {target.primary} and "
                f"{target.canary} (it has {', '.join(names) or 'none'})"
            )
        return both[0]

    # writing

    def _carry_out(
        self,
        planned: Sequence[tuple[RouteName, Manifest, Sequence[ObjectPatch]]],
        *,
        put_back: bool,
    ) -> list[Manifest]:
        """
        The routes after their patches; when one fails, those before it are put back or go on.

        Args:
            put_back: The canary grows, so a half order is undone; else every route is attempted.
        """
        written: list[_Written] = []
        after: list[Manifest] = []
        first: RouterError | None = None
        for name, route, patches in planned:
            if not patches:
                after.append(route)
                continue
            wanted = apply(route, patches[0].patch)
            try:
                after.append(self._update(name, wanted["spec"]))
            except RouterError as error:
                if put_back:
                    self._put_back(written, error)
                    raise
                first = first or error
                continue
            written.append(_Written(name=name, before=route["spec"]))
            first = first or _overtaken(name, route, after[-1])
        if first is not None:
            raise first
        return after

    def _update(self, name: RouteName, spec: dict[str, Any]) -> Manifest:
        token = self._token()
        try:
            answer = self._ask(f"update {name}", self._calls.update, name, spec, token)
        except RouterError as error:
            # an answer that did not come says nothing about the write
            error.unsettled = error.kind is ErrorKind.UNAVAILABLE
            raise
        return route_manifest(answer)

    def _put_back(self, written: Sequence[_Written], error: RouterError) -> None:
        states = []
        for one in reversed(written):
            try:
                self._update(one.name, one.before)
                states.append(f"{one.name} is put back")
            except RouterError as refusal:
                error.unsettled = True
                states.append(
                    f"{one.name} has the new split and could not be put back ({refusal})"
                )
        error.message = "; ".join([error.message, *states])
        error.args = (error.message, *error.args[1:])

    def _ask(self, deed: str, call: Callable[..., _T], *given: Any) -> _T:
        """
        Make a call, again as long as AWS says that it may pass.

        Raises:
            RouterError: AWS refuses it, or went on refusing.
        """
        for attempt in range(TRIES):
            try:
                return call(*given)
            except AwsRefusal as error:
                words = f"cannot {deed}: {error}"
                if (kind := _PASSING.get(error.code)) is None:
                    raise _lasting(error, words) from error
                if attempt + 1 == TRIES:
                    words = f"{words} (given up after {TRIES} tries)"
                    wrong = RouterError(words, kind) if kind is not ErrorKind.CONFLICT else None
                    raise (wrong or Conflict(words)) from error
                self._pause(_PAUSE * 2**attempt * (0.5 + self._jitter.random()))
        raise AssertionError("a loop that always returns or raises")


def _overtaken(name: RouteName, route: Manifest, after: Manifest) -> Conflict | None:
    """The error to tell of when somebody else wrote between our reading and our update."""
    stood, stands = (one["metadata"]["resourceVersion"] for one in (route, after))
    if not (stood.isdecimal() and stands.isdecimal()) or int(stands) <= int(stood) + 1:
        return None
    error = Conflict(
        f"route {name} was written by somebody else at the same time (version {stood} read, "
        f"{stands} after the update): the weights are the new ones, but a change of the other "
        "writer may be lost; look at the route"
    )
    error.unsettled = True
    return error


def _lasting(error: AwsRefusal, words: str) -> RouterError:
    if (made := _LASTING.get(error.code)) is not None:
        return made(words)
    forbidden = "Forbidden" in error.code or "AccessDenied" in error.code
    return RouterError(words, ErrorKind.FORBIDDEN if forbidden else ErrorKind.INVALID)
