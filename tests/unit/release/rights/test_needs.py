"""Which rights a release needs, the command that prints them, and the question before a run."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import evolve
from click.testing import CliRunner, Result
from tests.unit.documents.classic import ABSENT, classic, document_of, read, template
from tests.unit.release.preview.test_plans import DEPLOYMENT, deployed

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._adapters.cluster.reviews import missing
from progressive._cli.main import cli
from progressive._kube.rights import Right
from progressive._model.release import Document
from progressive._model.traffic import RouteRef
from progressive._release.known import router_names
from progressive._release.preview.plan import plan
from progressive._release.rights.needs import needs_of, renamed
from progressive._release.rights.permission import require_rights
from progressive.errors import ClusterError, ErrorKind

REVIEWS = "selfsubjectrulesreviews"
WRITES = {"create", "patch", "update", "delete"}


def needs(document: Document) -> frozenset[Right]:
    return needs_of(document, document.target).every


def said(rights: Iterable[Right], resource: str) -> set[str]:
    return {f"{one.verb} {one.name}".strip() for one in rights if one.resource == resource}


def test_every_object_whose_name_is_known_is_named() -> None:
    """
    Least: a driver of one release cannot touch another one's objects.
    """
    rights = needs(document_of(classic()))
    free = {str(one) for one in rights if not one.name and one.verb != "create"}

    assert {
        "list canaries.flagger.app",
        "list controllerrevisions.apps",
        "get controllerrevisions.apps",
        "delete controllerrevisions.apps",
        "list endpointslices.discovery.k8s.io",
        "list horizontalpodautoscalers.autoscaling",
        "list scaledobjects.keda.sh",
        "list virtualservices.networking.istio.io",
    } == free
    assert {"create", "list", "get my-app", "patch my-app"} == said(rights, "virtualservices")
    assert {"shop"} == {one.namespace for one in rights}
    assert set() == said(rights, "secrets")


def test_the_rights_cover_those_of_every_plan() -> None:
    """
    First deploy and later release: what `plan` finds on a cluster is never more.
    """
    rights = {(one.group, one.resource, one.verb) for one in needs(document_of(classic()))}
    for cluster in (MemoryCluster([DEPLOYMENT]), deployed()):
        rules = plan(read(classic()), cluster)["rbac"]
        found = {
            (group, resource, verb)
            for rule in rules
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }
        assert len(found) > 20
        assert set() == found - rights


@pytest.mark.parametrize(
    "changes",
    [
        {"skipAnalysis": True},
        {"suspend": True},
        {"service__appProtocol": "grpc"},
        {"service__hosts": ["*"], "service__timeout": "5s"},
        {"analysis__stepWeights": [1], "analysis__stepWeight": None, "analysis__maxWeight": None},
    ],
)
def test_rights_do_not_depend_on_what_a_team_changes_every_day(changes: dict[str, Any]) -> None:
    """
    A Role is granted once, often by somebody else.
    """
    usual = needs(document_of(classic()))
    document = classic(**{key: value for key, value in changes.items() if value is not None})
    for key, value in changes.items():
        if value is None:
            document["spec"]["analysis"].pop(key.rpartition("__")[2])

    assert set() == needs(document_of(document)) - usual
    lost = usual - needs(document_of(document))
    assert {str(one) for one in lost} <= {"create virtualservices.networking.istio.io"}


def test_a_route_that_is_named_is_the_only_one() -> None:
    """
    Also in another namespace, where routes are kept by a platform team.
    """
    document = document_of(classic())
    routes = (RouteRef(name="edge", namespace="gateways"), RouteRef(name="inner"))
    rights = needs(evolve(document, target=evolve(document.target, routes=routes)))
    found = {f"{one.verb} {one.namespace}/{one.name}" for one in rights if "virtual" in str(one)}

    assert {
        "create shop/",
        "list shop/",
        "get gateways/edge",
        "patch gateways/edge",
        "get shop/inner",
        "patch shop/inner",
    } == found


def test_a_route_under_another_name_can_be_said() -> None:
    """
    A VirtualService that stood before is found by where it leads, which no file says.
    """
    document = document_of(classic())
    told = renamed(needs(document), ["edge"])

    assert {"create", "list", "get edge", "patch edge"} == said(told, "virtualservices")


def test_an_autoscaler_of_the_primary_can_be_said() -> None:
    """
    Its minimum is raised for the length of a release (L25), and no document names it.
    """
    document = document_of(classic())
    scaling = [("HorizontalPodAutoscaler", "web"), ("ScaledObject", "queue")]
    told = needs_of(document, document.target, autoscalers=scaling).every

    assert {"list"} == said(needs(document), "horizontalpodautoscalers")
    assert {"list", "get web", "patch web"} == said(told, "horizontalpodautoscalers")
    assert {"list", "get queue", "patch queue"} == said(told, "scaledobjects")


def test_two_existing_workloads_need_no_deployments() -> None:
    """
    Nothing is made there but what the driver keeps for itself.
    """
    rights = needs(evolve(document_of(classic()), managed=None))
    resources = {one.resource for one in rights}

    assert {
        "configmaps",
        "endpointslices",
        "events",
        "leases",
        "services",
        "virtualservices",
    } == resources
    assert {"get my-app-primary", "get my-app-canary"} == said(rights, "services")
    assert {"list", "get", "patch"} == said(rights, "virtualservices")


def test_a_router_that_may_act_elsewhere_is_named_as_unknown() -> None:
    """
    A Role that is silently too small is found out in the middle of a release.
    """
    document = document_of(classic(provider="envoy"), routers=router_names())
    told = needs_of(document, document.target)

    assert "envoy" in told.unknown
    assert "deployments" in {one.resource for one in told.run}


# the command


def rbac(tmp_path: Path, *documents: Any, args: Iterable[str] = ()) -> Result:
    file = tmp_path / "release.yaml"
    file.write_text(yaml.safe_dump_all(documents))
    environment = {"KUBECONFIG": str(tmp_path / "none"), "HOME": str(tmp_path)}
    return CliRunner(env=environment).invoke(cli, ["rbac", str(file), *args])


def test_the_command_needs_no_cluster_and_prints_what_kubectl_takes(tmp_path: Path) -> None:
    """
    `kubectl apply -f -` reads both forms.
    """
    account = ["--service-account", "ci:runner"]
    text = rbac(tmp_path, classic(), args=account)
    listed = rbac(tmp_path, classic(), args=[*account, "-o", "json"])
    role, bound = yaml.safe_load_all(text.stdout)

    assert (0, 0) == (text.exit_code, listed.exit_code)
    assert [role, bound] == json.loads(listed.stdout)["items"]
    assert ("Role", "progressive-my-app", "shop") == (
        role["kind"],
        role["metadata"]["name"],
        role["metadata"]["namespace"],
    )
    assert [{"kind": "ServiceAccount", "name": "runner", "namespace": "ci"}] == bound["subjects"]
    assert role["metadata"]["name"] == bound["roleRef"]["name"]
    assert max(len(line) for line in text.stdout.splitlines()) <= 100


def test_a_document_without_a_namespace_leaves_it_to_kubectl(tmp_path: Path) -> None:
    """
    A guess would grant rights where nobody wants them.
    """
    document = classic()
    del document["metadata"]["namespace"]
    plain = rbac(tmp_path, document, args=["-o", "json"])
    named = rbac(tmp_path, document, args=["-o", "json", "-n", "shop"])
    bound = rbac(tmp_path, document, args=["--service-account", "runner"])

    assert "namespace" not in json.loads(plain.stdout)["items"][0]["metadata"]
    assert "shop" == json.loads(named.stdout)["items"][0]["metadata"]["namespace"]
    assert 2 == bound.exit_code
    assert "say its namespace" in bound.stderr


def test_what_the_document_refers_to_is_granted_where_it_is(tmp_path: Path) -> None:
    """
    A template that is in the file needs no right, one that is in the cluster does.
    """
    metric = {"name": "x", "templateRef": {"name": "errors"}, "thresholdRange": {"max": 1}}
    elsewhere = {**metric, "templateRef": {"name": "errors", "namespace": "metrics"}}
    beside = rbac(tmp_path, classic(analysis__metrics=[metric]), template(), args=["-o", "json"])
    there = rbac(tmp_path, classic(analysis__metrics=[elsewhere]), args=["-o", "json"])

    assert ["shop"] == [one["metadata"]["namespace"] for one in json.loads(beside.stdout)["items"]]
    _, role = json.loads(there.stdout)["items"]
    assert "metrics" == role["metadata"]["namespace"]
    assert [
        {
            "apiGroups": ["flagger.app"],
            "resources": ["metrictemplates"],
            "resourceNames": ["errors"],
            "verbs": ["get"],
        }
    ] == role["rules"]


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["--service-account", "Ci:Runner"], 2, "'Ci' is no name"),
        (["--service-account", ":runner"], 2, "'' is no name"),
        (["--service-account", "ci:"], 2, "'' is no name"),
        (["--autoscaler", "cronjob/web"], 2, "'cronjob' is none of hpa"),
        (["--autoscaler", "hpa/"], 2, "'' is no name"),
        (["--route", "a b"], 2, "'a b' is no name"),
        (["-n", "Shop"], 2, "'Shop' is no name"),
        (["--name", "other"], 6, "holds no release"),
        (["--router", "gone"], 6, "gone"),
    ],
)
def test_garbage_is_one_clear_error(
    tmp_path: Path, args: list[str], code: int, words: str
) -> None:
    """
    A traceback is a bug, and half a Role is worse.
    """
    result = rbac(tmp_path, classic(), args=args)

    assert (code, "") == (result.exit_code, result.stdout)
    assert words in result.stderr
    assert "Traceback" not in result.stderr


# before the first write


def question(cluster: MemoryCluster, **images: str) -> None:
    document = document_of(classic())
    require_rights(document, document.target, cluster, images)


def test_a_driver_with_all_rights_asks_once() -> None:
    """
    Requests are budgeted, and nothing but the question is asked.
    """
    cluster = deployed()
    cluster.calls.clear()
    question(cluster)

    assert [("create", f"/apis/authorization.k8s.io/v1/{REVIEWS}")] == cluster.calls


@pytest.mark.parametrize(
    ("verb", "plural"),
    [("patch", "virtualservices"), ("create", "leases"), ("list", "endpointslices")],
)
def test_a_right_that_this_run_needs_is_asked_for_before_anything_is_written(
    verb: str, plural: str
) -> None:
    """
    The message is pasted into a Role.
    """
    cluster = deployed()
    cluster.deny(verb, plural)
    before = cluster.objects()
    with pytest.raises(ClusterError) as refused:
        question(cluster)
    rules = yaml.safe_load(str(refused.value).partition("rules:\n")[2])

    assert ErrorKind.FORBIDDEN is refused.value.kind
    assert f"{verb} {plural}" in str(refused.value).splitlines()[0]
    assert [(verb, plural)] == [(one["verbs"][0], one["resources"][0]) for one in rules]
    assert before == cluster.objects()


@pytest.mark.parametrize(
    ("verb", "plural"),
    [
        ("create", "deployments"),
        ("create", "virtualservices"),
        ("list", "scaledobjects"),
        ("create", "events"),
    ],
)
def test_a_right_that_this_run_does_not_need_stops_nobody(verb: str, plural: str) -> None:
    """
    A Role that was cut for later releases has no rights of a first deploy.
    """
    cluster = deployed()
    cluster.deny(verb, plural)
    question(cluster)

    fresh = MemoryCluster([DEPLOYMENT])
    fresh.deny("create", "deployments")
    with pytest.raises(ClusterError):
        question(fresh)


def test_an_image_makes_a_release_of_an_unchanged_target() -> None:
    """
    What the run needs is judged with the image that it will set.
    """
    image = DEPLOYMENT["spec"]["template"]["spec"]["containers"][0]["image"]
    cluster = deployed(image=image)
    cluster.deny("create", "controllerrevisions")
    question(cluster)

    with pytest.raises(ClusterError):
        question(cluster, **{"my-app": "registry.example.com/my-app:9"})


@pytest.mark.parametrize(
    ("error", "times"),
    [
        (ClusterError("not served", ErrorKind.NOT_FOUND, None, 404), None),
        (ClusterError("forbidden", ErrorKind.FORBIDDEN, None, 403), None),
        (ClusterError("away", ErrorKind.UNAVAILABLE, None, 0, "NotSent"), None),
    ],
)
def test_a_review_that_cannot_be_had_blocks_nobody(
    error: ClusterError, times: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The question is a service; the release is the work.
    """
    cluster = deployed()
    cluster.fail(error, path=REVIEWS, times=times)
    with caplog.at_level(logging.WARNING, logger="progressive"):
        question(cluster)

    assert ["it is not known whether all rights are there"] == [
        one.getMessage().partition(": ")[0].partition(" ")[2] for one in caplog.records
    ]


