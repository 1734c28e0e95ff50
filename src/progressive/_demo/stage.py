"""The stage of the demo: Envoy and the versions of the shop, as children of this process.

Floor 5. Everything listens on the loopback, on ports that were free, and goes when the stage is
left: in an orderly way, and by the kernel's hand if this process is killed.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

from attrs import frozen

from progressive._demo.envoy import bootstrap, find_envoy, route_file
from progressive.errors import ProgressiveError

_PATIENCE = 30.0  # seconds for each child to answer


class StageError(ProgressiveError):
    """A child of the demo did not start, or ended by itself."""

    def __init__(self, message: str) -> None:
        super().__init__(message)


class Left(ProgressiveError):
    """Somebody ended the demo while it was being set up."""


@frozen(kw_only=True)
class Version:
    """
    One version of the shop.

    Attributes:
        name: Also the name of its cluster in Envoy.
        errors: Share of requests that fail, 0 to 1.
        words: What is told of it.
    """

    name: str
    errors: float = 0.0
    words: str = "good"


class Stage:
    """
    Envoy with its route file, and the versions behind it.

    Args:
        versions: The first one has all the traffic at the start.
        leaving: Set when the demo shall end; starting then stops with `Left`.

    Attributes:
        folder: Configuration and logs; removed with the stage.
        routes: The route file.
        users: Port that users ask.
        admin: Address of Envoy's admin page.
        config: What Envoy was started with.

    Raises:
        EnvoyMissing: There is no Envoy.
        StageError: A child does not start.
    """

    def __init__(self, versions: Sequence[Version], *, leaving: Event) -> None:
        self._program = find_envoy()
        self._versions, self._leaving = versions, leaving
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        # resolved, for Envoy follows the folder itself and not a link to it
        self.folder = Path(tempfile.mkdtemp(prefix="progressive-demo-")).resolve()
        self.routes = self.folder / "routes" / "routes.json"
        self.users, self._admin_port, *ports = _free_ports(2 + len(versions))
        self._ports = dict(zip((one.name for one in versions), ports, strict=True))
        self.admin = f"http://127.0.0.1:{self._admin_port}"
        self.config = bootstrap(
            users=self.users,
            admin=self._admin_port,
            routes=self.routes,
            clusters=self._ports,
        )

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every child and remove the folder; safe to call twice."""
        for child in self._children.values():
            child.terminate()
        for child in self._children.values():
            try:
                child.wait(3)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ended(self) -> str | None:
        """The name of a child that is gone, which none should be."""
        return next((n for n, child in self._children.items() if child.poll() is not None), None)

    def tail(self, name: str) -> str:
        """The end of a child's log."""
        return (self.folder / f"{name}.log").read_bytes()[-1500:].decode(errors="replace")

    def _start(self) -> None:
        self.routes.parent.mkdir()
        weights = {one.name: 100 if n == 0 else 0 for n, one in enumerate(self._versions)}
        self.routes.write_text(json.dumps(route_file(weights), indent=2) + "\n")
        settings = self.folder / "envoy.json"
        settings.write_text(json.dumps(self.config, indent=2))
        for one in self._versions:
            self._launch(one.name, self._shop(one))
        envoy = [str(self._program), "-c", str(settings), "--concurrency", "1"]
        self._launch("envoy", [*envoy, "--disable-hot-restart", "--log-level", "warn"])
        for one in self._versions:
            self._await(one.name, self._ports[one.name], "/ready")
        self._await("envoy", self._admin_port, "/ready")

    def _shop(self, version: Version) -> list[str]:
        port = str(self._ports[version.name])
        module = [sys.executable, "-m", "progressive._demo.app", "--port", port]
        return [*module, "--version", version.name, "--errors", str(version.errors)]

    def _launch(self, name: str, command: Sequence[str]) -> None:
        tied = [sys.executable, "-m", "progressive._demo.tied", str(os.getpid()), *command]
        with (self.folder / f"{name}.log").open("wb") as log:
            self._children[name] = subprocess.Popen(
                tied,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(os.environ),
                start_new_session=True,  # Ctrl-C is for the demo alone: it leaves in order
            )

    def _await(self, name: str, port: int, path: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not _answers(port, path):
            if self._children[name].poll() is not None or time.monotonic() > deadline:
                raise StageError(f"{name} does not start; the end of its log:\n{self.tail(name)}")
            if self._leaving.wait(0.05):
                raise Left


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _environment(present: Mapping[str, str]) -> dict[str, str]:
    # the children must find this very library, also where it was put on the path by hand
    source = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, (source, present.get("PYTHONPATH"))))
    return {**present, "PYTHONPATH": path}


def _free_ports(count: int) -> list[int]:
    # all are held at once, so that no two are the same
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
