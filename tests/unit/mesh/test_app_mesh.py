"""The weights that a VirtualRouter of App Mesh says and is told, whatever its routes speak."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from tests.unit.mesh.app_mesh import CODEC, both, http, router, service, weights, written
from tests.unit.mesh.manifests import TARGET, carried_out, on

from progressive._model.traffic import RouteRef, Split
from progressive.errors import Drift, InvalidRequest, InvalidWeight, RouteNotFound

KINDS = ("httpRoute", "http2Route", "grpcRoute", "tcpRoute")

CALLS = [http(), http("h2", 11, "http2Route"), http("calls", 12, "grpcRoute")]


@pytest.mark.parametrize(("protocol", "place"), [("grpc", 1), ("http", 0)])
def test_a_protocol_picks_among_routes_that_hold_both_nodes(protocol: str, place: int) -> None:
    """
    App Mesh tells gRPC from HTTP, so that neither stands for the other.
    """
    routes = [CALLS[0], CALLS[2]]
    target = on(RouteRef(name="web", protocol=protocol))
    after = written([router(*routes)], Split(canary=3), target)

    assert routes[1 - place] == after[1 - place]
    assert [3, 97] == weights(after[place], ("httpRoute", "grpcRoute")[place])


def test_an_index_counts_all_routes_whatever_they_speak() -> None:
    """
    The list is one; a protocol beside an index does not make another of it.
    """
    target = on(RouteRef(name="web", rule=2, protocol="grpc"))
    after = written([router(*CALLS)], Split(canary=3), target)

    assert [3, 97] == weights(after[2], "grpcRoute")


def test_an_index_and_a_protocol_that_contradict_each_other_are_refused() -> None:
    """
    One of the two is a mistake, and either could be.
    """
    target = on(RouteRef(name="web", rule=0, protocol="grpc"))
    with pytest.raises(
        RouteNotFound, match=r"rule web \(routes\[0\]\) is a rule for http, not for g"
    ):
        CODEC.write([router(*CALLS)], target, Split(canary=3))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_route_has_weights(kind: str) -> None:
    """
    Flagger knows the first HTTP route alone.
    """
    objects = [service(), router(http(kind=kind))]

    assert [35, 65] == weights(written(objects, Split(canary=35))[0], kind)
    assert 0 == CODEC.read(objects, TARGET).canary


def test_routes_of_several_kinds_move_in_one_patch() -> None:
    """
    M-88: users of the gRPC route would get another version than those of the HTTP route.
    """
    target = on(RouteRef(name="web", rule="web"), RouteRef(name="web", rule="calls"))
    objects = [router(http(), http("calls", 5, "grpcRoute"), http("other"))]
    (patch,) = CODEC.write(objects, target, Split(canary=20))
    routes = carried_out(objects, [patch])[0]["spec"]["routes"]

    assert [20, 80] == weights(routes[0])
    assert [20, 80] == weights(routes[1], "grpcRoute")
    assert objects[0]["spec"]["routes"][2] == routes[2]


def test_a_half_order_is_told() -> None:
    """
    One number for two different splits would be a guess.
    """
    target = on(RouteRef(name="web", rule="web"), RouteRef(name="web", rule="other"))
    with pytest.raises(Drift, match="differ"):
        CODEC.read([router(http(), http("other", **both(80, 20)))], target)


@pytest.mark.parametrize("total", [101, 1000])
def test_a_total_above_100_is_refused(total: int) -> None:
    """
    M-94, M-95: neither the schema nor AWS takes such weights.
    """
    with pytest.raises(InvalidWeight, match="100"):
        CODEC.write([service(), router(http())], TARGET, Split(canary=total, total=total))


def test_a_weight_that_is_missing_is_no_number() -> None:
    """
    The schema requires one, so nobody has decided what none means; a write settles it.
    """
    objects = [service(), router(http(**both(None, 0)))]
    with pytest.raises(InvalidRequest, match="no weight"):
        CODEC.read(objects, TARGET)

    assert [20, 80] == weights(written(objects, Split(canary=20))[0])


@pytest.mark.parametrize("route", [{"name": "web"}, {"name": "web", "httpRoute": None}])
def test_a_route_of_no_kind_is_refused_when_it_is_named(route: Any) -> None:
    """
    M-91: it sends its requests nowhere.
    """
    with pytest.raises(InvalidRequest, match="no weighted destinations"):
        CODEC.write([router(route)], on(RouteRef(name="web", rule="web")), Split(canary=20))


def test_every_answer_says_that_the_service_has_ended() -> None:
    """
    M-87: a controller may accept weights that reach no proxy.
    """
    (warning,) = CODEC.read([service(), router(http())], TARGET).warnings

    assert warning.startswith("MeshRetired: ")


def test_a_reset_has_nothing_to_do_where_no_router_is() -> None:
    """
    R7: in any state.
    """
    assert () == CODEC.reset([], TARGET)
    assert () == CODEC.reset([service(provider="gone")], evolve(TARGET, port=80))