def test_a_busy_server_is_asked_again() -> None:
    """
    One 503 must not switch the question off.
    """
    cluster, waited = deployed(), list[float]()
    cluster.deny("patch", "virtualservices")
    cluster.fail(ClusterError("busy", ErrorKind.UNAVAILABLE, None, 503), path=REVIEWS, times=2)
    right = Right(
        namespace="shop", group="networking.istio.io", resource="virtualservices", verb="patch"
    )
    found = missing(cluster, [right], namespace="shop", pause=waited.append)

    assert (right,) == found
    assert 2 == len(waited)


def test_single_questions_are_bounded_and_spared_for_who_may_do_everything() -> None:
    """
    A webhook authorizer lists no rules, and its users are often administrators.
    """
    many = [
        Right(namespace="shop", group="", resource="configmaps", verb="get", name=f"n{number}")
        for number in range(100)
    ]
    cluster = MemoryCluster()
    cluster.deny("patch", "nothing")
    assert () == missing(cluster, many, namespace="shop")

    assert len(cluster.calls) <= 62
    assert all("reviews" in path for _, path in cluster.calls)


def test_nginx_needs_the_two_ingresses_of_the_document() -> None:
    """
    The canary's is made under a name that follows from the one that is named.
    """
    named = {"ingressRef": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "i"}}
    document = document_of(classic(provider="nginx", **named))

    assert {"create", "list", "patch i", "patch i-canary"} == said(needs(document), "ingresses")
    assert "" == needs_of(document, document.target).unknown


