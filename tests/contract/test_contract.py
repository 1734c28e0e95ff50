"""The contract finds what it promises to find: routers with one fault each fail it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from attrs import define, evolve

from progressive._contract.routers import RouterContract
from progressive._model.traffic import Capabilities, Observed, Split, Target
from progressive.errors import InvalidWeight, Unsupported
from progressive.ports import TrafficRouter

TARGET = Target(namespace="shop", service="web", primary="web-primary", canary="web-canary")
EVERYTHING = Capabilities(weights=True, match=True, mirror=True, sticky=True, max_total=1000)
WEIGHTS = Capabilities(weights=True)
HOME = Split(canary=0)


@define
class Table:
    """
    A router that keeps an order in a table, and keeps every promise.

    Attributes:
        faults: What it does wrong.
    """

    capabilities: Capabilities = EVERYTHING
    faults: frozenset[str] = frozenset()
    order: Split = HOME
    third: int = 0
    audit: int = 0
    other: str = "as it was"
    writes: int = 0

    def current(self, target: Target) -> Observed:
        one = self.order
        inside = (one.canary, one.total) if one.match and one.canary else None
        told = Observed(
            canary=0 if one.match else one.canary,
            total=one.total,
            mirror=one.mirror,
            matched=bool(one.match or one.sticky),
            inside=inside,
        )
        return evolve(told, canary=told.canary + 1) if "misread" in self.faults else told

    def shift(self, target: Target, split: Split) -> Observed:
        if "refuses late" in self.faults:
            self._write(split)
        self._check(split)
        if "forgets to remove" in self.faults and split.match == ():
            split = evolve(split, match=self.order.match)
        if split != self.order or "writes again" in self.faults:
            self._write(split)
        return self.current(target)

    def reset(self, target: Target) -> Observed:
        kept = self.order.mirror if "leaves the mirror" in self.faults else None
        home = Split(canary=0, total=self.order.total, mirror=kept)
        if home != self.order or "writes again" in self.faults:
            self._write(home)
        return self.current(target)

    def _check(self, split: Split) -> None:
        claims = self.capabilities
        for claim in ("match", "mirror", "sticky"):
            if getattr(split, claim) and not getattr(claims, claim):
                if "ignores" in self.faults:
                    return
                raise Unsupported(claim)
        if split.total > claims.max_total and "cuts totals" not in self.faults:
            raise InvalidWeight("too large")
        if split.canary + self.third * split.total / 100 > split.total:
            if "starves the third" in self.faults:
                self.audit = 0
                return
            raise InvalidWeight("no room")

    def _write(self, split: Split) -> None:
        self.writes += 1
        self.order = split
        if "tidies up" in self.faults:
            self.other = "as I like it"
        if "takes from the third" in self.faults:
            self.audit = 0


class Suite(RouterContract):
    """The suite as an author runs it, with everything that it can be told."""

    def __init__(self, make: Callable[[], Table]) -> None:
        self._make = make

    def arrange(self) -> tuple[TrafficRouter, Target]:
        self.table = self._make()
        return self.table, TARGET

    def arrange_beside(self) -> tuple[TrafficRouter, Target] | None:
        router, target = self.arrange()
        self.table.third = self.table.audit = self.third
        return router, target

    def others(self) -> object:
        return self.table.audit, self.table.other

    def writes(self) -> int | None:
        return self.table.writes

    def failing(self) -> list[str]:
        """The promises that are not kept."""
        found = []
        for name in dir(self):
            if name.startswith("test_"):
                try:
                    getattr(self, name)()
                except AssertionError:
                    found.append(name.removeprefix("test_"))
        return found


def suite(*faults: str, capabilities: Capabilities = EVERYTHING) -> Suite:
    return Suite(lambda: Table(capabilities=capabilities, faults=frozenset(faults)))


def test_a_router_without_a_fault_passes() -> None:
    """
    Everything claimed, and nothing but weights.
    """
    assert [] == suite().failing()
    assert [] == suite(capabilities=WEIGHTS).failing()


@pytest.mark.parametrize(
    ("fault", "capabilities", "promise"),
    [
        ("misread", EVERYTHING, "a_fresh_route_shows_the_primary_alone"),
        ("ignores", WEIGHTS, "what_is_not_claimed_is_refused_before_any_write"),
        ("cuts totals", WEIGHTS, "a_total_that_the_mesh_cannot_hold_is_refused"),
        ("refuses late", WEIGHTS, "a_refused_order_writes_nothing"),
        ("forgets to remove", EVERYTHING, "what_is_claimed_is_carried_out_and_taken_back"),
        ("leaves the mirror", EVERYTHING, "a_reset_takes_away_whatever_was_ordered"),
        ("writes again", WEIGHTS, "an_order_that_stands_is_not_written_again"),
        ("tidies up", WEIGHTS, "nothing_else_changes"),
        ("takes from the third", WEIGHTS, "third_destinations_keep_what_they_hold"),
        ("starves the third", WEIGHTS, "third_destinations_keep_what_they_hold"),
    ],
)
def test_a_fault_is_found(fault: str, capabilities: Capabilities, promise: str) -> None:
    """
    A suite that lets a fault pass is worse than none: its author would trust it.
    """
    assert promise in suite(fault, capabilities=capabilities).failing()


def test_what_a_kind_of_route_lacks_must_be_refused_by_it() -> None:
    """
    A claim of the router is no excuse for a route that ignores it.
    """
    some = Capabilities(weights=True, mirror=True)

    class Lacking(Suite):
        lacks = frozenset({"match", "sticky"})

    assert [] == Lacking(lambda: Table(capabilities=some)).failing()
    assert Lacking(Table).failing()


def test_a_share_may_come_near_where_the_mesh_has_no_finer_grain() -> None:
    """
    Whole replicas make whole shares; the author says how coarse they are.
    """

    class Coarse(Table):
        def current(self, target: Target) -> Observed:
            near = round(self.order.canary * 100 / self.order.total)
            return Observed(canary=near, total=100)

    class Grained(Suite):
        grain = 0.01

    def make() -> Any:
        return Coarse(capabilities=Capabilities(weights=True, max_total=1000))

    promise = "fractions_of_a_percent_are_told_by_a_larger_total"
    assert [promise] == Suite(make).failing()
    assert [] == Grained(make).failing()
    assert timedelta(0) == make().capabilities.settle
