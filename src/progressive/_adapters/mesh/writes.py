"""Carries out the plans of a codec: conflicts, lost answers, several objects.

Floor 4: writes routing objects through `ports.Cluster`. A plan is a function of what was seen;
when the world has moved it is asked again, so nothing is ever written that was not planned on
the state that it replaces. Used by `router.py` alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from typing import Any

from attrs import evolve, frozen

from progressive._adapters.journal.stores import in_a_hurry
from progressive._adapters.mesh.fence import Guard, is_loss
from progressive._adapters.mesh.objects import MeshObjects, Sight, refused
from progressive._adapters.mesh.undo import anew, restoration
from progressive._kube.marks import DRIVER
from progressive._mesh.codec import Manifest, ObjectPatch, ResourceRef, ref_of
from progressive._mesh.ownership import writers
from progressive._model.traffic import Target
from progressive.errors import ClusterError, Conflict, ErrorKind, RouteNotFound, RouterError
from progressive.ports import Cluster

TRIES = 5
"""How often a write is planned anew after a conflict or a lost answer."""

_PAUSE = 0.05
"""Seconds before the second try, doubled for each further one, with jitter."""

_GIVING_BACK = (0.1, 0.4)
"""Seconds before a token is removed again: one bad answer must not leave it on the route."""

_LONGEST_PAUSE = 5.0
"""A server that asks for a longer wait is obeyed by the run, which has a clock and an inbox."""

Plan = Callable[[Sight], Sequence[ObjectPatch]]
"""What is left to write, given what was seen; raises `RouterError` for what must not be."""


@frozen(kw_only=True)
class Written:
    """
    One write that the API took.

    Attributes:
        patch: What was sent.
        before, after: The object; None: it did not exist, or does not any more.
    """

    patch: ObjectPatch
    before: Manifest | None
    after: Manifest | None


@frozen(kw_only=True)
class Intent:
    """
    What is about to be written.

    Attributes:
        target: The release.
        steered: The objects that are there, as they were read.
        calls: Verb and path of each request.
    """

    target: Target
    steered: tuple[Manifest, ...]
    calls: tuple[tuple[str, str], ...]


class _Again(Exception):
    """The plan may rest on an old state; `error` says why, and is raised if it stays so."""

    def __init__(self, error: RouterError, pause: float = 0.0) -> None:
        super().__init__(error)
        self.error, self.pause = error, pause


class MeshWrites:
    """
    Writes to the routing objects of a cluster.

    Args:
        objects: Finds, reads and remembers them.
        cluster: Where they are.
        now: The clock.
        pause: Waits between two tries, in seconds.

    Attributes:
        last: When the objects of a target were last written, or may have been.
        guards: The fences of runs, while they last.
        ask: Is shown what is about to be written, at each try, and may refuse it by a
            `RouterError`; for a command that must not disturb a run.
        tell: Is shown each write that the API took; for a command that lists them.
        owner: The owner reference that made objects carry; None: nobody's.
    """

    def __init__(
        self,
        objects: MeshObjects,
        cluster: Cluster,
        *,
        now: Callable[[], datetime],
        pause: Callable[[float], None],
    ) -> None:
        self._objects, self._cluster = objects, cluster
        self._now, self._pause = now, pause
        self._jitter = random.Random()
        self.last: dict[Target, datetime] = {}
        self.guards: dict[Target, Guard] = {}
        self.ask: Callable[[Intent], None] | None = None
        self.tell: Callable[[Written], None] | None = None
        self.owner: Callable[[Target], Mapping[str, Any] | None] = lambda _: None

    def carry_out(self, target: Target, plan: Plan, *, homeward: Callable[[Sight], bool]) -> bool:
        """
        Plan and write until nothing is left to write; whether anything was written.

        Args:
            homeward: Whether the plan takes traffic from the canary: then every object is
                attempted whatever fails, and nothing is put back.

        Raises:
            RouterError: What the plan refuses, or the API; `Conflict` after `TRIES` tries.
        """
        written: dict[ResourceRef, Written] = {}
        patches: Sequence[ObjectPatch] = ()
        home: bool | None = None
        last = RouterError(f"{target}: nothing was tried")
        try:
            for attempt in range(TRIES):
                sight = self._objects.seen(target)
                if sight is None or (attempt and not sight.fresh):
                    sight = self._objects.look(target)
                sight, patches = self._planned(target, sight, plan)
                patches = self._guarded(sight, target, patches, again=attempt > 0)
                self._ask(sight, target, patches)
                sight.fresh = False
                home = homeward(sight) if home is None else home
                try:
                    self._write(sight, target, patches, written, homeward=home)
                except _Again as again:
                    last = again.error
                    wait = _PAUSE * 2**attempt * (0.5 + self._jitter.random())
                    if attempt + 1 < TRIES:
                        self._pause(max(again.pause, wait))
                else:
                    return bool(written)
            raise self._worn_out(target, last)
        except RouterError as error:
            self._objects.forget(target)
            if written:
                left = [one.ref for one in patches if one.ref not in written]
                self._settle(written, left, error, undo=not home and not is_loss(error))
            raise

    def _ask(self, sight: Sight, target: Target, patches: Sequence[ObjectPatch]) -> None:
        if self.ask is None or not patches:
            return
        calls = []
        for one in patches:
            path = self._objects.path(one.ref)
            making = one.made is not None
            calls.append((_deed(one), path.rpartition("/")[0] if making else path))
        steered = tuple(one for _, one in sight.steered(target))
        self.ask(Intent(target=target, steered=steered, calls=tuple(calls)))

    def remove_tokens(self, target: Target) -> None:
        """
        The run is over: its token goes from every object that carries it.

        Raises:
            RouterError: An object could not be written; the next driver writes its own over it.
        """
        guard, sight = self.guards.pop(target, None), self._objects.seen(target)
        if guard is None:
            return
        cluster = in_a_hurry(self._cluster)
        for ref in sorted(guard.claimed, key=str):
            answer = self._remove_token(cluster, ref, guard)
            if answer is None:
                self._objects.forget(target)
            elif sight is not None:
                whole = {"apiVersion": ref.api_version, "kind": ref.kind, **answer}
                sight.replace(ref, whole, target)

    def _remove_token(self, cluster: Cluster, ref: ResourceRef, guard: Guard) -> Manifest | None:
        """The object without our token; None: another driver's is there, or no object."""
        for pause in (*_GIVING_BACK, None):
            try:
                return cluster.json_patch(self._objects.path(ref), list(guard.removal()))
            except ClusterError as error:
                if error.kind is ErrorKind.NOT_FOUND:
                    break
                if not error.transient or (pause is None and error.kind is not ErrorKind.CONFLICT):
                    raise refused(error, f"remove the driver's token from {ref}") from error
            if pause is not None:
                self._pause(pause)
        return None

    def _guarded(
        self, sight: Sight, target: Target, patches: Sequence[ObjectPatch], *, again: bool
    ) -> Sequence[ObjectPatch]:
        guard = self.guards.get(target)
        if guard is None:
            return patches
        return guard.around(sight.steered(target), patches, again=again)

    def _worn_out(self, target: Target, last: RouterError) -> RouterError:
        words = f"{target}: given up after {TRIES} tries: {last}"
        if not isinstance(last, Conflict):
            worn = RouterError(words, last.kind, last.retry_after)
            worn.unsettled = last.unsettled
            return worn
        try:
            found = self._objects.look(target).objects
        except RouterError:
            found = []
        told = "; ".join(f"{ref_of(one, target)} is written by {writers(one)}" for one in found)
        return Conflict(f"{words}; {told}" if told else words)

    def _planned(
        self, target: Target, sight: Sight, plan: Plan
    ) -> tuple[Sight, Sequence[ObjectPatch]]:
        """Neither may an old reading say that all is well, nor half of one that it is not."""
        refused = False
        try:
            patches = plan(sight)
        except RouterError:
            if sight.fresh and not sight.partial:
                raise
            if sight.partial:
                # what is missing may be among the objects that are not kept
                self._objects.forget(target)
            refused, patches = True, ()
        if patches or (sight.fresh and not refused):
            return sight, patches
        sight = self._objects.look(target)
        return sight, plan(sight)

    def _write(
        self,
        sight: Sight,
        target: Target,
        patches: Sequence[ObjectPatch],
        written: dict[ResourceRef, Written],
        *,
        homeward: bool,
    ) -> None:
        """Send each patch; on the way home every one is attempted, whatever fails."""
        first: Exception | None = None
        for one in patches:
            before = next((m for m in sight.objects if ref_of(m, target) == one.ref), None)
            try:
                after = self._send(one, target)
            except (RouterError, _Again) as error:
                if not homeward:
                    raise
                first = first or error
                continue
            self.last[target] = self._now()
            sight.replace(one.ref, after, target)
            if (guard := self.guards.get(target)) is not None:
                (guard.claimed.discard if after is None else guard.claimed.add)(one.ref)
            done = Written(patch=one, before=before, after=after)
            if self.tell is not None:
                self.tell(done)
            if one.ref in written:
                done = evolve(done, before=written[one.ref].before)
            written[one.ref] = done
        if first is not None:
            raise first

    def _send(self, one: ObjectPatch, target: Target) -> Manifest | None:
        """The object as it stands after the write; None: it is deleted."""
        try:
            return self._act(one, target)
        except ClusterError as error:
            wrong = refused(error, f"{_deed(one)} {one.ref}")
            if isinstance(wrong, Conflict):
                seen = self._objects.seen(target)
                if seen is None or one.ref not in seen.refs:
                    # somebody made it meanwhile, or it was only seen in the first search
                    self._objects.forget(target)
                raise _Again(wrong) from error
            if isinstance(wrong, RouteNotFound) and one.made is None:
                # deleted meanwhile; perhaps it is there again, under another name
                self._objects.forget(target)
                raise _Again(wrong) from error
            if error.kind is not ErrorKind.UNAVAILABLE:
                raise wrong from error
            pause = error.retry_after or 0.0
            try:
                found = self._objects.by_name(one.ref)
            except RouterError as unread:
                doubt = RouterError(
                    f"{wrong}; whether it took effect is unknown, for {unread}",
                    ErrorKind.UNAVAILABLE,
                    error.retry_after,
                )
                doubt.unsettled = True
                raise doubt from error
            wrong.unsettled = not _untouched(one, found)
            if pause > _LONGEST_PAUSE:
                raise wrong from error
            # readable: the next plan sees by itself whether the write took effect
            self.last[target] = self._now()
            if one.made is not None:
                self._objects.forget(target)
            raise _Again(wrong, pause) from error

    def _act(self, one: ObjectPatch, target: Target) -> Manifest | None:
        path = self._objects.path(one.ref)
        if one.deletes:
            self._cluster.delete(path, version=one.version)
            return None
        if one.made is None:
            answer = self._cluster.json_patch(path, list(one.patch))
        else:
            body = self._owned(one.made, target)
            answer = self._cluster.create(path.rpartition("/")[0], body)
        return {"apiVersion": one.ref.api_version, "kind": one.ref.kind, **answer}

    def _owned(self, made: Manifest, target: Target) -> dict[str, Any]:
        """A made object with its owner and, in a run, the token of its driver."""
        body = deepcopy(dict(made))
        meta = body["metadata"] = dict(body.get("metadata") or {})
        here = meta.get("namespace", target.namespace) == target.namespace
        owner = self.owner(target) if here else None
        if owner is not None and not meta.get("ownerReferences"):
            meta["ownerReferences"] = [dict(owner)]
        if (guard := self.guards.get(target)) is not None:
            meta["annotations"] = {**(meta.get("annotations") or {}), DRIVER: guard.fence.token}
        return body

    def _settle(
        self,
        written: Mapping[ResourceRef, Written],
        left: Sequence[ResourceRef],
        error: RouterError,
        *,
        undo: bool,
    ) -> None:
        """
        Take back what was written before a later object failed, and tell the state of each.

        Args:
            left: What was planned and is not written.
            undo: False: what is written stays, as on the way home.
        """
        states = []
        # what was made last may rest on what was written before it
        for ref, one in reversed(list(written.items())):
            if not undo:
                states.append(f"{ref} is written")
                error.unsettled = True
                continue
            try:
                self._undo(ref, one)
                states.append(f"{ref} is put back")
            except ClusterError as refusal:
                states.append(f"{ref} has the new split and could not be put back ({refusal})")
                error.unsettled = True
        states += [f"{ref} is not written" for ref in left]
        error.message = f"{error.message}; {'; '.join(states)}"
        error.args = (error.message, *error.args[1:])

    def _undo(self, ref: ResourceRef, one: Written) -> None:
        path = self._objects.path(ref)
        if one.after is None:
            if one.before is not None:
                self._cluster.create(path.rpartition("/")[0], anew(one.before))
            return
        version = str(one.after["metadata"]["resourceVersion"])
        if one.before is None:
            self._cluster.delete(path, version=version)
            return
        undo = [*restoration(one.after, one.before)]
        if undo:
            test = {"op": "test", "path": "/metadata/resourceVersion", "value": version}
            self._cluster.json_patch(path, [test, *undo])


def _untouched(one: ObjectPatch, found: Manifest | None) -> bool:
    """Whether an object stands as it did before a write whose answer was lost."""
    if found is None:
        return one.made is not None
    if one.made is not None:
        return False
    version = (found.get("metadata") or {}).get("resourceVersion")
    return one.version is not None and version == one.version


def _deed(one: ObjectPatch) -> str:
    return "delete" if one.deletes else "patch" if one.made is None else "create"
