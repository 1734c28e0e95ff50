"""Lets the real adapters act on a copy of the cluster, and watches what they do.

Floor 5. So a plan shows what a run would write, for nothing is derived a second time. The copy
lies over the cluster: it is read, and never written. Asked by `plan.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import frozen

from progressive._adapters.cluster.address import address_of, parse
from progressive._adapters.cluster.inmemory.record import Write
from progressive._adapters.cluster.inmemory.stream import MemoryWatch
from progressive._adapters.cluster.memory import MemoryCluster
from progressive._adapters.lease.hold import lease_path
from progressive._adapters.notifiers.events import KubernetesEvents
from progressive._adapters.workload import DeploymentWorkload
from progressive._kube import rights as kube
from progressive._model.record import Notification
from progressive._model.release import Document, Traffic
from progressive._model.traffic import Side, Split, Target
from progressive.errors import AdapterError
from progressive.ports import Cluster, Fence, FencedRouter, TrafficRouter

MakeRouter = Callable[[Cluster], TrafficRouter]

_RUN = "rehearsal"
_ENDPOINTS = "endpointslices"
_MANY = 2**31 - 1
"""So many replicas that every autoscaler has to be raised that can be."""

_VERSIONS = 5
"""So many that templates of old versions are removed, which is a right as well."""


@frozen(kw_only=True)
class Right:
    """One right: what may be done with which resource."""

    group: str
    resource: str
    verb: str


class Copy(MemoryCluster):
    """
    A cluster in memory that remembers which single objects were followed.

    Attributes:
        followed: Paths; of one object where only that one was followed, for then the API server
            asks for the right to that name alone.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.followed: list[str] = []
        self._without_endpoints = False

    def watch(self, path: str, *, name: str | None = None, **options: Any) -> MemoryWatch:
        """As any cluster."""
        self.followed.append(path if name is None else f"{path}/{name}")
        return super().watch(path, name=name, **options)

    def get(self, path: str, *, query: dict[str, str] | None = None) -> dict[str, Any]:
        """As any cluster."""
        answer = super().get(path, query=query)
        hidden = self._without_endpoints and parse(path).plural == _ENDPOINTS
        return {**answer, "items": []} if hidden else answer

    @contextmanager
    def without_endpoints(self) -> Iterator[None]:
        """Nobody answers for any service meanwhile."""
        self._without_endpoints = True
        try:
            yield
        finally:
            self._without_endpoints = False

    def asked(self) -> frozenset[kube.Right]:
        """The rights behind every call so far, each with its namespace and name."""
        calls = [one for one in self.calls if one[0] != "watch"]
        for path in self.followed:
            # a watch begins with a list
            calls += [("list", path), ("watch", path)]
        return frozenset(_right_of(verb, path) for verb, path in calls)

    def forget(self) -> None:
        """What was asked for so far is not of interest."""
        self.calls.clear()
        self.followed.clear()

    def lay(self, manifest: Mapping[str, Any]) -> None:
        """Put an object here without looking whether there is one below."""
        at = address_of(manifest, namespace=self.namespace)
        if self._shelf.objects.get(at.key) is None:
            self._shelf.load(at, manifest, manager="somebody")


