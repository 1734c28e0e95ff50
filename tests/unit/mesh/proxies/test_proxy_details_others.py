"""What Gloo, Skipper, APISIX or Knative alone has: words, objects around its rules, and traps."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from attrs import evolve
from tests.unit.mesh.mutations import carried_out
from tests.unit.mesh.proxies.details import MATCHED, share, written
from tests.unit.mesh.proxies.worlds import PROXIES, TARGET

from progressive._model.traffic import Split
from progressive.errors import AmbiguousRoute, InvalidRequest, NotOwned, RouteNotFound, Unsupported

# Gloo


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


# Skipper


def test_skipper_counts_fractions_and_leaves_what_it_does_not_know() -> None:
    """
    A service of another path has weights in the same annotation.
    """
    objects = PROXIES["skipper"].made(0.75, 0.25, None)
    notes = objects[0]["metadata"]["annotations"]
    notes["zalando.org/backend-weights"] = '{"web-primary": 0.75, "web-canary": 0.25, "api": 1.5}'
    (after,) = written("skipper", objects, Split(canary=10))

    assert (25, 100) == share("skipper", objects)
    assert (
        '{"api":1.5,"web-canary":10,"web-primary":90}'
        == (after["metadata"]["annotations"]["zalando.org/backend-weights"])
    )
    assert Fraction(1, 10) == Fraction(*share("skipper", [after]))


def test_skipper_has_one_annotation_for_all_paths_of_an_ingress() -> None:
    """
    Where other services share some of the paths one weight cannot be right for all.
    """
    codec = PROXIES["skipper"].codec
    (one,) = PROXIES["skipper"].made(100, 0, None)
    (other,) = PROXIES["skipper"].made(90, 0, 10)
    one["spec"]["rules"] += [{**rule, "host": "b.example.com"} for rule in other["spec"]["rules"]]
    with pytest.raises(Unsupported, match="differ from path to path"):
        codec.write([one], TARGET, Split(canary=20))

    assert [] == list(codec.reset([one], TARGET))


@pytest.mark.parametrize(
    "said", ["web-primary=100", "[]", '{"web-primary": NaN}', "{" * 3000, '{"web-canary": "1"}']
)
def test_skipper_brings_home_whatever_the_annotation_holds(said: str) -> None:
    """
    What is no JSON cannot be read, and is written anew on the way home.
    """
    objects = PROXIES["skipper"].made(100, 0, None)
    objects[0]["metadata"]["annotations"]["zalando.org/backend-weights"] = said
    codec = PROXIES["skipper"].codec
    with pytest.raises(InvalidRequest):
        codec.read(objects, TARGET)

    assert (0, 100) == share("skipper", carried_out(objects, codec.reset(objects, TARGET)))


# APISIX


def test_apisix_makes_and_deletes_the_route_beside() -> None:
    """
    It follows its base, and goes with the match, with the way home, and with a base that is gone.
    """
    codec, made = PROXIES["apisix"].codec, PROXIES["apisix"].made
    after = written("apisix", made(100, 0, None), MATCHED)
    after[0]["spec"]["http"][0]["priority"] = 9
    follows = written("apisix", after, MATCHED)

    assert ["web", "web-progressive-match"] == [one["metadata"]["name"] for one in after]
    assert [one.name for one in codec.steered(after, TARGET)] == ["web", "web-progressive-match"]
    assert 10 == follows[1]["spec"]["http"][0]["priority"]
    assert 1 == len(written("apisix", after, Split(canary=20)))
    assert 1 == len(carried_out(after, codec.reset(after, TARGET)))
    assert [] == carried_out(after[1:], codec.reset(after[1:], TARGET))


def test_apisix_leaves_a_route_of_that_name_to_its_owner() -> None:
    """
    M-112: it is not overwritten, and not deleted.
    """
    codec, made = PROXIES["apisix"].codec, PROXIES["apisix"].made
    foreign = made(100, 0, None)[0]
    foreign["metadata"]["name"] = "web-progressive-match"
    foreign["spec"]["http"][0]["backends"] = [{"serviceName": "other", "servicePort": 80}]
    objects = [*made(100, 0, None), foreign]
    with pytest.raises(NotOwned, match="web-progressive-match"):
        codec.write(objects, TARGET, MATCHED)

    assert () == codec.reset(objects, TARGET)
    assert (20, 100) == share("apisix", written("apisix", objects, Split(canary=20)))


def test_apisix_refuses_a_condition_on_a_header_that_is_asked_for() -> None:
    """
    Headers are one name in whatever case, with dashes or underscores.
    """
    objects = PROXIES["apisix"].made(100, 0, None)
    condition = {"subject": {"scope": "Header", "name": "X-User"}, "op": "Equal", "value": "a"}
    objects[0]["spec"]["http"][0]["match"]["exprs"] = [condition]
    with pytest.raises(InvalidRequest, match="asked for already"):
        PROXIES["apisix"].codec.write(objects, TARGET, MATCHED)


def test_apisix_counts_upstreams_as_third_destinations() -> None:
    """
    They share the requests with the backends of their rule.
    """
    objects = PROXIES["apisix"].made(90, 0, None)
    objects[0]["spec"]["http"][0]["upstreams"] = [{"name": "outside", "weight": 10}]
    (after,) = written("apisix", objects, Split(canary=20))

    assert [70, 20] == [one["weight"] for one in after["spec"]["http"][0]["backends"]]
    assert {"name": "outside", "weight": 10} == after["spec"]["http"][0]["upstreams"][0]


# Knative


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
