"""What every `TrafficRouter` promises.

Floor 5. Inherit from `RouterContract` in a class named ``Test…`` and give `arrange`.
"""

from __future__ import annotations

from datetime import timedelta

from progressive._model.traffic import Match, Split, Sticky, Target, TextMatch
from progressive.errors import AdapterError
from progressive.ports import TrafficRouter


class RouterContract:
    """
    Promises of a router; each test arranges its own.

    The suite orders weights of a total of 100, and what `capabilities` does not claim.
    """

    def arrange(self) -> tuple[TrafficRouter, Target]:
        """A router, and a target whose route exists and has all traffic on the primary."""
        raise NotImplementedError("return a router and a target with a fresh route")

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

    def test_a_reset_brings_everything_home_and_can_be_repeated(self) -> None:
        """
        The way home must work from every weight, and after a crash on it.
        """
        router, target = self.arrange()
        for weight in (0, 50, 100):
            router.shift(target, Split(canary=weight))
            for observed in (router.reset(target), router.reset(target), router.current(target)):
                assert 0 == observed.canary
                assert (None, False) == (observed.mirror, observed.matched)

    def test_what_is_not_claimed_is_refused_before_any_write(self) -> None:
        """
        An order that is carried out in part is another order: users would get what nobody wanted.
        """
        router, target = self.arrange()
        claims = router.capabilities
        orders = {
            "match": Split(canary=10, match=(Match(headers={"x": TextMatch(exact="1")}),)),
            "mirror": Split(canary=10, mirror=10.0),
            "sticky": Split(canary=10, sticky=Sticky(cookie="c", max_age=timedelta(hours=1))),
        }
        for claim, split in orders.items():
            if not getattr(claims, claim):
                assert self._is_refused(router, target, split), f"{claim} was not refused"
                assert 0 == router.current(target).canary

    def test_a_total_that_the_mesh_cannot_hold_is_refused(self) -> None:
        """
        A weight that is cut or scaled in silence is another weight.
        """
        router, target = self.arrange()
        split = Split(canary=1, total=router.capabilities.max_total + 1)

        assert self._is_refused(router, target, split)
        assert 0 == router.current(target).canary

    def test_settling_is_no_negative_time(self) -> None:
        """
        A run waits for it before pods are removed.
        """
        router, _ = self.arrange()

        assert timedelta(0) <= router.capabilities.settle
        assert router.capabilities.weights

    @staticmethod
    def _is_refused(router: TrafficRouter, target: Target, split: Split) -> bool:
        try:
            router.shift(target, split)
        except AdapterError:
            return True
        return False
