"""Sees every state of every route and of all endpoints, and says when a side had no one to answer.

Two watches, spoken to the API server the plain way. One store numbers all changes of a cluster,
so the states of both kinds can be put in one order afterwards, whichever watch was late.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

import requests
from tests.realparts.api import Api, Document
from tests.realparts.control_plane import ControlPlane
from tests.realparts.process import wait_for

_ROUTES = "/apis/networking.istio.io/v1/virtualservices"
_SLICES = "/apis/discovery.k8s.io/v1/endpointslices"
_QUIET = 3.0
"""Seconds without a change after which a watch is begun anew, where it stood."""
_OWNER = "kubernetes.io/service-name"


@dataclass(frozen=True, kw_only=True)
class Change:
    """
    One state of one object.

    Attributes:
        version: Its place among all changes of the cluster.
        name: Of the object.
        weights: Of a route: each destination's; None: it is none, or it is gone.
        service: Of endpoints: whose; empty: it is a route.
        ready: Of endpoints: how many are ready.
    """

    version: int
    name: str
    weights: dict[str, int] | None = None
    service: str = ""
    ready: int = 0


@dataclass(frozen=True, kw_only=True)
class Seen:
    """
    What became of one route.

    Attributes:
        canary: Its canary weights in order, without repetitions.
        states: How many states of it and of its endpoints were looked at.
        unready: Moments at which a side had weight and no ready endpoint, in words.
        strange: Weights that no plan names, in words.
    """

    canary: list[int]
    states: int = 0
    unready: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)


class Witness:
    """Watches all routes and endpoints of a cluster, from its making until `stop`."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self._api = Api(
            control_plane.server,
            token=control_plane.token("other"),
            authority=control_plane.authority,
        )
        self._changes: dict[str, list[Change]] = {}
        self._shown: dict[str, int] = {}
        self._turn = threading.Lock()
        self._at: dict[str, str] = {}
        self.broken: list[str] = []
        self._stopped = False
        self._threads = [
            threading.Thread(
                target=self._follow,
                args=(path, self._api.get(path)["metadata"]["resourceVersion"]),
                name=f"witness {path}",
                daemon=True,
            )
            for path in (_ROUTES, _SLICES)
        ]
        for one in self._threads:
            one.start()

    def stop(self) -> None:
        """No more; a watch ends within `_QUIET` seconds."""
        self._stopped = True
        for one in self._threads:
            one.join(2 * _QUIET)

    def seen(self, namespace: str, sides: tuple[str, str], allowed: Iterable[int]) -> Seen:
        """Everything until now, judged."""
        for path in (_ROUTES, _SLICES):
            self._catch_up(path, namespace)
        with self._turn:
            changes = sorted(self._changes.get(namespace, []), key=lambda one: one.version)
        return judge(changes, sides=sides, allowed=frozenset(allowed))

    def forget(self, namespace: str) -> None:
        """Its namespace is being removed; nothing of it is judged any more."""
        with self._turn:
            self._changes.pop(namespace, None)

    def _catch_up(self, path: str, namespace: str) -> None:
        """Until the watch has shown what is there now."""
        root, _, plural = path.rpartition("/")
        there = self._api.get(f"{root}/namespaces/{namespace}/{plural}")["items"]
        wanted = max([int(one["metadata"]["resourceVersion"]) for one in there], default=0)
        wait_for(lambda: self._shown.get(path, 0) >= wanted or self.broken, f"{path} at {wanted}")
        if self.broken:
            raise RuntimeError(f"the witness saw not everything: {self.broken}")

    def _follow(self, path: str, begun: str) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.verify = self._api.session.verify
            session.headers.update(self._api.session.headers)
            version = begun
            while not self._stopped and not self.broken:
                try:
                    version = self._watched(session, path, version)
                except requests.RequestException as error:
                    if not isinstance(error, requests.ConnectionError):
                        self.broken.append(f"{path}: {error}")
                    # nothing happened for a moment: from there on again

    def _watched(self, session: requests.Session, path: str, version: str) -> str:
        """Until the server ends it; where it ended."""
        query = {"watch": "1", "resourceVersion": self._at.get(path, version)}
        query["allowWatchBookmarks"] = "true"
        with session.get(
            self._api.server + path, params=query, stream=True, timeout=(10, _QUIET)
        ) as stream:
            for line in stream.iter_lines():
                told = json.loads(line)
                if told["type"] == "ERROR":
                    self.broken.append(f"{path}: {told['object'].get('message')}")
                    break
                self._at[path] = told["object"]["metadata"]["resourceVersion"]
                if told["type"] != "BOOKMARK":
                    self._note(path, told["type"], told["object"])
        return self._at.get(path, version)

    def _note(self, path: str, kind: str, manifest: Document) -> None:
        meta = manifest["metadata"]
        change = change_of(manifest, gone=kind == "DELETED")
        with self._turn:
            self._changes.setdefault(meta["namespace"], []).append(change)
        self._shown[path] = change.version


def change_of(manifest: Document, *, gone: bool) -> Change:
    """What is kept of one state of an object."""
    meta = manifest["metadata"]
    version, name = int(meta["resourceVersion"]), meta["name"]
    if "endpoints" in manifest or "addressType" in manifest:
        found = manifest.get("endpoints") or []
        ready = [one for one in found if one["conditions"].get("ready", True)]
        return Change(
            version=version,
            name=name,
            service=meta.get("labels", {}).get(_OWNER, ""),
            ready=0 if gone else len(ready),
        )
    if gone:
        return Change(version=version, name=name)
    route = manifest["spec"]["http"][0]["route"]
    weights = {one["destination"]["host"]: int(one.get("weight", 0)) for one in route}
    return Change(version=version, name=name, weights=weights)


def judge(changes: Iterable[Change], *, sides: tuple[str, str], allowed: frozenset[int]) -> Seen:
    """
    The states in order: nobody may be sent to a side where nobody is ready.

    Args:
        changes: In the order of their versions.
        sides: Services of primary and canary.
        allowed: Canary weights that the plan names.
    """
    primary, canary = sides
    weights: dict[str, int] | None = None
    ready: dict[str, dict[str, int]] = {}
    told: list[int] = []
    unready: list[str] = []
    strange: list[str] = []
    states = 0
    for one in changes:
        states += 1
        if one.service:
            ready.setdefault(one.service, {})[one.name] = one.ready
        else:
            weights = one.weights
        if weights is None:
            continue
        share = weights.get(canary, 0)
        if not one.service and (not told or told[-1] != share):
            told.append(share)
        if not one.service and (share not in allowed or sum(weights.values()) != 100):
            strange.append(f"{weights} at version {one.version}")
        for side in (primary, canary):
            if weights.get(side, 0) > 0 and not sum(ready.get(side, {}).values()):
                unready.append(f"{side} has {weights[side]} at version {one.version}")
    return Seen(canary=told, states=states, unready=unready, strange=strange)