class Rehearsal:
    """
    A release of one document, played on a copy of `cluster`.

    Args:
        target: The address, with its true namespace.
        make_router: Makes the router of the document for a cluster; it must act in that cluster
            alone. None: the router is left out.

    Raises:
        PluginError: The router cannot be loaded.
    """

    def __init__(
        self, document: Document, target: Target, cluster: Cluster, make_router: MakeRouter | None
    ) -> None:
        if document.managed is None:
            raise ValueError("only a managed workload is rehearsed")
        self.copy = Copy(base=cluster, namespace=cluster.namespace, patient=False)
        self.router = None if make_router is None else make_router(self.copy)
        self.workload = DeploymentWorkload(self.copy, document.managed, router=self.router)
        # a live driver's Lease must not be waited for, so a run's own objects get a place apart
        self._drivers = Copy(namespace=cluster.namespace, patient=False)
        self._document, self._managed, self._target = document, document.managed, target

    def first_deploy(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """The acts of a first deploy in order, each with the path that its faults belong to."""
        target, workload = self._target, self.workload
        yield "spec.targetRef", lambda: workload.prepare(target)
        self._make_ready()
        yield "spec.service", lambda: workload.point(target)
        yield "spec.service", lambda: self._shift(0)
        yield "spec.targetRef", lambda: workload.scale(target, up=False)
        yield "spec.targetRef", lambda: workload.mark(target)

    def start(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """The acts that bring the canary to its first weight, as `first_deploy`."""
        target = self._target
        yield "spec.targetRef", lambda: self.workload.scale(target, up=True)
        self._make_ready()
        if (weights := self._document.plan.weights) and not self._document.plan.skip_analysis:
            yield "spec.service", lambda: self._shift(weights[0])

    def rest(self) -> None:
        """
        Everything else that a run may ask of the cluster, so that its rights are known.

        What fails here says nothing about a real run, which meets other versions and states.
        """
        target, workload = self._target, self.workload
        self._give_without_endpoints()
        self._make_ready()
        _try(self._grow_primary)
        for number in range(_VERSIONS):
            self._change_target(number)
            _try(lambda: workload.scale(target, up=True))
        for weight in (*self._document.plan.weights[:2], 0):
            _try(functools.partial(self._shift, weight))
        _try(self._promote_in_another_process)
        _try(lambda: workload.scale(target, up=False))
        self.surround()

    def end(self) -> None:
        """What ends a run that another driver began, and nothing that was asked for before."""
        # something was raised, which is to be given back
        _try(self._grow_primary)
        _try(lambda: self.workload.scale(self._target, up=True))
        _try(self._drive)
        # somebody may have removed the Lease of a driver that is gone
        self._drivers.delete(lease_path(self._target, named=True))
        self.copy.forget()
        self._drivers.forget()
        _try(self._promote_in_another_process)
        self._give_without_endpoints()
        self._make_ready()
        _try(lambda: self.workload.scale(self._target, up=False))
        self.surround(begins=False)

    def surround(self, *, begins: bool = True) -> None:
        """
        What every run does around its acts: it looks on, goes home, and is the one driver.

        Args:
            begins: Whether a new run may begin, which puts the last one aside.
        """
        target, workload = self._target, self.workload
        soon = datetime.now(UTC) + timedelta(minutes=1)  # nothing here waits, so it is not reached
        for side in Side:
            _try(functools.partial(workload.readiness, target, side, soon))
        _try(lambda: workload.watch(target, lambda _: None).close())
        if (router := self.router) is not None:
            _try(lambda: router.current(target))
            _try(lambda: _put_fence(router, target))
            _try(lambda: router.reset(target))
        _try(lambda: workload.give_back(target))
        _try(self._drive)
        _try(self._drive)
        if begins:
            _try(lambda: self._drivers.store().keep(target, _RUN, "{}"))
            _try(lambda: self._drivers.store().keep(target, _RUN, "{}"))
        _try(self._meet_another_driver)

    def _grow_primary(self) -> None:
        """Until a release starts an autoscaler may have added replicas, which are kept up then."""
        primary = deepcopy(self.copy.get(self._deployment(self._managed.primary)))
        primary["spec"]["replicas"] = _MANY
        self.copy.put(primary)

    def _promote_in_another_process(self) -> None:
        """A driver that goes on after a crash remembers nothing, and asks for more."""
        other = DeploymentWorkload(self.copy, self._managed, router=self.router)
        other.promote(self._target, other.situation(self._target).revision)

    def writes(self) -> tuple[Write, ...]:
        """Writes that changed something, in order."""
        return tuple(one for one in self.copy.log if one.changed)

    def rights(self) -> tuple[Right, ...]:
        """The rights behind every call so far, sorted."""
        found = set()
        for verb, path in (*self.copy.calls, *self._drivers.calls):
            at = parse(path)
            resource = f"{at.plural}/{at.subresource}" if at.subresource else at.plural
            # a watch begins with a list, which a memory cluster does not need
            for each in ("list", "watch") if verb == "watch" else (verb,):
                found.add(Right(group=at.group, resource=resource, verb=each))
        return tuple(sorted(found, key=lambda right: (right.group, right.resource, right.verb)))

    def asked(self) -> frozenset[kube.Right]:
        """The same, each with its namespace and the name that was asked for."""
        return self.copy.asked() | self._drivers.asked()

    def _shift(self, canary: int) -> None:
        if self.router is not None:
            split = Split(canary=canary, total=self._document.plan.total)
            self.router.shift(self._target, split)

    def _drive(self) -> None:
        """What a driver keeps of its own: Lease, journal, inbox, Events; twice, made and found."""
        target, store = self._target, self._drivers.store()
        self._drivers.lock().holder(target)
        hold = self._drivers.lock().acquire(target, _RUN, lambda _: None)
        try:
            hold.renew()
            saved = store.load(target)
            version = store.save(target, "{}", None if saved is None else saved.version)
            store.save(target, '{"again": true}', version)
            self._drivers.inbox().watch(target, lambda _: None).close()
            KubernetesEvents(self._drivers).tell(_notification(target))
        finally:
            hold.close()

    def _meet_another_driver(self) -> None:
        """A Lease whose holder may be alive is watched before it is taken."""
        path = lease_path(self._target, named=True)
        held = deepcopy(self._drivers.get(path))
        held["spec"]["holderIdentity"] = "another run, elsewhere"
        self._drivers.put(held)
        self._drivers.lock().acquire(self._target, _RUN, lambda _: None).close()

    def _give_without_endpoints(self) -> None:
        """
        The services are asked as well where EndpointSlices do not tell all of them.

        Whether they do is a matter of the moment, and the rights of a run must not be.
        """
        with self.copy.without_endpoints():
            _try(lambda: self._shift(self._document.plan.total))

    def _make_ready(self) -> None:
        """In a run both sides are ready before they get traffic; here nobody makes them so."""
        for service in (self._target.primary, self._target.canary):
            self.copy.lay(ready_slice(service, self._target.namespace))

    def _deployment(self, name: str) -> str:
        return f"/apis/apps/v1/namespaces/{self._target.namespace}/deployments/{name}"

    def _change_target(self, number: int) -> None:
        target = self.copy.get(self._deployment(self._managed.name))
        changed = deepcopy(target)
        template = changed["spec"]["template"]
        template["metadata"] = {**(template.get("metadata") or {})}
        marks = template["metadata"].get("annotations") or {}
        template["metadata"]["annotations"] = {**marks, "progressive.dev/rehearsal": str(number)}
        self.copy.put(changed)


def router_of(document: Document | Traffic) -> MakeRouter | None:
    """
    Makes the document's router for a cluster.

    None: a router that may act elsewhere than in the copy, so it must not be rehearsed.

    Raises:
        PluginError: There is no such router.
    """
    from progressive import plugins
    from progressive._adapters.mesh.router import MeshRouter

    found = plugins.router(document.router)
    if isinstance(found, type) and issubclass(found, MeshRouter):
        # its subclasses know their codec
        return lambda cluster: found(cluster=cluster)  # type: ignore[call-arg]
    return None


def _try(act: Callable[[], object]) -> None:
    with suppress(AdapterError):
        act()


def rbac(rights: Sequence[Right]) -> list[dict[str, Any]]:
    """The rights as rules of a Role: resources of one group with the same verbs together."""
    verbs: dict[tuple[str, str], list[str]] = {}
    for right in rights:
        verbs.setdefault((right.group, right.resource), []).append(right.verb)
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (group, resource), allowed in verbs.items():
        together.setdefault((group, tuple(allowed)), []).append(resource)
    return [
        {"apiGroups": [group], "resources": resources, "verbs": list(allowed)}
        for (group, allowed), resources in together.items()
    ]


def _right_of(verb: str, path: str) -> kube.Right:
    """The right to do this with what is at this path."""
    at = parse(path)
    return kube.Right(
        namespace=at.namespace or "",
        group=at.group,
        resource=f"{at.plural}/{at.subresource}" if at.subresource else at.plural,
        verb=verb,
        name=at.name or "",
    )


def _put_fence(router: TrafficRouter, target: Target) -> None:
    if isinstance(router, FencedRouter):
        fence = Fence(token=f"{_RUN}/1", confirm=lambda: None)
        router.fence(target, fence, at_once=True)
        router.unfence(target)


def _notification(target: Target) -> Notification:
    return Notification(
        id=f"{_RUN}/0", at=datetime.now(UTC), kind="started", terminal=False, target=target
    )


def ready_slice(service: str, namespace: str) -> Mapping[str, Any]:
    """A ready endpoint of a service, as the endpoint slice controller would make it."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{service}-rehearsal",
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["192.0.2.1"], "conditions": {"ready": True}}],
        "ports": [],
    }
