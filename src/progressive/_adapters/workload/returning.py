"""Gives a target its replicas and its services back; the inverse of `making.py`.

Floor 4. Every step can be repeated after a crash: each is worked out from what the cluster shows,
and writes nothing where it is done. `_release/outside/detach.py` says in which order.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from progressive._adapters.workload import templates
from progressive._adapters.workload.endpoints import ready_addresses
from progressive._adapters.workload.objects import (
    Document,
    again,
    annotated,
    at_version,
    deployment_path,
    find,
    refusals,
    refused,
    service_path,
)
from progressive._adapters.workload.others import owner
from progressive._kube.marks import (
    DRIVER,
    MADE_FROM,
    REVISION,
    annotation,
    is_flaggers,
    is_ours,
    named,
)
from progressive._kube.workload.giving_back import pointed_back, side_at_target
from progressive._kube.workload.primary import Selector, runs, selector_of
from progressive._kube.workload.revision import revision_of, same
from progressive._model.release import Managed
from progressive.errors import ClusterError, ErrorKind
from progressive.ports import Cluster


@frozen(kw_only=True)
class Return:
    """
    What a target that is not released any more is given back.

    Attributes:
        selector: How its pods are told from the primary's.
    """

    cluster: Cluster
    managed: Managed
    namespace: str
    selector: Selector

    @classmethod
    def of(cls, cluster: Cluster, managed: Managed, namespace: str) -> Return:
        """
        For the target as it is now.

        Raises:
            ClusterError: Kind ``not-found``: there is no target to give anything to.
            ForeignController: A Canary of Flagger drives it and is not suspended.
        """
        target = find(cluster, deployment_path(namespace, managed.name))
        if target is None:
            raise ClusterError(
                f"Deployment {namespace}/{managed.name} does not exist, so there is nobody to "
                "hand the traffic to: make it again, or delete the primary and its services "
                "yourself",
                ErrorKind.NOT_FOUND,
            )
        owner(cluster, target)
        with refusals():
            selector = selector_of(target)
        return cls(cluster=cluster, managed=managed, namespace=namespace, selector=selector)

    # looking

    def refuse_untested(self) -> None:
        """
        Refuse to hand traffic to a template that was never promoted.

        Raises:
            ClusterError: Kind ``invalid``, with the ways out.
        """
        target, primary = self._target(), self._primary()
        if primary is None:
            return
        promoted = annotation(primary, REVISION) or runs(primary, target, self.selector)
        if revision_of(target) != promoted:
            raise refused(
                f"{named('Deployment', target)} has the template {revision_of(target)}, and the "
                f"users are served by {promoted}: they would get what nobody has analysed. "
                "Either release it first ('progressive run'), or put the target back to what the "
                "primary runs, and detach then"
            )

    def is_handed_over(self) -> bool:
        """Whether users are served by the target already, by a hand-over that died."""
        apex = self._service(self._names()["apex"])
        return apex is None or not same(apex["spec"].get("selector"), self.selector.of_primary)

    def not_served(self) -> str:
        """Why the apex is not served by the target's pods alone yet; empty: it is."""
        target = self._target()
        wanted = max(1, int((target.get("status") or {}).get("availableReplicas", 0)))
        names = self._names()
        apex, theirs = self._ready(names["apex"]), None
        if not apex:
            return f"the service {names['apex']} has no ready endpoint yet"
        if self._service(names["canary"]) is not None:
            theirs = self._ready(names["canary"])  # it selects the target's pods, and always did
            if len(theirs) < wanted:
                return f"{len(theirs)} of {wanted} pods are endpoints of {names['canary']} yet"
            if not theirs & apex:
                return f"the service {names['apex']} is not served by the target's pods yet"
        side = self._service(names["primary"])
        if side is not None and theirs is not None and self._ready(names["primary"]) != theirs:
            return f"the service {names['primary']} is not served by the target's pods yet"
        return ""

    # steps

    def scale_up(self) -> int:
        """
        Give the target the primary's present replicas, if it has less, and take the mark of its
        last driver away; how many it has.
        """

        def write() -> int:
            target, primary = self._target(), self._primary()
            has = int(target["spec"].get("replicas", 1))
            wanted = max(1, has, 0 if primary is None else int(primary["spec"].get("replicas", 1)))
            changes: list[Document] = []
            if wanted > has:
                changes.append({"op": "add", "path": "/spec/replicas", "value": wanted})
            if annotation(target, DRIVER):
                changes.append(annotated(target, {DRIVER: None}))
            if changes:
                path = deployment_path(self.namespace, self.managed.name)
                self.cluster.json_patch(path, at_version(target, *changes))
            return wanted

        return again(write)

    def unmark(self) -> None:
        """
        Take the mark of a complete first deploy from the primary.

        Should we die from here on, a run begins with a first deploy, which points everything at
        the primary again.
        """

        def write() -> None:
            primary = self._primary()
            if primary is not None and (ran := annotation(primary, REVISION)):
                marks = annotated(primary, {REVISION: None, MADE_FROM: ran})
                path = deployment_path(self.namespace, self.managed.primary)
                self.cluster.json_patch(path, at_version(primary, marks))

        again(write)

    def point_back(self) -> None:
        """Let the apex, and the service of the primary, serve the target's pods."""
        names = self._names()

        def write() -> None:
            for role, derive in (("apex", pointed_back), ("primary", side_at_target)):
                found = self._service(names[role])
                if found is not None and (patch := derive(found, self.selector)):
                    self.cluster.json_patch(service_path(self.namespace, names[role]), patch)
            canary = self._service(names["canary"])
            if canary is not None and (patch := side_at_target(canary, self.selector)):
                self.cluster.json_patch(service_path(self.namespace, names["canary"]), patch)

        again(write)

    def remove_services(self) -> Iterator[str]:
        """Remove the services of both sides, if a release made them; names what is removed."""
        names = self._names()
        for role in ("primary", "canary"):
            found = self._service(names[role])
            if found is not None and _made(found):
                self.cluster.delete(service_path(self.namespace, names[role]))
                yield named("Service", found)

    def remove_primary(self) -> Iterator[str]:
        """
        Remove the primary and the templates that were kept for it; names what is removed.

        A primary that somebody else made keeps running, without our marks.
        """
        primary = self._primary()
        if primary is None:
            return
        templates.forget(self.cluster, primary)
        path = deployment_path(self.namespace, self.managed.primary)
        if _made(primary):
            self.cluster.delete(path)
            yield named("Deployment", primary)
            return

        def write() -> None:
            found = self._primary()
            if found is not None and (annotation(found, MADE_FROM) or annotation(found, REVISION)):
                marks = annotated(found, {REVISION: None, MADE_FROM: None})
                self.cluster.json_patch(path, at_version(found, marks))

        again(write)

    # below

    def _names(self) -> dict[str, str]:
        apex = self.managed.service.name
        return {"apex": apex, "primary": f"{apex}-primary", "canary": f"{apex}-canary"}

    def _ready(self, service: str) -> frozenset[str]:
        return ready_addresses(self.cluster, self.namespace, service)

    def _service(self, name: str) -> Document | None:
        return find(self.cluster, service_path(self.namespace, name))

    def _primary(self) -> Document | None:
        return find(self.cluster, deployment_path(self.namespace, self.managed.primary))

    def _target(self) -> Document:
        return self.cluster.get(deployment_path(self.namespace, self.managed.name))


def _made(found: Document) -> bool:
    return is_ours(found) or is_flaggers(found)
