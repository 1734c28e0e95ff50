"""A team's application in the mesh, and the command that releases it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import yaml
from attrs import evolve
from tests.realparts.api import Document
from tests.realparts.control_plane import ControlPlane
from tests.realparts.mesh import Mesh
from tests.realparts.process import NotInTime, wait_for

from progressive import Side, Target, load
from progressive._adapters.workload import DeploymentWorkload
from progressive.clusters import KubernetesCluster
from progressive.errors import AdapterError
from progressive.routers import IstioRouter

NEW = ("--image", "my-app=my-app:2")
"""Words that release the second version of the application."""


def classic(namespace: str, **changes: Any) -> Document:
    """The document that tutorials show, at a shorter interval and with a gateway."""
    analysis = {
        "interval": "4s",
        "threshold": 5,
        "maxWeight": 50,
        "stepWeight": 10,
        "metrics": [
            {"name": "request-success-rate", "thresholdRange": {"min": 99}, "interval": "1m"},
            {"name": "request-duration", "thresholdRange": {"max": 500}, "interval": "1m"},
        ],
    }
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "my-app", "namespace": namespace},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "my-app"},
            "progressDeadlineSeconds": 60,
            "service": {"port": 80, "targetPort": 8080, "gateways": [Mesh.gateway]},
            "analysis": {**analysis, **changes},
        },
    }


def application(namespace: str, *, image: str = "my-app:1", replicas: int = 2) -> Document:
    """The Deployment that the team owns."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "my-app", "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "my-app"}},
            "template": {
                "metadata": {"labels": {"app": "my-app"}},
                "spec": {
                    "containers": [
                        {
                            "name": "my-app",
                            "image": image,
                            "ports": [{"name": "http", "containerPort": 8080}],
                        }
                    ]
                },
            },
        },
    }


@dataclass
class Ended:
    """
    What a command left behind.

    Attributes:
        code: Exit status.
        answer: The JSON document of standard output.
        lines: Standard error.
    """

    code: int
    answer: dict[str, Any]
    lines: str


