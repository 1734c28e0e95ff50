"""What users really get of what a router ordered: one suite for every router and gateway.

A `Scene` is an application behind a gateway, with the router that steers it; `roads.py` makes
them. The tests measure under a constant stream of requests, of which none may fail.
What a router does not claim (`capabilities`) must be refused, and nothing written.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import requests
from tests.realparts.gateway import Gateway
from tests.realparts.load import Counts, Load
from tests.realparts.process import wait_for

from progressive._adapters.mesh.router import MeshRouter
from progressive._mesh.effect import Effect, EffectKind
from progressive._mesh.standing import StandingKind
from progressive._model.traffic import Match, Observed, Split, Sticky, Target, TextMatch
from progressive.errors import InvalidWeight, NotAccepted, Unsupported
from progressive.ports import TrafficRouter

WEIGHTS = (0, 1, 20, 50, 99, 100, 0)
REQUESTS = 2000
SIGMAS = 3.0
IN_FLIGHT = 5
PER_SECOND = 50  # of the stream that goes on while the traffic is moved

QA = {"x-user": "qa"}
CONDITIONS: dict[str, tuple[Match, Mapping[str, str], str]] = {
    "headers": (Match(headers={"x-user": TextMatch(exact="qa")}), QA, "/"),
    "cookies": (
        Match(cookies={"beta": TextMatch(exact="always")}),
        {"cookie": "beta=always"},
        "/",
    ),
    "query": (Match(query={"v": TextMatch(exact="2")}), {}, "/?v=2"),
}
"""Each kind of condition, with the headers and the path of a request that fits it."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """
    An application with two versions, all users on the primary.

    Attributes:
        gateway: Where users ask.
        router: What steers it.
        target: What it steers.
        host: The name that users ask for.
        versions: What the primary and the canary answer in the header ``x-version``.
        stored: The routing objects as they stand, without what the API server adds.
        received: Requests that reached the pods of the primary and of the canary, mirrored ones
            as well.
        remove_canary: Deletes the service of the canary.
        conditions: Of `CONDITIONS`, those that the router's mesh can express.
        mirror: A share that this gateway can mirror, in percent; None: it cannot, so that the
            router must refuse it, whatever the mesh can in general.
    """

    gateway: Gateway
    router: TrafficRouter
    target: Target
    host: str
    stored: Callable[[], object]
    received: Callable[[], tuple[int, int]]
    versions: tuple[str, str] = ("1", "2")
    remove_canary: Callable[[], None] = lambda: None
    conditions: frozenset[str] = field(default=frozenset(CONDITIONS))
    mirror: float | None = 50.0

    def load(self) -> Load:
        """Users who go on asking while a block lasts."""
        return self.gateway.load(self.host, per_second=PER_SECOND, seconds_at_most=300)

    def ask(
        self, times: int, *, headers: Mapping[str, str] | None = None, path: str = "/"
    ) -> Counter[str]:
        """Who answered this many requests; a failed one has a name of its own."""
        return _by_version(self.gateway.ask(self.host, times=times, headers=headers, path=path))

    def shift(self, split: Split) -> Observed:
        """Moves the traffic, and waits until the data plane has heard of the base weights."""
        observed = self.router.shift(self.target, split)
        base = 0 if split.match else split.canary
        self.wait_base(base, split.total)
        return observed

    def wait_base(self, canary: int, total: int = 100) -> None:
        """Until the data plane splits what fits no condition in this proportion."""
        wanted = {self.target.primary: total - canary, self.target.canary: canary}
        self.gateway.wait_weights(self.host, wanted)


@dataclass(frozen=True, kw_only=True)
class Share:
    """
    What was measured at one weight.

    Attributes:
        ordered, total: Weight of the canary, and the sum of both.
        n: Requests that were counted.
        canary: How many of them the canary answered.
        failed: How many had no good answer, of these and of the stream beside them.
    """

    ordered: int
    total: int = 100
    n: int
    canary: int
    failed: int = 0

    @property
    def likely(self) -> bool:
        """Whether chance explains the difference."""
        return self.off <= self.chance

    @property
    def off(self) -> float:
        """How many requests the canary got too many or too few."""
        return abs(self.canary - self.n * self.ordered / self.total)

    @property
    def chance(self) -> float:
        """How many that may be: `SIGMAS` standard deviations of a binomial."""
        p = self.ordered / self.total
        return SIGMAS * math.sqrt(self.n * p * (1 - p))


def measure(scene: Scene, weight: int, *, total: int = 100, n: int = REQUESTS) -> Share:
    """
    The share of the canary among requests sent now.

    One look in 370 lies outside of three sigma by chance, so such a one is taken again, once.
    """
    for _ in range(2):
        counts = scene.ask(n)
        found = Share(
            ordered=weight,
            total=total,
            n=n,
            canary=counts[scene.versions[1]],
            failed=n - sum(counts[version] for version in scene.versions),
        )
        if found.likely:
            break
    return found


def shares(scene: Scene, weights: tuple[int, ...] = WEIGHTS) -> list[Share]:
    """Each weight in turn, measured once the data plane has it; with what failed meanwhile."""
    found = []
    for weight in weights:
        with scene.load() as load:
            scene.shift(Split(canary=weight))
            one = measure(scene, weight)
        failed = one.failed + load.failed + load.skipped
        found.append(Share(ordered=weight, n=one.n, canary=one.canary, failed=failed))
    return found


def carried_out(scene: Scene, split: Split, *, able: bool) -> bool:
    """Whether it was; what the router is not able to do must be refused, and nothing written."""
    if able:
        scene.shift(split)
        return True
    before = scene.stored()
    with pytest.raises((Unsupported, InvalidWeight)):
        scene.router.shift(scene.target, split)
    assert before == scene.stored()
    return False


class TrafficSuite:
    """What every router keeps on real traffic; a subclass says how the fixture `scene` is made."""

    def test_users_get_the_share_that_was_ordered(self, scene: Scene) -> None:
        """
        The third level of done, and nobody's request fails while the traffic moves.
        """
        found = shares(scene)

        assert [0] * len(WEIGHTS) == [one.failed for one in found], found
        assert [] == [one for one in found if not one.likely]

    def test_fractions_of_a_percent(self, scene: Scene) -> None:
        """
        The first step of a careful release is one in two hundred, where the mesh can say it.
        """
        order = Split(canary=5, total=1000)
        able = scene.router.capabilities.max_total >= order.total
        if not carried_out(scene, order, able=able):
            return
        found = measure(scene, order.canary, total=order.total)

        assert 0 == found.failed, found
        assert found.likely, found

    @pytest.mark.parametrize("condition", CONDITIONS)
    def test_matched_requests_go_to_the_canary_and_no_others(
        self, scene: Scene, condition: str
    ) -> None:
        """
        A/B: who fits gets the canary, always; half of them, if the order says so; others never.
        """
        primary, canary = scene.versions
        match, headers, path = CONDITIONS[condition]
        able = scene.router.capabilities.match and condition in scene.conditions
        with scene.load() as load:
            if not carried_out(scene, Split(canary=100, match=(match,)), able=able):
                return

            def fits(times: int) -> Counter[str]:
                return scene.ask(times, headers=headers, path=path)

            wait_for(lambda: {canary} == set(fits(20)), "matched requests reach the canary")
            matched, others = fits(300), scene.ask(300)
            near = scene.ask(300, headers={"x-user": "qa2", "cookie": "beta=never"}, path="/?v=22")
            scene.shift(Split(canary=50, match=(match,)))
            wait_for(lambda: len(fits(40)) == 2, "matched requests are split")
            half = [Share(ordered=50, n=1000, canary=fits(1000)[canary]) for _ in range(2)]
            scene.router.reset(scene.target)
            wait_for(lambda: {primary} == set(fits(40)), "nobody is matched any more")

        assert {canary: 300} == matched
        assert {primary: 300} == others == near
        assert any(one.likely for one in half), half  # one in 370 is not, by chance
        assert set(load.counts) == {(primary, 200)}
        assert 0 == load.failed + load.skipped

    def test_a_mirror_copies_requests_and_its_answers_reach_nobody(self, scene: Scene) -> None:
        """
        Counted where the copies arrive, for no user sees them.
        """
        primary, _ = scene.versions
        percent = scene.mirror or 50
        able = scene.router.capabilities.mirror and scene.mirror is not None
        with scene.load() as load:
            if not carried_out(scene, Split(canary=0, mirror=percent), able=able):
                return
            wait_for(lambda: scene.ask(20) and scene.received()[1], "copies reach the canary")
            found = wait_for(lambda: _mirrored(scene, percent), f"{percent} % copied", seconds=30)
            scene.router.reset(scene.target)
            wait_for(lambda: _nothing_mirrored(scene), "the mirror is gone", seconds=30)

        assert found, "the share that was ordered"
        assert set(load.counts) == {(primary, 200)}
        assert 0 == load.failed + load.skipped

    def test_who_saw_the_canary_stays_with_it_until_the_reset(self, scene: Scene) -> None:
        """
        Not only in the object: a cookie jar goes there and back, and home again.
        """
        primary, canary = scene.versions
        order = Split(canary=50, sticky=Sticky(cookie="web-side", max_age=timedelta(hours=1)))
        with scene.load() as load:
            if not carried_out(scene, order, able=scene.router.capabilities.sticky):
                return
            wait_for(lambda: User(scene).is_kept(canary), "the canary hands out its cookie")
            users = [User(scene) for _ in range(30)]
            first = [one.visit() for one in users]
            again = [[one.visit() for _ in range(20)] for one in users]
            scene.router.reset(scene.target)
            scene.wait_base(0)
            wait_for(lambda: {primary} == {one.visit() for one in users}, "kept users come home")

        assert {primary, canary} == set(first)
        kept = [visits for version, visits in zip(first, again, strict=True) if version == canary]
        assert [[canary] * 20] * len(kept) == kept
        assert 0 == load.failed + load.skipped

    def test_a_reset_leaves_the_route_as_it_was(self, scene: Scene) -> None:
        """
        After everything that the router can do, what is stored is what was stored before.
        """
        before = scene.stored()
        mirror = scene.mirror if scene.router.capabilities.mirror else None
        split = Split(canary=30, mirror=mirror)
        with scene.load() as load:
            scene.shift(split)
            observed = scene.router.reset(scene.target)
            scene.wait_base(0)
            home = scene.ask(200)

        assert (0, None, False) == (observed.canary, observed.mirror, observed.matched)
        assert before == scene.stored()
        assert {scene.versions[0]: 200} == home
        assert 0 == load.failed + load.skipped


class ProvenSuite(TrafficSuite):
    """The same for a mesh that counts its requests where a Prometheus finds them."""

    def test_the_counters_of_the_mesh_prove_a_split_or_disprove_it(self, scene: Scene) -> None:
        """
        M-130, the third level of done: the same requests fit the one order and not the other.
        """
        router = scene.router
        assert isinstance(router, MeshRouter)

        def proven(canary: int, kind: EffectKind) -> Effect | None:
            found = router.in_effect(scene.target, Split(canary=canary))
            return found if found.n >= 500 and found.kind is kind else None

        with scene.gateway.load(scene.host, per_second=150, seconds_at_most=90) as load:
            scene.shift(Split(canary=30))
            settled = datetime.now(UTC) + router.capabilities.settle
            wait_for(lambda: datetime.now(UTC) > settled, "the shift has settled")
            right = wait_for(lambda: proven(30, EffectKind.IN_EFFECT), "the split in effect")
            wrong = wait_for(lambda: proven(60, EffectKind.NOT_IN_EFFECT), "another one not")

        assert right and wrong and max(right.n, wrong.n) <= len(load.answers)
        assert 0 == load.failed + load.skipped


class AcceptedSuite(TrafficSuite):
    """The same for a mesh whose controller says in a status what it took over."""

    def test_each_shift_is_accepted_for_its_own_generation(self, scene: Scene) -> None:
        """
        The second level of done, as a real controller writes it: never the word on an older one.
        """
        router = scene.router
        assert isinstance(router, MeshRouter)
        found = []
        for weight in (10, 20, 30):
            router.shift(scene.target, Split(canary=weight))
            found.append(router.accepted(scene.target, patience=timedelta(seconds=60)))

        assert [StandingKind.ACCEPTED] * 3 == [one.kind for one in found], found

    def test_what_the_controller_refuses_is_told_with_its_reason(self, scene: Scene) -> None:
        """
        M-64, M-109: the service of the canary goes, so the route names nobody.
        """
        router = scene.router
        assert isinstance(router, MeshRouter)
        router.shift(scene.target, Split(canary=0))
        router.accepted(scene.target, patience=timedelta(seconds=60))
        scene.remove_canary()

        def refusal() -> str:
            try:
                router.accepted(scene.target, patience=timedelta(seconds=5))
            except NotAccepted as error:
                return str(error)
            return ""

        told = wait_for(refusal, "the controller notices", seconds=60)

        assert told and scene.target.canary in told


class User:
    """One browser: it keeps the cookies that it is given."""

    def __init__(self, scene: Scene) -> None:
        self._address = f"http://127.0.0.1:{scene.gateway.gateway_port}/"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Host"] = scene.host

    def visit(self) -> str:
        """The version that answered; empty: none."""
        answer = self._session.get(self._address, timeout=30)
        return answer.headers.get("x-version", "") if answer.ok else ""

    def is_kept(self, version: str) -> bool:
        """Whether this version answers first, and gives a cookie with it."""
        return self.visit() == version and bool(self._session.cookies)


def _mirrored(scene: Scene, percent: float) -> Share | None:
    """The share that is copied, of requests sent now; None: not what was ordered, yet."""
    begin = scene.received()
    scene.ask(REQUESTS)
    end = scene.received()
    found = Share(ordered=int(percent), n=end[0] - begin[0], canary=end[1] - begin[1])
    # of the stream beside, some copies are still under way at both readings
    return found if found.off <= found.chance + IN_FLIGHT else None


def _nothing_mirrored(scene: Scene) -> bool:
    begin = scene.received()[1]
    scene.ask(40)
    return begin == scene.received()[1]


def _by_version(counts: Counts) -> Counter[str]:
    found: Counter[str] = Counter()
    for (version, status), number in counts.items():
        found[version if status == 200 else f"{version or 'nobody'} with {status}"] += number
    return found
