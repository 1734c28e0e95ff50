"""Lets the real adapters act on a copy of the cluster, and watches what they do.

Floor 5. So a plan shows what a run would write, for nothing is derived a second time. The copy
lies over the cluster: it is read, and never written. Asked by `plan.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from progressive._adapters.cluster.address import parse
from progressive._adapters.cluster.memory import MemoryCluster, Write
from progressive._adapters.workload import DeploymentWorkload
from progressive._model.release import Document
from progressive._model.traffic import Side, Split, Target
from progressive.errors import AdapterError
from progressive.ports import Cluster, TrafficRouter

MakeRouter = Callable[[Cluster], TrafficRouter]

_RUN = "rehearsal"


@frozen(kw_only=True)
class Rule:
    """One right: what may be done with which resource."""

    group: str
    resource: str
    verb: str


class Rehearsal:
    """
    A release of one document, played on a copy of `cluster`.

    Args:
        target: The address, with its true namespace.
        make_router: Makes the router of the document for a cluster.

    Raises:
        PluginError: The router cannot be loaded.
    """

    def __init__(
        self, document: Document, target: Target, cluster: Cluster, make_router: MakeRouter
    ) -> None:
        if document.managed is None:
            raise ValueError("only a managed workload is rehearsed")
        self.copy = MemoryCluster(base=cluster, namespace=cluster.namespace, patient=False)
        self.router = make_router(self.copy)
        self.workload = DeploymentWorkload(self.copy, document.managed, router=self.router)
        self._document, self._managed, self._target = document, document.managed, target

    def first_deploy(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """The acts of a first deploy in order, each with the path that its faults belong to."""
        target, workload = self._target, self.workload
        yield "spec.targetRef", lambda: workload.prepare(target)
        self._make_ready()
        yield "spec.service", lambda: workload.point(target)
        yield "spec.service", lambda: self.router.shift(target, self._split(0))
        yield "spec.targetRef", lambda: workload.scale(target, up=False)
        yield "spec.targetRef", lambda: workload.mark(target)

    def start(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """The acts that bring the canary to its first weight, as `first_deploy`."""
        target = self._target
        yield "spec.targetRef", lambda: self.workload.scale(target, up=True)
        self._make_ready()
        if (weights := self._document.plan.weights) and not self._document.plan.skip_analysis:
            yield "spec.service", lambda: self.router.shift(target, self._split(weights[0]))

    def rest(self) -> None:
        """
        Everything else that a run may ask of the cluster, so that its rights are known.

        What fails here says nothing about a real run, which meets other versions and states.
        """
        target, workload = self._target, self.workload
        now = datetime.now(UTC)
        self._change_target()
        for act in (
            lambda: workload.situation(target),
            lambda: workload.scale(target, up=True),
            lambda: workload.readiness(target, Side.CANARY, now),
            lambda: workload.readiness(target, Side.PRIMARY, now),
            lambda: workload.watch(target, lambda _: None).close(),
            *(
                (lambda weight=weight: self.router.shift(target, self._split(weight)))  # type: ignore[misc]
                for weight in (*self._document.plan.weights[:2], 0)
            ),
            lambda: self.router.current(target),
            lambda: workload.promote(target, workload.situation(target).revision),
            lambda: self.router.reset(target),
            lambda: workload.scale(target, up=False),
            self._save_and_lock,
        ):
            with suppress(AdapterError):
                act()

    def writes(self) -> tuple[Write, ...]:
        """Writes that changed something, in order."""
        return tuple(one for one in self.copy.log if one.changed)

    def rules(self) -> tuple[Rule, ...]:
        """The rights behind every call so far, sorted."""
        found = set()
        for verb, path in self.copy.calls:
            at = parse(path)
            resource = f"{at.plural}/{at.subresource}" if at.subresource else at.plural
            # a watch begins with a list, which a memory cluster does not need
            for each in ("list", "watch") if verb == "watch" else (verb,):
                found.add(Rule(group=at.group, resource=resource, verb=each))
        return tuple(sorted(found, key=lambda rule: (rule.group, rule.resource, rule.verb)))

    def _split(self, canary: int) -> Split:
        return Split(canary=canary, total=self._document.plan.total)

    def _save_and_lock(self) -> None:
        target, store = self._target, self.copy.store()
        hold = self.copy.lock().acquire(target, _RUN, lambda _: None)
        try:
            saved = store.load(target)
            version = store.save(target, "{}", None if saved is None else saved.version)
            store.save(target, '{"again": true}', version)
            inbox = self.copy.inbox()
            inbox.watch(target, lambda _: None).close()
        finally:
            hold.close()

    def _make_ready(self) -> None:
        """In a run both sides are ready before they get traffic; here nobody makes them so."""
        for service in (self._target.primary, self._target.canary):
            self.copy.put(_ready_slice(service, self._target.namespace))

    def _change_target(self) -> None:
        target = self.workload.cluster.get(
            f"/apis/apps/v1/namespaces/{self._target.namespace}/deployments/{self._managed.name}"
        )
        changed = deepcopy(target)
        template = changed["spec"]["template"]
        template["metadata"] = {**(template.get("metadata") or {})}
        marks = template["metadata"].get("annotations") or {}
        template["metadata"]["annotations"] = {**marks, "progressive.dev/rehearsal": "true"}
        self.copy.put(changed)


def rbac(rules: Sequence[Rule]) -> list[dict[str, Any]]:
    """The rights as rules of a Role: resources of one group with the same verbs together."""
    verbs: dict[tuple[str, str], list[str]] = {}
    for rule in rules:
        verbs.setdefault((rule.group, rule.resource), []).append(rule.verb)
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (group, resource), allowed in verbs.items():
        together.setdefault((group, tuple(allowed)), []).append(resource)
    return [
        {"apiGroups": [group], "resources": resources, "verbs": list(allowed)}
        for (group, allowed), resources in together.items()
    ]


def _ready_slice(service: str, namespace: str) -> Mapping[str, Any]:
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
