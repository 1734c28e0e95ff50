"""istiod's word that proxies follow a write: the second level of done, for Istio.

Floor 4: touches istiod's debug port. Used by `istio.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from attrs import frozen

from progressive._mesh.istio.codec import SETTLE
from progressive._mesh.standing import Standing
from progressive._model.kinds import require_waits

_POLL = 0.2
"""Seconds between two questions to istiod."""

_ANSWER = 2.0
"""Seconds that one answer of istiod may take."""


@frozen(kw_only=True)
class _Route:
    """What istiod knows of one proxy: nonces of the last routes sent and acknowledged."""

    sent: str
    acked: str
    error: str


class IstiodAcceptance:
    """
    Asks istiod whether proxies acknowledged the routes that it sent after a write.

    A proxy counts when its routes were sent anew since the mark; those that got nothing have
    no part in the route. Never raises: what cannot be known is a note.

    Args:
        url: Address of istiod's debug port.
        patience: How long is waited at most.
        pause: Waits, in seconds.

    Source:
        istio, `pilot/pkg/xds/debug.go`, `Syncz`: nonces sent and acknowledged for each proxy.
    """

    def __init__(
        self,
        url: str,
        *,
        patience: timedelta = SETTLE,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        require_waits(patience=patience)
        self._url, self._patience, self._pause = url.rstrip("/"), patience, pause

    def mark(self) -> object:
        """How things stand before a write."""
        try:
            return self._routes()
        except _Unreadable as error:
            return error

    def wait(self, mark: object, standing: Callable[[], Standing] | None = None) -> str | None:
        """Wait until every proxy that got new routes has acknowledged them; else why not."""
        if not isinstance(mark, Mapping):
            return f"Note: not known whether proxies follow: {mark}"
        words = "no proxy was sent new routes"
        left = self._patience.total_seconds()
        while left > 0:
            try:
                present = self._routes()
            except _Unreadable as error:
                return f"Note: not known whether proxies follow: {error}"
            renewed = {
                name: route
                for name, route in present.items()
                if name not in mark or mark[name].sent != route.sent
            }
            refusing = [f"{name}: {one.error}" for name, one in renewed.items() if one.error]
            if refusing:
                return f"NotAccepted: a proxy refuses the routes: {'; '.join(refusing)}"
            waiting = [name for name, one in renewed.items() if one.sent != one.acked]
            if renewed and not waiting:
                return None
            if waiting:
                words = f"not acknowledged by {', '.join(sorted(waiting)[:5])}"
            self._pause(_POLL)
            left -= _POLL
        return f"Note: after {self._patience.total_seconds():g} s {words}"

    def _routes(self) -> dict[str, _Route]:
        import requests

        try:
            answer = requests.get(
                f"{self._url}/debug/syncz", timeout=_ANSWER, allow_redirects=False
            )
            if answer.status_code != 200:
                raise _Unreadable(f"{self._url}/debug/syncz answered {answer.status_code}")
            told = answer.json()
            return {name: route for one in told if (name := _name(one)) and (route := _read(one))}
        except (requests.RequestException, ValueError) as error:
            raise _Unreadable(f"istiod at {self._url}: {type(error).__name__}") from error
        except (TypeError, AttributeError) as error:
            raise _Unreadable(f"{self._url}/debug/syncz is none of istiod's") from error


class _Unreadable(Exception):
    """istiod did not answer, or in a way that is not understood."""


def _name(proxy: Mapping[str, Any]) -> str:
    return str(proxy.get("proxy") or "")


def _read(proxy: Mapping[str, Any]) -> _Route | None:
    resources = proxy.get("resources") or {}
    kinds = [kind for kind in resources if kind.endswith(".RouteConfiguration")]
    route = resources[kinds[0]] if kinds else {}
    sent = str(route.get("sent") or proxy.get("route_sent") or "")
    acked = str(route.get("acked") or proxy.get("route_acked") or "")
    error = str(route.get("lastError") or "")
    return _Route(sent=sent, acked=acked, error=error if sent != acked else "") if sent else None
