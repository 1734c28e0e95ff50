"""What one proxy alone has: words of its own, objects around its rules, and its traps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import pytest
import yaml
from attrs import evolve
from tests.unit.mesh.mutations import carried_out
from tests.unit.mesh.proxies import worlds
from tests.unit.mesh.proxies.worlds import PROXIES, TARGET, thing

from progressive._mesh.codec import Manifest
from progressive._mesh.rules.find import MANAGED_RULES
from progressive._model.traffic import Match, RouteRef, Split, Target, TextMatch
from progressive.errors import (
    AmbiguousRoute,
    DestinationNotFound,
    ForeignController,
    InvalidRequest,
    NotOwned,
    RouteNotFound,
    Unsupported,
)

QA = Match(headers={"x-user": TextMatch(exact="qa")})
MATCHED = Split(canary=100, match=[QA])


def written(
    name: str, objects: Sequence[Mapping[str, Any]], split: Split, target: Target = TARGET
) -> list[dict[str, Any]]:
    return carried_out(objects, PROXIES[name].codec.write(objects, target, split))


def share(name: str, objects: Sequence[Manifest], target: Target = TARGET) -> tuple[int, int]:
    observed = PROXIES[name].codec.read(objects, target)
    return observed.canary, observed.total


@pytest.mark.parametrize("name", PROXIES)
def test_what_gitops_is_told_to_leave_alone_is_yaml(name: str) -> None:
    """
    The words are copied into an Application; a path with quotes of its own must not break them.
    """
    (*others, one) = PROXIES[name].made(100, 0, None)
    managers = [{"manager": "argocd-controller"}]
    for it in (*others, one):
        it["metadata"]["managedFields"] = managers
    told = PROXIES[name].codec.read([*others, one], TARGET).warnings
    words = next(it for it in told if it.startswith("GitOps: Argo CD"))
    (ignored,) = yaml.safe_load(words.partition("ignoreDifferences: ")[2].partition(" with ")[0])

    assert {"group", "kind", "jqPathExpressions"} == set(ignored)
    assert ignored["jqPathExpressions"][0].startswith((".spec.", '.metadata.annotations["zal'))


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


def test_skipper_shares_nothing_between_sides_on_paths_of_their_own() -> None:
    """
    Each of them gets all requests of its path, whatever weights the annotation gives them.
    """
    (one,) = PROXIES["skipper"].made(100, 0, None)
    one["spec"]["rules"][0]["http"]["paths"][1]["path"] = "/next"

    with pytest.raises(DestinationNotFound, match="no destination web-canary"):
        PROXIES["skipper"].codec.write([one], TARGET, Split(canary=20))


def test_skipper_tells_of_a_predicate_that_keeps_every_request_away() -> None:
    """
    Flagger leaves it on its Ingress at weight 0; with it no weight has an effect.
    """
    (one,) = PROXIES["skipper"].made(100, 0, None)
    one["metadata"]["annotations"]["zalando.org/skipper-predicate"] = "Weight(100) && False()"
    (note,) = PROXIES["skipper"].codec.read([one], TARGET).warnings

    assert note.startswith("Note: Ingress shop/web: the predicate Weight(100) && False() keeps")


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
