"""What every gateway of the tests can: users ask it, and it tells how it splits.

Behind it the pods of every Deployment answer by their image's tag (`answering.py`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import NamedTuple

import requests
from tests.realparts.api import Document
from tests.realparts.load import Counts, Load, ask
from tests.realparts.process import wait_for


class Destination(NamedTuple):
    """A service as a gateway knows it; the port is the service's."""

    namespace: str
    service: str
    port: int


class Gateway(ABC):
    """
    A data plane with the controller that tells it what to do.

    Attributes:
        gateway_port: Where users ask, on 127.0.0.1, with the service's full name as host.
        session: For what the tests ask of it beside.
    """

    gateway_port: int

    def __init__(self) -> None:
        self.session = requests.Session()
        self.session.trust_env = False

    @abstractmethod
    def weights(self, host: str) -> dict[str, int]:
        """
        What is done with requests for a host, by service, as far as no condition applies.

        A single destination has 100. Empty: no route yet.
        """

    @abstractmethod
    def endpoints(self, namespace: str, service: str, *, port: int = 80) -> list[str]:
        """Where requests for a service would be sent, as ``address:port``."""

    def host(self, namespace: str, service: str) -> str:
        """By what name users ask for a service."""
        return f"{service}.{namespace}.svc.cluster.local"

    def load(
        self,
        host: str,
        *,
        per_second: float = 50,
        seconds_at_most: float = 120,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
    ) -> Load:
        """Users at an even rate while a block lasts; see `Load`."""
        return Load(
            self.gateway_port,
            host,
            per_second=per_second,
            seconds_at_most=seconds_at_most,
            path=path,
            headers=headers,
        )

    def ask(
        self,
        host: str,
        *,
        times: int = 1,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
    ) -> Counts:
        """This many requests now; who answered what."""
        return ask(self.gateway_port, host, times=times, path=path, headers=headers)

    def wait_weights(self, host: str, wanted: Mapping[str, int], *, seconds: float = 90) -> None:
        """Until the data plane splits in this proportion; whoever has no share may be left out."""
        expected = _shares(wanted)
        what = f"{host} split {dict(wanted)} in the data plane"
        wait_for(lambda: expected == _shares(self.weights(host)), what, seconds=seconds)

    def wait_endpoints(
        self, namespace: str, service: str, count: int, *, port: int = 80, seconds: float = 90
    ) -> None:
        """Until the data plane knows that many ready pods of a service."""
        wait_for(
            lambda: len(self.endpoints(namespace, service, port=port)) == count,
            f"{count} endpoints of {service} in the data plane",
            seconds=seconds,
        )

    def wait_version(self, host: str, version: str, *, seconds: float = 90) -> None:
        """Until all of ten users get this version."""
        wait_for(
            lambda: {told for told, _ in self.ask(host, times=10)} == {version},
            f"{host} answered by {version}",
            seconds=seconds,
        )


class EnvoyGateway(Gateway):
    """
    A gateway whose data plane is Envoy, asked on its admin interface.

    Attributes:
        envoy_admin: Root address of that interface.
    """

    envoy_admin: str

    @abstractmethod
    def destination(self, cluster: str) -> Destination | None:
        """The service that the controller means by the name of a cluster; None: none."""

    def weights(self, host: str) -> dict[str, int]:
        for virtual_host in self._virtual_hosts():
            if host in virtual_host["domains"]:
                return self._weights(virtual_host["routes"][-1].get("route", {}))
        return {}

    def endpoints(self, namespace: str, service: str, *, port: int = 80) -> list[str]:
        wanted = Destination(namespace, service, port)
        told: Document = self._admin("/clusters?format=json")
        return [
            f"{address['address']}:{address['port_value']}"
            for one in told.get("cluster_statuses", [])
            if self.destination(one["name"]) == wanted
            for address in (it["address"]["socket_address"] for it in one.get("host_statuses", []))
        ]

    def _weights(self, action: Document) -> dict[str, int]:
        clusters = action.get("weighted_clusters", {}).get("clusters", [])
        if "cluster" in action:
            clusters = [{"name": action["cluster"], "weight": 100}]
        return {
            found.service: int(one.get("weight", 0))
            for one in clusters
            if (found := self.destination(one["name"]))
        }

    def _virtual_hosts(self) -> Iterator[Document]:
        for config in self._admin("/config_dump")["configs"]:
            for one in config.get("dynamic_route_configs", []):
                yield from one["route_config"].get("virtual_hosts", [])

    def _admin(self, page: str) -> Document:
        told: Document = self.session.get(f"{self.envoy_admin}{page}", timeout=5).json()
        return told


def _shares(weights: Mapping[str, int]) -> dict[str, Fraction]:
    total = sum(weights.values())
    return {name: Fraction(weight, total) for name, weight in weights.items() if weight}
