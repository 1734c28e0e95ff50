"""What is released: kinds of releases, and applications in namespaces of their own."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from tests.real.stage.shop import Place, application, plain
from tests.realparts.api import Api, Document
from tests.realparts.control_plane import ControlPlane
from tests.realparts.process import wait_for
from tests.realparts.prometheus import Prometheus

INTERVAL = "300ms"
DRIVER = "progressive.dev/driver"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """
    A kind of release.

    Attributes:
        name: In words, for the table.
        changes: To the analysis of the document.
        first_deploy: There is no primary yet.
        two_workloads: Two Deployments exist, and none is managed.
        moved_to: Image that somebody sets when the canary has weight 40; empty: nobody does.
        weights: Canary weights that its route may ever show.
    """

    name: str
    changes: dict[str, Any] = field(default_factory=dict)
    first_deploy: bool = False
    two_workloads: bool = False
    moved_to: str = ""
    weights: frozenset[int] = frozenset({0, 20, 40, 60})

    @property
    def sides(self) -> tuple[str, ...]:
        """Services of primary and canary where nothing is managed."""
        return ("blue", "green") if self.two_workloads else ()


_PLAN = {"interval": INTERVAL, "stepWeight": 20, "maxWeight": 60}
_BAD = [{"name": "bad", "query": "vector(3)", "thresholdRange": {"max": 2}}]

KINDS = (
    Kind(name="good", changes=_PLAN),
    Kind(
        name="bad",
        changes={**_PLAN, "threshold": 2, "metrics": _BAD},
        weights=frozenset({0, 20}),
    ),
    Kind(name="good, promoted in steps", changes={**_PLAN, "stepWeightPromotion": 20}),
    Kind(name="the target moves to another version", changes=_PLAN, moved_to="my-app:3"),
    Kind(name="the target moves back", changes=_PLAN, moved_to="my-app:1"),
    Kind(name="first deploy", changes=_PLAN, first_deploy=True, weights=frozenset({0})),
    Kind(
        name="two workloads",
        changes=_PLAN,
        two_workloads=True,
        weights=frozenset({0, 20, 40, 60, 100}),
    ),
)


class Stage:
    """
    One application, ready for its release.

    Attributes:
        place: The application and its document.
        kind: What is to be released.
        record: What its drivers tell.
    """

    def __init__(self, control_plane: ControlPlane, prometheus: Prometheus, kind: Kind) -> None:
        self.kind = kind
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        self.record = folder / "record.jsonl"
        namespace = control_plane.namespace("life")
        document = plain(namespace, **kind.changes)
        self.place = Place(control_plane, prometheus.url, namespace, folder, document)
        if kind.two_workloads:
            self._two_workloads()
        elif kind.first_deploy:
            self.place.api.create(application(namespace))
        else:
            self.place.first_deploy()
        if kind.moved_to:
            self._set_image("my-app:2")

    @property
    def image(self) -> str:
        """What a driver sets at its start; empty: the target has its version already."""
        ready = self.kind.moved_to or self.kind.first_deploy or self.kind.two_workloads
        return "" if ready else "my-app:2"

    @property
    def route(self) -> Document:
        """The VirtualService."""
        return self.place.read("VirtualService", "my-app", "networking.istio.io/v1")

    def left(self) -> dict[str, Any]:
        """How the application stands: what must be the same, whoever died on the way."""
        notes = self.route["metadata"].get("annotations") or {}
        if self.kind.two_workloads:
            return {"split": self.place.split(), "driver": notes.get(DRIVER)}
        return {
            "split": self.place.split(),
            "driver": notes.get(DRIVER),
            "primary": self.place.image("my-app-primary"),
            "target": self.place.image("my-app"),
            "canary is scaled": self.place.replicas("my-app") > 0,
        }

    def strike(self) -> None:
        """Forget it all."""
        self.place.control_plane.forget(self.place.namespace)
        self._folder.cleanup()

    def _set_image(self, image: str) -> None:
        path = self.place.api.path("apps/v1", "Deployment", self.place.namespace, "my-app")
        template = {"spec": {"containers": [{"name": "my-app", "image": image}]}}
        self.place.api.patch(path, {"spec": {"template": template}}, kind="strategic")

    def _two_workloads(self) -> None:
        api, namespace = self.place.api, self.place.namespace
        for text in ("my-app", "blue", "green"):
            api.create(_service(namespace, text))
        for name in self.kind.sides:
            one = yaml.safe_load(yaml.safe_dump(application(namespace)).replace("my-app", name))
            api.create(one)
        # the route comes last: nobody may be sent to a side before somebody is ready there
        slices = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        for name in self.kind.sides:
            wait_for(partial(_ready, api, slices, name), f"{name} ready")
        api.create(_virtual_service(namespace, *self.kind.sides))


def _ready(api: Api, slices: str, service: str) -> bool:
    return any(
        one["conditions"].get("ready")
        for each in api.get(slices)["items"]
        if each["metadata"]["labels"].get("kubernetes.io/service-name") == service
        for one in each.get("endpoints") or ()
    )


def _service(namespace: str, name: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"app": name},
            "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
        },
    }


def _virtual_service(namespace: str, primary: str, canary: str) -> Document:
    def to(name: str, weight: int) -> Document:
        return {"destination": {"host": name, "port": {"number": 80}}, "weight": weight}

    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "my-app", "namespace": namespace},
        "spec": {
            "hosts": ["my-app"],
            "http": [{"route": [to(primary, 100), to(canary, 0)]}],
        },
    }
