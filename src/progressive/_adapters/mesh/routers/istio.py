"""The Istio router: VirtualServices in a cluster, and the labels of DestinationRules.

Floor 4: touches a cluster. Reading and writing of weights is `../router.py`; what to write is
`_mesh/istio/`; whether proxies follow is `istiod.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from progressive._adapters.mesh.objects import refused
from progressive._adapters.mesh.router import MeshRouter
from progressive._adapters.mesh.routers.istiod import IstiodAcceptance
from progressive._adapters.mesh.settings import Settings
from progressive._adapters.mesh.undo import restoration
from progressive._adapters.mesh.writes import TRIES
from progressive._mesh.codec import (
    Manifest,
    ObjectPatch,
    Operation,
    ResourceRef,
    ref_of,
    version_test,
)
from progressive._mesh.istio import subsets
from progressive._mesh.istio.codec import IstioCodec
from progressive._mesh.istio.make import subset_route
from progressive._model.traffic import Side, Target
from progressive.errors import ClusterError, Conflict, PreflightFailed, RouterError
from progressive.ports import Cluster


class IstioRouter(MeshRouter):
    """
    Moves weights in Istio's VirtualServices.

    Done has three levels: stored (every call), accepted (with `istiod`), in effect (asked by
    `in_effect`, with `proof`).

    Args:
        cluster: None: the cluster that kubectl would speak to, found at first use.
        istiod: Address of istiod's debug port, such as ``http://istiod.istio-system:15014``;
            after each shift its word is waited for, for at most 10 s. None: not asked.
        settings: `proof`, `offline`, `now` and `pause`, as of `MeshRouter`.
    """

    def __init__(
        self,
        cluster: Cluster | None = None,
        *,
        istiod: str | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(IstioCodec(), cluster, **settings)
        if istiod:
            self._acceptance = IstiodAcceptance(istiod, pause=self._pause)

    def made_up(self, target: Target) -> Sequence[list[dict[str, Any]]]:
        """A route of subset style, which people make, for a rehearsal of what a release asks."""
        return ([] if target.subsets is None else [subset_route(target)],)

    def label_subset(self, target: Target, side: Side, labels: Mapping[str, str | None]) -> bool:
        """
        Give the subset of a side labels, in the DestinationRule of the apex; for subset style.

        On the way in labels come first: this waits until proxies have them, so that the weight
        may follow at once. On the way out the weight leaves first: a side that has weight, or had
        it until less than the settling time ago, keeps its labels. The weight is read again once
        the labels are written, and they are put back where somebody gave the side users meanwhile.

        Args:
            labels: Name → value; None takes a label away. Other labels and policies stay.

        Returns:
            Whether anything was written.

        Raises:
            PreflightFailed: The side has weight, so its pods must not be changed under it.
            RouterError: There is no such subset, or the API cannot be read or written.
        """
        for _ in range(TRIES):
            known = self._objects.around(target)
            one = subsets.label(known, target, side, labels)
            if one is None:
                return False
            self._require_idle(target, side)
            if self._wait_until_settled(target):
                self._require_idle(target, side)
            written = self._labelled(one)
            if written is None:
                continue
            # what was read around the route is old now
            self._objects.forget(target)
            before = next(each for each in known if ref_of(each, target) == one.ref)
            self._require_still_idle(target, side, written, before)
            self._pause(self.capabilities.settle.total_seconds())
            return True
        words = f"given up after {TRIES} tries: its DestinationRule is written all the time"
        raise Conflict(f"{target}: {words}")

    def _require_idle(self, target: Target, side: Side) -> None:
        observed = self.current(target)
        weight = observed.canary if side is Side.CANARY else observed.total - observed.canary
        if weight > 0:
            raise PreflightFailed(
                f"{target}: the subset {subsets.name_of(side, target)} ({side}) has weight "
                f"{weight} of {observed.total}; send its traffic away before its labels change"
            )

    def _require_still_idle(
        self, target: Target, side: Side, written: Manifest, before: Manifest
    ) -> None:
        """The route is another object: who moves it meanwhile must find the labels of before."""
        try:
            self._require_idle(target, side)
        except RouterError as error:
            ref = ref_of(written, target)
            try:
                self._patch_rule(ref, [*version_test(written), *restoration(written, before)])
                told = f"{ref} is put back"
            except ClusterError as refusal:
                told = f"{ref} has the new labels and could not be put back ({refusal})"
                error.unsettled = True
            error.message = f"{error.message}; it was so after the labels were written; {told}"
            error.args = (error.message, *error.args[1:])
            raise

    def _labelled(self, one: ObjectPatch) -> Manifest | None:
        """The rule as it was written; None: somebody else wrote since it was planned."""
        try:
            answer = self._patch_rule(one.ref, list(one.patch))
        except ClusterError as error:
            wrong = refused(error, f"label {one.ref}")
            if isinstance(wrong, Conflict):
                return None
            raise wrong from error
        return {"apiVersion": one.ref.api_version, "kind": one.ref.kind, **answer}

    def _patch_rule(self, ref: ResourceRef, patch: list[Operation]) -> Manifest:
        where = self._objects.collection(subsets.DESTINATION_RULE, ref.namespace)
        return self.cluster.json_patch(f"{where}/{ref.name}", patch)

    def _wait_until_settled(self, target: Target) -> bool:
        """
        Proxies may send to the side until the settling time after the last weight is over;
        whether that had to be waited for.
        """
        last = self._writes.last.get(target)
        left = None if last is None else self.capabilities.settle - (self._now() - last)
        if left is None or left.total_seconds() <= 0:
            return False
        self._pause(left.total_seconds())
        return True
