"""A Kubernetes API in memory.

Floor 4. Acts as the real one does where that can be seen from outside: versions, conflicts,
words, watches, managed fields. There are no controllers behind it: nobody makes pods out of a
Deployment. Over a `base` it is a copy-on-write overlay, for looking ahead on a live cluster.
Its parts are in `inmemory/`: `shelf.py` keeps the objects, `stream.py` follows them.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from itertools import count
from typing import Any, TypeVar

from attrs import evolve

from progressive._adapters.cluster import refusals
from progressive._adapters.cluster.address import Address, address_of, parse
from progressive._adapters.cluster.inmemory.admission import admitted
from progressive._adapters.cluster.inmemory.discovery import versions
from progressive._adapters.cluster.inmemory.faults import Fault, Faults
from progressive._adapters.cluster.inmemory.overlay import Overlay
from progressive._adapters.cluster.inmemory.record import Write
from progressive._adapters.cluster.inmemory.reviews import REVIEWS, reviewed
from progressive._adapters.cluster.inmemory.scale import scale_of, scaled
from progressive._adapters.cluster.inmemory.shelf import Manifest, Shelf
from progressive._adapters.cluster.inmemory.stream import MemoryWatch
from progressive._kube.patch import PatchRefused, apply, merge
from progressive.ports import Cluster, Inbox, Lock, Store

Answer = TypeVar("Answer")


class MemoryCluster:
    """
    A `Cluster` in memory.

    Args:
        objects: What is there at the start; objects without a namespace are in `namespace`.
        base: Read where nothing was written here; it is never written. Its later changes are
            read, but a watch does not follow them.
        namespace: Answered as the namespace of the configuration.
        served: Group → versions, for groups other than usual ones or in other versions; an
            empty tuple: the group is not installed. Paths of versions not served are refused.
        now: The clock for time stamps and for the `until` of a watch.
        manager: Field manager of the writes.
        exact: Objects keep every byte that no write touched: they get no uid, namespace, time
            stamp or managed fields, and answer in the API version that they came in.
        patient: Whether a watch with `until` waits in real time; False: it ends as soon as it
            has nothing to say, for a clock that stands still.

    Attributes:
        log: Writes that were accepted, in order.
        calls: Verb and path of every call, refused ones too.
    """

    def __init__(
        self,
        objects: Iterable[Mapping[str, Any]] = (),
        *,
        base: Cluster | None = None,
        namespace: str = "default",
        served: Mapping[str, tuple[str, ...]] | None = None,
        now: Callable[[], datetime] | None = None,
        manager: str = "progressive",
        exact: bool = False,
        patient: bool = True,
    ) -> None:
        self._base, self._namespace, self._manager = base, namespace, manager
        self._patient = patient
        self._now = now or (lambda: datetime.now(UTC))
        self._served = dict(served or {})
        self._turn = threading.Condition(threading.RLock())
        self._faults, self._denied = Faults(), set[tuple[str, str]]()
        self._watches: list[MemoryWatch] = []
        self._shelf = Shelf(self._tell, self._now, exact=exact)
        self._seen = Overlay(self._shelf, base, exact=exact)
        self._numbers = count(1)
        self.log: list[Write] = []
        self.calls: list[tuple[str, str]] = []
        for manifest in objects:
            at = address_of(manifest, namespace=namespace)
            self._shelf.load(at, manifest, manager="tests")

    def __repr__(self) -> str:
        over = f" over {self._base!r}" if self._base is not None else ""
        return f"<MemoryCluster of {len(self._shelf.objects)} objects{over}>"

    @property
    def namespace(self) -> str:
        """The namespace for documents that name none."""
        return self._namespace

    # reading

    def get(self, path: str, *, query: dict[str, str] | None = None) -> dict[str, Any]:
        """Read one object, or one list (query: ``labelSelector``, ``fieldSelector``)."""
        at = parse(path)
        verb = "get" if at.name else "list"

        def act() -> Manifest:
            if at.name is None:
                return self._seen.listed(at, query or {})
            found = self._seen.found(at)
            return scale_of(found) if at.subresource == "scale" else found

        return self._call(verb, path, at, act)

    def served(self, group: str, plural: str | None = None) -> tuple[str, ...]:
        """
        Versions of an API group, the preferred one first.

        Raises:
            ClusterError: The group is not installed (kind ``not-found``).
        """
        if group not in self._served:
            if self._base is not None:
                return self._base.served(group, plural)
            own = [one for key, one in self._shelf.objects.items() if key[0] == group]
            return versions(group, (one["apiVersion"] for one in own))
        if not self._served[group]:
            raise refusals.group_absent(group)
        return self._served[group]

    def watch(
        self,
        path: str,
        *,
        name: str | None = None,
        labels: str | None = None,
        until: datetime | None = None,
        known: dict[str, Any] | None = None,
    ) -> MemoryWatch:
        """Follow a collection, one object of it (`name`), or those with `labels`."""
        at = parse(path)

        def act() -> MemoryWatch:
            stream = MemoryWatch(
                at,
                self._turn,
                name=name,
                labels=labels,
                until=until,
                now=self._now,
                patient=self._patient,
                closed=self._forget,
            )
            only = {} if name is None else {"fieldSelector": f"metadata.name={name}"}
            for one in self._seen.listed(at, only)["items"]:
                meta = one["metadata"]
                stream.tell("ADDED", at.named(meta["name"], meta.get("namespace")), one)
            stream.synced()
            self._watches.append(stream)
            return stream

        return self._call("watch", path, at, act)

    # writing

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Create an object in the collection `path`."""
        at = parse(path)
        return self._call("create", path, at, lambda: self._create(at, path, body))

    def json_patch(self, path: str, patch: list[dict[str, Any]]) -> dict[str, Any]:
        """One RFC 6902 patch; a failed ``test`` is an error of kind ``conflict``."""
        at = parse(path)

        def change(old: Manifest) -> Any:
            try:
                return apply(old, patch)
            except PatchRefused as refused:
                # a real server does not say which operation failed: with a test among them it
                # must be taken for a document that has changed
                if any(one.get("op") == "test" for one in patch):
                    raise refusals.test_failed(at, str(refused)) from refused
                raise refusals.invalid(at, str(refused)) from refused

        return self._change(at, "patch", path, patch, change)

    def merge_patch(self, path: str, patch: dict[str, Any]) -> dict[str, Any]:
        """One RFC 7386 patch; with ``metadata.resourceVersion`` in it a conflict is noticed."""
        at = parse(path)

        def change(old: Manifest) -> Any:
            return merge(old, patch)

        return self._change(at, "patch", path, patch, change)

    def replace(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Replace an object; its ``metadata.resourceVersion`` must be the present one."""
        at = parse(path)
        if not (body.get("metadata") or {}).get("resourceVersion"):
            raise refusals.version_missing(at)
        return self._change(at, "update", path, body, lambda _: body)

    def delete(self, path: str, *, version: str | None = None) -> None:
        """Delete an object, if it has this version; one that is not there is fine."""
        at = parse(path)

        def act() -> None:
            old = self._seen.find(at)
            if old is not None:
                if version not in (None, old["metadata"].get("resourceVersion")):
                    raise refusals.modified(at)
                self._shelf.delete(at, old)
            self._note("delete", path, None, old is not None)

        self._call("delete", path, at, act)

    def urgent(self) -> MemoryCluster:
        """The same cluster: nothing is slow here."""
        return self

    def rehearsal(self) -> MemoryCluster:
        """The same cluster for writes that change nothing here."""
        return MemoryCluster(base=self, namespace=self._namespace, patient=False)

    # the places of a run

    def store(self) -> Store:
        """The journal's place in this cluster."""
        from progressive._adapters.journal.stores import ConfigMapStore

        return ConfigMapStore(self)

    def lock(self) -> Lock:
        """The Leases of this cluster."""
        from progressive._adapters.lease.locks import LeaseLock

        return LeaseLock(self)

    def inbox(self) -> Inbox:
        """The decisions of people, in this cluster."""
        from progressive._adapters.journal.inbox import ConfigMapInbox

        return ConfigMapInbox(self)

    # the world outside, and bad days

    def objects(self) -> tuple[dict[str, Any], ...]:
        """Everything that was put or written here, in the order in which it came."""
        with self._turn:
            return tuple(deepcopy(list(self._shelf.objects.values())))

    def put(self, manifest: Mapping[str, Any], *, manager: str = "somebody") -> dict[str, Any]:
        """Another writer stores an object whole, status included; not in `log`."""
        at = address_of(manifest, namespace=self._namespace)
        with self._turn:
            old = self._seen.find(at)
            if old is None:
                new = self._shelf.load(at, manifest, manager=manager)
                self._tell("ADDED", at, new)
                return deepcopy(new)
            wanted = deepcopy(dict(manifest))
            wanted["metadata"] = {**wanted.get("metadata", {})}
            wanted["metadata"].pop("resourceVersion", None)
            new, _ = self._shelf.update(at, old, wanted, manager=manager)
            if "status" in wanted and at.plural:
                shown = {**new, "status": wanted["status"]}
                shown["metadata"] = {**new["metadata"]}
                status_at = evolve(at, subresource="status")
                new, _ = self._shelf.update(status_at, new, shown, manager=manager)
            return deepcopy(new)

    def discard(self, path: str) -> None:
        """Another writer removes an object at once; not in `log`."""
        at = parse(path)
        with self._turn:
            old = self._seen.find(at)
            if old is not None:
                self._shelf.drop(at, old)

    def fail(
        self,
        error: Exception,
        *,
        verb: str | None = None,
        path: str = "",
        skip: int = 0,
        times: int | None = 1,
        after: bool = False,
    ) -> Fault:
        """
        Make matching calls raise.

        Args:
            verb: ``get list watch create patch update delete``; None: any.
            path: Regular expression, searched in the path of the call.
            skip: How many matching calls go well first.
            times: How many fail; None: all later ones.
            after: The write takes effect before the error, as when the answer is lost; calls
                that fail anyway are not counted.
        """

        def do() -> None:
            raise error

        return self.on(do, verb=verb, path=path, skip=skip, times=times, after=after)

    def on(
        self,
        do: Callable[[], object],
        *,
        verb: str | None = None,
        path: str = "",
        skip: int = 0,
        times: int | None = 1,
        after: bool = False,
    ) -> Fault:
        """Let something happen right before (or after) matching calls; as in `fail`."""
        fault = Fault(do=do, verb=verb, path=re.compile(path), skip=skip, times=times, after=after)
        with self._turn:
            self._faults.laid.append(fault)
        return fault

    def heal(self) -> None:
        """Take all faults and denials back."""
        with self._turn:
            self._faults.laid.clear()
            self._denied.clear()

    def deny(self, verb: str, plural: str) -> None:
        """Take a right from the user: calls are forbidden, and an access review says so."""
        with self._turn:
            self._denied.add((verb, plural))

    # below: with the turn held

    def _call(self, verb: str, path: str, at: Address, act: Callable[[], Answer]) -> Answer:
        with self._turn:
            self.calls.append((verb, path))
            self._faults.strike(verb, path, after=False)
            if (verb, at.plural) in self._denied:
                raise refusals.forbidden(at, verb, "somebody")
            self._check_served(at)
            answer = act()
            self._faults.strike(verb, path, after=True)
            return answer if isinstance(answer, MemoryWatch) else deepcopy(answer)

    def _check_served(self, at: Address) -> None:
        if at.group in self._served and at.version not in self._served[at.group]:
            raise refusals.not_served()

    def _create(self, at: Address, path: str, body: dict[str, Any]) -> Manifest:
        if at.group in REVIEWS:
            return reviewed(body, self._denied)
        new_at = admitted(at, body, self._numbers)
        if self._seen.find(new_at) is not None:
            raise refusals.already_exists(new_at)
        new = self._shelf.create(new_at, body, manager=self._manager)
        self._note("create", path, body, True)
        return new

    def _change(
        self, at: Address, verb: str, path: str, body: Any, change: Callable[[Manifest], Any]
    ) -> Manifest:
        def act() -> Manifest:
            old = self._seen.found(at)
            if at.subresource == "scale":
                wanted: Any = scaled(old, change(scale_of(old)))
            else:
                wanted = change(old)
            if not isinstance(wanted, dict):
                raise refusals.invalid(at, "the object must stay a mapping", status=400)
            new, changed = self._shelf.update(at, old, wanted, manager=self._manager)
            self._note(verb, path, body, changed)
            return scale_of(new) if at.subresource == "scale" else new

        return self._call(verb, path, at, act)

    def _note(self, verb: str, path: str, body: Any, changed: bool) -> None:
        self.log.append(Write(verb=verb, path=path, body=deepcopy(body), changed=changed))

    def _tell(self, kind: str, at: Address, manifest: Manifest) -> None:
        with self._turn:
            for stream in self._watches:
                shown = self._seen.in_version(stream.at, manifest)
                stream.tell(kind, at, shown)
            self._turn.notify_all()

    def _forget(self, stream: MemoryWatch) -> None:
        with self._turn:
            if stream in self._watches:
                self._watches.remove(stream)
            self._turn.notify_all()
