"""A route of each router on a real API server, with a proxy before it: for what goes wrong.

No controller of a mesh runs, and both sides have a ready endpoint without a pod. What stands in
the objects, and what was asked, is all that counts here.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve, field
from tests.contract.worlds import WORLDS, objects_of, target_in
from tests.real.stage.routing import prepared
from tests.real.stage.sides import service
from tests.real.stage.sides import shop as pods_of
from tests.realparts.api import Document
from tests.realparts.asked import WRITES, Asked
from tests.realparts.control_plane import ControlPlane
from tests.realparts.proxy import Choose, Exchange, Proxy
from tests.realparts.proxy import Fault as Act

from progressive import plugins
from progressive._adapters.cluster.environment import find
from progressive._adapters.cluster.link import Link
from progressive._adapters.cluster.retry import Policy
from progressive._adapters.mesh.router import MeshRouter
from progressive._model.traffic import RouteRef, Split, Sticky, Target
from progressive.clusters import KubernetesCluster

QUICK = Policy(attempts=2, connect=2.0, read=2.0, write=1.0)
"""Two attempts, as ever more would do; an answer that does not come is soon given up."""

NAMES = sorted({"kubernetes", *(name for name, one in WORLDS.items() if one.served)})
"""Every router with objects in the API server, in each shape of them."""

SIDES = {"web-primary": "primary", "web-canary": "canary", "latestRevision": "canary"}
"""How an entry of a list names a side."""

_SERVERS = ("managedFields", "resourceVersion", "generation")


@define
class Steering:
    """
    One route, all users on the primary at first.

    Attributes:
        name: Key of `WORLDS`; ``kubernetes`` is a selector that is switched.
        cluster: As the router reaches it, through `proxy`.
        router: One that has seen nothing yet; `renew` makes another.
        made: The routing objects, as they were applied.
        asked: The router's requests since `begin`.
    """

    name: str
    plane: ControlPlane
    proxy: Proxy
    cluster: KubernetesCluster
    target: Target
    made: list[Document]
    router: MeshRouter = field(init=False)
    asked: list[Asked] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.renew()

    def split(self, canary: int) -> Split:
        """An order that this router can carry out: a selector knows no shares."""
        return Split(canary=100 if self.name == "kubernetes" and canary else canary)

    def orders(self) -> Iterator[Split]:
        """One order for everything that this router can do here."""
        world, can = WORLDS[self.name], self.router.capabilities
        known = {
            "weights": self.split(50),
            "match": Split(canary=100, match=(world.matched,)),
            "mirror": Split(canary=0, mirror=world.mirrored),
            "sticky": Split(canary=10, sticky=Sticky(cookie="web", max_age=timedelta(hours=1))),
        }
        for claim, split in known.items():
            if getattr(can, claim) and claim not in world.lacks:
                yield split

    def shift(self, canary: int) -> bool:
        """Order a weight; whether it is what is answered."""
        split = self.split(canary)
        return self.router.shift(self.target, split).shows(split)

    def shows(self, canary: int) -> bool:
        """Whether a router that has seen nothing yet reads this weight."""
        return self._fresh().current(self.target).shows(self.split(canary))

    def renew(self) -> None:
        """A router that has seen nothing yet."""
        self.router = self._fresh()

    def _fresh(self) -> MeshRouter:
        made: MeshRouter = plugins.router(WORLDS[self.name].router)(self.cluster)
        return made

    def restore(self) -> None:
        """The routing objects as they were at first, and a fresh router."""
        self.delete()
        for one in self.made:
            self.put(one)
        self.target = evolve(self.target, routes=())
        self.renew()
        self.begin()

    def delete(self) -> None:
        """Take all routing objects away; the Services of the sides stay."""
        for one in self.listed():
            if not self._is_side(one):
                self.plane.api.delete(self.path(one))

    def put(self, manifest: Document) -> None:
        """Make an object, with its status."""
        self.plane.api.apply(prepared(manifest))
        if status := manifest.get("status"):
            self.plane.api.patch(f"{self.path(manifest)}/status", {"status": status})

    def _is_side(self, manifest: Mapping[str, Any]) -> bool:
        plain = (manifest["apiVersion"], manifest["kind"]) == ("v1", "Service")
        return plain and manifest["metadata"]["name"] != self.target.service

    def twice(self) -> tuple[str, str]:
        """Each routing object a second time, both steered; the names of what is written."""
        (first,) = {str(one["metadata"]["name"]) for one in self.steered()}
        for one in self.made:
            second = deepcopy(one)
            second["metadata"]["name"] += "-b"
            # two of them for the same requests would be refused
            for host in second["spec"].get("hosts") or () if self.name == "istio" else ():
                second["spec"]["hosts"] = [f"{host}-b"]
            for rule in second["spec"]["rules"] if one["kind"] == "HTTPRoute" else ():
                rule["matches"] = [{"path": {"type": "PathPrefix", "value": "/b"}}]
            self.put(second)
        names = (first, f"{first}-b")
        self.target = evolve(self.target, routes=tuple(RouteRef(name=one) for one in names))
        self.renew()
        if self.name == "nginx":
            return f"{first}-canary", f"{first}-b-canary"
        return names

    def listed(self) -> list[Document]:
        """All objects of the kinds that steer here, as they are stored, by kind and name."""
        found: list[Document] = []
        for kind in {(one["apiVersion"], one["kind"]) for one in self.made}:
            items = self.plane.api.get(self.plane.api.path(*kind, self.target.namespace))["items"]
            found += [{"apiVersion": kind[0], "kind": kind[1], **one} for one in items]
        return sorted(found, key=lambda one: (one["kind"], one["metadata"]["name"]))

    def stored(self) -> list[Any]:
        """What stands there, without what the server keeps of it."""
        return [
            {
                **one,
                "metadata": {k: v for k, v in one["metadata"].items() if k not in _SERVERS},
            }
            for one in self.listed()
        ]

    def steered(self) -> list[Document]:
        """The objects that hold the split, as a fresh router knows them."""
        router = self._fresh()
        router.current(self.target)
        return [dict(one) for one in router.seen(self.target)]

    def path(self, manifest: Mapping[str, Any]) -> str:
        """Where an object of this route is."""
        return self.plane.api.path(
            manifest["apiVersion"],
            manifest["kind"],
            self.target.namespace,
            manifest["metadata"]["name"],
        )

    def touch(self, manager: str) -> None:
        """Another user labels everything that is there, under the name of a controller."""
        label = {"metadata": {"labels": {manager: uuid.uuid4().hex[:8]}}}
        for one in self.listed():
            self.plane.user("other").patch(self.path(one), label, fieldManager=manager)

    def begin(self, choose: Choose | None = None) -> None:
        """Count anew, with a fault from now on."""
        self.asked = self.proxy.begin(choose)

    def sent(self) -> list[Asked]:
        """The writes that were asked of the server since `begin`, whatever became of them."""
        return [one for one in self.asked if one.verb in WRITES]

    def taken(self) -> list[Asked]:
        """Those that the server carried out."""
        return [one for one in self.sent() if 200 <= one.status < 300]


def first_writes(act: Act, *, times: int | None = 1, of: str = "") -> Choose:
    """
    This happens to the first writes.

    Args:
        times: How many; None: to all.
        of: Only to those of an object with this name.
    """
    met: list[Asked] = []

    def choose(asked: Asked) -> tuple[str, Act] | None:
        if asked.verb not in WRITES or (of and asked.name != of):
            return None
        met.append(asked)
        return ("fault", act) if times is None or len(met) <= times else None

    return choose


def after(do: Callable[[], object]) -> Act:
    """Something happens before the request reaches the server."""

    def act(exchange: Exchange) -> None:
        do()
        exchange.pass_on()

    return act


@contextmanager
def steering(name: str, plane: ControlPlane, folder: Path) -> Iterator[Steering]:
    """Make the objects, a router, and the proxy before the API server."""
    world = WORLDS[name]
    plane.install(*world.definitions)
    namespace = plane.namespace("steer")
    if name == "kubernetes":
        pods_of(plane, namespace, apex="primary", canary=2)
        made = [service(namespace, "web", version="primary")]
    else:
        manifests = objects_of(world, namespace, 100, 0, None)
        sides = [
            one
            for one in manifests
            if one["kind"] in ("Service", "EndpointSlice") and "serving" not in one["apiVersion"]
        ]
        plane.api.apply_all(map(prepared, sides))
        made = [one for one in manifests if one not in sides]
    proxy = Proxy(plane.server, authority=plane.authority)
    proxy.start()
    told = json.loads(plane.kubeconfig().read_text())
    told["clusters"][0]["cluster"]["server"] = proxy.url
    file = folder / f"kubeconfig-{namespace}.yaml"
    file.write_text(json.dumps(told))  # JSON is YAML
    cluster = KubernetesCluster(Link(find(file)), policy=QUICK)
    try:
        yield Steering(name, plane, proxy, cluster, target_in(namespace), made)
    finally:
        proxy.stop()
        cluster.close()
        plane.forget(namespace)


@pytest.fixture(scope="module", params=NAMES)
def place(
    request: pytest.FixtureRequest,
    control_plane: ControlPlane,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Steering]:
    """One router after the other."""
    folder = tmp_path_factory.mktemp("steering")
    with steering(request.param, control_plane, folder) as found:
        yield found


@pytest.fixture
def route(place: Steering) -> Steering:
    """The route of `place`, all users on the primary."""
    place.restore()
    return place


def sides_in(value: Any) -> list[str]:
    """The sides that an entry names."""
    text = json.dumps(value)
    return [side for name, side in SIDES.items() if name in text]


def weights_of(route: Steering) -> list[Any]:
    """What stands there, without labels."""
    return [{**one, "metadata": {**one["metadata"], "labels": None}} for one in route.stored()]
