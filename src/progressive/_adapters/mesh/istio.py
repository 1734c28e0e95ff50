"""The Istio router: VirtualServices in a cluster, and istiod's word that proxies follow.

Floor 4: touches a cluster, and istiod where its address is known. Reading and writing is
`router.py`; what to write is `_mesh/istio/`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import frozen

from progressive._adapters.mesh.router import MeshRouter
from progressive._mesh.effect import CountsTraffic
from progressive._mesh.istio.codec import SETTLE, IstioCodec
from progressive.ports import Cluster

_POLL = 0.2
"""Seconds between two questions to istiod."""

_ANSWER = 2.0
"""Seconds that one answer of istiod may take."""


class IstioRouter(MeshRouter):
    """
    Moves weights in Istio's VirtualServices.

    Done has three levels: stored (every call), accepted (with `istiod`), in effect (asked by
    `in_effect`, with `proof`).

    Args:
        cluster: None: the cluster that kubectl would speak to, found at first use.
        istiod: Address of istiod's debug port, such as ``http://istiod.istio-system:15014``;
            after each shift its word is waited for, for at most 10 s. None: not asked.
        proof: Counts requests, such as a `PrometheusMetrics`; None: `in_effect` cannot be asked.
        offline: The cluster is a file: Services and EndpointSlices that are not there are not
            asked for.
        now: The clock.
        pause: Waits, in seconds.
    """

    def __init__(
        self,
        cluster: Cluster | None = None,
        *,
        istiod: str | None = None,
        proof: CountsTraffic | None = None,
        offline: bool = False,
        now: Callable[[], datetime] | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(
            IstioCodec(),
            cluster,
            acceptance=IstiodAcceptance(istiod, pause=pause) if istiod else None,
            proof=proof,
            offline=offline,
            now=now,
            pause=pause,
        )


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
        self._url, self._patience, self._pause = url.rstrip("/"), patience, pause

    def mark(self) -> object:
        """How things stand before a write."""
        try:
            return self._routes()
        except _Unreadable as error:
            return error

    def wait(self, mark: object) -> str | None:
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
