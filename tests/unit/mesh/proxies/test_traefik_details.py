"""What Traefik alone has: services of its own, priorities, and a syntax of conditions."""

from __future__ import annotations

import pytest
from attrs import evolve
from tests.unit.mesh.mutations import carried_out
from tests.unit.mesh.proxies import worlds
from tests.unit.mesh.proxies.worlds import PROXIES, TARGET
from tests.unit.mesh.proxies.writing import MATCHED, share, written

from progressive._model.traffic import Match, RouteRef, Split, TextMatch
from progressive.errors import ForeignController, Unsupported


def test_traefik_needs_a_route_to_a_traefik_service_for_a_match() -> None:
    """
    Two routes that name it get a rule each; a route that sends elsewhere as well gets none.
    """
    codec = PROXIES["traefik"].codec
    service, edge = worlds.traefik_service(100, 0, None)
    other = {
        "match": "Host(`b.example.com`)",
        "kind": "Rule",
        "services": edge["spec"]["routes"][0]["services"],
    }
    edge["spec"]["routes"].append(other)
    _, after = written("traefik", [service, edge], MATCHED)
    with pytest.raises(Unsupported, match="no IngressRoute"):
        codec.write([service], TARGET, MATCHED)
    edge["spec"]["routes"] = [
        {**other, "services": [*other["services"], {"name": "x", "port": 80}]}
    ]
    with pytest.raises(Unsupported, match="no IngressRoute"):
        codec.write([service, edge], TARGET, MATCHED)

    assert [
        "(Host(`web.example.com`)) && ((Header(`x-user`, `qa`)))",
        "(Host(`b.example.com`)) && ((Header(`x-user`, `qa`)))",
    ] == [one["match"] for one in after["spec"]["routes"][2:]]


def test_traefik_comes_just_before_the_base_and_before_nobody_else() -> None:
    """
    Traefik goes by priority, or by the length of the rule; a longer rule of a person stays first.
    """
    objects = worlds.ingress_route(100, 0, None)
    rule = "Host(`web.example.com`)"
    (after,) = written("traefik-ingress-route", objects, MATCHED)
    objects[0]["spec"]["routes"][0]["priority"] = 7
    (given,) = written("traefik-ingress-route", objects, MATCHED)

    assert len(rule) + 1 == after["spec"]["routes"][2]["priority"]
    assert 8 == given["spec"]["routes"][2]["priority"]


def test_traefik_writes_matchers_of_version_3_only() -> None:
    """
    In the other syntax the same words mean something else, or nothing.
    """
    objects = worlds.ingress_route(100, 0, None)
    objects[0]["spec"]["routes"][0]["syntax"] = "v2"
    with pytest.raises(Unsupported, match="syntax"):
        PROXIES["traefik-ingress-route"].codec.write(objects, TARGET, MATCHED)

    assert (20, 100) == share(
        "traefik", written("traefik-ingress-route", objects, Split(canary=20))
    )


def test_traefik_quotes_what_a_raw_text_cannot_hold() -> None:
    """
    A backquote would end the text, and a condition would become another one.
    """
    odd = Split(canary=100, match=[Match(headers={"x": TextMatch(exact="a`) || Path(`/")})])
    (after,) = written("traefik-ingress-route", worlds.ingress_route(100, 0, None), odd)

    assert after["spec"]["routes"][2]["match"].endswith('Header(`x`, "a`) || Path(`/")))')


def test_traefik_brings_home_what_stands_around_a_named_service() -> None:
    """
    A release that names its TraefikService made rules and a mirror in objects that it names not.
    """
    target = evolve(TARGET, routes=(RouteRef(name="web", kind="TraefikService"),))
    before = worlds.mirrored_service(100, 0, None)
    codec = PROXIES["traefik"].codec
    after = written("traefik", before, evolve(MATCHED, mirror=10), target)
    home = carried_out(after, codec.reset(after, target))
    home[2]["metadata"].pop("annotations")

    assert before != after
    assert before == home
    assert {"web", "copied", "edge"} == {one.name for one in codec.steered(after, target)}


def test_traefik_does_not_write_around_a_service_what_another_controller_moves() -> None:
    """
    The IngressRoute is asked as the TraefikService is.
    """
    service, edge = worlds.traefik_service(100, 0, None)
    edge["metadata"]["managedFields"] = [{"manager": "rollouts-controller", "operation": "Update"}]
    with pytest.raises(ForeignController, match="IngressRoute shop/edge"):
        PROXIES["traefik"].codec.write([service, edge], TARGET, MATCHED)

    assert (20, 100) == share("traefik", written("traefik", [service, edge], Split(canary=20)))
