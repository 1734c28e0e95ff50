"""What Contour alone has: mirrors with percentages, and HTTPProxies that include others."""

from __future__ import annotations

import pytest
from tests.unit.mesh.proxies.worlds import PROXIES, TARGET, thing
from tests.unit.mesh.proxies.writing import written

from progressive._model.traffic import Split
from progressive.errors import InvalidRequest, RouteNotFound, Unsupported


def test_contour_mirrors_whole_percents_and_once() -> None:
    """
    A weight is the percentage of a mirror; without one, or with 0, it copies everything.
    """
    codec, made = PROXIES["contour"].codec, PROXIES["contour"].made
    with pytest.raises(Unsupported, match="whole percents"):
        codec.write(made(100, 0, None), TARGET, Split(canary=0, mirror=12.5))
    taken = made(100, 0, None)
    services = taken[0]["spec"]["routes"][1]["services"]
    services.append({"name": "audit", "port": 80, "mirror": True})
    with pytest.raises(InvalidRequest, match="mirrored to audit already"):
        codec.write(taken, TARGET, Split(canary=0, mirror=10))
    services[-1] = {"name": "web-canary", "port": 80, "weight": 0, "mirror": True}

    assert 100 == codec.read(taken, TARGET).mirror
    assert made(100, 0, None) == written("contour", taken, Split(canary=0))


def test_contour_says_where_a_root_sends_what_is_not_its_own() -> None:
    """
    The routes of a host are often in another object.
    """
    root = thing("projectcontour.io/v1", "HTTPProxy", {"includes": [{"name": "app"}]}, name="root")
    with pytest.raises(RouteNotFound, match="it includes shop/app: name that one"):
        PROXIES["contour"].codec.read([root], TARGET)


def test_contour_keeps_the_policies_of_the_canary_out_of_its_mirror() -> None:
    """
    Nobody sees the answers of a mirror, and the rest of it is the service as the route has it.
    """
    objects = PROXIES["contour"].made(100, 0, None)
    canary = objects[0]["spec"]["routes"][1]["services"][1]
    canary.update(protocol="h2c", responseHeadersPolicy={"set": [{"name": "x", "value": "y"}]})
    (after,) = written("contour", objects, Split(canary=0, mirror=5))

    assert {"name": "web-canary", "port": 80, "protocol": "h2c", "weight": 5, "mirror": True} == (
        after["spec"]["routes"][1]["services"][2]
    )
