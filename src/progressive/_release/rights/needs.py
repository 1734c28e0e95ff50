"""Which rights a release needs, by its document alone: it is played on a made-up cluster.

Floor 5. Nobody keeps a list: a first deploy, one that goes on after a crash, a release, a rollback
and the commands around them are rehearsed (`rehearsal.py`), and what they ask for is written down.
Asked by `progressive rbac` and by the question before the first write (`permission.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from attrs import evolve, frozen

from progressive._adapters.cluster.address import address_of
from progressive._adapters.cluster.memory import MemoryCluster
from progressive._adapters.journal.stores import follow
from progressive._kube.paths import PLURALS
from progressive._kube.rights import Right
from progressive._model.events import Command
from progressive._model.release import Document, ServiceSpec
from progressive._model.traffic import RouteRef, Target
from progressive._release.preview.rehearsal import (
    Copy,
    MakeRouter,
    Rehearsal,
    ready_slice,
    router_of,
)
from progressive._release.rights.made_up import (
    Manifest,
    half_done,
    made_up_autoscaler,
    made_up_service,
    made_up_target,
    made_up_worlds,
    managed_of,
    simplified,
    standing_in,
)
from progressive.errors import AdapterError

WHY: Mapping[str, str] = {
    "configmaps": "the journal of the run, older ones, and the decisions of people",
    "leases": "one driver at a time",
    "deployments": "the primary is made and promoted, the target is scaled and followed",
    "controllerrevisions": "the analysed template, which may hold secrets; its name has a hash",
    "services": "the three services of the release",
    "endpointslices": "no traffic goes to a side without a ready endpoint",
    "horizontalpodautoscalers": "to refuse a target that one scales, and to keep up its primary",
    "scaledobjects": "the same for KEDA; an API that is not installed is fine",
    "canaries": "to refuse a target that Flagger moves; an API that is not installed is fine",
    "metrictemplates": "what the document refers to",
    "alertproviders": "what the document refers to",
    "destinationrules": "whether the subset of a side is known, where sides are subsets",
    "virtualnodes": "which nodes the sides are",
    "events": "what happened, beside the target",
}
"""Resource → why a release needs it; all others are the routes."""

WHY_ROUTES = "the weights"

_PERHAPS = frozenset(
    {("flagger.app", "canaries", "list"), ("keda.sh", "scaledobjects", "list")}
    | {("networking.istio.io", "destinationrules", "list")}
    | {("", "events", "create")}
)
"""Lists that are taken as empty where they are forbidden, and what disturbs no run by failing."""


_WITHOUT_ROUTES = frozenset({"kubernetes"})
"""Routers that write nothing but the Services of a release, which its workload writes as well."""


@frozen(kw_only=True)
class Needs:
    """
    The rights of a release.

    Attributes:
        run: Without one of these a run fails, though not every run needs every one.
        besides: What is asked for and can be done without, and what other commands need.
        unknown: What cannot be known, in words; empty: nothing.
    """

    run: frozenset[Right]
    besides: frozenset[Right] = frozenset()
    unknown: str = ""

    @property
    def every(self) -> frozenset[Right]:
        """All that a Role should grant."""
        return self.run | self.besides


def needs_of(
    document: Document, target: Target, *, autoscalers: Iterable[tuple[str, str]] = ()
) -> Needs:
    """
    What a release needs in whatever state it finds its target.

    Args:
        target: The address, with its true namespace.
        autoscalers: Kind and name of those that scale the primary; no document names them.

    Raises:
        PluginError: The document's router cannot be loaded.
    """
    make_router = router_of(document)
    # where its route is and what it looks like is somebody else's decision: any will do here
    plain = evolve(target, routes=(), subsets=None, bounds=None)
    routes = route_resources(make_router, plain)
    if document.managed is None:
        asked = _releases(standing_in(document), plain, make_router, ())
        asked = {one for one in asked if _about_traffic(one, routes)}
    else:
        asked = _first_deploys(document, plain, make_router)
        asked |= _releases(simplified(document), plain, make_router, autoscalers)
    asked = by_true_names(asked, document, target, routes)
    besides = {one for one in asked if can_be_done_without(one, target)}
    known = routes or document.router in _WITHOUT_ROUTES
    unknown = "" if known else f"the rights of the router {document.router}"
    return Needs(
        run=frozenset(asked - besides),
        besides=frozenset(besides | _of_commands(target)),
        unknown=unknown,
    )


def needs_to_end(
    document: Document, target: Target, *, autoscalers: Iterable[tuple[str, str]] = ()
) -> frozenset[Right]:
    """
    The rights to bring the run of a managed workload to its end that another driver began: the
    way home, or a promotion that it had decided; the arguments and errors as of `needs_of`.
    """
    make_router = router_of(document)
    plain = evolve(target, routes=(), subsets=None, bounds=None)
    asked = _releases(simplified(document), plain, make_router, autoscalers, act=Rehearsal.end)
    return frozenset(by_true_names(asked, document, target, route_resources(make_router, plain)))


def can_be_done_without(right: Right, target: Target) -> bool:
    """Whether a run goes on, with a warning or none, where this is forbidden."""
    if (right.group, right.resource, right.verb) in _PERHAPS:
        return True
    # what people decide cannot be heard then, and a signal still can; of older runs nothing stays
    aside = {f"progressive-{target.service}-{one}" for one in ("inbox", "history")}
    return right.resource == "configmaps" and right.name in aside


# the plays


def _first_deploys(document: Document, target: Target, make: MakeRouter | None) -> set[Right]:
    """A first deploy from nothing, and one that finds things half done and services in place."""
    fresh = deployed(document, target, make)
    begun = [half_done(one, document) for one in fresh.copy.objects()]
    again = _played(document, target, make, begun)
    return {*fresh.asked(), *again.asked()}


def deployed(document: Document, target: Target, make: MakeRouter | None) -> Rehearsal:
    """A first deploy of a managed workload, played from nothing but its target."""
    return _played(document, target, make, [made_up_target(document, target)])


def _played(
    document: Document, target: Target, make: MakeRouter | None, objects: Iterable[Manifest]
) -> Rehearsal:
    world = [*objects, *made_up_worlds(make, target)[0]]
    below = MemoryCluster(world, namespace=target.namespace)
    played = Rehearsal(document, target, below, make)
    _try(lambda: played.workload.situation(target))
    for _, act in played.first_deploy():
        _try(act)
    played.surround()
    return played


def _releases(
    document: Document,
    target: Target,
    make: MakeRouter | None,
    autoscalers: Iterable[tuple[str, str]],
    act: Callable[[Rehearsal], None] = Rehearsal.rest,
) -> set[Right]:
    """Everything that may happen once there is a primary: a start, and what `act` plays then."""
    first = deployed(document, target, make)
    objects = [dict(one) for one in first.copy.objects()]
    for name in (target.primary, target.canary):
        if not any((one["kind"], one["metadata"]["name"]) == ("Service", name) for one in objects):
            objects.append(made_up_service(name, target))
    managed = managed_of(document)
    objects += [made_up_autoscaler(*one, managed, target) for one in autoscalers]
    played = Rehearsal(document, target, MemoryCluster(objects, namespace=target.namespace), make)
    _try(lambda: played.workload.situation(target))
    for _, step in played.start():
        _try(step)
    act(played)
    return set(played.asked())


def _of_commands(target: Target) -> set[Right]:
    told = Right(namespace=target.namespace, group="", resource="events", verb="create")
    return {told, *asked_by_deciding(target)}


def asked_by_deciding(target: Target) -> frozenset[Right]:
    """What people's commands ask for: they write decisions, and wait for what comes of them."""
    cluster = Copy(namespace=target.namespace, patient=False)
    for command in (Command.HOLD, Command.RESUME):
        cluster.inbox().put(target, command, by="", why="")
    for _ in follow(cluster, target, until=datetime.now(UTC)):
        pass
    cluster.store().kept(target)
    return cluster.asked()


