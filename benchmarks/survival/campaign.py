"""Draws ends for drivers, seeded, and has many releases live through them at the same time."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

from tests.realparts.control_plane import ControlPlane
from tests.realparts.prometheus import Prometheus

from benchmarks.survival.life import Kill, Life, live, settle
from benchmarks.survival.mortal import Doom
from benchmarks.survival.stage import KINDS, Kind, Stage
from benchmarks.survival.verdict import Faults, compare
from benchmarks.survival.witness import Witness

Parts = tuple[ControlPlane, Prometheus]
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Draw:
    """
    One release, and the ends of its drivers.

    Attributes:
        kind: What is released.
        kills: In order; one that is not reached is none.
        resume: Drivers are started again with `--resume`.
        lease: Length of a Lease in seconds.
    """

    kind: Kind
    kills: list[Kill]
    resume: bool
    lease: float = 2.0


@dataclass
class Campaign:
    """
    What became of all of them.

    Attributes:
        undisturbed: One release of each kind that nobody killed, by its name.
        lives: The others, each with what was wrong with it.
    """

    undisturbed: dict[str, Life] = field(default_factory=dict)
    lives: list[tuple[Life, Faults]] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """How many drivers died."""
        return sum(len(life.killed) for life, _ in self.lives)


def draws(
    seed: int,
    undisturbed: dict[str, Life],
    *,
    kinds: Sequence[Kind] = KINDS,
    lease: float = 2.0,
    elsewhere: float = 0.25,
) -> Iterator[Draw]:
    """
    Releases without end, the same for the same seed.

    The first end of a release is at a write of a kind drawn from all that it makes, so that rare
    ones come as often as journals, or at a moment of its whole length; the ends after it are
    early in the life of a driver, for there is less left to write.

    Args:
        elsewhere: Share of the drivers that are started again on another machine.
    """
    dice = random.Random(seed)
    number = 0
    while True:
        kind = kinds[number % len(kinds)]
        number += 1
        life = undisturbed[kind.name]
        kills = [_first(dice, life), *(_later(dice, life) for _ in range(dice.randint(2, 5)))]
        kills = [replace(one, elsewhere=dice.random() < elsewhere) for one in kills]
        yield Draw(kind=kind, kills=kills, resume=dice.random() < 0.5, lease=lease)


def _first(dice: random.Random, life: Life) -> Kill:
    if dice.random() < 0.2:
        return _at_a_moment(dice, _length(life))
    what = dice.choice(sorted(set(life.writes)))
    doom = Doom(
        what=what,
        nth=dice.randint(1, life.writes.count(what)),
        when=dice.choice(["before", "after"]),
    )
    return Kill(doom=doom)


def _later(dice: random.Random, life: Life) -> Kill:
    if dice.random() < 0.45:
        return _at_a_moment(dice, _length(life) * 0.6)
    doom = Doom(nth=dice.randint(1, 7), when=dice.choice(["before", "after"]))
    return Kill(doom=doom)


def _at_a_moment(dice: random.Random, longest: float) -> Kill:
    return Kill(moment=dice.uniform(0.0, longest))


def _length(life: Life) -> float:
    """Seconds from the first request to the end of the first driver."""
    begun = next(one["at"] for one in life.lines if one["kind"] == "begins")
    return float(next(one["at"] for one in life.lines if one["kind"] == "ends") - begun)


def undisturbed(parts: Parts, witness: Witness, kinds: Sequence[Kind]) -> dict[str, Life]:
    """
    One release of each kind that nobody kills.

    Raises:
        RuntimeError: Even that went wrong, so nothing can be held against it.
    """
    lives = {}
    for kind in kinds:
        stage = Stage(*parts, kind)
        try:
            life = live(stage, witness, kills=[], resume=False)
        finally:
            stage.strike()
        if faults := compare(life, life):
            raise RuntimeError(f"{kind.name}, which nobody disturbed: {faults}\n{life.errors}")
        lives[kind.name] = life
    return lives


def run(
    parts: Parts,
    *,
    kills: int,
    seed: int = 1,
    kinds: Sequence[Kind] = KINDS,
    together: int = 4,
    lease: float = 2.0,
    always_elsewhere: bool = False,
    say: Say = lambda _: None,
) -> Campaign:
    """
    Kill that many drivers and judge every release.

    Args:
        kills: At least so many; the last releases are lived to their ends.
        together: How many releases go on at a time.
        lease: Length of a Lease in seconds.
        always_elsewhere: No driver is started again on the machine of the last one.
        say: Told a line for each release.
    """
    witness = Witness(parts[0])
    try:
        campaign = Campaign(undisturbed=undisturbed(parts, witness, kinds))
        todo = draws(
            seed,
            campaign.undisturbed,
            kinds=kinds,
            lease=lease,
            elsewhere=1.0 if always_elsewhere else 0.25,
        )
        _all(parts, witness, campaign, todo, kills=kills, together=together, say=say)
    finally:
        witness.stop()
    return campaign


def _all(
    parts: Parts,
    witness: Witness,
    campaign: Campaign,
    todo: Iterator[Draw],
    *,
    kills: int,
    together: int,
    say: Say,
) -> None:
    turn = threading.Lock()

    def one(draw: Draw) -> None:
        life, faults = _live(parts, witness, campaign, draw)
        with turn:
            campaign.lives.append((life, faults))
            ends = f"{campaign.kills} kills; {draw.kind.name}: died {life.killed}"
            say(f"{ends}; {faults or 'as undisturbed'}")

    with ThreadPoolExecutor(together) as pool:
        going: set[Future[None]] = set()
        while campaign.kills < kills or going:
            while campaign.kills < kills and len(going) < together:
                going.add(pool.submit(one, next(todo)))
            done, going = wait(going, return_when=FIRST_COMPLETED)
            for ended in done:
                ended.result()


def _live(parts: Parts, witness: Witness, campaign: Campaign, draw: Draw) -> tuple[Life, Faults]:
    expected = campaign.undisturbed[draw.kind.name]
    stage = Stage(*parts, draw.kind)
    try:
        life = live(stage, witness, kills=draw.kills, resume=draw.resume, lease=draw.lease)
        settle(stage, life, expected.left)
    finally:
        stage.strike()
        witness.forget(stage.place.namespace)
    return life, compare(life, expected)
