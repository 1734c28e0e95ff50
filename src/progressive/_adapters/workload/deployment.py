"""Keeps the two copies of a Deployment: the target, which is the canary, and its primary.

Floor 4. Implements `ports.Workload`; every method can be repeated after a crash, and writes
nothing when things are as they should be. What the objects look like is decided in `_kube/`.

A primary carries one of two marks. ``progressive.dev/made-from`` while its first deploy is under
way: then it follows the target, for a first deploy whose image was wrong must be mendable. Once
that is complete ``progressive.dev/revision``: then its template changes by promotion alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from progressive._adapters.workload import templates
from progressive._adapters.workload.asking import STALE, Asking
from progressive._adapters.workload.capacity import PrimaryFloor
from progressive._adapters.workload.following import TargetWatch
from progressive._adapters.workload.imaging import write_images
from progressive._adapters.workload.making import FirstDeploy, write_primary
from progressive._adapters.workload.objects import (
    Document,
    again,
    again_unless_changed,
    annotated,
    at_version,
    deployment_path,
    existing,
    find,
    refusals,
    refused,
)
from progressive._adapters.workload.others import autoscalers, owner, refuse_autoscaler
from progressive._adapters.workload.recent import Recent
from progressive._adapters.workload.replicas import Replicas
from progressive._kube.marks import MADE_FROM, REVISION, annotation, named
from progressive._kube.workload.cautions import cautions
from progressive._kube.workload.images import images_of
from progressive._kube.workload.primary import (
    primary_template,
    runs,
    selector_of,
    selector_of_primary,
)
from progressive._kube.workload.revision import revision_of, same
from progressive._model.events import Situation
from progressive._model.release import Managed
from progressive._model.traffic import Side, Target
from progressive.errors import ClusterError, ErrorKind, SpecError
from progressive.ports import Asked, Closeable, Cluster, Fence, Tell


def _utc_now() -> datetime:
    return datetime.now(UTC)


class DeploymentWorkload:
    """
    A Deployment that a release manages.

    Args:
        cluster: Where it is.
        managed: What the document says of it.
        router: Asked to make its route when the services are pointed, if it can (`RouteMaker`).
        clock: The present instant, aware.
        stale: How long a progress deadline must stand as exceeded to be believed.

    Raises:
        SpecError: The target is no Deployment.
    """

    def __init__(
        self,
        cluster: Cluster,
        managed: Managed,
        *,
        router: object | None = None,
        clock: Callable[[], datetime] = _utc_now,
        stale: timedelta = STALE,
    ) -> None:
        if (managed.api_version, managed.kind) != ("apps/v1", "Deployment"):
            kind = f"{managed.kind} of {managed.api_version}"
            raise SpecError(
                "spec.targetRef", f"{kind} is not supported yet; Deployment apps/v1 is"
            )
        self.cluster, self.managed, self.router = cluster, managed, router
        self._now = clock
        self._known: dict[Target, str] = {}
        self._recent = Recent(clock)
        self._asking = Asking(cluster, managed, recent=self._recent, stale=stale, now=clock)
        self._kept_here: dict[tuple[Target, str], Mapping[str, Any]] = {}
        self._followed: dict[Target, TargetWatch] = {}
        self._written: dict[Target, int] = {}
        self._primaries: dict[Target, Document] = {}
        self._floors: dict[Target, PrimaryFloor] = {}
        self._replicas = Replicas(cluster)
        self._uids: dict[Target, str] = {}

    def fence(self, target: Target, fence: Fence) -> None:
        """From now on nothing is scaled or promoted for a driver that has lost the target."""
        self._replicas.fence(target, fence)

    # looking

    def situation(self, target: Target) -> Situation:
        """
        How things stand; refuses what a release must not touch.

        Raises:
            ClusterError: Kind ``not-found``: the target does not exist; ``invalid``: it has no
                label that tells the sides apart, an autoscaler scales it, or a Deployment that
                nobody released stands in the place of the primary.
            ForeignController: A Canary of Flagger drives it and is not suspended.
        """
        deployment = self._recent.take(self._target_path(target)) or self._target(target)
        self._replicas.found(target, deployment)
        listed = refuse_autoscaler(self.cluster, deployment)
        self._floors[target] = self._floor_of(target, listed)
        self._uids[target] = str(deployment["metadata"].get("uid", ""))
        first = self._first_deploy(deployment)
        primary = self._primary(target)
        if primary is not None:
            first.accept(primary)
            self._recent.note(self._primary_path(target), primary)
        self._recent.note(self._target_path(target), deployment)
        revision = revision_of(deployment)
        self._known[target] = revision
        promoted = None if primary is None else annotation(primary, REVISION)
        images = images_of(deployment)
        return Situation(revision=revision, promoted=promoted, images=images)

    def warnings(self, target: Target, *, drain: timedelta | None = None) -> tuple[str, ...]:
        """What a user should know about the target, a sentence each; `drain` as in `Plan`."""
        deployment = self._target(target)
        with refusals():
            return cautions(deployment, selector=selector_of(deployment), drain=drain)

    def readiness(self, target: Target, side: Side, until: datetime) -> Asked:
        """
        Whether a side is ready; waits until `until`, and answers as soon as it is or never will.

        A side that does not exist is waited for, too. Whether its service has an endpoint is the
        router's question.
        """
        watch, written = self._followed.get(target), self._written.get(target, 0)
        return self._asking.readiness(target, side, until, watch=watch, written=written)

    def watch(self, target: Target, tell: Tell) -> Closeable:
        """
        Tell `TargetMoved` whenever the target's template changes, until closed.

        Starts from what `situation` answered last; without that, from what is there now. While it
        lasts, `readiness` of the canary is answered from it.
        """
        watch = self._followed[target] = TargetWatch(
            self.cluster,
            namespace=target.namespace,
            name=self.managed.name,
            known=self._known.get(target),
            tell=tell,
            now=self._now,
            begin=self._recent.find(self._target_path(target)),
        )
        return watch

    # first deploy

    def prepare(self, target: Target) -> None:
        """
        Make the primary from the target, and the services of both sides, where absent.

        A primary whose first deploy is not complete gets the target's present template.

        Raises:
            ClusterError: Kind ``invalid``: something stands there that is not ours and not right.
        """
        first = self._first_deploy(self._target(target))
        again(first.make_primary)
        again(lambda: first.make_service("primary"))
        again(lambda: first.make_service("canary"))

    def point(self, target: Target) -> None:
        """
        Point the apex service at the primary, and make the routing object where absent.

        Of a service that exists nothing but the selector changes.
        """
        first = self._first_deploy(self._target(target))
        again(first.point_apex)
        establish = getattr(self.router, "establish", None)
        if callable(establish):
            establish(target, self.managed.service, first.owner)

    def mark(self, target: Target) -> None:
        """Write on the primary which revision it runs: the first deploy is complete."""

        def write() -> None:
            primary = self._existing_primary(target)
            if annotation(primary, REVISION):
                return
            deployment = self._target(target)
            with refusals():
                ran = runs(primary, deployment, selector_of(deployment))
            marks = annotated(primary, {REVISION: ran, MADE_FROM: None})
            self.cluster.json_patch(self._primary_path(target), at_version(primary, marks))

        again(write)

    # a release

    def scale(self, target: Target, *, up: bool) -> None:
        """
        Scale the canary to the primary's present replicas (at least 1), or to zero.

        Never under the minimum of an autoscaler of the primary, which itself may not go below
        those replicas from here on (L25). Before the canary comes up its template is stored, for
        `promote`. A target that is not there any more is at zero.
        """
        if not up:
            self._scale_down(target)
            return
        path = self._target_path(target)
        deployment = self._recent.take(path) or self._target(target)
        self._replicas.refuse_late(target, deployment)
        primary = self._recent.take(self._primary_path(target)) or self._existing_primary(target)
        self._primaries[target] = primary
        templates.keep(self.cluster, deployment, primary)
        self._kept_here = {(target, revision_of(deployment)): templates.kept_of(deployment)}
        floor, stable = self._floor(target), int(primary["spec"].get("replicas", 1))
        wanted = max(1, stable, floor.minimum)
        floor.raise_to(stable)
        self._set_replicas(target, deployment, wanted)

    def promote(self, target: Target, revision: str) -> None:
        """
        Copy the template of `revision` to the primary, in one patch with its hash.

        Its replicas stay: they are an autoscaler's, or a person's. The target is asked only when
        the stored template is gone, and in a repair whose primary is scaled by itself.

        Raises:
            ClusterError: Kind ``not-found``: no primary, or nobody has that template any more.
        """
        self._keep_up_for_return(target)
        early = self._primaries.pop(target, None)

        def write(primary: Document) -> None:
            kept = self._kept(target, revision)
            selector = selector_of_primary(primary)
            if selector is None:
                raise refused(f"{named('Deployment', primary)} does not select as a primary does")
            template = primary_template(kept["template"], selector)
            if annotation(primary, REVISION) == revision and same(
                primary["spec"]["template"], template
            ):
                return
            if early is None:
                # read just now, perhaps by a driver that slept: what it wants may be old
                self._replicas.refuse_late(target)
            written = write_primary(
                self.cluster,
                primary,
                template=template,
                rollout=kept.get("rollout") or {},
                marks={REVISION: revision, MADE_FROM: None},
            )
            self._recent.note(self._primary_path(target), written)

        again_unless_changed(
            lambda: self._existing_primary(target),
            write,
            # its patch tests the version, so a reading of the start is as good as a fresh one
            first=early,
            part=lambda one: (annotation(one, REVISION), one["spec"]["template"]),
        )

    def give_back(self, target: Target) -> None:
        """
        Give back what was raised for the run alone: the minimum of the primary's autoscalers.

        In a hurry, one short attempt for each: whoever calls says when to try again.

        Raises:
            ClusterError: It cannot be given back now.
        """
        self._floor(target).give_back()

    def reference(self, target: Target) -> dict[str, Any]:
        """The target's Deployment as Events name it; with its uid once it was looked at."""
        known = {"uid": uid} if (uid := self._uids.get(target)) else {}
        return {
            "apiVersion": self.managed.api_version,
            "kind": self.managed.kind,
            "namespace": target.namespace,
            "name": self.managed.name,
            **known,
        }

    def set_images(self, target: Target, images: Mapping[str, str]) -> bool:
        """
        Set images of the target's containers (init containers, too), in one patch.

        Args:
            images: Container → image reference.

        Returns:
            Whether anything changed.

        Raises:
            SpecError: A container that the target does not have; the message names those it has.
            ClusterError: Kind ``lost``: another driver has the target.
        """
        path, read = self._target_path(target), partial(self._target, target)
        written = write_images(self.cluster, target, images, read, self._replicas)
        if written is not None:
            self._recent.note(path, written)
        return written is not None

    # below

    def _floor(self, target: Target) -> PrimaryFloor:
        if target not in self._floors:
            listed = autoscalers(self.cluster, target.namespace)
            self._floors[target] = self._floor_of(target, listed)
        return self._floors[target]

    def _floor_of(self, target: Target, listed: tuple[Document, ...]) -> PrimaryFloor:
        primary, turn = self.managed.primary, self._replicas
        return PrimaryFloor(self.cluster, listed, target=target, primary=primary, turn=turn)

    def _keep_up_for_return(self, target: Target) -> None:
        """A repair finds all traffic on the canary: the primary has to take so much again."""
        floor = self._floors.get(target)
        if floor is None or floor.holds:
            return
        sides = (find(self.cluster, self._target_path(target)), self._primary(target))
        floor.raise_to(max(int(one["spec"].get("replicas", 1)) for one in sides if one))

    def _scale_down(self, target: Target) -> None:
        watch = self._followed.get(target)
        shown = watch and watch.latest(generation=self._written.get(target, 0))
        if not shown or int(shown["spec"].get("replicas", 1)) == 0:
            # a watch may be late, so it is not believed that there is nothing to do
            shown = find(self.cluster, self._target_path(target))
        if shown is not None:
            self._replicas.refuse_late(target, shown)
            self._set_replicas(target, shown, 0)

    def _set_replicas(self, target: Target, shown: Document, wanted: int) -> None:
        path = self._target_path(target)
        written = self._replicas.set(target, path, shown, wanted, lambda: self._target(target))
        self._written[target] = written or self._written.get(target, 0)

    def _target_path(self, target: Target) -> str:
        return deployment_path(target.namespace, self.managed.name)

    def _primary_path(self, target: Target) -> str:
        return deployment_path(target.namespace, self.managed.primary)

    def _target(self, target: Target) -> Document:
        name = f"Deployment {target.namespace}/{self.managed.name}"
        return existing(self.cluster, self._target_path(target), name)

    def _primary(self, target: Target) -> Document | None:
        return find(self.cluster, self._primary_path(target))

    def _existing_primary(self, target: Target) -> Document:
        name = f"the primary {target.namespace}/{self.managed.primary}"
        return existing(self.cluster, self._primary_path(target), name)

    def _kept(self, target: Target, revision: str) -> Mapping[str, Any]:
        kept = self._kept_here.get((target, revision)) or templates.recall(
            self.cluster, target.namespace, self.managed.name, revision
        )
        if kept is not None:
            return kept
        deployment = self._target(target)
        if revision_of(deployment) == revision:
            return templates.kept_of(deployment)
        raise ClusterError(
            f"the template of revision {revision} is not kept any more, and "
            f"{named('Deployment', deployment)} has {revision_of(deployment)} by now; "
            "start the release again",
            ErrorKind.NOT_FOUND,
        )

    def _first_deploy(self, deployment: Document) -> FirstDeploy:
        with refusals():
            selector = selector_of(deployment)
        return FirstDeploy(
            cluster=self.cluster,
            managed=self.managed,
            target=deployment,
            selector=selector,
            owner=owner(self.cluster, deployment),
        )