def test_plain_kubernetes_needs_no_more_than_a_release_asks_for_anyway() -> None:
    """
    Its routes are the Services of the release, which the workload writes as well.
    """
    changes = {"skipAnalysis": True, "analysis__stepWeight": ABSENT, "analysis__maxWeight": ABSENT}
    document = document_of(classic(provider="kubernetes", **changes))
    mesh = needs(document_of(classic(skipAnalysis=True)))
    routes = {one for one in mesh if one.group == "networking.istio.io"}

    assert set() == needs(document) - (mesh - routes)
    assert "patch my-app" in said(needs(document), "services")
    assert "" == needs_of(document, document.target).unknown


# people and jobs beside a run


def granted_to(tmp_path: Path, *args: str) -> dict[str, set[str]]:
    """Resource with its group → verbs and names, of the one Role that is printed."""
    file = tmp_path / "release.yaml"
    file.write_text(yaml.safe_dump(classic()))
    words = [str(file)] if "sweep" not in args else []
    environment = {"KUBECONFIG": str(tmp_path / "none"), "HOME": str(tmp_path)}
    done = CliRunner(env=environment).invoke(cli, ["rbac", *words, "--for", *args, "-o", "json"])
    assert 0 == done.exit_code, done.output
    (role,) = json.loads(done.stdout)["items"]
    found: dict[str, set[str]] = {}
    for rule in role["rules"]:
        resource = ".".join(one for one in (rule["resources"][0], rule["apiGroups"][0]) if one)
        for name in rule.get("resourceNames", [""]):
            found.setdefault(resource, set()).update(f"{v} {name}".strip() for v in rule["verbs"])
    return found


