"""The codec of ingress-nginx: the weights of canary Ingresses.

Floor 3, pure; one of the codecs that `_adapters/mesh/router.py` carries out. The main Ingress is
read alone; all writing goes into the annotations of its canary, which is made when it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from progressive._mesh.access import inner, mapping, sequence
from progressive._mesh.codec import (
    Manifest,
    ObjectKind,
    ObjectPatch,
    ResourceRef,
    ref_of,
    version_test,
)
from progressive._mesh.nginx import handing
from progressive._mesh.nginx.annotations import (
    CANARY,
    FULL,
    MATCHING,
    PREFIX,
    TOTAL,
    WEIGHT,
    edits,
    require_texts,
    shares_of,
    weights,
)
from progressive._mesh.nginx.ingresses import (
    KIND,
    Pair,
    canaries,
    find,
    is_ours,
    made,
    paths_of,
    rivals,
    uncovered,
)
from progressive._mesh.nginx.matching import matching
from progressive._mesh.ownership import (
    foreign,
    gitops_warnings,
    last_writer,
    refuse_foreign,
    written_by_us,
)
from progressive._mesh.preflight import require_ready
from progressive._mesh.rules.refusals import refuse_always, refuse_weight
from progressive._mesh.rules.weights import in_parts
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Capabilities, Observed, Split, Target
from progressive.errors import (
    Drift,
    InvalidWeight,
    NotOwned,
    PreflightFailed,
    RouterError,
    Unsupported,
)

SETTLE = timedelta(seconds=5)
"""How long the controller may still follow the old annotations: it syncs at most every 3.3 s
(`--sync-rate-limit` 0.3), and its workers read the result once a second."""

MAX_TOTAL = 2**31 - 1
"""The controller reads weights into an int, and draws a random number up to the total."""

_CAPABILITIES = Capabilities(
    weights=True, match=True, max_total=MAX_TOTAL, dialect="nginx", settle=SETTLE
)


class NginxCodec:
    """
    Plans for ingress-nginx; a `MeshCodec`.

    Args:
        prefix: Of the annotations, for a controller that runs with `--annotations-prefix`.
    """

    name = "nginx"
    capabilities = _CAPABILITIES
    kinds: tuple[ObjectKind, ...] = (KIND,)

    def __init__(self, prefix: str = PREFIX) -> None:
        self.prefix = prefix

    def steered(self, objects: Sequence[Manifest], target: Target) -> tuple[ResourceRef, ...]:
        """The main Ingresses, on which a release is marked, and their canaries; empty: none."""
        try:
            pairs = find(objects, target, self.prefix)
        except RouterError:
            return ()
        both = (one for pair in pairs for one in (pair.main, pair.canary) if one is not None)
        return tuple(ref_of(one, target) for one in both)

    def read(self, objects: Sequence[Manifest], target: Target, *, total: int = 100) -> Observed:
        """
        The share of the requests that no header or cookie decides; none without a canary Ingress.

        Raises:
            RouteNotFound, DestinationNotFound, AmbiguousRoute: As for a write.
            InvalidRequest: An annotation is no number, or no text.
            Drift: Several Ingresses are steered, and they differ.
        """
        pairs = find(objects, target, self.prefix)
        known = [
            None if pair.canary is None else shares_of(pair.canary, target, self.prefix)
            for pair in pairs
        ]
        told = [(one.weight, one.total) if one and one.is_on else (0, FULL) for one in known]
        first = told[0]
        if any(one[0] * first[1] != first[0] * one[1] for one in told[1:]):
            states = "; ".join(
                f"{ref_of(pair.main, target)}: canary {one[0]} of {one[1]}"
                for pair, one in zip(pairs, told, strict=True)
            )
            raise Drift(f"{target}: the Ingresses of this release differ: {states}")
        canary, whole = in_parts(*first, total)
        matched = any(one is not None and one.matched for one in known)
        written = [pair.canary for pair in pairs if pair.canary is not None]
        return Observed(
            canary=canary,
            total=whole,
            matched=matched,
            inside=(total, total) if matched else None,
            writer=last_writer(written[0], "metadata", "annotations") if written else None,
            warnings=tuple(self._warnings(pairs, target)),
        )

    def write(
        self, objects: Sequence[Manifest], target: Target, split: Split
    ) -> tuple[ObjectPatch, ...]:
        """
        One patch for each canary Ingress that is not yet as wanted, or is not there.

        Raises:
            Unsupported: Mirror, stickiness, subsets, a share of matched requests, or a match that
                annotations cannot say.
            InvalidWeight: Outside the bounds, or a total below 100.
            NotOwned: The canary Ingress belongs to somebody else.
            ForeignController: Another controller moves this traffic.
            PreflightFailed: A side has no ready endpoint, or another canary is on the same paths.
        """
        wanted = self._wanted(target, split)
        pairs = find(objects, target, self.prefix)
        for pair in pairs:
            if pair.canary is not None:
                refuse_foreign(pair.canary, target)
                _require_owned(pair.canary, target)
        patches = [one for pair in pairs for one in self._planned(pair, target, split, wanted)]
        if patches and split.canary > 0:
            require_ready(objects, target, split)
            for pair in pairs:
                self._require_alone(objects, pair, target)
        return tuple(patches)

    def reset(
        self, objects: Sequence[Manifest], target: Target, *, total: int = 100
    ) -> tuple[ObjectPatch, ...]:
        """
        One patch for each canary Ingress that still sends requests; it stays, idle.

        Raises:
            ForeignController, NotOwned: It belongs to another, and nothing of ours is there.
            InvalidRequest: An annotation is no text.
        """
        patches: list[ObjectPatch] = []
        for canary in self._homeward(objects, target):
            require_texts(canary, target)
            wanted: dict[str, str | None] = dict.fromkeys(MATCHING)
            try:
                shares = shares_of(canary, target, self.prefix)
            except RouterError:
                # what means nothing must not stay either
                wanted |= {WEIGHT: "0", TOTAL: None}
            else:
                if not shares.is_on:
                    continue
                wanted |= weights(shares, 0, total)
            planned = self._patch(canary, target, wanted)
            if planned and not written_by_us(canary):
                refuse_foreign(canary, target)
                _require_owned(canary, target)
            patches.extend(planned)
        return tuple(patches)

    def rival(
        self, objects: Sequence[Manifest], manifest: Manifest, target: Target
    ) -> ResourceRef | None:
        """Another canary Ingress on a path of this one; the controller follows one of the two."""
        places = {one.place for one in paths_of(manifest)}
        found = next(rivals(objects, places, target, self.prefix), None)
        return None if found is None else ref_of(found, target)

    def names_sides(self, manifest: Manifest, target: Target) -> bool:
        """Whether an object sends, or could send, traffic to one of the sides."""
        return handing.names_sides(manifest, target)

    def is_spare(self, manifest: Manifest, target: Target) -> bool:
        """Whether the controller serves the apex just so without the object."""
        return handing.is_spare(manifest, self.prefix)

    def sent_to_apex(self, manifest: Manifest, target: Target, *, port: int) -> ObjectPatch:
        """The patch after which the object names the apex alone."""
        return handing.sent_to_apex(manifest, target, port=port)

    def split_again(self, manifest: Manifest, target: Target, *, port: int) -> ObjectPatch | None:
        """The inverse of `sent_to_apex`; None: nothing names the apex."""
        return handing.split_again(manifest, target, port=port)

    def make(self, target: Target, service: ServiceSpec) -> dict[str, Any]:
        """
        Nothing is made here: which hosts and paths users call only the main Ingress can tell.

        Raises:
            Unsupported: Always.
        """
        raise Unsupported(
            f"{target}: the router nginx makes no main Ingress; write one that sends its paths to "
            f"{target.primary}"
        )

    def _wanted(self, target: Target, split: Split) -> dict[str, str | None]:
        """All annotations that match single requests, as this order wants them."""
        asked = {"mirror": split.mirror is not None, "subsets": target.subsets is not None}
        refuse_always(target, asked, "no annotation of a canary Ingress says so")
        words = "affinity is set on the main Ingress, which this router does not write"
        refuse_always(target, {"stickiness": split.sticky is not None}, words)
        refuse_weight(_CAPABILITIES, target, split)
        if split.total < FULL:
            raise InvalidWeight(
                f"{target}: a total of {split.total} is below {FULL}, and ingress-nginx takes it "
                f"for {FULL}"
            )
        wanted = matching(split.match, target)
        if split.match and split.canary not in (0, split.total):
            raise Unsupported(
                f"{target}: ingress-nginx sends all matched requests to the canary, so "
                f"{split.canary} of {split.total} of them is not possible; order 0 or all"
            )
        return wanted if split.canary else dict.fromkeys(MATCHING)

    def _planned(
        self, pair: Pair, target: Target, split: Split, wanted: dict[str, str | None]
    ) -> tuple[ObjectPatch, ...]:
        if pair.canary is None:
            if split.canary == 0:
                return ()
            if pair.taken is not None:
                raise NotOwned(
                    f"{ref_of(pair.taken, target)} is no canary Ingress, and has the name that "
                    f"the one of {ref_of(pair.main, target)} gets; rename it, or annotate it "
                    f"{self.prefix}/{CANARY} if it is meant as one"
                )
            first = {CANARY: "true"}
            # a match leaves the share of everybody else alone, which is nothing so far
            first |= _said(weights(None, 0 if split.match else split.canary, split.total))
            texts = {
                f"{self.prefix}/{key}": text for key, text in {**first, **_said(wanted)}.items()
            }
            return (ObjectPatch.making(made(pair, target, texts), target),)
        shares = shares_of(pair.canary, target, self.prefix)
        if not shares.is_on and split.canary == 0:
            return ()
        changes = dict(wanted)
        if not shares.is_on:
            changes[CANARY] = "true"
        if not split.match:
            changes |= weights(shares, split.canary, split.total)
        elif not shares.is_on and shares.weight:
            # switched on for matched requests alone
            changes[WEIGHT] = "0"
        return self._patch(pair.canary, target, changes)

    def _patch(
        self, canary: Manifest, target: Target, wanted: dict[str, str | None]
    ) -> tuple[ObjectPatch, ...]:
        changes = tuple(edits(canary, self.prefix, wanted))
        if not changes:
            return ()
        return (ObjectPatch(ref=ref_of(canary, target), patch=(*version_test(canary), *changes)),)

    def _require_alone(self, objects: Sequence[Manifest], pair: Pair, target: Target) -> None:
        places = {one.place for one in pair.paths}
        for rival in rivals(objects, places, target, self.prefix):
            raise PreflightFailed(
                f"{ref_of(rival, target)} is a canary on paths of {ref_of(pair.main, target)} as "
                "well; ingress-nginx follows one of the two alone: delete one of them"
            )

    def _homeward(self, objects: Sequence[Manifest], target: Target) -> list[Manifest]:
        if not target.routes:
            return canaries(objects, target, self.prefix)
        try:
            pairs = find(objects, target, self.prefix)
        except RouterError:
            return canaries(objects, target, self.prefix)
        return [pair.canary for pair in pairs if pair.canary is not None]

    def _warnings(self, pairs: Sequence[Pair], target: Target) -> Iterator[str]:
        weights_at = f'.metadata.annotations["{self.prefix}/{WEIGHT}"]'
        for pair in pairs:
            if pair.canary is None:
                continue
            yield from gitops_warnings(pair.canary, target, weights=weights_at)
            if other := foreign(pair.canary, target):
                yield f"ForeignController: {ref_of(pair.canary, target)}: {other}"
            if left := uncovered(pair, target):
                listed = ", ".join(map(str, left))
                yield (
                    f"Note: {ref_of(pair.canary, target)} does not share {listed} of "
                    f"{ref_of(pair.main, target)}: all of it goes to the primary"
                )


def _said(wanted: dict[str, str | None]) -> dict[str, str]:
    return {key: text for key, text in wanted.items() if text is not None}


def _require_owned(canary: Manifest, target: Target) -> None:
    """Do nothing when the Ingress is ours, or nobody's."""
    if is_ours(canary):
        return
    for owner in map(mapping, sequence(inner(canary, "metadata", "ownerReferences"))):
        if owner.get("kind") == "Canary" and owner.get("name") in target.owner_names:
            continue
        raise NotOwned(
            f"{ref_of(canary, target)} belongs to {owner.get('kind')} {owner.get('name')}, which "
            "may write it; delete it to have one made, or take the owner reference away"
        )
