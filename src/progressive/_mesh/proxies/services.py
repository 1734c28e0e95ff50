"""Destinations that name a service by ``name`` and ``port``, as most proxies write them.

Floor 3, pure: a `Layout` whose subclasses say where rules are. Used beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import Any

from progressive._mesh.access import text
from progressive._mesh.codec import Manifest, namespace_of
from progressive._mesh.rules.destination import Destination
from progressive._mesh.rules.layout import Layout
from progressive._model.traffic import Target

MOST = 2**31 - 1
"""The largest total: weights are 32 bit numbers in the proxies, and so are their sums."""


class ServiceLayout(Layout):
    """Destinations are ``{name, port, weight}``, of the object's namespace unless they say so."""

    def is_service(
        self, body: Mapping[str, Any], service: str, manifest: Manifest, target: Target
    ) -> bool:
        """Whether a destination is a service of the release's namespace."""
        namespace = text(body.get("namespace")) or namespace_of(manifest, target)
        return (
            text(body.get("name")) == service
            and namespace == target.namespace
            and (body.get("kind") or "Service") == "Service"
        )

    def naming(self, body: Mapping[str, Any], service: str, port: int) -> dict[str, Any]:
        """The same destination, naming another service."""
        return {**body, "name": service, "port": port}


class SharedEqually(Layout):
    """A kind whose proxy shares requests equally where no destination of a rule has a weight."""

    def counted(self, destinations: Sequence[Destination]) -> Layout:
        """The layout by which the weights of a rule with these destinations are read."""
        if any(one.body.get("weight") is not None for one in destinations):
            return self
        return self._equal

    @cached_property
    def _equal(self) -> Layout:
        equal = copy(self)
        equal.missing = 1
        return equal