@dataclass(eq=False)
class Running:
    """
    A command that goes on; its lines are read as they come.

    Attributes:
        all: Those that nobody has ended yet.
    """

    all: ClassVar[set[Running]] = set()

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.all.add(self)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)

    def wait_for(self, text: str, *, seconds: float = 120) -> None:
        """Until a line holds the text; an early end of the command fails at once."""

        def there() -> bool:
            if any(text in line for line in list(self.lines)):
                return True
            assert self.process.poll() is None, "".join(self.lines)
            return False

        try:
            wait_for(there, f"a line with {text!r}", seconds=seconds)
        except NotInTime as late:
            raise NotInTime(f"{late}, in:\n{''.join(self.lines)}") from None

    def is_connected_to(self, port: int) -> bool:
        """Whether it has an open connection to this port, as long as a question is unanswered."""
        own = Path(f"/proc/{self.process.pid}")
        sockets = {os.readlink(one) for one in (own / "fd").iterdir()}
        _, *rows = map(str.split, (own / "net" / "tcp").read_text().splitlines())
        established = "01"  # include/net/tcp_states.h
        return any(
            state == established and int(remote.rpartition(":")[2], 16) == port
            for _, _, remote, state, *_, inode in (row[:10] for row in rows)
            if f"socket:[{inode}]" in sockets
        )

    def kill(self) -> None:
        """SIGKILL: nothing is cleaned up."""
        self.process.kill()
        self.process.wait(30)
        self._close()

    def tell(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def _close(self) -> None:
        assert self.process.stdout is not None and self.process.stderr is not None
        self.all.discard(self)
        self._reader.join(5)
        self.process.stdout.close()
        self.process.stderr.close()

    def end(self, *, seconds: float = 120) -> Ended:
        """Until it is over."""
        assert self.process.stdout is not None
        out = self.process.stdout.read()
        code = self.process.wait(seconds)
        self._close()
        answer = json.loads(out) if out.strip() else {}
        return Ended(code, answer, "".join(self.lines))


def _pointed(workload: DeploymentWorkload, target: Target) -> bool:
    try:
        workload.point(target)
    except AdapterError as error:
        if not error.transient:
            raise
        return False  # endpoints follow their pods after a moment
    return True


class Place:
    """
    One application in a namespace of its own, and the command that releases it.

    Attributes:
        document: The release document; rewritten by `write`.
        file: Where it is.
        environment: What a command finds there; may be changed.
    """

    def __init__(
        self,
        control_plane: ControlPlane,
        metrics_server: str,
        namespace: str,
        folder: Path,
        document: Document,
    ) -> None:
        self.control_plane, self.namespace, self.folder = control_plane, namespace, folder
        self.api = control_plane.api
        self.file = folder / "canary.yaml"
        self.environment = {
            **os.environ,
            "PROGRESSIVE_METRICS_SERVER": metrics_server,
        }
        self.act_as()
        self.write(document)

    def first_deploy(self) -> None:
        """The application, and its first deploy by the same adapters, without settling."""
        self.api.create(application(self.namespace))
        document = load(self.file).document
        assert document.managed is not None
        cluster = KubernetesCluster.from_environment(self.environment["KUBECONFIG"])
        target = evolve(document.target, namespace=self.namespace)
        workload = DeploymentWorkload(
            cluster, document.managed, router=IstioRouter(cluster=cluster)
        )
        try:
            workload.prepare(target)
            soon = datetime.now(UTC) + timedelta(seconds=90)
            asked = workload.readiness(target, Side.PRIMARY, soon)
            assert asked.readiness == "ready", asked.message
            wait_for(lambda: _pointed(workload, target), "the endpoints of the primary")
            workload.scale(target, up=False)
            workload.mark(target)
        finally:
            cluster.close()

    def act_as(self, user: str = "progressive") -> None:
        """Commands are this user's from now on, one of `control_plane.USERS`."""
        config = self.control_plane.kubeconfig(user, namespace=self.namespace)
        self.environment["KUBECONFIG"] = str(config)

    def write(self, document: Document) -> None:
        """The release document."""
        self.document = document
        self.file.write_text(yaml.safe_dump(document))

    def start(
        self, command: str, *arguments: str, program: Sequence[str] = ("-m", "progressive")
    ) -> Running:
        """A command of the command line, in a process of its own; `program`: what Python runs."""
        words = [sys.executable, *program, command, str(self.file), *arguments]
        process = subprocess.Popen(
            [*words, "-o", "json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
        )
        return Running(process)

    def run(self, command: str = "run", *arguments: str, seconds: float = 180) -> Ended:
        """A command, to its end."""
        return self.start(command, *arguments).end(seconds=seconds)

    def ask(self, *words: str, seconds: float = 120) -> Ended:
        """A command that is given no file of a release, to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "progressive", *words, "-o", "json"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=seconds,
            check=False,
        )
        return Ended(done.returncode, json.loads(done.stdout), done.stderr)

    def read(self, kind: str, name: str, api_version: str = "apps/v1") -> Document:
        """An object of the application."""
        return self.api.read(api_version, kind, self.namespace, name)

    def image(self, name: str) -> str:
        """The image that a Deployment runs."""
        containers = self.read("Deployment", name)["spec"]["template"]["spec"]["containers"]
        return str(containers[0]["image"])

    def set_image(self, image: str) -> None:
        """Another build of the team."""
        path = self.api.path("apps/v1", "Deployment", self.namespace, "my-app")
        template = {"spec": {"containers": [{"name": "my-app", "image": image}]}}
        self.api.patch(path, {"spec": {"template": template}}, kind="strategic")

    def replicas(self, name: str) -> int:
        """The replicas that a Deployment is asked to have."""
        return int(self.read("Deployment", name)["spec"]["replicas"])

    def split(self) -> tuple[int, int]:
        """Weights of primary and canary, as the VirtualService has them."""
        route = self.read("VirtualService", "my-app", "networking.istio.io/v1")
        primary, canary = route["spec"]["http"][0]["route"]
        return primary.get("weight", 0), canary.get("weight", 0)


class Shop(Place):
    """
    An application in the mesh.

    Attributes:
        host: What users ask for.
    """

    def __init__(self, mesh: Mesh, namespace: str, folder: Path, **changes: Any) -> None:
        document = classic(namespace, **changes)
        super().__init__(mesh.control_plane, mesh.prometheus.url, namespace, folder, document)
        self.mesh = mesh
        self.host = mesh.host(namespace, "my-app")
        self.api.create(application(namespace))


def plain(namespace: str, **changes: Any) -> Document:
    """A release without a data plane: pods are ready, and the check is a query that passes."""
    document = classic(namespace, **deepcopy({**PLAIN, **changes}))
    del document["spec"]["service"]["gateways"]
    return document


PLAIN: dict[str, Any] = {
    "interval": "2s",
    "stepWeight": 20,
    "maxWeight": 40,
    "threshold": 1,
    "metrics": [{"name": "good", "query": "vector(1)", "thresholdRange": {"max": 2}}],
}


def eventually(good: Callable[[], object], what: str, *, seconds: float = 90) -> None:
    """Until it is so; for what the mesh does a moment later."""
    wait_for(good, what, seconds=seconds)


def change_query(place: Place, query: str) -> None:
    """What is started from now on asks this of the metrics server."""
    document = place.document
    document["spec"]["analysis"]["metrics"][0]["query"] = query
    place.write(document)


def held_for(place: Place, interval: str) -> None:
    """What is started from now on holds its weights for so long."""
    place.document["spec"]["analysis"]["interval"] = interval
    place.write(place.document)


def autoscale(place: Place, **spec: Any) -> str:
    """A HorizontalPodAutoscaler of the primary; its path."""
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "my-app-primary"}
    made = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "my-app", "namespace": place.namespace},
        "spec": {"scaleTargetRef": reference, "maxReplicas": 5, **spec},
    }
    return place.api.path_of(place.api.create(made))


def release(place: Place, image: str, outcome: str) -> None:
    """A run of this image ends so."""
    ended = place.run("run", "--image", f"my-app={image}")
    assert outcome == ended.answer.get("outcome"), ended.lines
