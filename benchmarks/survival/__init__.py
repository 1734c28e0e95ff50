"""What a release survives: hundreds of SIGKILLs, judged from outside.

Each release has an application of its own on a real API server. Its drivers (`driver.py`) are
killed at chosen writes (`mortal.py`) and at random moments, and started again: at once on the
same machine, or on another one, which waits for the Lease. `witness.py` sees every state of the
route and of the endpoints; `verdict.py` holds the end against a release that nobody disturbed.
`campaign.py` draws and runs; here are the figures.
"""

from __future__ import annotations

import sys
from collections import Counter

from benchmarks.figures import Figure, Spread
from benchmarks.survival import campaign
from benchmarks.survival.campaign import Campaign, Parts
from benchmarks.survival.life import Life
from benchmarks.survival.stage import KINDS

KILLS, KILLS_REAL_LEASE = 500, 20
SEED = 20_261_125


def measure(parts: Parts, *, small: bool = False) -> list[Figure]:
    """
    All figures; takes some eight minutes. `small`: 25 kills, and no Lease of 15 s.

    What was otherwise than it should be is told on standard error, release by release.
    """
    kills = 25 if small else KILLS
    found = campaign.run(parts, kills=kills, seed=SEED, say=_say)
    figures = figures_of(found)
    if not small:
        # whoever starts on another machine waits for the whole Lease, so these are few
        long = campaign.run(
            parts,
            kills=KILLS_REAL_LEASE,
            seed=SEED + 1,
            kinds=KINDS[:3],
            lease=15.0,
            always_elsewhere=True,
            say=_say,
        )
        figures += _real_lease(long)
    return figures


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def figures_of(found: Campaign) -> list[Figure]:
    """The table."""
    lives = [life for life, _ in found.lives]
    faults = [fault for _, fault in found.lives]
    died = Counter(where for life in lives for where in life.killed)
    moments = died.pop("moment", 0)
    before = sum(count for where, count in died.items() if where.startswith("before"))
    told = [one for life in lives for one in life.lines if one["kind"] == "told"]
    ends = [one for one in told if one["terminal"]]
    runs = {one["id"].rpartition("/")[0] for one in told}
    repeated = len(ends) - len({one["id"] for one in ends})
    return [
        Figure(
            what="drivers killed (SIGKILL)",
            measured=f"{found.kills}: {moments} at random moments, {before} before a chosen "
            f"write, {found.kills - moments - before} after one",
            beside="107 at random, 11 at chosen writes",
        ),
        Figure(
            what="releases that they drove",
            measured=f"{len(lives)}, at most {max(len(one.killed) for one in lives)} kills each",
            beside="18 at random, 11 at chosen writes",
        ),
        Figure(
            what="ended otherwise than an undisturbed release",
            measured=str(sum(bool(one.outcome) for one in faults)),
            beside="3 (the stuck ones)",
            budget="0",
        ),
        Figure(
            what="stuck, or `busy` though nobody lived",
            measured=str(sum(bool(one.stuck) for one in faults)),
            beside="3, for ever: 2 of 3 promoted in steps at random writes, 1 at a chosen write",
            budget="0",
        ),
        Figure(
            what="runs whose end nobody was told",
            measured=f"{sum(len(one.missing) for one in faults)} of {len(runs)}",
            beside="1",
            budget="0",
        ),
        Figure(
            what="ends told again after a crash",
            measured=f"{repeated} of {len(ends)}; "
            f"{sum(len(one.twins) for one in faults)} under another id, or without saying so",
            beside="up to 15 error alerts for one rollback, none with an id",
            budget="0 under another id",
        ),
        Figure(
            what="states in which a side had weight and no ready endpoint",
            measured=f"{sum(len(one.unready) for one in faults)} of "
            f"{sum(one.seen.states for one in lives)}",
            budget="0",
        ),
        Figure(
            what="weights outside of the plan, or in another order",
            measured=str(sum(len(one.strange) for one in faults)),
            budget="0",
        ),
        *_restarts(lives),
        *(_kind(found, kind.name) for kind in KINDS),
        *_places(lives),
    ]


def _restarts(lives: list[Life]) -> list[Figure]:
    here = [one for life in lives for one in life.restarts]
    there = [one for life in lives for one in life.elsewhere]
    figures = []
    if here:
        figures.append(
            Figure(
                what="start of a new process until the target is its own, same machine",
                measured=f"{Spread.of(here, 's')}, {len(here)} times",
                beside="10.4 to 10.5 s until the next look",
            )
        )
    if there:
        figures.append(
            Figure(
                what="the same on another machine, with a Lease of 2 s",
                measured=f"{Spread.of(there, 's')}, {len(there)} times",
            )
        )
    return figures


def _kind(found: Campaign, name: str) -> Figure:
    mine = [(life, faults) for life, faults in found.lives if life.kind == name]
    kills = sum(len(life.killed) for life, _ in mine)
    good = sum(not faults for _, faults in mine)
    return Figure(
        what=f"{name}: releases without any fault",
        measured=f"{good} of {len(mine)}, with {kills} kills",
        budget="all",
    )


def _places(lives: list[Life]) -> list[Figure]:
    """At which writes they died, the most first."""
    places: dict[str, Counter[str]] = {}
    for where in (where for life in lives for where in life.killed if where != "moment"):
        when, _, what = where.partition(" ")
        places.setdefault(what, Counter())[when] += 1
    told = sorted(places.items(), key=lambda one: (-one[1].total(), one[0]))
    return [
        Figure(
            what="chosen writes, killed before and after",
            measured="; ".join(f"{what} {n['before']} + {n['after']}" for what, n in told),
        )
    ]


def _real_lease(found: Campaign) -> list[Figure]:
    waits = [one for life, _ in found.lives for one in life.elsewhere]
    faults = [str(one) for _, one in found.lives if one]
    return [
        Figure(
            what="the same with the real Lease of 15 s",
            measured=f"{Spread.of(waits, 's')}, {len(waits)} times",
        ),
        Figure(
            what="faults of these releases",
            measured=f"{len(faults)} of {len(found.lives)}, with {found.kills} kills",
            budget="0",
        ),
    ]
