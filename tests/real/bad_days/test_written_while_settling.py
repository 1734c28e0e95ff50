"""L24: a rollback looks at the split once more before it takes the canary's pods."""

from __future__ import annotations

import pytest
from tests.real.stage.shop import NEW, Place
from tests.realparts.process import wait_for

pytestmark = [pytest.mark.real, pytest.mark.apart]


@pytest.mark.analysis(interval="5m", maxWeight=20)
def test_a_weight_that_somebody_writes_during_the_settle_is_taken_home_before_the_pods_go(
    place: Place,
) -> None:
    """
    L14, L24: its users would meet nobody; the event names the field manager.
    """
    running = place.start("run", *NEW)
    running.wait_for("step weight=20")
    aborting = place.start("abort", "--why", "enough was seen")
    wait_for(lambda: place.split() == (100, 0), "the split at home")
    route = place.api.path("networking.istio.io/v1", "VirtualService", place.namespace, "my-app")
    weights = [
        {"op": "add", "path": f"/spec/http/0/route/{index}/weight", "value": weight}
        for index, weight in ((0, 70), (1, 30))
    ]
    place.api.patch(route, weights, kind="json", fieldManager="kubectl-edit")
    aborted, ended = aborting.end(), running.end()
    drifts = [one["message"] for one in ended.answer["events"] if one["kind"] == "drift"]

    assert ("aborted", 11) == (ended.answer["outcome"], ended.code), ended.lines
    assert 0 == aborted.code, aborted.lines
    assert ((100, 0), 0) == (place.split(), place.replicas("my-app"))
    assert 1 == len(drifts) and "kubectl-edit" in drifts[0]