def test_who_only_looks_may_write_nothing(tmp_path: Path) -> None:
    """
    The Role of everybody on call.
    """
    found = granted_to(tmp_path, "look")
    verbs = {one.split()[0] for said in found.values() for one in said}

    assert {"get", "list"} == verbs
    assert {"configmaps", "leases.coordination.k8s.io"} < set(found)


def test_who_decides_may_write_the_inbox_alone(tmp_path: Path) -> None:
    """
    Whoever may patch the journal or the Lease is a driver.
    """
    found = granted_to(tmp_path, "decide")
    writes = {
        f"{one} of {resource}"
        for resource, said in found.items()
        for one in said
        if one.split()[0] in WRITES
    }

    assert {"create of configmaps", "patch progressive-my-app-inbox of configmaps"} == writes


def test_who_gives_a_release_up_removes_what_was_made_and_begins_nothing(tmp_path: Path) -> None:
    """
    The services, the primary, the templates, the journal, the Lease, and a route of ours.
    """
    found = granted_to(tmp_path, "detach")
    deleted = {
        f"{one.removeprefix('delete').strip()} of {resource}"
        for resource, said in found.items()
        for one in said
        if one.split()[0] == "delete"
    }

    assert {
        "my-app-primary of deployments.apps",
        "my-app-primary of services",
        "my-app-canary of services",
        " of controllerrevisions.apps",
        "progressive-my-app of configmaps",
        "progressive-my-app-inbox of configmaps",
        "progressive-my-app of leases.coordination.k8s.io",
        "my-app of virtualservices.networking.istio.io",
    } == deleted
    assert {"events", "leases.coordination.k8s.io"} == {
        one for one, said in found.items() if "create" in said
    }


