"""Decides by the selector of the apex Service how plain Kubernetes splits its traffic.

Floor 3, pure. Asked by `codec.py`. An apex that selects exactly the pods of one side is switched
(all or nothing); one that selects the pods of both sides shares evenly among them.
Source: Kubernetes manual, "Service": a Service stands for the pods whose labels its selector
matches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from attrs import frozen

from progressive._mesh.access import inner, mapping
from progressive._mesh.builtin import SERVICE, find
from progressive._mesh.codec import Manifest, ObjectPatch, ref_of, version_test
from progressive._model.traffic import Side, Target
from progressive.errors import (
    AmbiguousRoute,
    DestinationNotFound,
    InvalidRequest,
    RouteNotFound,
    Unsupported,
)

Selector = Mapping[str, str]


class Style(StrEnum):
    """The two ways in which a Service splits traffic."""

    SELECTOR = "selector"
    REPLICAS = "replicas"


@frozen(kw_only=True)
class Services:
    """
    The three Services of a release.

    Attributes:
        apex: The one that users call.
        selector: What the apex selects.
        sides: What the Services of the sides select.
    """

    apex: Manifest
    selector: Selector
    sides: Mapping[Side, Selector]

    @property
    def chosen(self) -> Side | None:
        """The side whose pods, and no others, the apex selects."""
        return next((side for side in Side if self.sides[side] == self.selector), None)

    def style(self, target: Target) -> Style:
        """
        How the apex splits.

        Raises:
            AmbiguousRoute: Both sides select the same pods.
            RouteNotFound: The apex selects neither exactly one side, nor both.
        """
        if self.sides[Side.PRIMARY] == self.sides[Side.CANARY]:
            raise AmbiguousRoute(
                f"Services {target.primary} and {target.canary} of namespace "
                f"{target.namespace} select the same pods ({_shown(self.selector)}): give each "
                "side a label of its own"
            )
        if self.chosen is not None:
            return Style.SELECTOR
        if all(self.selector.items() <= side.items() for side in self.sides.values()):
            return Style.REPLICAS
        raise RouteNotFound(
            f"{ref_of(self.apex, target)} selects {_shown(self.selector)}: neither exactly one "
            f"side ({target.primary}: {_shown(self.sides[Side.PRIMARY])}; {target.canary}: "
            f"{_shown(self.sides[Side.CANARY])}), nor labels that both have"
        )


def services_of(objects: Sequence[Manifest], target: Target) -> Services:
    """
    The Services of a release.

    Raises:
        RouteNotFound: There is no apex.
        DestinationNotFound: A side has no Service, or one that selects no pods.
        Unsupported: The apex selects no pods.
        InvalidRequest: A selector is no mapping of texts.
    """
    apex = find(objects, SERVICE, target, target.service)
    if apex is None:
        raise RouteNotFound(f"Service {target.namespace}/{target.service} does not exist")
    selector = selector_of(apex, target)
    if not selector:
        raise Unsupported(
            f"{ref_of(apex, target)} has no selector: its endpoints are written by hand or are "
            "outside, so neither labels nor pods can split its traffic"
        )
    sides = {side: side_selector(objects, target, side) for side in Side}
    return Services(apex=apex, selector=selector, sides=sides)


def side_selector(objects: Sequence[Manifest], target: Target, side: Side) -> Selector:
    """
    What the Service of a side selects.

    Raises:
        DestinationNotFound: There is none, or it selects no pods.
        InvalidRequest: Its selector is no mapping of texts.
    """
    found = find(objects, SERVICE, target, target.on(side))
    name = f"Service {target.namespace}/{target.on(side)} ({side})"
    if found is None:
        raise DestinationNotFound(f"{name} does not exist; it says which pods are this side")
    selector = selector_of(found, target)
    if not selector:
        raise DestinationNotFound(f"{name} has no selector, so no pods are this side")
    return selector


def selector_of(service: Manifest, target: Target) -> Selector:
    """
    The selector of a Service; empty: it has none.

    Raises:
        InvalidRequest: It is no mapping of texts.
    """
    selector = inner(service, "spec", "selector") or {}
    if not isinstance(selector, Mapping) or not all(
        isinstance(one, str) for pair in selector.items() for one in pair
    ):
        raise InvalidRequest(f"{ref_of(service, target)}: spec.selector is no mapping of texts")
    return selector


def pointed(apex: Manifest, target: Target, selector: Selector) -> ObjectPatch:
    """The patch after which the apex selects the pods of one side, and of that alone."""
    before = inner(apex, "spec", "selector")
    patch = (
        *version_test(apex),
        {"op": "test", "path": "/spec/selector", "value": before},
        {"op": "replace", "path": "/spec/selector", "value": dict(selector)},
    )
    return ObjectPatch(ref=ref_of(apex, target), patch=patch)


def cautions(apex: Manifest, target: Target) -> Iterator[str]:
    """What keeps the share of users from being that of the pods, as ``Note: text`` lines."""
    spec, ref = mapping(apex.get("spec")), ref_of(apex, target)
    if spec.get("sessionAffinity") == "ClientIP":
        yield (
            f"Note: {ref} has sessionAffinity ClientIP: a client stays with its pod for hours, "
            "so a shift reaches new clients first and the share is not that of the pods"
        )
    if spec.get("trafficDistribution"):
        yield (
            f"Note: {ref} has trafficDistribution {spec['trafficDistribution']}: clients prefer "
            "near pods, so the share depends on where both are"
        )
    if "Local" in (spec.get("internalTrafficPolicy"), spec.get("externalTrafficPolicy")):
        yield (
            f"Note: {ref} has a traffic policy Local: a client gets the pods of one node, so "
            "the share depends on where both are"
        )
    if spec.get("clusterIP") == "None":
        yield (
            f"Note: {ref} is headless: clients choose among the addresses that they looked up, "
            "and keep them as long as they like"
        )
    if spec.get("publishNotReadyAddresses") is True:
        yield f"Note: {ref} has publishNotReadyAddresses: pods get traffic before they are ready"


def _shown(selector: Selector) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(selector.items())) or "nothing"
