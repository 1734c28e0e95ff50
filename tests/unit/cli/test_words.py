"""The words for wrong input: the place of the fault, what there is instead, the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from tests.unit.documents.classic import classic

import progressive
from progressive import Outcome
from progressive._cli.main import cli

ONE = yaml.safe_dump(classic())


@pytest.fixture(autouse=True)
def _no_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "PROGRESSIVE_METRICS_SERVER"):
        monkeypatch.delenv(name, raising=False)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def written(folder: Path, *texts: str) -> str:
    file = folder / "canary.yaml"
    file.write_text("---\n".join(texts))
    return str(file)


@pytest.mark.parametrize("command", ["run", "status", "rbac", "hold"])
def test_every_command_names_the_line_of_a_fault(tmp_path: Path, command: str) -> None:
    """
    An editor jumps to FILE:LINE:COLUMN, and a file of several releases has the same path twice.
    """
    other = ONE.replace("my-app", "other").replace("stepWeight:", "stepWeigth:")
    file = written(tmp_path, ONE, other)
    line = (tmp_path / "canary.yaml").read_text().splitlines().index("    stepWeigth: 10") + 1
    ended = call(command, file, "--name", "other")
    errors = [one for one in ended.stderr.splitlines() if ": error: " in one]

    assert 6 == ended.exit_code
    assert [f"{file}:{line}:5: error: spec.analysis.stepWeigth"] == [
        one.partition(": there is no such field")[0] for one in errors
    ]


def test_a_fault_of_a_scenario_has_its_line(tmp_path: Path) -> None:
    """
    Scenarios are written by hand, too.
    """
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("first_deploy: true\nworkload: {}\n")
    ended = call("simulate", written(tmp_path, ONE), "--scenario", str(scenario))

    assert 2 == ended.exit_code
    assert f"{scenario}:2:1: error: workload: there is no such field" in ended.stderr


def test_a_file_with_several_releases_says_how_to_pick_one(tmp_path: Path) -> None:
    """
    The namespace of a document that names none counts for NAMESPACE/NAME as it does in a run.
    """
    unnamed = yaml.safe_load(ONE)
    del unnamed["metadata"]["namespace"]
    file = written(tmp_path, yaml.safe_dump(unnamed), ONE)
    unsaid, vague = call("rbac", file), call("rbac", file, "--name", "my-app")
    picked = call("rbac", file, "--name", "default/my-app")

    listed = "holds several releases (default/my-app, shop/my-app); say which one"
    assert (6, 6, 0) == (unsaid.exit_code, vague.exit_code, picked.exit_code)
    assert f"{listed} by its name (--name)" in unsaid.stderr
    assert listed in vague.stderr


def test_one_release_that_stands_twice_in_a_file_cannot_be_picked(tmp_path: Path) -> None:
    """
    No name tells them apart, so none is asked for.
    """
    file = written(tmp_path, ONE, ONE)

    for name in ("my-app", "shop/my-app"):
        ended = call("rbac", file, "--name", name)
        assert 6 == ended.exit_code
        assert "more than once (shop/my-app, shop/my-app)" in ended.stderr


def test_a_router_that_does_not_exist_is_answered_with_those_that_do(tmp_path: Path) -> None:
    """
    What an option says is no fault of the document, and has no line in it.
    """
    file = written(tmp_path, ONE)
    ended, near = call("rbac", file, "--router", "zzz"), call("rbac", file, "--router", "istoi")

    assert (6, 6) == (ended.exit_code, near.exit_code)
    assert f'{file}: error: there is no router "zzz"; there is apisix, app-mesh' in ended.stderr
    assert "did you mean istio?" in near.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sweep", "--router", "zzz"], "zzz: no router has this name; known are"),
        (["rbac", "--for", "sweep", "--router", "zzz"], "zzz: no router has this name; known are"),
        (["run", "FILE", "--image", "web=a:1", "--image", "web=a:2"], "two images, a:1 and a:2"),
    ],
)
def test_options_that_cannot_be_meant_are_wrong_usage(
    tmp_path: Path, arguments: list[str], words: str
) -> None:
    """
    Exit 2, before anything is asked; 1 would be a fault of ours.
    """
    file = written(tmp_path, ONE)
    ended = call(*(file if one == "FILE" else one for one in arguments))

    assert 2 == ended.exit_code
    assert words in ended.stderr


def test_a_plan_that_cannot_look_is_one_document_for_programs(tmp_path: Path) -> None:
    """
    With `-o json` standard output is never empty.
    """
    ended = call("plan", written(tmp_path, ONE), "-o", "json")
    error = json.loads(ended.stdout)["error"]

    assert (9, "ClusterError") == (ended.exit_code, error["type"])
    assert "no cluster is configured" in error["message"]


def test_a_kubeconfig_that_cannot_serve_says_what_there_is(tmp_path: Path) -> None:
    """
    A folder is there, and a typing error in a context is seen at once beside the right name.
    """
    config = tmp_path / "config"
    contexts = [{"name": name, "context": {"cluster": "c"}} for name in ("stage", "live")]
    config.write_text(json.dumps({"contexts": contexts, "current-context": "stage"}))
    file = written(tmp_path, ONE)
    folder = call("status", file, "--kubeconfig", str(tmp_path))
    typo = call("status", file, "--kubeconfig", str(config), "--context", "lvie")

    assert (9, 9) == (folder.exit_code, typo.exit_code)
    assert f"the kubeconfig {tmp_path} is a folder, not a file" in folder.stderr
    assert "has no context 'lvie'; it has stage, live" in typo.stderr


def test_a_release_in_python_has_a_report_where_nothing_can_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    `run()` promises a report for every outcome, and `rejected` and `unreachable` are two.
    """
    release = progressive.load(written(tmp_path, ONE))
    unmeasured = release.run()
    monkeypatch.setenv("PROGRESSIVE_METRICS_SERVER", "http://prometheus:9090")
    nowhere = release.run()

    assert (Outcome.REJECTED, Outcome.UNREACHABLE) == (unmeasured.outcome, nowhere.outcome)
    assert "no metrics server is named" in unmeasured.message
    assert "no cluster is configured" in nowhere.message
