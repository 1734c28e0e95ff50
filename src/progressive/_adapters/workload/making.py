"""Makes what a first deploy needs: the primary, and the services of both sides.

Floor 4. Used by `deployment.py`. What is there and right is left alone; what is there, wrong and
somebody else's is refused, and nothing is overwritten.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from progressive._adapters.workload.objects import (
    Document,
    annotated,
    at_version,
    create_or_read,
    deployment_path,
    find,
    refusals,
    refused,
    service_path,
)
from progressive._kube.marks import MADE_FROM, REVISION, annotation, is_flaggers, is_ours, named
from progressive._kube.workload.primary import (
    Selector,
    primary_deployment,
    primary_template,
    rollout_settings,
    runs_the_target,
    selects_as_ours,
)
from progressive._kube.workload.revision import revision_of, same
from progressive._kube.workload.services import (
    corrections,
    pointing,
    selected_by,
    service_manifest,
)
from progressive._model.release import Managed
from progressive.ports import Cluster


@frozen(kw_only=True)
class FirstDeploy:
    """
    What everything that a first deploy makes is derived from.

    Attributes:
        target: The Deployment as it was read.
        selector: How its pods are told from the primary's.
        owner: Reference to whom the made objects go with.
    """

    cluster: Cluster
    managed: Managed
    target: Document
    selector: Selector
    owner: Mapping[str, Any]

    @property
    def namespace(self) -> str:
        """The namespace of all that is made: the target's."""
        return str(self.target["metadata"].get("namespace", "default"))

    def make_primary(self) -> None:
        """
        Make the primary, or bring one whose first deploy is not complete to the target's template.

        Raises:
            ClusterError: Kind ``invalid``, as `accept`.
        """
        found = find(self.cluster, deployment_path(self.namespace, self.managed.primary))
        if found is None:
            wanted = primary_deployment(
                self.target, name=self.managed.primary, selector=self.selector, owner=self.owner
            )
            found, made = create_or_read(self.cluster, wanted)
            if made:
                return
        self.accept(found)
        made_from = annotation(found, MADE_FROM)
        if annotation(found, REVISION) or made_from in (None, revision_of(self.target)):
            return
        write_primary(
            self.cluster,
            found,
            template=primary_template(self.target["spec"]["template"], self.selector),
            rollout=rollout_settings(self.target),
            marks={MADE_FROM: revision_of(self.target)},
        )

    def accept(self, primary: Document) -> None:
        """
        Refuse to send traffic to a Deployment that only has the name of a primary.

        Accepted is what a release or Flagger made, and, by whomever it was made, what runs the
        target's own template or serves the apex already.

        Raises:
            ClusterError: Kind ``invalid``, saying what to do.
        """
        who, of = named("Deployment", primary), named("Deployment", self.target)
        wanted = self.selector.of_primary
        if not selects_as_ours(primary, self.selector):
            raise refused(
                f"{who} exists and selects other pods than a primary of {of} would "
                f"({self.selector.label}={self.selector.primary}); rename or delete it"
            )
        known = is_ours(primary) or is_flaggers(primary) or annotation(primary, REVISION)
        if known or runs_the_target(primary, self.target, self.selector):
            return
        apex = find(self.cluster, service_path(self.namespace, self.managed.service.name))
        if apex is None or not same((apex.get("spec") or {}).get("selector"), wanted):
            raise refused(
                f"{who} exists, was made by somebody else, runs another template than {of}, and "
                f"serves nobody; delete it, or point the service {self.managed.service.name} at "
                "it if it is the stable version"
            )

    def make_service(self, role: str) -> None:
        """
        Make the service of a side (``primary`` or ``canary``), or correct one of ours.

        Raises:
            ClusterError: Kind ``invalid``: one of somebody else's selects other pods.
        """
        wanted = self._service(role)
        path = service_path(self.namespace, wanted["metadata"]["name"])
        found = find(self.cluster, path)
        if found is None:
            found, made = create_or_read(self.cluster, wanted)
            if made:
                return
        if is_ours(found) or is_flaggers(found):
            if patch := corrections(found, wanted):
                self.cluster.json_patch(path, patch)
        elif not same(found["spec"].get("selector"), selected_by(role, self.selector)):
            raise refused(
                f"{named('Service', found)} exists, was made by somebody else, and selects other "
                f"pods than those of the {role}; rename or delete it, or name another service in "
                "the document"
            )

    def point_apex(self) -> None:
        """
        Make the apex service, or point the one that is there at the primary.

        Raises:
            ClusterError: Kind ``invalid``: it has no selector.
        """
        path = service_path(self.namespace, self.managed.service.name)
        found = find(self.cluster, path)
        if found is None:
            found, _ = create_or_read(self.cluster, self._service("apex"))
        with refusals():
            patch = pointing(found, self.selector)
        if patch:
            self.cluster.json_patch(path, patch)

    def _service(self, role: str) -> Document:
        with refusals():
            return service_manifest(
                role,
                service=self.managed.service,
                target=self.target,
                selector=self.selector,
                owner=self.owner,
            )


def write_primary(
    cluster: Cluster,
    primary: Document,
    *,
    template: Mapping[str, Any],
    rollout: Mapping[str, Any],
    marks: dict[str, str | None],
) -> Document:
    """
    Template, settings and marks of a primary in one patch of the version that was read.

    Returns:
        The primary as it is then.
    """
    changes = [
        {"op": "add", "path": f"/spec/{key}", "value": value}
        for key, value in (*rollout.items(), ("template", template))
        if not same(primary["spec"].get(key), value)
    ]
    meta = primary["metadata"]
    path = deployment_path(meta.get("namespace", "default"), meta["name"])
    return cluster.json_patch(path, at_version(primary, *changes, annotated(primary, marks)))
