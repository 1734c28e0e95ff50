"""`progressive plan`: what people and programs read, and the exit status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result
from tests.unit.documents.classic import classic
from tests.unit.release.deployed import DEPLOYMENT, Answer

from progressive._cli.commands.plan import plan as plan_command


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
