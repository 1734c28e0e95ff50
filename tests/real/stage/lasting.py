"""Faults that last: outages of some seconds, and what never comes back.

Used by `tests/real/survival` and by `benchmarks/survival`.
"""

from __future__ import annotations

from functools import partial

from tests.real.stage.cases import SHORT, Case, from_on
from tests.realparts import faults
from tests.realparts.asked import Asked
from tests.realparts.faults import API, REFUSALS, SILENT_STREAM, Fault
from tests.realparts.proxy import Choose

_NAMED = {one.name: one for one in (*API, *REFUSALS)}


def _weights(asked: Asked) -> bool:
    return asked.what == "patch virtualservices" and b"weight" in asked.body


def _journal(asked: Asked) -> bool:
    return asked.what == "patch configmaps"


def _lease(asked: Asked) -> bool:
    return asked.what == "patch leases"


def lasting(
    about: str, choose: partial[Choose], *may: tuple[str, str | None], spared: str = ""
) -> Case:
    """A fault that lasts longer than anything is tried."""
    allowed, unseen = frozenset(may), frozenset(spared.split())
    return Case("good", choose=choose, plan=SHORT, may=allowed, spared=unseen, about=about)


def outage(n: int, fault: Fault, seconds: float) -> Case:
    """From request n on nothing is answered well for a time."""
    return Case(
        "good",
        choose=partial(from_on, n, fault, among=faults.whatever, seconds=seconds),
        may=frozenset({("unreachable", None)} if n < 15 else ()),
        # so late it may meet the end of the run: a Lease that cannot be freed ends by itself
        spared=frozenset({"lease"} if n >= 40 else ()),
        about=f"from request {n} on {fault} for {seconds:g} s",
    )


HOME, STUCK = ("rolled_back", "router-error"), ("stuck", "router-error")
FORBIDDEN, AWAY = _NAMED["403"], _NAMED["503"]
LASTING = (
    *(outage(n, _NAMED[name], 4) for n in (1, 8, 16, 22, 28, 34, 40) for name in ("503", "cut")),
    *(outage(n, _NAMED["hang"], 4) for n in (16, 24, 32)),
    lasting("weights are forbidden from the second on",
            partial(from_on, 2, FORBIDDEN, among=_weights), STUCK, spared="fence"),
    lasting("weights are forbidden from the second on, for 2 s",
            partial(from_on, 2, FORBIDDEN, among=_weights, seconds=2), HOME),
    lasting("weights are forbidden from the first on",
            partial(from_on, 1, FORBIDDEN, among=_weights), HOME),
    lasting("weights are answered 503 from the second on",
            partial(from_on, 2, AWAY, among=_weights), STUCK, spared="fence"),
    lasting("the journal is answered 503 from the third save on",
            partial(from_on, 3, AWAY, among=_journal), HOME, spared="journal"),
    lasting("the Lease is answered 503 from its second write on",
            partial(from_on, 2, AWAY, among=_lease), spared="lease"),
    lasting("everything is answered 503 from request 26 on",
            partial(from_on, 26, AWAY, among=faults.whatever), STUCK,
            spared="journal lease fence"),
    lasting("no stream is opened",
            partial(from_on, 1, AWAY, among=faults.watches)),
    lasting("no stream comes through",
            partial(from_on, 1, SILENT_STREAM, among=faults.watches)),
)  # fmt: skip
