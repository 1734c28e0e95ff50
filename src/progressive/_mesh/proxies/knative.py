"""Knative's Service: percents of its revisions.

Floor 3, pure. The sides are revisions, by their names; the entry of the latest revision is known
by the name that the status gives it. A Canary names no revisions: there the primary is the one
that Flagger's annotation keeps, and the canary the latest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from attrs import evolve

from progressive._mesh.access import inner, mapping, sequence, text
from progressive._mesh.codec import Manifest, ObjectKind, ObjectPatch, ref_of
from progressive._mesh.rules.codec import RuleCodec
from progressive._mesh.rules.layout import Layout, Rule
from progressive._mesh.standing import Standing, StandingKind, generation_of, judged
from progressive._model.traffic import Capabilities, Side, Split, Target
from progressive.errors import InvalidWeight

KNATIVE_SERVICE = ObjectKind(
    group="serving.knative.dev", kind="Service", plural="services", versions=("v1",)
)

PRIMARY_REVISION = "flagger.app/primary-revision"
"""Annotation of Flagger: the stable revision."""

TOTAL = 100
"""The only total: Knative's webhook wants percents that sum to it."""


class TrafficLayout(Layout):
    """The layout of Knative Services: one list of revisions."""

    kind = KNATIVE_SERVICE
    missing = 0
    weight_key = "percent"
    weights_path = ".spec.traffic[].percent"

    def rules(self, manifest: Manifest, target: Target) -> Iterator[Rule]:
        """The traffic, if it is said where it goes."""
        section = ("spec", "traffic")
        listed = sequence(inner(manifest, *section))
        if not listed:
            return
        found = self.destinations(
            listed, section, manifest, target, "revisionName", "latestRevision", "tag"
        )
        lasting = {one.side for one in found if not _only_tags(one.body)}
        yield Rule(
            manifest=manifest,
            layout=self,
            section=section,
            index=None,
            protocol="http",
            body={"traffic": listed},
            # an entry that only gives a revision an address of its own is no share of traffic
            destinations=tuple(
                evolve(one, side=None) if _only_tags(one.body) and one.side in lasting else one
                for one in found
            ),
        )

    def side_of(self, body: Mapping[str, Any], manifest: Manifest, target: Target) -> Side | None:
        """Which side a revision is; None: a third one."""
        name = text(body.get("revisionName"))
        if body.get("latestRevision") is True:
            name = text(inner(manifest, "status", "latestReadyRevisionName"))
            if target.owner_names and name != _kept(manifest):
                return Side.CANARY
        elif target.owner_names and name and name == _kept(manifest):
            return Side.PRIMARY
        return next((side for side in Side if name == target.on(side)), None)

    def check(self, rule: Rule, target: Target, split: Split) -> None:
        """Percents have no other total."""
        if split.total != TOTAL:
            raise InvalidWeight(
                f"{rule.called(target)}: a total of {split.total}; Knative splits in percents, "
                f"whose total is {TOTAL}"
            )


class KnativeCodec(RuleCodec):
    """Plans for Knative; a `MeshCodec`."""

    name = "knative"
    capabilities = Capabilities(
        weights=True, max_total=TOTAL, dialect="knative", settle=timedelta(seconds=5)
    )
    layouts = (TrafficLayout(),)

    def has_services(self, target: Target) -> bool:
        """Sides are revisions; Knative keeps their services to itself."""
        return False

    def reset(
        self, objects: Sequence[Manifest], target: Target, *, total: int = TOTAL
    ) -> tuple[ObjectPatch, ...]:
        """All traffic to the primary; the total is 100, whatever is asked for."""
        return super().reset(objects, target, total=TOTAL)

    def standing(self, manifest: Manifest, target: Target) -> Standing:
        """What Knative says: Ready for the stored generation, and the traffic as it is wanted."""
        status = mapping(manifest.get("status"))
        found = judged(
            status.get("conditions"),
            "Ready",
            generation_of(manifest),
            observed=status.get("observedGeneration"),
        )
        if found.kind is StandingKind.ACCEPTED and _shares(manifest, "spec") != _shares(
            manifest, "status"
        ):
            words = "the traffic of the status is not yet that of the spec"
            found = Standing(kind=StandingKind.WAITING, words=words)
        if found.kind is StandingKind.ACCEPTED:
            return found
        return evolve(found, words=f"{ref_of(manifest, target)}: {found.words}")


def _shares(manifest: Manifest, part: str) -> dict[str, Any]:
    """Revision → percent, as the spec or the status has it; who gets nothing is left out."""
    latest = text(inner(manifest, "status", "latestReadyRevisionName"))
    shares: dict[str, Any] = {}
    for one in map(mapping, sequence(inner(manifest, part, "traffic"))):
        name = text(one.get("revisionName")) or (latest if one.get("latestRevision") else "")
        percent = one.get("percent")
        if isinstance(percent, int | float) and percent:
            shares[name] = shares.get(name, 0) + percent
    return shares


def _only_tags(body: Mapping[str, Any]) -> bool:
    return bool(text(body.get("tag"))) and body.get("percent") in (None, 0)


def _kept(manifest: Manifest) -> str:
    return text(inner(manifest, "metadata", "annotations", PRIMARY_REVISION))
