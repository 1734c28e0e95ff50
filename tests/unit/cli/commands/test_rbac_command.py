"""`progressive rbac`: Roles for a release, and for people and jobs beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from tests.unit.documents.classic import classic, template

from progressive._cli.main import cli

WRITES = {"create", "patch", "update", "delete"}


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
        (["--for", "sweep", "--router", "envoy"], 2, "envoy: it does not steer objects"),
        (["--for", "sweep", "--router", "gone"], 2, "gone"),
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
