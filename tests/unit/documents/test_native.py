from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.documents.classic import classic, error_paths, errors, read

from progressive._model.release import Traffic
from progressive._model.traffic import (
    Bounds,
    Match,
    RouteRef,
    Split,
    Sticky,
    Subsets,
    Target,
    TextMatch,
)
from progressive.errors import SpecError

TRAFFIC: dict[str, Any] = {
    "router": "istio",
    "service": "web",
    "primary": "web-primary",
    "canary": "web-canary",
    "port": 80,
    "total": 1000,
    "routes": [
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "name": "web",
            "rule": "main",
        },
        {"name": "edge", "namespace": "edge", "rule": 0, "protocol": "http"},
    ],
    "subsets": {"primary": "stable", "canary": "canary"},
    "match": [
        {
            "headers": {"x-user": {"exact": "qa"}},
            "cookies": {"beta": {"prefix": "a"}},
            "query": {"v": {"regex": "2|3"}},
        }
    ],
    "mirror": 12.5,
    "sticky": {"cookie": "c", "max_age": 3600},
    "bounds": {"min": 10},
}


def release(**changes: Any) -> dict[str, Any]:
    traffic = {**deepcopy(TRAFFIC), **changes}
    return {
        "apiVersion": "progressive.dev/v1",
        "kind": "Release",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"traffic": {key: one for key, one in traffic.items() if one is not None}},
    }


def test_the_whole_of_traffic() -> None:
    """Every field of the native document reaches the routing order."""
    traffic = read(release(), traffic_alone=True).traffic

    assert (
        Traffic(
            name="web",
            namespace="shop",
            router="istio",
            target=Target(
                namespace="shop",
                service="web",
                primary="web-primary",
                canary="web-canary",
                port=80,
                routes=(
                    RouteRef(
                        name="web",
                        kind="VirtualService",
                        api_version="networking.istio.io/v1",
                        rule="main",
                    ),
                    RouteRef(name="edge", namespace="edge", rule=0, protocol="http"),
                ),
                subsets=Subsets(primary="stable", canary="canary"),
                bounds=Bounds(min=10, max=1000),
            ),
            wanted=Split(
                canary=0,
                total=1000,
                mirror=12.5,
                match=(
                    Match(
                        headers={"x-user": TextMatch(exact="qa")},
                        cookies={"beta": TextMatch(prefix="a")},
                        query={"v": TextMatch(regex="2|3")},
                    ),
                ),
                sticky=Sticky(cookie="c", max_age=timedelta(hours=1)),
            ),
        )
        == traffic
    )


def test_the_least_that_a_route_needs() -> None:
    """Everything else has a default."""
    document = release(**dict.fromkeys(set(TRAFFIC) - {"router", "service", "primary", "canary"}))
    traffic = read(document, traffic_alone=True).traffic

    assert traffic is not None
    assert Split(canary=0) == traffic.wanted
    assert (None, (), None) == (
        traffic.target.port,
        traffic.target.routes,
        traffic.target.bounds,
    )


def test_a_mirror_of_zero_is_none() -> None:
    """It removes a mirror of ours."""
    traffic = read(release(mirror=0), traffic_alone=True).traffic

    assert traffic is not None
    assert traffic.wanted.mirror is None


def test_traffic_alone_is_no_plan() -> None:
    """A run would have nothing to judge by."""
    ((path, words),) = errors(read(release()))

    assert "kind" == path
    assert "progressive route" in words


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"router": None}, "router"),
        ({"router": "istoi"}, "router"),
        ({"service": None}, "service"),
        ({"primary": "web-canary"}, "canary"),
        ({"port": 0}, "port"),
        ({"total": 0}, "total"),
        ({"mirror": 101}, "mirror"),
        ({"mirror": "10"}, "mirror"),
        ({"sticky": {"max_age": 5}}, "sticky.cookie"),
        ({"sticky": {"cookie": "c", "max_age": 0}}, "sticky.max_age"),
        ({"sticky": {"cookie": "c=1; Domain=.example.com"}}, "sticky.cookie"),
        ({"sticky": {"cookie": "c", "primary_cookie": "a b"}}, "sticky.primary_cookie"),
        ({"bounds": {"min": 60, "max": 50}}, "bounds"),
        ({"subsets": {"primary": "a"}}, "subsets.canary"),
        ({"subsets": {"primary": "a", "canary": "a"}}, "subsets.canary"),
        ({"routes": [{"rule": 1}]}, "routes[0].name"),
        ({"routes": [{"name": "x", "rule": True}]}, "routes[0].rule"),
        ({"routes": [{"name": "x", "rule": -1}]}, "routes[0].rule"),
        ({"match": [{}]}, "match[0]"),
        ({"match": [{"headers": {"x": {"exact": "a", "prefix": "b"}}}]}, "match[0].headers.x"),
        ({"match": [{"headers": {"x": {}}}]}, "match[0].headers.x"),
        ({"match": [{"header": {"x": {"exact": "a"}}}]}, "match[0].header"),
        ({"weight": 5}, "weight"),
    ],
)
def test_a_fault_of_traffic_is_told_at_its_path(changes: dict[str, Any], path: str) -> None:
    """With the same care as Flagger's documents."""
    found = error_paths(read(release(**changes), traffic_alone=True))

    assert f"spec.traffic.{path}" == found[0]


def test_what_the_mesh_cannot_express_is_refused() -> None:
    """Before any write, at the field that asks for it (L1)."""
    found = error_paths(read(release(router="smi"), traffic_alone=True, routers={"smi"}))

    assert [f"spec.traffic.{field}" for field in ("match", "mirror", "sticky")] == found


def test_a_cookie_has_a_name_that_browsers_send_back() -> None:
    """What comes after a ; in Set-Cookie would be an attribute, and no cookie rule would fit."""
    flaggers = classic(analysis__sessionAffinity={"cookieName": "c; Domain=.example.com"})

    assert ["spec.analysis.sessionAffinity.cookieName"] == error_paths(read(flaggers))
    with pytest.raises(SpecError, match="no name of a cookie"):
        Sticky(cookie="c\r\nX-Admin: 1")


def test_users_of_the_primary_can_be_kept_as_well() -> None:
    """
    Without their own cookie nearly all users end on the canary, however small its weight.
    """
    native = release(sticky={"cookie": "c", "primary_cookie": "p", "max_age": 60})
    flaggers = classic(
        analysis__sessionAffinity={"cookieName": "c", "primaryCookieName": "p", "maxAge": 60}
    )
    wanted = Sticky(cookie="c", primary_cookie="p", max_age=timedelta(minutes=1))
    for document in (native, flaggers):
        traffic = read(document, traffic_alone=True).traffic

        assert traffic is not None
        assert wanted == traffic.wanted.sticky
