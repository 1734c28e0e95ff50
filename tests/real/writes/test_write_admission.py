"""What admission does with a write, for every router: denials, and changes on the way.

The live cases M-122 and M-123, with a webhook that the real API server asks.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.real.stage.steering import Steering
from tests.realparts.control_plane import ControlPlane
from tests.realparts.fixtures import running
from tests.realparts.webhook import Webhook, denied, kept_as_it_was

from progressive.errors import Drift, InvalidRequest

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def webhook(control_plane: ControlPlane) -> Iterator[Webhook]:
    """Asked before each write of the user `progressive`."""
    yield from running(Webhook(control_plane))


@pytest.fixture
def route(place: Steering, webhook: Webhook) -> Steering:
    """Its route, all users on the primary, and nothing denied yet."""
    webhook.calm()
    place.restore()
    return place


CAUSE = {"causes": [{"reason": "FieldValueInvalid", "message": "no more than 10", "field": "x"}]}
DENIALS = {
    "400": denied(400, "no deploys on Friday"),
    "403": denied(403, "no deploys on Friday"),
    "404": denied(404, "no deploys on Friday"),
    "409": denied(409, "no deploys on Friday"),
    "422": denied(422, "no deploys on Friday"),
    "422 with a cause": denied(422, "no deploys on Friday", **CAUSE),
    "422 that speaks of a test": denied(422, "no deploys on Friday: the smoke test failed"),
}
"""By status; the last one reads like the refusal of a patch that does not fit any more."""


def test_a_denial_is_final_and_in_its_words(route: Steering, webhook: Webhook) -> None:
    """
    M-122: whatever the status, it is asked once, and nothing has changed.
    """
    for status, answer in DENIALS.items():
        before = route.stored()
        webhook.validates = answer
        route.renew()
        route.begin()
        with pytest.raises(InvalidRequest, match="no deploys on Friday") as told:
            route.shift(20)

        assert not told.value.unsettled, status
        assert 1 == len(route.sent()), status
        assert before == route.stored(), status
    webhook.calm()
    assert route.shift(20)


def test_a_write_that_is_changed_on_the_way_is_drift(route: Steering, webhook: Webhook) -> None:
    """
    M-123: the answer of the write shows the weights of before; who writes there is named.
    """
    route.shift(10)
    if route.name == "kubernetes":
        route.shift(0)
    before = route.stored()
    webhook.mutates = kept_as_it_was
    route.begin()
    with pytest.raises(Drift, match=r"progressive \(Update at 20\d\d-") as told:
        route.shift(20)

    assert told.value.unsettled
    assert 1 == len(route.sent())
    assert before == route.stored()
    webhook.calm()
    assert route.shift(20)
