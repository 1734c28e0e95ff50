"""The second level of done: what Contour and Knative say of a write."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.mesh.proxies.worlds import PROXIES, TARGET

from progressive._mesh.proxies.contour import ContourCodec
from progressive._mesh.proxies.knative import KnativeCodec
from progressive._mesh.standing import StandingKind


def valid(status: str, generation: int | None, **more: Any) -> dict[str, Any]:
    condition = {"type": "Valid", "status": status, "reason": "ErrorPresent", **more}
    return condition if generation is None else {**condition, "observedGeneration": generation}


@pytest.mark.parametrize(
    ("conditions", "kind"),
    [
        ([], StandingKind.WAITING),
        ([valid("True", 4)], StandingKind.WAITING),
        ([valid("False", 4)], StandingKind.WAITING),
        ([valid("True", 5)], StandingKind.ACCEPTED),
        ([valid("False", 5)], StandingKind.REFUSED),
        ([valid("True", None)], StandingKind.UNVERIFIED),
        ("junk", StandingKind.WAITING),
    ],
)
def test_contour_speaks_of_the_generation_that_is_stored(conditions: Any, kind: Any) -> None:
    """
    M-109: what it said of an older one says nothing.
    """
    (proxy,) = PROXIES["contour"].made(80, 20, None)
    proxy["metadata"]["generation"] = 5
    proxy["status"] = {"conditions": conditions}

    assert kind is ContourCodec().standing(proxy, TARGET).kind


def test_contours_refusal_carries_its_words() -> None:
    """
    The condition itself only says that there are errors.
    """
    (proxy,) = PROXIES["contour"].made(80, 20, None)
    proxy["metadata"]["generation"] = 5
    errors = [{"type": "ServiceError", "message": "service web-canary not found"}]
    proxy["status"] = {
        "currentStatus": "invalid",
        "description": "At least one error present",
        "conditions": [valid("False", 5, errors=errors)],
    }
    words = ContourCodec().standing(proxy, TARGET).words

    assert words.startswith("HTTPProxy shop/web: Valid False: ErrorPresent")
    assert words.endswith("At least one error present; service web-canary not found")


@pytest.mark.parametrize(
    ("observed", "ready", "percents", "kind"),
    [
        (4, "True", (80, 20), StandingKind.WAITING),
        (5, "Unknown", (80, 20), StandingKind.WAITING),
        (5, "True", (100, 0), StandingKind.WAITING),
        (5, "True", (80, 20), StandingKind.ACCEPTED),
        (5, "False", (80, 20), StandingKind.REFUSED),
    ],
)
def test_knative_is_ready_and_its_traffic_as_it_is_wanted(
    observed: int, ready: str, percents: tuple[int, int], kind: StandingKind
) -> None:
    """
    M-115: both, of this generation; how many entries a revision has does not matter.
    """
    (service,) = PROXIES["knative"].made(80, 20, None)
    service["metadata"]["generation"] = 5
    service["status"].update(
        observedGeneration=observed,
        conditions=[{"type": "Ready", "status": ready, "reason": "RevisionMissing"}],
        traffic=[
            {"revisionName": "web-primary", "percent": percents[0]},
            {"revisionName": "web-canary", "latestRevision": True, "percent": percents[1]},
            {"revisionName": "web-canary", "tag": "next", "percent": 0},
        ],
    )

    assert kind is KnativeCodec().standing(service, TARGET).kind
