"""What Contour, Traefik or Kuma alone has: words, objects around its rules, and traps."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from tests.unit.mesh.mutations import carried_out
from tests.unit.mesh.proxies import worlds
from tests.unit.mesh.proxies.details import MATCHED, share, written
from tests.unit.mesh.proxies.worlds import PROXIES, TARGET, thing

from progressive._mesh.rules.find import MANAGED_RULES
from progressive._model.traffic import Match, RouteRef, Split, TextMatch
from progressive.errors import ForeignController, InvalidRequest, RouteNotFound, Unsupported

# rules without names


@pytest.mark.parametrize(
    "name", ["contour", "traefik-ingress-route", "kuma", "skipper-route-group"]
)
def test_a_rule_that_somebody_put_in_front_is_not_taken_for_ours(name: str) -> None:
    """
    The list of managed rules is off by one then; a rule of theirs must not be removed.
    """
    codec = PROXIES[name].codec
    (after,) = written(name, PROXIES[name].made(100, 0, None), MATCHED)
    rules = _rules(after)
    base, ours = rules[-2:]
    rules.insert(
        rules.index(base), {"match": "PathPrefix(`/new`)", "conditions": [{"prefix": "/n"}]}
    )
    # the list now points at the base
    after["metadata"]["annotations"][MANAGED_RULES] = str(rules.index(base))
    (home,) = carried_out([after], codec.reset([after], TARGET))

    assert base in _rules(home)
    assert ours in _rules(home)


def _rules(manifest: Any) -> list[Any]:
    spec = manifest["spec"]
    found: list[Any] = spec["to"][0]["rules"] if "to" in spec else spec["routes"]
    return found


# Contour


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


# Traefik


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


# Kuma


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
