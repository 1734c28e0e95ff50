"""Answers for every pod of the cluster at once.

One server on all addresses: a connection's own local address is the pod that was asked, and the
image of that pod, followed on the API server, says how to behave (`behaviour.py`).
Beside it, what the pods' sidecars would count (`telemetry.py`) is served to Prometheus, and how
many requests reached each workload, mirrored ones as well (`answering.py` reads that).
`python -m tests.realparts.pods KUBECONFIG ACCESS_LOG TELEMETRY_PORT PORT…`
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from tests.realparts.api import Api, Document
from tests.realparts.behaviour import Behaviour, behaviour
from tests.realparts.telemetry import Telemetry, Workload

_UNKNOWN_WAIT_S = 2.0  # a pod may be asked a breath before the API server told of it
Pod = tuple[Workload, Behaviour]


class Pods:
    """Every pod by its address, kept up to date by a thread; the last of an address wins."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[str, Pod] = {}
        threading.Thread(target=self._follow, daemon=True).start()

    def at(self, address: str) -> Pod | None:
        return self._known.get(address)

    def _follow(self) -> None:
        while True:
            try:
                self._follow_once()
            except (OSError, KeyError, ValueError) as error:
                print(f"pods: {error!r}; again", file=sys.stderr, flush=True)
            time.sleep(0.3)

    def _follow_once(self) -> None:
        path = "/api/v1/pods"
        listed = self._api.get(path)
        for pod in listed["items"]:
            self._heed(pod)
        query = {"watch": "1", "resourceVersion": listed["metadata"]["resourceVersion"]}
        with self._api.session.get(
            self._api.server + path,
            params={**query, "timeoutSeconds": "300", "allowWatchBookmarks": "true"},
            stream=True,
            timeout=(5, 120),
        ) as watch:
            for line in watch.iter_lines(chunk_size=1):
                told = json.loads(line)
                if told["type"] in ("ERROR", "BOOKMARK"):
                    if told["type"] == "ERROR":
                        return
                    continue
                if told["type"] != "DELETED":  # the count of what it answered may come later
                    self._heed(told["object"])

    def _heed(self, pod: Document) -> None:
        if address := pod.get("status", {}).get("podIP"):
            image = pod["spec"]["containers"][0]["image"]
            self._known[address] = (Workload.of(pod), behaviour(image))


class Server:
    """HTTP/1.1, as much of it as Envoy and the tests speak."""

    def __init__(self, pods: Pods) -> None:
        self._pods = pods
        self._random = random.Random(0)
        self._received: Counter[Workload] = Counter()

    def received(self) -> str:
        """Requests by workload until now, whatever was answered; in the format of Prometheus."""
        lines = ["# TYPE pod_requests_total counter"]
        for one, count in self._received.items():
            about = f'namespace="{one.namespace}",workload="{one.name}"'
            lines.append(f"pod_requests_total{{{about}}} {count}")
        return "\n".join(lines) + "\n"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await _skip_body(head, reader)
                answer = await self._answer(writer.get_extra_info("sockname")[0])
                if not answer:
                    return
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, address: str) -> bytes:
        """What the pod says; nothing: it hangs up."""
        found = await self._known(address)
        if found is None:
            return b""
        workload, does = found
        self._received[workload] += 1
        if does.dead and self._random.uniform(0, 100) < does.dead:
            return b""
        if does.slow:
            await asyncio.sleep(does.slow / 1000)
        good = self._random.uniform(0, 100) >= does.bad
        told = {"version": does.version, "workload": workload.name, "address": address}
        body = json.dumps(told).encode()
        status = "200 OK" if good else "500 Internal Server Error"
        head = (
            f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nx-version: {does.version}\r\n\r\n"
        )
        return head.encode() + body

    async def _known(self, address: str) -> Pod | None:
        for _ in range(int(_UNKNOWN_WAIT_S / 0.05)):
            if found := self._pods.at(address):
                return found
            await asyncio.sleep(0.05)
        return None


async def _skip_body(head: bytes, reader: asyncio.StreamReader) -> None:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.partition(b":")[2]))


async def _serve(pods: Pods, telemetry: Telemetry, telemetry_port: int, ports: list[int]) -> None:
    server = Server(pods)

    async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):  # who only looks whether anybody listens
            await reader.readuntil(b"\r\n\r\n")
        body = (telemetry.text() + server.received()).encode()
        head = f"content-type: text/plain; version=0.0.4\r\ncontent-length: {len(body)}\r\n"
        writer.write(f"HTTP/1.1 200 OK\r\nconnection: close\r\n{head}\r\n".encode() + body)
        await writer.drain()
        writer.close()

    for port in ports:
        await asyncio.start_server(server.serve, "0.0.0.0", port, backlog=512)
    await asyncio.start_server(tell, "127.0.0.1", telemetry_port)
    await asyncio.Event().wait()


def _api(kubeconfig: Path) -> Api:
    told = json.loads(kubeconfig.read_text())
    cluster = told["clusters"][0]["cluster"]
    return Api(
        cluster["server"],
        token=told["users"][0]["user"]["token"],
        authority=Path(cluster["certificate-authority"]),
    )


def main(kubeconfig: str, access_log: str, telemetry_port: str, *ports: str) -> None:
    pods = Pods(_api(Path(kubeconfig)))

    def workload(address: str) -> Workload | None:
        found = pods.at(address)
        return found[0] if found else None

    telemetry = Telemetry(Path(access_log), workload)
    asyncio.run(_serve(pods, telemetry, int(telemetry_port), [int(port) for port in ports]))


if __name__ == "__main__":
    main(*sys.argv[1:])
