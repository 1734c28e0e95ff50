"""What Knative alone has: revisions, tags, and a total of 100."""

from __future__ import annotations

import pytest
from attrs import evolve
from tests.unit.mesh.mutations import carried_out
from tests.unit.mesh.proxies.worlds import PROXIES, TARGET
from tests.unit.mesh.proxies.writing import share, written

from progressive._model.traffic import Split
from progressive.errors import AmbiguousRoute, RouteNotFound


def test_knative_entries_that_only_give_an_address_are_no_sides() -> None:
    """
    A revision may have a tag beside its share.
    """
    objects = PROXIES["knative"].made(100, 0, None)
    traffic = objects[0]["spec"]["traffic"]
    traffic.append({"revisionName": "web-primary", "tag": "stable"})
    (after,) = written("knative", objects, Split(canary=20))

    assert [80, 20, None] == [one.get("percent") for one in after["spec"]["traffic"]]
    traffic.append({"revisionName": "web-primary", "percent": 5})
    with pytest.raises(AmbiguousRoute):
        PROXIES["knative"].codec.write(objects, TARGET, Split(canary=20))


def test_knative_knows_the_revisions_of_a_canary_by_flaggers_annotation() -> None:
    """
    A Canary names no revisions: the primary is the one that Flagger keeps, the canary the latest.
    """
    target = evolve(TARGET, owner_names=("web",))
    objects = PROXIES["knative"].made(100, 0, None)
    objects[0]["metadata"]["annotations"] = {"flagger.app/primary-revision": "web-00001"}
    objects[0]["status"] = {"latestReadyRevisionName": "web-00002"}
    objects[0]["spec"]["traffic"][0]["revisionName"] = "web-00001"
    with pytest.raises(RouteNotFound):
        PROXIES["knative"].codec.read(objects, TARGET)

    assert (20, 100) == share(
        "knative", written("knative", objects, Split(canary=20), target), target
    )


def test_knative_brings_home_to_100_whatever_total_is_asked_for() -> None:
    """
    A release with a wrong total must not keep its traffic from coming home.
    """
    codec, made = PROXIES["knative"].codec, PROXIES["knative"].made
    home = carried_out(made(30, 70, None), codec.reset(made(30, 70, None), TARGET, total=1000))

    assert made(100, 0, None) == home
    assert not codec.has_services(TARGET)
