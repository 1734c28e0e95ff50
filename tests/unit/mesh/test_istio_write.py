"""What a weight step changes in a VirtualService, and what is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.unit.mesh.manifests import (
    CODEC,
    TARGET,
    both,
    carried_out,
    destination,
    endpoints,
    on,
    owner,
    route,
    service,
    written,
)

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
from progressive.errors import (
    AmbiguousRoute,
    DestinationNotFound,
    ForeignController,
    InvalidRequest,
    InvalidWeight,
    PreflightFailed,
    RouteNotFound,
    Unsupported,
)


def test_a_step_tests_what_it_edits_and_writes_both_weights() -> None:
    """
    Index paths without a test land on whatever was moved to that index meanwhile.
    """
    (patch,) = CODEC.write([route(both())], TARGET, Split(canary=20))

    assert (
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "test", "path": "/spec/http/0/route/0/destination/host", "value": "web-primary"},
        {"op": "test", "path": "/spec/http/0/route/1/destination/host", "value": "web-canary"},
        {"op": "add", "path": "/spec/http/0/route/0/weight", "value": 80},
        {"op": "add", "path": "/spec/http/0/route/1/weight", "value": 20},
    ) == patch.patch


def test_the_same_order_again_writes_nothing() -> None:
    """
    A no-op write still runs webhooks and wakes every controller that watches.
    """
    assert () == CODEC.write([route(both(80, 20))], TARGET, Split(canary=20))
    assert () == CODEC.write([route(both(4, 1))], TARGET, Split(canary=20))
    assert () == CODEC.write([route(both(7, 1))], TARGET, Split(canary=125, total=1000))


def test_only_the_rule_with_both_sides_is_steered() -> None:
    """
    A rule of a person that sends testers to the canary alone is not ours to change.
    """
    qa = {"name": "qa", "route": [destination("web-canary")]}
    before = route(qa, both(name="main"), {"route": [destination("legacy")]})
    after = written([before], Split(canary=35))[0]

    assert [65, 35] == [one["weight"] for one in after["spec"]["http"][1]["route"]]
    assert qa == after["spec"]["http"][0]
    assert before["spec"]["http"][2] == after["spec"]["http"][2]


@pytest.mark.parametrize(
    "host",
    ["web-canary", "web-canary.shop.svc.cluster.local", "web-canary.shop.svc.corp.example"],
)
def test_short_and_full_names_are_the_same_host(host: str) -> None:
    """
    Flagger compares raw strings and does not find a name that a user wrote in full.
    """
    rule = {"route": [destination("web-primary", 100), destination(host, 0)]}

    assert (
        20 == written([route(rule)], Split(canary=20))[0]["spec"]["http"][0]["route"][1]["weight"]
    )


@pytest.mark.parametrize(
    "host",
    ["web-canary.other.svc.cluster.local", "web-canary.other.svc", "web-canary.example.com"],
)
def test_the_same_first_label_elsewhere_is_another_host(host: str) -> None:
    """
    Argo Rollouts cuts at the first dot and would send users to another team's service.
    """
    rule = {"route": [destination("web-primary", 100), destination(host, 0)]}

    with pytest.raises(DestinationNotFound, match="web-canary"):
        CODEC.write([route(rule)], TARGET, Split(canary=20))


def test_a_short_name_belongs_to_the_namespace_of_its_virtual_service() -> None:
    """
    istiod resolves it there, whatever the release is about.
    """
    elsewhere = route(both())
    elsewhere["metadata"]["namespace"] = "edge"

    with pytest.raises(RouteNotFound):
        CODEC.write([elsewhere], TARGET, Split(canary=20))


def test_third_destinations_keep_their_number_at_the_cost_of_the_primary() -> None:
    """
    An experiment of somebody else must not be stopped by a canary.
    """
    rule = both(90, 0)
    rule["route"].append(destination("web-experiment", 10))
    after = written([route(rule)], Split(canary=20))[0]

    assert [70, 20, 10] == [one["weight"] for one in after["spec"]["http"][0]["route"]]


@pytest.mark.parametrize(("third", "weight"), [(10, 95), (100, 0)])
def test_what_does_not_fit_beside_third_destinations_is_refused(third: int, weight: int) -> None:
    """
    The sum would grow beyond the total, or both sides would end with nothing.
    """
    rule = both(50, 0)
    rule["route"].append(destination("web-experiment", third))

    with pytest.raises(InvalidWeight, match="web"):
        CODEC.write([route(rule)], TARGET, Split(canary=weight))


def test_a_named_rule_is_the_only_one_that_changes() -> None:
    """
    Two rules that hold both sides are ambiguous until one is named.
    """
    before = route(both(name="api"), both(name="main"))
    with pytest.raises(AmbiguousRoute, match=r"api.*main"):
        CODEC.write([before], TARGET, Split(canary=20))

    named = Target(
        namespace="shop",
        service="web",
        primary="web-primary",
        canary="web-canary",
        routes=[RouteRef(name="web", rule="main")],
    )
    after = written([before], Split(canary=20), named)[0]

    assert before["spec"]["http"][0] == after["spec"]["http"][0]
    assert 20 == after["spec"]["http"][1]["route"][1]["weight"]


def test_an_index_counts_the_rules_of_the_user_alone() -> None:
    """
    A managed rule that is put in front must not make the index mean another rule.
    """
    ours = {"name": "progressive-match", "route": [destination("web-canary", 100)]}
    after = written(
        [route(ours, both(), both())], Split(canary=20), on(RouteRef(name="web", rule=1))
    )

    assert [100, 80] == [one["route"][0]["weight"] for one in after[0]["spec"]["http"]]


@pytest.mark.parametrize("rule", ["nope", 2, -1])
def test_a_rule_that_does_not_exist_is_named(rule: str | int) -> None:
    """
    The refusal must say which entry of the document is wrong.
    """
    with pytest.raises(RouteNotFound, match=str(rule)):
        CODEC.write(
            [route(both(name="main"))], on(RouteRef(name="web", rule=rule)), Split(canary=1)
        )


def test_a_missing_object_is_named_with_its_namespace() -> None:
    """
    Typing errors in names are the commonest fault.
    """
    with pytest.raises(RouteNotFound, match="edge/web"):
        CODEC.write([route(both())], on(RouteRef(name="web", namespace="edge")), Split(canary=1))


def test_a_root_that_only_delegates_names_the_delegate() -> None:
    """
    The delegate carries the weights; the root must not be edited.
    """
    root = route({"delegate": {"name": "web-inner"}}, name="edge")

    with pytest.raises(RouteNotFound, match="shop/web-inner"):
        CODEC.write([root], on(RouteRef(name="edge")), Split(canary=1))


@pytest.mark.parametrize("protocol", ["tcp", "tls"])
@pytest.mark.parametrize(
    "split",
    [
        Split(canary=10, mirror=5),
        Split(canary=10, sticky=Sticky(cookie="c")),
        Split(canary=10, match=[Match(headers={"x": TextMatch(exact="1")})]),
    ],
)
def test_what_a_rule_without_requests_cannot_say_is_refused(split: Split, protocol: str) -> None:
    """
    An order that is carried out in part is another order.
    """
    rule = route()
    rule["spec"][protocol] = [both()]

    with pytest.raises(Unsupported, match=protocol):
        CODEC.write([rule], TARGET, split)


def test_subsets_are_sides_of_one_host() -> None:
    """
    The subset is tested beside the weight, for the host alone does not tell the sides apart.
    """
    subsets = Target(
        namespace="shop",
        service="web",
        primary="web-primary",
        canary="web-canary",
        subsets=Subsets(primary="stable", canary="next"),
    )
    rule = {
        "route": [
            {"destination": {"host": "web", "subset": "stable"}, "weight": 75},
            {"destination": {"host": "web", "subset": "next"}, "weight": 25},
        ]
    }
    assert 25 == CODEC.read([route(rule)], subsets).canary
    (patch,) = CODEC.write([route(rule)], subsets, Split(canary=30))
    (after,) = written([route(rule)], Split(canary=30), subsets)

    assert [70, 30] == [one["weight"] for one in after["spec"]["http"][0]["route"]]
    assert {"stable", "next"} <= {one["value"] for one in patch.patch if one["op"] == "test"}


def test_weights_outside_the_bounds_or_the_mesh_are_refused() -> None:
    """
    Bounds are the user's own guard; int32 is the mesh's.
    """
    bounded = Target(
        namespace="shop",
        service="web",
        primary="web-primary",
        canary="web-canary",
        bounds=Bounds(min=5, max=50),
    )
    for weight in (4, 51):
        with pytest.raises(InvalidWeight, match="5 to 50"):
            CODEC.write([route(both())], bounded, Split(canary=weight))
    with pytest.raises(InvalidWeight):
        CODEC.write([route(both())], TARGET, Split(canary=1, total=2**31))


@pytest.mark.parametrize(
    "meta",
    [
        {"managedFields": [{"manager": "flagger"}]},
        {"managedFields": [{"manager": "rollouts-controller"}]},
        {"annotations": {"argo-rollouts.argoproj.io/managed-by-rollouts": "web"}},
        {"annotations": {"argo-rollouts.argoproj.io/managed-by-rollouts": ""}},
        {
            "ownerReferences": [
                {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "w"}
            ]
        },
        {
            "ownerReferences": [
                {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "x"}
            ]
        },
    ],
)
def test_another_controllers_object_is_read_and_not_written(meta: dict[str, Any]) -> None:
    """
    Two controllers that move the same weights fight, and users see both.
    """
    theirs = route(both(80, 20), **meta)

    assert 20 == CODEC.read([theirs], TARGET).canary
    with pytest.raises(ForeignController, match="shop/web"):
        CODEC.write([theirs], TARGET, Split(canary=30))
    with pytest.raises(ForeignController):
        CODEC.reset([theirs], TARGET)


def test_the_object_of_the_very_canary_is_taken_over() -> None:
    """
    Flagger's documents load unchanged, and so do the objects that Flagger made for them. An owner
    is of the namespace of its object, so one of that name elsewhere is another Canary.
    """
    very = owner("flagger.app/v1beta1", "Canary", "web")
    theirs = route(both(), ownerReferences=[very], managedFields=[{"manager": "flagger"}])
    target = Target(
        namespace="shop",
        service="web",
        primary="web-primary",
        canary="web-canary",
        owner_names=["web"],
    )

    assert 30 == CODEC.read(written([theirs], Split(canary=30), target), target).canary

    theirs["metadata"]["namespace"] = "edge"
    for one in theirs["spec"]["http"][0]["route"]:
        one["destination"]["host"] += ".shop.svc.cluster.local"
    with pytest.raises(ForeignController, match="owned by Canary web"):
        CODEC.write([theirs], target, Split(canary=30))


def test_a_rival_that_appears_in_a_run_does_not_keep_the_traffic_away_from_home() -> None:
    """
    What we split, we bring home, whoever else writes by then.
    """
    managers = [{"manager": "progressive"}, {"manager": "flagger"}]
    split = route(both(80, 20), managedFields=managers)

    assert 0 == CODEC.read(carried_out([split], CODEC.reset([split], TARGET)), TARGET).canary


@pytest.mark.parametrize(
    ("manager", "annotation", "word"),
    [
        ("argocd-controller", {}, "ignoreDifferences"),
        ("kustomize-controller", {}, "kustomize.toolkit.fluxcd.io/ssa"),
        ("helm-controller", {}, "helm.toolkit.fluxcd.io/driftDetection"),
        ("helm-controller", {"helm.toolkit.fluxcd.io/driftDetection": "disabled"}, None),
        ("kustomize-controller", {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}, None),
    ],
)
def test_gitops_is_a_warning_with_the_setting_that_helps(
    manager: str, annotation: dict[str, str], word: str | None
) -> None:
    """
    It will take the weights back at its next look, and nobody will know why.
    """
    one = route(both(), managedFields=[{"manager": manager}], annotations=annotation)
    warnings = CODEC.read([one], TARGET).warnings

    assert (word is not None) == bool(warnings)
    assert all((word or "") in one for one in warnings)


def test_a_second_object_for_the_same_mesh_host_is_refused() -> None:
    """
    istiod follows one of the two, and which is not defined (IST0109).
    """
    old = route({"route": [destination("legacy")]}, name="web-old")
    old["spec"]["hosts"] = ["web.shop.svc.cluster.local"]
    with pytest.raises(PreflightFailed, match="web-old"):
        CODEC.write([route(both()), old], TARGET, Split(canary=20))

    old["spec"]["gateways"] = ["istio-system/public"]
    assert 1 == len(CODEC.write([route(both()), old], TARGET, Split(canary=20)))


def test_a_service_with_two_ports_needs_a_port_in_its_destination() -> None:
    """
    Without it istiod drops the destination (IST0112), and the share becomes errors.
    """
    objects = [route(both()), service("web-canary", 80, 9090)]
    with pytest.raises(PreflightFailed, match="2 ports"):
        CODEC.write(objects, TARGET, Split(canary=20))

    for entry in objects[0]["spec"]["http"][0]["route"]:
        entry["destination"]["port"] = {"number": 80}
    assert 1 == len(CODEC.write(objects, TARGET, Split(canary=20)))


@pytest.mark.parametrize(
    ("primary", "canary", "weight", "refused"),
    [
        ([True], [False], 20, "web-canary"),
        ([True], [], 20, "web-canary"),
        ([False], [True], 20, "web-primary"),
        ([False], [True], 100, None),
        ([True], [False, True], 20, None),
        ([True], [None], 20, None),
        ([False], [False], 0, None),
    ],
)
def test_a_side_without_a_ready_endpoint_gets_no_weight(
    primary: list[bool | None], canary: list[bool | None], weight: int, refused: str | None
) -> None:
    """
    Traffic is never sent to a side that cannot answer; the way home asks for nothing.
    """
    slices = [endpoints("web-primary", *primary), endpoints("web-canary", *canary)]
    objects = [route(both(90, 10)), *slices]
    if refused is None:
        assert 1 == len(CODEC.write(objects, TARGET, Split(canary=weight)))
    else:
        with pytest.raises(PreflightFailed, match=refused):
            CODEC.write(objects, TARGET, Split(canary=weight))


@pytest.mark.parametrize(
    ("match", "word"),
    [
        (Match(), "everyone"),
        (Match(headers={"x user": TextMatch(exact="qa")}), "'x user' is no name"),
        (Match(cookies={"a;b": TextMatch(exact="1")}), "'a;b' is no name"),
        (Match(headers={"x-user": TextMatch(prefix="")}), "everyone"),
        (Match(headers={"x-user": TextMatch(regex="")}), "everyone"),
        (Match(headers={"x-user": TextMatch(regex="(?=qa).*")}), "RE2"),
        (Match(headers={"x-user": TextMatch(regex=r"(a)\1")}), "RE2"),
        (Match(query={"v": TextMatch(regex="[0-9")}), "no regular expression"),
        (Match(headers={"x-user": TextMatch(regex="a" * 1025)}), "1025 characters"),
    ],
)
def test_a_condition_that_the_mesh_would_refuse_or_widen_is_refused(
    match: Match, word: str
) -> None:
    """
    istiod's webhook says no to most of these, and to nothing while it starts.
    """
    with pytest.raises(InvalidRequest, match=re.escape(word)):
        CODEC.write([route(both())], TARGET, Split(canary=20, match=[match]))
