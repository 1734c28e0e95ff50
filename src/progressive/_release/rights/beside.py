"""Which rights the commands beside a run need: to look, to decide, to give up, to sweep.

Floor 5. As for a run nobody keeps a list: each command is played on a made-up cluster, and what it
asks for is written down. Whoever may have to end a run that another driver left (`detach`, `sweep
--restore`) needs what ends one, and nothing that begins one. Asked by `progressive rbac --for`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import evolve

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._adapters.journal.stores import LABELS
from progressive._adapters.mesh.router import MeshRouter
from progressive._adapters.workload import DeploymentWorkload
from progressive._analysis.machine import CanaryAnalysis
from progressive._kube.rights import Right
from progressive._kube.rivals import AUTOSCALERS
from progressive._model.events import Situation, Started
from progressive._model.origin import Origin
from progressive._model.plan import Plan
from progressive._model.release import Document, Managed, ServiceSpec
from progressive._model.traffic import Target
from progressive._release.connect import Connection, make_router
from progressive._release.outside.detach import Detaching
from progressive._release.outside.homing import Homing, NoMetrics
from progressive._release.outside.standing import Found, Standing
from progressive._release.outside.sweep import MARKING, Sweep, Wishes
from progressive._release.past.record import read_record
from progressive._release.preview.rehearsal import Copy, MakeRouter, ready_slice, router_of
from progressive._release.rights.made_up import standing_in
from progressive._release.rights.needs import (
    Needs,
    asked_by_deciding,
    by_true_names,
    deployed,
    needs_of,
    needs_to_end,
    renamed,
    route_resources,
)
from progressive.errors import AdapterError, PluginError, SpecError

WHY: Mapping[str, str] = {
    "configmaps": "the journals of runs, and the decisions of people",
    "leases": "who drives; a run that is ended is taken first",
    "deployments": "a canary that is scaled down, a promotion that is finished",
    "controllerrevisions": "the analysed template, for a promotion that is finished",
    "services": "the services of the release",
    "endpointslices": "no traffic goes to a side without a ready endpoint",
    "horizontalpodautoscalers": "what a run raised is given back",
    "scaledobjects": "the same for KEDA; an API that is not installed is fine",
    "canaries": "to leave alone what Flagger moves; an API that is not installed is fine",
    "events": "what happened, beside the target",
}
"""Resource → why these commands need it; all others are the routes."""

Play = Callable[[Connection, Copy], None]
"""A command, carried out for a release that stands on a made-up cluster."""

_SEEN = 10**6
"""A generation that no play reaches: the made-up Deployments are always rolled out."""

_NAME = "made-up"


def needs_for(
    purpose: str,
    document: Document,
    target: Target,
    *,
    autoscalers: Sequence[tuple[str, str]] = (),
    routes: Iterable[str] = (),
) -> Needs:
    """
    The rights of who has this to do with a release.

    Args:
        purpose: ``run look decide detach``.
        target: The address, with its true namespace.
        autoscalers: Kind and name of those that scale the primary; no document names them.
        routes: Names of routes that stand already under another name than the service.

    Raises:
        PluginError: The document's router cannot be loaded.
        SpecError: There is nothing to detach.
    """
    needs = needs_of(document, target, autoscalers=autoscalers)
    match purpose:
        case "run":
            rights = needs.every
        case "look":
            rights = needs_to_look(document, target)
        case "decide":
            rights = needs_to_look(document, target) | asked_by_deciding(target)
        case "detach":
            rights = needs_to_detach(document, target, autoscalers=autoscalers)
        case _:
            raise ValueError(purpose)
    return Needs(run=renamed(rights, routes), unknown=needs.unknown)


def needs_to_look(document: Document, target: Target) -> frozenset[Right]:
    """
    The rights of `status`, `history` and `explain` for one release; all of them read.

    Raises:
        PluginError: The document's router cannot be loaded.
    """
    return _played(document, target, _look(named=bool(target.routes)))


def needs_to_detach(
    document: Document, target: Target, *, autoscalers: Iterable[tuple[str, str]] = ()
) -> frozenset[Right]:
    """
    The rights to give a release up, its unfinished run included.

    Args:
        autoscalers: Kind and name of those that scale the primary; no document names them.

    Raises:
        PluginError: The document's router cannot be loaded.
        SpecError: It manages no workload.
    """
    if document.managed is None:
        words = "the release manages no workload: there is nothing to detach"
        raise SpecError("spec.targetRef", words)
    whole = standing_in(document)
    asked = _played(document, target, _detach)
    # a route that an older document made may be one that the mesh does not need
    asked |= _played(evolve(document, managed=whole.managed), target, _detach)
    return asked | needs_to_end(document, target, autoscalers=autoscalers)


def needs_to_sweep(
    routers: Sequence[str], *, namespace: str | None, restore: bool
) -> frozenset[Right]:
    """
    The rights to find splits that no driver owns, and to send them home.

    Nobody knows the names of what will be found, so they are for objects of any name.

    Args:
        routers: Of the releases that may be found, by their registered names.
        namespace: Where; None: in all namespaces, and the rights have an empty one.

    Raises:
        PluginError: A router cannot be loaded, or is not one of routing objects in the cluster.
    """
    asked: set[Right] = set()
    for name in routers:
        document = _made_up_release(name, namespace or "default")
        make = router_of(document)
        router = None if make is None else make(MemoryCluster())
        if not isinstance(router, MeshRouter):
            words = "it does not steer objects of the cluster: what it needs is not known"
            raise PluginError(name, words)
        asked |= _played(document, document.target, _sweep(namespace, restore=restore))
        if restore:
            scaling = [(kind, _NAME) for _, kind in AUTOSCALERS]
            asked |= needs_to_end(document, document.target, autoscalers=scaling)
            # whichever of its kinds a release has
            asked |= {
                Right(namespace="", group=kind.group, resource=kind.plural, verb=verb)
                for kind in router.kinds
                for verb in ("get", "patch")
            }
    told = {one for one in asked if one.resource != "events"}  # a sweep has no notifiers
    place = namespace or ""
    return frozenset(evolve(one, name="", namespace=place, guessed=False) for one in told)


# the plays


def _look(*, named: bool) -> Play:
    def play(connection: Connection, cluster: Copy) -> None:
        target = connection.target
        cluster.store().save(target, _left_run(connection), None)
        cluster.forget()
        read_record(connection)
        cluster.store().kept(target)
        if named:
            # what the document names is read by its name, as anything is the second time
            connection.router.current(target)

    return play


def _detach(connection: Connection, cluster: Copy) -> None:
    cluster.put(_lease(connection.target, holder=""))
    Detaching(connection, by="", pause=lambda _: None).run()


def _sweep(namespace: str | None, *, restore: bool) -> Play:
    def play(connection: Connection, cluster: Copy) -> None:
        target = connection.target
        text = _left_run(connection)
        cluster.store().save(target, text, None)
        cluster.forget()
        swept = Wishes(namespace=namespace)
        # without a Lease, and with one whose holder does not show itself
        Sweep(cluster, swept, make_router=make_router).run()
        cluster.put(_lease(target, holder="somebody"))
        seconds = itertools.count()
        Sweep(
            cluster,
            swept,
            make_router=make_router,
            monotonic=lambda: float(next(seconds)),
            pause=lambda _: None,
        ).run()
        if restore:
            # of a split without a journal; how a run is ended is played by `needs_to_end`
            cluster.put(_lease(target, holder=""))
            found = Found(target=str(target), standing=Standing.MARKED)
            home = Homing(cluster, by="")
            home.reset(target, text, connection.router, found, run="rehearsal")

    return play


def _played(document: Document, target: Target, act: Play) -> frozenset[Right]:
    """What `act` asks for where the release was deployed, by the true names of its routes."""
    make = router_of(document)
    plain = evolve(target, routes=(), subsets=None, bounds=None)
    whole = standing_in(document) if document.managed is None else document
    stands = deployed(whole, plain, make)
    for _, step in stands.start():
        with suppress(AdapterError):
            step()
    objects = [_rolled_out(one) for one in stands.copy.objects()]
    base = MemoryCluster(objects, namespace=target.namespace, served=_served())
    cluster = Copy(base=base, namespace=target.namespace, patient=False)
    for service in (target.service, target.primary, target.canary):
        cluster.lay(ready_slice(service, target.namespace))
    connection = _connection(whole, plain, cluster, make)
    if connection is not None:
        with suppress(AdapterError):
            act(connection, cluster)
    routes = route_resources(make, plain)
    return frozenset(by_true_names(cluster.asked(), document, target, routes))


def _connection(
    document: Document, target: Target, cluster: Copy, make: MakeRouter | None
) -> Connection | None:
    if make is None or document.managed is None:
        return None
    router = make(cluster)
    return Connection(
        document=document,
        target=target,
        cluster=cluster,
        router=router,
        metrics=NoMetrics(),
        workload=DeploymentWorkload(cluster, document.managed, router=router),
    )


# the made-up cluster


def _served() -> dict[str, tuple[str, ...]]:
    """Every mesh that a sweep looks for is installed."""
    found: dict[str, tuple[str, ...]] = {}
    for name in MARKING:
        router = make_router(name, MemoryCluster())
        for kind in router.kinds if isinstance(router, MeshRouter) else ():
            found[kind.group] = (*found.get(kind.group, ()), *kind.versions)
    return found


def _rolled_out(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    if manifest["kind"] != "Deployment":
        return manifest
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas"), 1)
    status = {"observedGeneration": _SEEN, "availableReplicas": 1, **counts}
    return {**manifest, "status": status}


def _lease(target: Target, *, holder: str) -> dict[str, Any]:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": f"progressive-{target.service}",
            "namespace": target.namespace,
            "labels": dict(LABELS),
        },
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 1},
    }


def _left_run(connection: Connection) -> str:
    """The journal of a run that nobody drives, and that had no time to move anything."""
    document = connection.document
    origin = Origin(router=document.router, workload=_NAME)
    run = CanaryAnalysis(document.plan, connection.target, origin=origin)
    at = datetime.now(UTC) - timedelta(days=1)
    run.receive(Started(at=at, situation=Situation(revision="new", promoted="old")))
    return run.to_json()


def _made_up_release(router: str, namespace: str) -> Document:
    target = Target(
        namespace=namespace,
        service=_NAME,
        primary=f"{_NAME}-primary",
        canary=f"{_NAME}-canary",
        port=80,
    )
    plan = Plan(weights=(1,), interval=timedelta(seconds=30), threshold=1, allow_no_checks=True)
    managed = Managed(name=_NAME, service=ServiceSpec(name=_NAME, port=80))
    return Document(
        name=_NAME, namespace=namespace, plan=plan, target=target, router=router, managed=managed
    )
