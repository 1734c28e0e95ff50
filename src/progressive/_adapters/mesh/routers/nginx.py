"""The router of ingress-nginx: canary Ingresses in a cluster.

Floor 4: writes Ingresses, through `ports.Cluster` alone. Reading and writing is `../router.py`;
what to write is `_mesh/nginx/`.
Requests: one list of the namespace's Ingresses whenever it is read, for a canary Ingress may come
and go, and more than one may claim a path.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from progressive._adapters.mesh.objects import MeshObjects, Sight
from progressive._adapters.mesh.router import MeshRouter
from progressive._adapters.mesh.settings import Settings
from progressive._mesh.nginx.annotations import PREFIX
from progressive._mesh.nginx.codec import NginxCodec
from progressive._mesh.nginx.ingresses import main_ingress
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Target
from progressive.ports import Cluster

INGRESS_PREFIX = "PROGRESSIVE_INGRESS_PREFIX"
"""Environment variable: the prefix of the annotations, for every command."""


class NginxRouter(MeshRouter):
    """
    Moves weights by the annotations of a canary Ingress.

    The main Ingress, which sends its paths to the primary, must be there; its canary is made when
    it first gets a weight, and stays idle after a reset. The controller says nothing about what it
    has taken over, so done has two levels: stored (every call), in effect (asked by `in_effect`,
    with `proof`).

    Args:
        cluster: None: the cluster that kubectl would speak to, found at first use.
        prefix: Of the annotations, as the controller's `--annotations-prefix`; None: that of
            `PROGRESSIVE_INGRESS_PREFIX` in the environment, else ``nginx.ingress.kubernetes.io``.
        settings: `proof`, `offline`, `now` and `pause`, as of `MeshRouter`.
    """

    def __init__(
        self,
        cluster: Cluster | None = None,
        *,
        prefix: str | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        codec = NginxCodec(prefix or os.environ.get(INGRESS_PREFIX) or PREFIX)
        super().__init__(codec, cluster, **settings)

    def establish(
        self, target: Target, service: ServiceSpec, owner: Mapping[str, Any] | None
    ) -> None:
        """
        Look at the main Ingress, which nothing but its author can make; its canary gets the owner.

        Raises:
            RouterError: There is none.
        """
        self._owners.remember(target, owner)
        self.current(target)

    def made_up(self, target: Target) -> Sequence[list[dict[str, Any]]]:
        """A main Ingress as short as it can be, for a rehearsal of what a release asks for."""
        return ([main_ingress(target)],)

    @property
    def _objects(self) -> MeshObjects:
        if self._reader is None:
            self._reader = _Ingresses(self._codec, self.cluster, offline=self._offline)
        return self._reader


class _Ingresses(MeshObjects):
    """Reads all Ingresses each time: a canary that is not known by name must be seen as well."""

    def look(self, target: Target) -> Sight:
        self.forget(target)
        return super().look(target)
