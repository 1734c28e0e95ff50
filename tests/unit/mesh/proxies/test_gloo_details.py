"""What Gloo alone has: upstreams, and one shadow for a route."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.mesh.proxies.worlds import PROXIES, TARGET
from tests.unit.mesh.proxies.writing import share

from progressive._model.traffic import Split
from progressive.errors import InvalidRequest, Unsupported


@pytest.mark.parametrize(
    ("primary", "canary"),
    [
        (
            {"upstream": {"name": "shop-web-primary-80"}},
            {"upstream": {"name": "shop-web-canary-80"}},
        ),
        (
            {"upstream": {"name": "shop-web-primaryupstream-80", "namespace": "shop"}},
            {"upstream": {"name": "shop-web-canaryupstream-80", "namespace": "shop"}},
        ),
        (
            {"kube": {"ref": {"name": "web-primary", "namespace": "shop"}, "port": 80}},
            {"kube": {"ref": {"name": "web-canary", "namespace": "shop"}, "port": 80}},
        ),
    ],
    ids=["discovery", "flagger", "service"],
)
def test_gloo_knows_the_upstream_of_a_service(primary: Any, canary: Any) -> None:
    """
    Its name is given by people, by Gloo's discovery, or by Flagger; or there is none.
    """
    objects = PROXIES["gloo"].made(75, 25, None)
    destinations = objects[0]["spec"]["routes"][0]["routeAction"]["multi"]["destinations"]
    destinations[0]["destination"], destinations[1]["destination"] = primary, canary

    assert (25, 100) == share("gloo", objects)


def test_gloo_shadows_to_upstreams_once_and_its_days_are_told() -> None:
    """
    A route takes one shadow, and a Service cannot be one.
    """
    codec, made = PROXIES["gloo"].codec, PROXIES["gloo"].made
    taken = made(100, 0, None)
    options = taken[0]["spec"]["routes"][0]["options"]
    options["shadowing"] = {"upstream": {"name": "audit", "namespace": "shop"}, "percentage": 5}
    with pytest.raises(InvalidRequest, match="shadowed to audit already"):
        codec.write(taken, TARGET, Split(canary=0, mirror=10))
    plain = made(100, 0, None)
    destinations = plain[0]["spec"]["routes"][0]["routeAction"]["multi"]["destinations"]
    destinations[1]["destination"] = {"kube": {"ref": {"name": "web-canary", "namespace": "shop"}}}
    with pytest.raises(Unsupported, match="Upstreams alone"):
        codec.write(plain, TARGET, Split(canary=0, mirror=10))

    assert any(
        one.startswith("Deprecated: ") for one in codec.read(made(1, 0, None), TARGET).warnings
    )
