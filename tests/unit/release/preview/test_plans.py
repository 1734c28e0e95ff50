"""The plan of a release on a cluster in memory, through the real adapters."""

from __future__ import annotations

from tests.unit.documents.classic import classic, document_of, read, template
from tests.unit.release.deployed import DEPLOYMENT, deployed, router
from tests.unit.release.preview.planned import allowed, names, patched, plan_of

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._model.traffic import Split
from progressive._release.preview.plan import plan


def test_the_plan_of_a_first_deploy() -> None:
    """What is made, and that the target goes to zero, is known before anything is touched (L2)."""
    answer = plan_of(DEPLOYMENT)

    assert answer["valid"]
    assert [] == answer["problems"]
    assert ("canary", [10, 20, 30, 40, 50], 5, 360.0) == (
        answer["strategy"],
        answer["weights"],
        answer["rounds"],
        answer["expected_duration_s"],
    )
    assert [
        ("Deployment", "my-app-primary"),
        ("Service", "my-app-primary"),
        ("Service", "my-app-canary"),
        ("Service", "my-app"),
        ("VirtualService", "my-app"),
    ] == names(answer)
    assert [("Deployment", "my-app"), ("Deployment", "my-app-primary")] == patched(answer)
    assert [
        {"op": "test", "path": "/metadata/generation", "value": 1},
        {"op": "add", "path": "/spec/replicas", "value": 0},
    ] == answer["patches"][0]["patch"]
    assert answer["differs_from_flagger"]


def test_the_plan_of_a_release() -> None:
    """With a primary in place the first act is the canary's scaling, the first shift the least."""
    cluster = deployed()
    answer = plan(read(classic()), cluster, make_router=router)

    assert ["ControllerRevision"] == [kind for kind, _ in names(answer)]
    assert [("Deployment", "my-app"), ("VirtualService", "my-app")] == patched(answer)
    route = answer["patches"][1]
    assert ("networking.istio.io/v1", "shop") == (
        route["ref"]["apiVersion"],
        route["ref"]["namespace"],
    )
    tests = [one["path"] for one in route["patch"] if one["op"] == "test"]
    assert "/metadata/resourceVersion" in tests
    assert {10, 90} == {one["value"] for one in route["patch"] if one["path"].endswith("/weight")}


def test_a_target_that_is_promoted_already_changes_nothing() -> None:
    """A second run of the same pipeline must be free."""
    cluster = deployed(image=DEPLOYMENT["spec"]["template"]["spec"]["containers"][0]["image"])
    answer = plan(read(classic()), cluster, make_router=router)

    assert ([], []) == (answer["creates"], answer["patches"])
    assert answer["rbac"]


def test_nothing_moves_while_suspended() -> None:
    """L20."""
    answer = plan_of(DEPLOYMENT, document=classic(suspend=True))

    assert ([], []) == (answer["creates"], answer["patches"])


def test_a_skipped_analysis_has_no_rounds() -> None:
    """L20: scale, promote, wait for the primary."""
    answer = plan_of(DEPLOYMENT, document=classic(skipAnalysis=True))

    assert ([], 0, 0.0) == (answer["weights"], answer["rounds"], answer["expected_duration_s"])


def test_the_rights_are_those_that_the_adapters_use() -> None:
    """Too few end a run in the middle, too many are refused by whoever reviews them."""
    answer = plan_of(DEPLOYMENT)

    assert {"create", "get", "list", "patch"} == allowed(answer, "virtualservices")
    assert {"create", "get", "list", "watch", "patch"} == allowed(answer, "deployments")
    assert {"create", "delete", "get", "list"} == allowed(answer, "controllerrevisions")
    assert {"create", "get"} <= allowed(answer, "leases")
    assert {"create", "get"} <= allowed(answer, "configmaps")
    assert "list" in allowed(answer, "endpointslices")
    assert not any("*" in rule["verbs"] + rule["resources"] for rule in answer["rbac"])
    assert set() == allowed(answer, "secrets")


def test_a_route_that_exists_keeps_what_it_is() -> None:
    """The document's hosts and gateways are for a route that is made."""
    cluster = deployed()
    given = classic(service__timeout="5s")
    told = plan(read(given), cluster, make_router=router)["problems"]
    meshed = plan(read(classic(service__gateways=[])), cluster, make_router=router)["problems"]

    assert ["spec.service"] == [one["path"] for one in told]
    assert "gateways, timeout" in told[0]["message"]
    assert [] == meshed


def test_a_lease_that_somebody_holds_is_not_waited_for() -> None:
    """A plan during a run is a question, not a second driver."""
    cluster = MemoryCluster([DEPLOYMENT])
    hold = cluster.lock().acquire(document_of(classic()).target, "run", lambda _: None)
    before = len(cluster.calls)
    answer = plan(read(classic()), cluster, make_router=router)
    calls = cluster.calls[before:]
    hold.close()

    assert answer["valid"]
    assert calls
    assert not [path for _, path in calls if "leases" in path]


def test_templates_are_found_in_the_cluster() -> None:
    """As Flagger finds them."""
    metric = {"name": "x", "templateRef": {"name": "errors"}, "thresholdRange": {"max": 1}}
    document = classic(analysis__metrics=[metric])

    assert plan_of(DEPLOYMENT, template(), document=document)["valid"]
    assert not plan_of(DEPLOYMENT, document=document)["valid"]


def test_a_shift_of_the_rehearsal_is_the_shift_of_a_run() -> None:
    """The plan's patch, sent as it is, does what it says."""
    cluster = deployed()
    (route,) = [
        one
        for one in plan(read(classic()), cluster, make_router=router)["patches"]
        if one["ref"]["kind"] == "VirtualService"
    ]
    path = "/apis/networking.istio.io/v1/namespaces/shop/virtualservices/my-app"
    cluster.json_patch(path, route["patch"])

    assert router(cluster).current(document_of(classic()).target).shows(Split(canary=10))
