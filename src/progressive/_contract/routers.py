"""What every `TrafficRouter` promises.

Floor 5. Inherit from `RouterContract` in a class named ``Test…`` and give `arrange`; give more of
what the class can be told about its world, and more of the promises are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from progressive._model.traffic import Match, Observed, Split, Sticky, Target, TextMatch
from progressive.errors import AdapterError
from progressive.ports import TrafficRouter


class RouterContract:
    """
    Promises of a router; each test arranges its own.

    What `capabilities` claims is ordered and taken back; what it does not claim must be refused.

    Attributes:
        matched: What a match asks for, where one is claimed.
        mirrored: Percent of a mirror, where one is claimed; the mesh may know some numbers only.
        grain: How far a share may be from an order, from 0 to 1, where the mesh can only come
            near to some, as with whole replicas; 0: every order is carried out exactly.
        lacks: What `capabilities` claims and this route cannot express, such as ``match`` for a
            route that sees no requests: ``match``, ``mirror``, ``sticky``.
        third: What a third destination holds after `arrange_beside`, in parts of 100.
    """

    matched = Match(headers={"x-release": TextMatch(exact="next")})
    mirrored = 10.0
    grain = 0.0
    lacks: frozenset[str] = frozenset()
    third = 10

    def arrange(self) -> tuple[TrafficRouter, Target]:
        """A router, and a target whose route exists and has all traffic on the primary."""
        raise NotImplementedError("return a router and a target with a fresh route")

    def arrange_beside(self) -> tuple[TrafficRouter, Target] | None:
        """
        The same, where a third destination holds `third` of 100, and the primary the rest.

        None: the mesh has no third destinations.
        """
        return None

    def others(self) -> object:
        """
        Everything of the last arrangement that an order of weights alone must leave as it is.

        Such as other rules, other objects, timeouts, the weight of a third destination; in a shape
        that can be compared. None: it cannot be looked at, so nothing is compared.
        """
        return None

    def writes(self) -> int | None:
        """How often the last router wrote so far; None: nobody counts."""
        return None

    # reading and weights

    def test_a_fresh_route_shows_the_primary_alone(self) -> None:
        """
        Everything else rests on reading.
        """
        router, target = self.arrange()
        observed = router.current(target)

        assert 0 == observed.canary
        assert (None, False) == (observed.mirror, observed.matched)

    def test_a_shift_is_read_back(self) -> None:
        """
        The answer is what stands there, not what was ordered.
        """
        router, target = self.arrange()
        for weight in (1, 20, 100, 35):
            split = Split(canary=weight)

            assert router.shift(target, split).shows(split)
            assert router.current(target).shows(split)

    def test_an_order_can_be_repeated(self) -> None:
        """
        After a crash a run carries its last order out again.
        """
        router, target = self.arrange()
        first = router.shift(target, Split(canary=20))

        assert first == router.shift(target, Split(canary=20))

    def test_weight_0_takes_all_traffic_from_the_canary(self) -> None:
        """
        The last step of a return must leave nothing behind.
        """
        router, target = self.arrange()
        router.shift(target, Split(canary=50))

        assert 0 == router.shift(target, Split(canary=0)).canary

    def test_fractions_of_a_percent_are_told_by_a_larger_total(self) -> None:
        """
        The smallest step of a large service is less than one percent of its users.
        """
        router, target = self.arrange()
        most = router.capabilities.max_total
        for canary, total in ((125, 1000), (1, most), (most - 1, most)):
            if total <= most:
                split = Split(canary=canary, total=total)

                assert self._carried_out(router.shift(target, split), split), str(split)
                assert self._carried_out(router.current(target), split), str(split)

    def test_a_total_that_the_mesh_cannot_hold_is_refused(self) -> None:
        """
        A weight that is cut or scaled in silence is another weight.
        """
        router, target = self.arrange()
        split = Split(canary=1, total=router.capabilities.max_total + 1)

        self._must_refuse(router, target, split)
        assert 0 == router.current(target).canary

    # more than weights

    def test_what_is_claimed_is_carried_out_and_taken_back(self) -> None:
        """
        An order is a whole: what it lacks is removed.
        """
        router, target = self.arrange()
        for claim, split in self._orders(router, claimed=True):
            assert router.shift(target, split).shows(split), claim
            assert router.current(target).shows(split), claim
            plain = Split(canary=20)
            observed = router.shift(target, plain)

            assert observed.shows(plain), f"{claim} is still there: {observed}"

    def test_a_share_of_matched_requests_is_carried_out_or_refused(self) -> None:
        """
        The weight of an A/B release is that of the matched requests, and of nobody else.
        """
        router, target = self.arrange()
        if not router.capabilities.match or "match" in self.lacks:
            return
        before = router.current(target)
        split = Split(canary=30, match=(self.matched,))
        try:
            observed = router.shift(target, split)
        except AdapterError:
            assert before == router.current(target)
            return
        assert observed.shows(split)
        # others stay with the primary, whatever the matched ones get
        assert 0 == observed.canary

    def test_what_is_not_claimed_is_refused_before_any_write(self) -> None:
        """
        An order that is carried out in part is another order: users would get what nobody wanted.
        """
        router, target = self.arrange()
        for claim, split in self._orders(router, claimed=False):
            self._must_refuse(router, target, split, claim)
            assert 0 == router.current(target).canary

    # the way home

    def test_a_reset_brings_everything_home_and_can_be_repeated(self) -> None:
        """
        The way home must work from every weight, and after a crash on it.
        """
        router, target = self.arrange()
        for weight in (0, 50, 100):
            router.shift(target, Split(canary=weight))
            self._assert_home(router, target)

    def test_a_reset_takes_away_whatever_was_ordered(self) -> None:
        """
        Nobody knows at which moment a release is given up.
        """
        router, target = self.arrange()
        for _, split in self._orders(router, claimed=True):
            router.shift(target, split)
            self._assert_home(router, target)

    # what must stay as it is

    def test_third_destinations_keep_what_they_hold(self) -> None:
        """
        They are somebody else's; the primary alone gives what the canary gets.
        """
        arranged = self.arrange_beside()
        if arranged is None:
            return
        router, target = arranged
        before = self.others()
        for weight in (1, 100 - self.third, 35):
            split = Split(canary=weight)

            assert router.shift(target, split).shows(split)
            assert before == self.others()
        self._must_refuse(router, target, Split(canary=100 - self.third + 1), "no room")
        assert before == self.others()
        assert 0 == router.reset(target).canary
        assert before == self.others()

    def test_nothing_else_changes(self) -> None:
        """
        Whoever wrote the other rules does not know of this release.
        """
        router, target = self.arrange()
        before = self.others()
        for weight in (1, 100, 20, 0):
            router.shift(target, Split(canary=weight))

            assert before == self.others()
        for claim, split in self._orders(router, claimed=True):
            router.shift(target, split)
            router.reset(target)

            assert before == self.others(), f"{claim} left something behind"

    def test_an_order_that_stands_is_not_written_again(self) -> None:
        """
        Each write wakes every controller that watches.
        """
        router, target = self.arrange()
        for claim, split in self._orders(router, claimed=True):
            router.shift(target, split)
            written = self.writes()
            router.shift(target, split)

            assert written == self.writes(), f"{claim} is written twice"
        router.reset(target)
        written = self.writes()
        router.reset(target)
        router.shift(target, Split(canary=0))

        assert written == self.writes()

    def test_a_refused_order_writes_nothing(self) -> None:
        """
        Neither does reading.
        """
        router, target = self.arrange()
        router.current(target)
        written, before = self.writes(), self.others()
        too_large = Split(canary=1, total=router.capabilities.max_total + 1)
        for claim, split in [*self._orders(router, claimed=False), ("total", too_large)]:
            self._must_refuse(router, target, split, claim)

            assert written == self.writes(), claim
            assert before == self.others(), claim

    def test_settling_is_no_negative_time(self) -> None:
        """
        A run waits for it before pods are removed.
        """
        router, _ = self.arrange()

        assert timedelta(0) <= router.capabilities.settle
        assert router.capabilities.weights

    # helpers of the suite

    def _orders(self, router: TrafficRouter, *, claimed: bool) -> Iterator[tuple[str, Split]]:
        """Orders by what they ask of the router, as far as it claims that, or does not."""
        sticky = Sticky(cookie="release", max_age=timedelta(hours=1))
        known = {
            "weights": Split(canary=50),
            "match": Split(canary=100, match=(self.matched,)),
            "mirror": Split(canary=0, mirror=self.mirrored),
            "sticky": Split(canary=10, sticky=sticky),
        }
        for claim, split in known.items():
            can = getattr(router.capabilities, claim) and claim not in self.lacks
            if can is claimed:
                yield claim, split

    def _carried_out(self, observed: Observed, split: Split) -> bool:
        if not self.grain:
            return observed.shows(split)
        share, wanted = observed.canary / observed.total, split.canary / split.total
        return abs(share - wanted) <= self.grain

    def _assert_home(self, router: TrafficRouter, target: Target) -> None:
        for observed in (router.reset(target), router.reset(target), router.current(target)):
            assert 0 == observed.canary
            assert (None, False) == (observed.mirror, observed.matched)

    @staticmethod
    def _must_refuse(
        router: TrafficRouter, target: Target, split: Split, what: str = "the order"
    ) -> None:
        try:
            router.shift(target, split)
        except AdapterError:
            return
        raise AssertionError(f"{what} was not refused: {split}")