def test_a_sweep_that_only_shows_only_reads(tmp_path: Path) -> None:
    """
    Safe to be given to a CronJob of every namespace.
    """
    found = granted_to(tmp_path, "sweep", "-n", "shop")

    assert {"get", "list"} == {one for said in found.values() for one in said}
    assert {"list"} == found["httproutes.gateway.networking.k8s.io"]


@pytest.mark.parametrize(
    ("router", "patched"),
    [
        ("istio", {"virtualservices.networking.istio.io"}),
        (
            "gateway-api",
            {f"{kind}routes.gateway.networking.k8s.io" for kind in ("http", "grpc", "tcp", "tls")},
        ),
        ("nginx", {"ingresses.networking.k8s.io"}),
        ("kubernetes", {"services"}),
        ("smi", {"trafficsplits.split.smi-spec.io"}),
    ],
)
def test_a_sweep_that_restores_patches_the_routes_of_its_meshes(
    tmp_path: Path, router: str, patched: set[str]
) -> None:
    """
    It makes nothing but a Lease that was lost: what it ends was begun by another driver.
    """
    found = granted_to(tmp_path, "sweep", "--restore", "-A", "--router", router)
    usual = {
        "configmaps",
        "deployments.apps",
        "horizontalpodautoscalers.autoscaling",
        "leases.coordination.k8s.io",
        "scaledobjects.keda.sh",
    }

    assert patched | usual == {one for one, said in found.items() if "patch" in said}
    made = {one for one, said in found.items() if said & {"create", "delete"}}
    assert {"leases.coordination.k8s.io"} == made
    assert "list" in found["endpointslices.discovery.k8s.io"]


def test_a_sweep_of_all_namespaces_gets_a_cluster_role(tmp_path: Path) -> None:
    """
    A Role is of one namespace.
    """
    args = ["rbac", "--for", "sweep", "-A", "--service-account", "ops:sweep"]
    done = CliRunner(env={"HOME": str(tmp_path)}).invoke(cli, args)
    role, bound = yaml.safe_load_all(done.stdout)

    assert ("ClusterRole", "ClusterRoleBinding") == (role["kind"], bound["kind"])
    assert "namespace" not in role["metadata"] and "namespace" not in bound["metadata"]
    assert ("ClusterRole", role["metadata"]["name"]) == (
        bound["roleRef"]["kind"],
        bound["roleRef"]["name"],
    )


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        ([], 2, "give the FILE"),
        (["FILE", "--for", "sweep"], 2, "leave FILE"),
        (["FILE", "--restore"], 2, "go with --for sweep alone"),
        (["FILE", "-A"], 2, "go with --for sweep alone"),
        (["FILE", "--router", "istio", "--router", "smi"], 2, "--router once"),
        (["--for", "sweep", "-A", "-n", "shop"], 2, "leave -n out"),
        (["--for", "sweep", "--autoscaler", "web"], 2, "--autoscaler out"),
        (["--for", "sweep", "--router", "envoy"], 1, "envoy: it does not steer objects"),
        (["--for", "sweep", "--router", "gone"], 1, "gone"),
        (["--for", "sweep", "--service-account", "runner"], 2, "say its namespace"),
        (["--for", "nobody"], 2, "nobody"),
    ],
)
def test_a_role_that_is_asked_for_in_vain(
    tmp_path: Path, args: list[str], code: int, words: str
) -> None:
    """
    What does not go together is said, and no half of it printed.
    """
    file = tmp_path / "release.yaml"
    file.write_text(yaml.safe_dump(classic()))
    given = [str(file) if one == "FILE" else one for one in args]
    done = CliRunner(env={"HOME": str(tmp_path)}).invoke(cli, ["rbac", *given])

    assert (code, "") == (done.exit_code, done.stdout)
    assert words in done.stderr
