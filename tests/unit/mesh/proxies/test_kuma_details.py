"""What Kuma alone has: routes with lists of rules for several services."""

from __future__ import annotations

import pytest
from tests.unit.mesh.proxies.worlds import PROXIES, TARGET, thing
from tests.unit.mesh.proxies.writing import MATCHED, share, written

from progressive._model.traffic import Match, Split, TextMatch
from progressive.errors import AmbiguousRoute, InvalidRequest, RouteNotFound, Unsupported


def test_kuma_does_not_steer_what_the_data_plane_ignores() -> None:
    """
    Flagger writes TrafficRoutes, and on Kuma 3 nothing moves; beside a MeshHTTPRoute it is idle.
    """
    split = [{"weight": 100, "destination": {"kuma.io/service": "web-primary_shop_svc_80"}}]
    old = thing("kuma.io/v1alpha1", "TrafficRoute", {"conf": {"split": split}})
    with pytest.raises(Unsupported, match="ignores it"):
        PROXIES["kuma"].codec.write([old], TARGET, Split(canary=20))
    modern = PROXIES["kuma"].made(100, 0, None)

    assert (20, 100) == share("kuma", written("kuma", [old, *modern], Split(canary=20)))


def test_kuma_tells_the_lists_of_a_route_apart() -> None:
    """
    Each service that a route speaks of has its own; a message must say which one is meant.
    """
    (one,) = PROXIES["kuma"].made(100, 0, None)
    one["spec"]["to"].append(one["spec"]["to"][0])

    with pytest.raises(AmbiguousRoute, match=r"rule to\[0\]\.rules\[\d\]; .*rule to\[1\]\.rules"):
        PROXIES["kuma"].codec.read([one], TARGET)


def test_kuma_matches_in_a_route_for_one_service() -> None:
    """
    With several lists of rules an index would not say which one it counts in.
    """
    objects = PROXIES["kuma"].made(100, 0, None)
    objects[0]["spec"]["to"].append({"targetRef": {"kind": "Mesh"}, "rules": []})
    with pytest.raises(Unsupported, match="several items"):
        PROXIES["kuma"].codec.write(objects, TARGET, MATCHED)

    assert (20, 100) == share("kuma", written("kuma", objects, Split(canary=20)))


def test_kuma_knows_a_service_by_its_namespace_too() -> None:
    """
    The same name in another namespace is another service, however it is named.
    """
    for name in ("kuma", "kuma-names", "kuma-tags"):
        objects = PROXIES[name].made(100, 0, None)
        refs = objects[0]["spec"]["to"][0]["rules"][0]["default"]["backendRefs"]
        for ref in refs:
            if "labels" in ref:
                ref["labels"]["k8s.kuma.io/namespace"] = "other"
            elif "namespace" in ref:
                ref["namespace"] = "other"
            else:
                ref["name"] = ref["name"].replace("_shop_", "_other_")
        with pytest.raises(RouteNotFound):
            PROXIES[name].codec.read(objects, TARGET)


def test_kuma_refuses_a_header_that_its_schema_would_refuse() -> None:
    """
    The API server would say no after other objects were written.
    """
    odd = Split(canary=100, match=[Match(headers={"x user": TextMatch(exact="qa")})])
    with pytest.raises(InvalidRequest, match="x user"):
        PROXIES["kuma"].codec.write(PROXIES["kuma"].made(100, 0, None), TARGET, odd)


def test_kuma_mirrors_fractions_as_texts() -> None:
    """
    The schema takes whole numbers or texts.
    """
    (after,) = written("kuma", PROXIES["kuma"].made(100, 0, None), Split(canary=0, mirror=0.00001))
    mirror = after["spec"]["to"][0]["rules"][0]["default"]["filters"][1]["requestMirror"]

    assert "0.00001" == mirror["percentage"]
    assert 0.00001 == PROXIES["kuma"].codec.read([after], TARGET).mirror
