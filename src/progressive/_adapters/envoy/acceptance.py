"""Whether Envoy follows its route file, as its admin page tells.

Floor 4. The second level of done: the file is stored, but does Envoy route by it? Envoy keeps
its last good routes when a file is refused, so a stored weight alone proves nothing.
Used by `router.py` where the address of an admin page is given.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from progressive._adapters.envoy.admin import Admin
from progressive._mesh import envoy
from progressive._mesh.envoy import Rule
from progressive._model.traffic import Target
from progressive.errors import (
    DestinationNotFound,
    ErrorKind,
    NotAccepted,
    PreflightFailed,
    RouterError,
)

_PAUSE = 0.05  # seconds between two looks; Envoy itself takes some milliseconds


class Acceptance:
    """
    Asks one Envoy about its routes and clusters.

    Args:
        admin: Address of the admin page.
        timeout: For each question.
        patience: How long Envoy may take to follow the file.
    """

    def __init__(self, admin: str, *, timeout: timedelta, patience: timedelta) -> None:
        self._admin = Admin(admin, timeout=timeout.total_seconds(), error=RouterError)
        self._patience = patience.total_seconds()

    def preflight(self, clusters: Sequence[str]) -> None:
        """
        Whether each cluster can take traffic.

        Raises:
            DestinationNotFound: Envoy has no such cluster; it would answer 503 for it.
            PreflightFailed: The cluster has no healthy endpoint.
            RouterError: The admin page does not answer.
        """
        if not clusters:
            return
        healthy = self._numbers(r"^cluster\..+\.membership_healthy$")
        for cluster in clusters:
            number = healthy.get(f"cluster.{envoy.stat_name(cluster)}.membership_healthy")
            if number is None:
                raise DestinationNotFound(f"Envoy has no cluster {cluster!r}")
            if number == 0:
                raise PreflightFailed(f"cluster {cluster!r} has no healthy endpoint")

    def refusals(self, configurations: Iterable[str]) -> int | None:
        """How many updates of these routes Envoy refused so far; None: it does not tell."""
        names = "|".join(re.escape(envoy.stat_name(one)) for one in sorted(configurations))
        try:
            told = self._numbers(rf"\.rds\.({names})\.update_(rejected|failure)$")
        except RouterError:
            return None
        return sum(told.values())

    def wait(self, rules: Sequence[Rule], target: Target, refused: int | None) -> tuple[str, ...]:
        """
        Until Envoy routes by the weights of these rules.

        Args:
            refused: `refusals()` before the file was written.

        Returns:
            What could not be verified, as ``Type: text`` lines.

        Raises:
            NotAccepted: Envoy refused the file, or does not follow it.
        """
        deadline = time.monotonic() + self._patience
        pause = threading.Event()
        while True:
            try:
                lagging = self._lagging(rules, target)
            except RouterError as error:
                return (f"Unverified: the file is written; {error}",)
            if not lagging:
                return ()
            now = self.refusals({rule.configuration for rule in rules})
            if refused is not None and now is not None and now > refused:
                raise NotAccepted(
                    f"Envoy refused the route file and keeps its old routes for {lagging}; "
                    "its log says why"
                )
            if time.monotonic() >= deadline:
                raise NotAccepted(
                    f"Envoy did not take the new weights of {lagging} within "
                    f"{self._patience:g} s: does it watch this file, and this folder?",
                    ErrorKind.UNAVAILABLE,
                )
            pause.wait(_PAUSE)

    def _lagging(self, rules: Sequence[Rule], target: Target) -> str:
        dump = self._admin.json("/config_dump", resource="dynamic_route_configs")
        live = envoy.rules({"resources": _configurations(dump)})
        for rule in rules:
            wanted = envoy.split_of(rule, target)
            same = [
                one
                for one in live
                if (one.configuration, one.index) == (rule.configuration, rule.index)
            ]
            if not same:
                return str(rule)
            for one in same:
                shown = envoy.split_of(one, target) if one.weighted else None
                if shown is None or (shown.canary, shown.total) != (wanted.canary, wanted.total):
                    return str(rule)
        return ""

    def _numbers(self, pattern: str) -> dict[str, int]:
        told = self._admin.json("/stats", format="json", filter=pattern)
        return {
            str(one["name"]): int(one["value"])
            for one in told.get("stats", [])
            if "name" in one and isinstance(one.get("value"), int)
        }


def _configurations(dump: Any) -> list[Any]:
    return [
        one["route_config"]
        for one in dump.get("configs", [])
        if isinstance(one, dict) and isinstance(one.get("route_config"), dict)
    ]