def _try(act: Callable[[], object]) -> None:
    # what cannot be played tells no rights; another play has asked for them
    with suppress(AdapterError):
        act()


# whose names are known


def route_resources(make: MakeRouter | None, target: Target) -> dict[tuple[str, str], str]:
    """Group and plural of the routing objects that the router makes, each with its kind."""
    if make is None:
        return {}
    sides = (target.primary, target.canary)
    around: list[Mapping[str, Any]] = [made_up_service(one, target) for one in sides]
    around += [ready_slice(one, target.namespace) for one in sides]
    scratch = MemoryCluster(around, namespace=target.namespace)
    establish = getattr(make(scratch), "establish", None)
    if callable(establish):
        service = ServiceSpec(name=target.service, port=target.port or 80)
        _try(lambda: establish(target, service, None))
    made = [one.body for one in scratch.log if one.verb == "create"]
    found = (*made, *made_up_worlds(make, target)[0])
    places = [(address_of(one, namespace=target.namespace), one) for one in found]
    return {(at.group, at.plural): str(one["kind"]) for at, one in places}


def _about_traffic(right: Right, routes: Mapping[tuple[str, str], str]) -> bool:
    """Whether a release of two existing workloads needs it."""
    if (right.group, right.resource) in routes:
        return right.verb != "create"
    if right.resource == "services":
        return right.verb == "get"
    return right.resource in ("configmaps", "leases", "endpointslices")


def by_true_names(
    asked: Iterable[Right],
    document: Document,
    target: Target,
    routes: Mapping[tuple[str, str], str],
) -> set[Right]:
    """The rights, on the routing objects that the document names or may find."""
    return {each for one in asked for each in _by_true_name(one, document, target, routes)}


def _by_true_name(
    right: Right,
    document: Document,
    target: Target,
    routes: Mapping[tuple[str, str], str],
) -> list[Right]:
    """The right, on the routing objects that the document names or may find."""
    if right.resource == "controllerrevisions":
        return [evolve(right, name="")]  # they are called by a hash of what they hold
    kind = routes.get((right.group, right.resource))
    if kind is None or not right.name:
        return [right]
    named = [one for one in target.routes if one.kind in (None, kind)]
    if named:
        # the canary Ingress of nginx is called after the one that is named
        beside = right.name.removeprefix(target.service)
        return [
            evolve(right, name=f"{one.name}{beside}", namespace=_place(one, target))
            for one in named
        ]
    made = document.managed is not None
    # a route that stands already is found by where it leads, whatever it is called
    return [evolve(right, name=right.name if made else "", guessed=True)]


def _place(route: RouteRef, target: Target) -> str:
    return route.namespace or target.namespace


def renamed(rights: frozenset[Right], names: Iterable[str]) -> frozenset[Right]:
    """The same for routes that stand already under these names, in place of a guessed one."""
    known = tuple(names)
    if not known:
        return rights
    return frozenset(
        each
        for one in rights
        for each in (
            [evolve(one, name=name, guessed=False) for name in known] if one.guessed else [one]
        )
    )


def looked_up(asked: Iterable[tuple[str, str, str]]) -> frozenset[Right]:
    """The rights to read what a document refers to: kind, namespace, name."""
    return frozenset(
        Right(
            namespace=namespace,
            group="flagger.app",
            resource=PLURALS[kind],
            verb="get",
            name=name,
        )
        for kind, namespace, name in asked
    )
