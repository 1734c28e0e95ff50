"""What a release asks of the API server: counted by verb from the server's own audit log.

The real command on a real API server, judged by a real Prometheus. Beside Flagger 1.44, which was
counted in the same way for the same document: 172 requests (144 reads, 28 writes), and 12 in each
interval for ever after.
"""

from __future__ import annotations

import time
from collections import Counter

from tests.realparts.audit import Asked

from benchmarks.figures import Figure
from benchmarks.shop import Parts, Shop, deployed

FLAGGER = "Flagger 1.44: 172 (144 reads, 28 writes)"
_READS = ("get", "list", "watch")
_TIMED = (("patch", "configmaps"), ("patch", "leases"))
_HAPPY = [10, 20, 30, 40, 50, 0]
_TRIES = 4


def measure(parts: Parts, *, small: bool = False) -> list[Figure]:
    """
    All figures; takes about 90 s. `small`: a second an interval, and the counts mean less.

    Raises:
        RuntimeError: The release went otherwise than it should.
    """
    with deployed(parts, interval="1s" if small else "10s") as shop:
        asked, duration = _promoted(shop)
        idle = _idle(shop, seconds=1 if small else 10)
    reads = sum(asked[one] for one in asked if one[0] in _READS)
    total = sum(asked.values())
    what = f"API requests of a promoted five-step release ({duration:.0f} s)"
    return [
        Figure(
            what=what,
            measured=f"{total} ({reads} reads, {total - reads} writes)",
            beside=FLAGGER,
            budget="< 60",
        ),
        Figure(
            what="of these, saves of the journal and renewals of the Lease: they follow the clock",
            measured=str(sum(asked[one] for one in _TIMED)),
        ),
        Figure(what="the same by verb", measured=by_verb(asked)),
        Figure(
            what="API requests in an interval when nothing runs",
            measured=str(idle),
            beside="Flagger 1.44: 12",
            budget="0",
        ),
    ]


def _promoted(shop: Shop) -> tuple[Counter[Asked], float]:
    """A release in which no round had to be repeated; a busy machine may need a few of them."""
    for version in range(2, 2 + _TRIES):
        mark = shop.control_plane.mark()
        report = shop.run("promoted", "--image", f"my-app=my-app:{version}")
        if report["weights"] == _HAPPY and len(report["rounds"]) == len(_HAPPY) - 1:
            return shop.control_plane.requests(since=mark), report["duration_s"]
    raise RuntimeError(f"this is no release of five steps without a pause: {report}")


def _idle(shop: Shop, *, seconds: float) -> int:
    """Requests in an interval after the command has ended."""
    mark = shop.control_plane.mark()
    time.sleep(seconds)
    return sum(shop.control_plane.requests(since=mark).values())


def by_verb(asked: Counter[Asked]) -> str:
    """Where the requests go, the most first within a verb."""
    verbs: dict[str, list[str]] = {}
    for (verb, resource), count in sorted(asked.items(), key=lambda one: (-one[1], one[0])):
        verbs.setdefault(verb, []).append(f"{resource} {count}")
    return "; ".join(f"{verb}: {', '.join(told)}" for verb, told in sorted(verbs.items()))
