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
from progressive._adapters.mesh.writes import TRIES
from progressive._mesh.codec import ObjectPatch
from progressive._mesh.istio import subsets
from progressive._mesh.istio.codec import IstioCodec
from progressive._mesh.istio.make import subset_route
from progressive._model.traffic import Side, Target
from progressive.errors import ClusterError, Conflict, PreflightFailed
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
        it until less than the settling time ago, keeps its labels.

        Args:
            labels: Name → value; None takes a label away. Other labels and policies stay.

        Returns:
            Whether anything was written.

        Raises:
            PreflightFailed: The side has weight, so its pods must not be changed under it.
            RouterError: There is no such subset, or the API cannot be read or written.
        """
        observed = self.current(target)
        weight = observed.canary if side is Side.CANARY else observed.total - observed.canary
        for _ in range(TRIES):
            one = subsets.label(self._objects.around(target), target, side, labels)
            if one is None:
                return False
            if weight > 0:
                raise PreflightFailed(
                    f"{target}: the subset {subsets.name_of(side, target)} ({side}) has weight "
                    f"{weight} of {observed.total}; send its traffic away before its labels change"
                )
            self._wait_until_settled(target)
            if self._labelled(one):
                # what was read around the route is old now
                self._objects.forget(target)
                self._pause(self.capabilities.settle.total_seconds())
                return True
        words = f"given up after {TRIES} tries: its DestinationRule is written all the time"
        raise Conflict(f"{target}: {words}")

    def _labelled(self, one: ObjectPatch) -> bool:
        """Whether the write was taken; False: somebody else wrote since it was planned."""
        where = self._objects.collection(subsets.DESTINATION_RULE, one.ref.namespace)
        try:
            self.cluster.json_patch(f"{where}/{one.ref.name}", list(one.patch))
        except ClusterError as error:
            wrong = refused(error, f"label {one.ref}")
            if isinstance(wrong, Conflict):
                return False
            raise wrong from error
        return True

    def _wait_until_settled(self, target: Target) -> None:
        """Proxies may send to the side until the settling time after the last weight is over."""
        last = self._writes.last.get(target)
        if last is None:
            return
        left = self.capabilities.settle - (self._now() - last)
        if left.total_seconds() > 0:
            self._pause(left.total_seconds())
