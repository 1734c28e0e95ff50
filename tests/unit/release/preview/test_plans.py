"""The plan of a release on a cluster in memory, through the real adapters."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from tests.unit.documents.classic import classic, document_of, read, template
from tests.unit.mesh.manifests import endpoints

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._adapters.mesh.router import MeshRouter
from progressive._adapters.workload import DeploymentWorkload
from progressive._cli.commands.plan import plan as plan_command
from progressive._mesh.istio.codec import IstioCodec
from progressive._model.traffic import Split
from progressive._release.known import cluster_lookup, router_names
from progressive._release.preview.plan import plan
from progressive.errors import ClusterError, ErrorKind
from progressive.ports import Cluster

Answer = dict[str, Any]

DEPLOYMENT: Answer = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "my-app", "namespace": "shop", "labels": {"app": "my-app"}},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "my-app"}},
        "template": {
            "metadata": {"labels": {"app": "my-app"}},
            "spec": {
                "terminationGracePeriodSeconds": 60,
                "containers": [{"name": "my-app", "image": "registry.example.com/my-app:2"}],
            },
        },
    },
}


def deployment(**spec: Any) -> Answer:
    found = deepcopy(DEPLOYMENT)
    found["spec"] |= spec
    return found


def router(cluster: Cluster) -> MeshRouter:
    return MeshRouter(IstioCodec(), cluster)


def plan_of(*objects: Answer, document: Answer | None = None, **options: Any) -> Answer:
    cluster = MemoryCluster(objects)
    before = cluster.objects()
    reading = read(document or classic(), lookup=cluster_lookup(cluster), **options)
    answer = plan(reading, cluster, make_router=router)
    assert before == cluster.objects(), "a plan writes nothing"
    json.dumps(answer, allow_nan=False)
    return answer


def deployed(*, image: str = "registry.example.com/my-app:3") -> MemoryCluster:
    """A cluster after a first deploy of the classic document, with a new image on the target."""
    cluster = MemoryCluster([DEPLOYMENT])
    document = document_of(classic())
    assert document.managed is not None
    workload = DeploymentWorkload(cluster, document.managed, router=router(cluster))
    workload.prepare(document.target)
    cluster.put(endpoints("my-app-primary", True))
    workload.point(document.target)
    workload.scale(document.target, up=False)
    workload.mark(document.target)
    path = "/apis/apps/v1/namespaces/shop/deployments/my-app"
    place = "/spec/template/spec/containers/0/image"
    cluster.json_patch(path, [{"op": "add", "path": place, "value": image}])
    return cluster


def names(answer: Answer) -> list[tuple[str, str]]:
    return [(one["kind"], one["metadata"]["name"]) for one in answer["creates"]]


def patched(answer: Answer) -> list[tuple[str, str]]:
    return [(one["ref"]["kind"], one["ref"]["name"]) for one in answer["patches"]]


def errors(answer: Answer) -> list[tuple[str, str]]:
    return [(p["path"], p["message"]) for p in answer["problems"] if p["severity"] == "error"]


def allowed(answer: Answer, resource: str) -> set[str]:
    return {v for rule in answer["rbac"] if resource in rule["resources"] for v in rule["verbs"]}


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


def test_a_document_that_is_not_valid_asks_nothing_of_the_cluster() -> None:
    """Its faults are told even where the cluster cannot be reached."""
    cluster = MemoryCluster()
    cluster.fail(ClusterError("gone", ErrorKind.UNAVAILABLE), times=None)
    answer = plan(read(classic(suspend=1)), cluster, make_router=router)

    assert ["problems", "valid"] == sorted(answer)
    assert ["spec.suspend"] == [path for path, _ in errors(answer)]


def canary(name: str, **spec: Any) -> Answer:
    found = classic(**spec)
    found["metadata"]["name"] = name
    return found


AUTOSCALER: Answer = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "hpa", "namespace": "shop"},
    "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "my-app"}},
}
STRANGER = {**DEPLOYMENT, "metadata": {"name": "my-app-primary", "namespace": "shop"}}
NAMELESS = deployment(selector={"matchLabels": {"component": "x"}})


@pytest.mark.parametrize(
    ("objects", "path", "words"),
    [
        ((), "spec.targetRef", "does not exist"),
        ((NAMELESS,), "spec.targetRef", "app.kubernetes.io/name"),
        ((DEPLOYMENT, AUTOSCALER), "spec.targetRef", "hpa"),
        ((DEPLOYMENT, canary("again")), "spec.targetRef", "again"),
        (
            (
                DEPLOYMENT,
                {**deployment(), "metadata": {"name": "my-app-primary", "namespace": "shop"}},
            ),
            "spec.targetRef",
            "my-app-primary",
        ),
    ],
)
def test_a_target_that_cannot_be_released_is_found(
    objects: tuple[Answer, ...], path: str, words: str
) -> None:
    """Before anything is made (L1)."""
    answer = plan_of(*objects)

    assert not answer["valid"]
    assert [path] == [one for one, _ in errors(answer)]
    assert words in errors(answer)[0][1]


def test_all_faults_of_a_target_are_told() -> None:
    """They share a path, and each needs another repair."""
    answer = plan_of(NAMELESS, AUTOSCALER, canary("again"))

    assert 3 == len(errors(answer))


def test_a_suspended_canary_of_flagger_is_no_rival() -> None:
    """So a team can move over, and back."""
    assert plan_of(DEPLOYMENT, canary("my-app", suspend=True))["valid"]


def test_a_cluster_without_istio_is_refused() -> None:
    """The route could not be written (L1)."""
    cluster = MemoryCluster([DEPLOYMENT], served={"networking.istio.io": ()})
    answer = plan(read(classic()), cluster, make_router=router)

    assert ["spec.provider"] == [path for path, _ in errors(answer)]


def test_a_cluster_that_may_not_be_read_is_told() -> None:
    """The missing right is the fault, and nothing goes away by itself."""
    cluster = MemoryCluster([DEPLOYMENT])
    cluster.deny("get", "deployments")
    answer = plan(read(classic()), cluster, make_router=router)

    assert [("PD501", "spec.targetRef")] == [(p["id"], p["path"]) for p in answer["problems"]]


def test_a_cluster_that_does_not_answer_is_no_fault_of_the_document() -> None:
    """The caller says `unreachable`."""
    cluster = MemoryCluster([DEPLOYMENT])
    cluster.fail(ClusterError("gone", ErrorKind.UNAVAILABLE), times=None)

    with pytest.raises(ClusterError):
        plan(read(classic()), cluster, make_router=router)


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


def test_cautions_about_the_target_are_warnings() -> None:
    """Such as configuration that both sides share, for it is not released in steps yet."""
    shared = deepcopy(DEPLOYMENT)
    container = shared["spec"]["template"]["spec"]["containers"][0]
    container["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    (told,) = plan_of(shared)["problems"]

    assert ("warning", "spec.targetRef") == (told["severity"], told["path"])
    assert "configmap/settings" in told["message"]


def test_a_router_that_may_act_elsewhere_is_not_rehearsed() -> None:
    """A plan writes nothing, whatever a plugin does with its own load balancer."""
    cluster = MemoryCluster([DEPLOYMENT])
    answer = plan(read(classic(provider="envoy"), routers=router_names()), cluster)

    assert answer["valid"]
    assert ("Deployment", "my-app-primary") in names(answer)
    assert ["spec.provider"] == [one["path"] for one in answer["problems"]]
    assert "not shown" in answer["problems"][0]["message"]


def test_a_router_without_its_plugin_is_refused() -> None:
    """Read with a name that nobody provides any more."""
    answer = plan(read(classic(), router="gone", routers={"gone"}), MemoryCluster([DEPLOYMENT]))

    assert ["spec.provider"] == [path for path, _ in errors(answer)]


# the command


def run(
    tmp_path: Path, *documents: Answer, objects: Any = (DEPLOYMENT,), args: Any = ()
) -> Result:
    release, cluster = tmp_path / "release.yaml", tmp_path / "objects.yaml"
    release.write_text(yaml.safe_dump_all(documents, sort_keys=False))
    cluster.write_text(yaml.safe_dump_all(objects))
    command = [str(release), "--objects", str(cluster), *args]
    return CliRunner().invoke(plan_command, command, catch_exceptions=False)


def test_the_command_answers_in_json(tmp_path: Path) -> None:
    """Exactly one document on standard output, for programs."""
    result = run(tmp_path, classic(), args=["-o", "json"])

    assert 0 == result.exit_code
    assert [10, 20, 30, 40, 50] == json.loads(result.stdout)["weights"]


def test_the_command_refuses_with_status_six(tmp_path: Path) -> None:
    """Documented exit code of `rejected`."""
    result = run(tmp_path, classic(analysis__intervall="1m"), args=["-o", "json"])

    assert 6 == result.exit_code
    assert not json.loads(result.stdout)["valid"]


def test_the_text_is_for_people(tmp_path: Path) -> None:
    """Lines of a terminal, and every fault with its line in the file."""
    good = run(tmp_path, classic())
    bad = run(tmp_path, classic(analysis__intervall="1m"))

    assert 0 == good.exit_code
    assert "10 → 20 → 30 → 40 → 50 of 100" in good.stdout
    assert "+ VirtualService     shop/my-app" in good.stdout
    assert max(len(line) for line in good.stdout.splitlines()) <= 100
    assert 6 == bad.exit_code
    assert "release.yaml:" in bad.stdout and "did you mean interval?" in bad.stdout


def test_a_file_that_is_no_yaml(tmp_path: Path) -> None:
    """The answer has the same shape as for any other fault."""
    release = tmp_path / "release.yaml"
    release.write_text("a: 1\na: 2\n")
    command = [str(release), "--objects", str(release), "-o", "json"]
    result = CliRunner().invoke(plan_command, command, catch_exceptions=False)

    assert 6 == result.exit_code
    assert (
        f"{release}:2:1: the key a is there twice"
        in json.loads(result.stdout)["problems"][0]["message"]
    )


def test_without_a_cluster_the_document_is_judged_all_the_same(tmp_path: Path) -> None:
    """Its own faults need no cluster; without any, the cluster is what is missing."""
    release, nowhere = tmp_path / "release.yaml", str(tmp_path / "no-kubeconfig")
    codes = []
    for document in (classic(suspend=1), classic()):
        release.write_text(yaml.safe_dump(document))
        command = [str(release), "--kubeconfig", nowhere, "-o", "json"]
        codes.append(CliRunner().invoke(plan_command, command).exit_code)

    assert [6, 9] == codes


def test_objects_as_kubectl_lists_them(tmp_path: Path) -> None:
    """`kubectl get deployments,services -o yaml > objects.yaml` is the usual way to get them."""
    listed = {"apiVersion": "v1", "kind": "List", "items": [DEPLOYMENT]}

    assert 0 == run(tmp_path, classic(), objects=[listed]).exit_code
    assert 6 == run(tmp_path, classic(), objects=[]).exit_code
    assert 2 == run(tmp_path, classic(), objects=[{"kind": "X"}]).exit_code


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
