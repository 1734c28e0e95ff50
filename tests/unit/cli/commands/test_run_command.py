"""`progressive run` before a run: what it refuses, in one line for people and one document."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from tests.unit.cli.commands.answers import told
from tests.unit.documents.classic import classic

from progressive._cli.main import cli

ONE = yaml.safe_dump(classic())
OTHER = ONE.replace("my-app", "other")


def with_template() -> str:
    """A release whose check is a template that the file does not hold."""
    document = yaml.safe_load(ONE)
    reference = {"name": "e", "templateRef": {"name": "tpl"}, "thresholdRange": {"max": 1}}
    document["spec"]["analysis"]["metrics"].append(reference)
    return yaml.safe_dump(document)


def run(place: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["run", str(place), *arguments, "-o", "json"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a: [b", "expected ',' or ']'"),
        (b"\xff\xfe\x00rubbish", "UTF-8"),
        (b"", "is empty"),
        (b"# only words\n", "is empty"),
        (b"- a\n- b\n", "must be a mapping"),
        (b"kind: Pod\napiVersion: v1\nmetadata: {name: x}\n", "holds no release"),
        (f"{ONE}---\n{OTHER}".encode(), "my-app, other"),
        (None, "No such file"),
    ],
    ids=["no YAML", "bytes", "empty", "comments", "a list", "no release", "two", "missing"],
)
def test_a_file_that_is_no_release_is_rejected_and_named_once(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    """
    A person reads one line with the place; a program one document, exit 6.
    """
    place = tmp_path / "canary.yaml"
    if content is not None:
        place.write_bytes(content)
    result = run(place)
    errors = [line for line in result.stderr.splitlines() if "error:" in line]

    assert 6 == result.exit_code
    assert False is told(result)["valid"]
    assert 1 == len(errors), errors
    assert words in errors[0]
    assert 1 == errors[0].count(str(place)), "the file is named, and not twice"


def test_one_of_several_releases_is_picked_by_its_name(tmp_path: Path) -> None:
    """
    With --name the same file goes on to the next question, the metrics server.
    """
    place = tmp_path / "canary.yaml"
    place.write_text(f"{ONE}---\n{OTHER}")
    result = run(place, "--name", "other", "--metrics-server", "no address")

    assert "shop/other" == told(result)["target"]


REFUSED: dict[str, tuple[Callable[[], str], tuple[str, ...], str, int]] = {
    "metrics server": (
        lambda: ONE,
        ("--metrics-server", "banana"),
        "the metrics server: url is no",
        6,
    ),
    "no kubeconfig": (
        lambda: ONE,
        ("--metrics-server", "http://p:9090", "--kubeconfig", "/nowhere/config"),
        "/nowhere/config does not exist",
        9,
    ),
    "template in a cluster that is not there": (
        with_template,
        ("--metrics-server", "http://p:9090", "--kubeconfig", "/nowhere/config"),
        "/nowhere/config does not exist",
        9,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_before_a_run_is_said_to_people_and_to_programs(
    tmp_path: Path, name: str
) -> None:
    """
    With `-o json` the console of a build must still say why, in a line of its own.
    """
    content, arguments, words, code = REFUSED[name]
    place = tmp_path / "canary.yaml"
    place.write_text(content())
    result = run(place, *arguments)

    assert code == result.exit_code
    assert words in told(result)["message"]
    assert code == told(result)["exit_code"]
    assert words in result.stderr


def test_a_password_in_a_broken_address_is_not_repeated(file: Path) -> None:
    """
    Build logs are read by many.
    """
    result = run(file, "--metrics-server", "http://me:s3cret@:bad")

    assert 6 == result.exit_code
    assert "s3cret" not in result.output


def test_a_report_folder_that_cannot_be_written_is_said(file: Path, tmp_path: Path) -> None:
    """
    The outcome stays what it was, and the console says why the build page has no report.
    """
    in_the_way = tmp_path / "out"
    in_the_way.write_text("a file")
    result = run(file, "--metrics-server", "banana", "--report-dir", str(in_the_way / "deep"))

    assert 6 == result.exit_code
    assert "the report cannot be written" in result.stderr
    assert "rejected" == told(result)["outcome"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--image", "web"],
        ["--image", "=ref"],
        ["--timeout", "banana"],
        ["-o", "xml"],
        ["--no-such-option"],
    ],
)
def test_usage_errors_end_with_2(file: Path, arguments: list[str]) -> None:
    """
    A typo in a pipeline must not look like a rollback.
    """
    result = CliRunner().invoke(cli, ["run", str(file), *arguments])

    assert 2 == result.exit_code
    assert "Usage:" in result.stderr


def test_a_run_without_a_metrics_server_says_the_three_ways(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Rejected before the cluster is even looked for.
    """
    monkeypatch.delenv("PROGRESSIVE_METRICS_SERVER", raising=False)
    result = CliRunner().invoke(cli, ["run", str(file), "-o", "json"])
    answer = json.loads(result.stdout)

    assert (6, "rejected") == (result.exit_code, answer["outcome"])
    for way in ("spec.metricsServer", "--metrics-server", "PROGRESSIVE_METRICS_SERVER"):
        assert way in answer["message"]


def test_a_cluster_that_is_not_there_is_unreachable(file: Path, tmp_path: Path) -> None:
    """
    Exit 9, quickly, and nothing was moved.
    """
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
                "users": [{"name": "u", "user": {"token": "secret-token"}}],
            }
        )
    )
    result = CliRunner().invoke(
        cli,
        [
            *("run", str(file), "-o", "json", "--kubeconfig", str(kubeconfig)),
            *("--metrics-server", "http://127.0.0.1:9"),
        ],
    )
    answer = json.loads(result.stdout)

    assert (9, "unreachable") == (result.exit_code, answer["outcome"])
    assert "secret-token" not in result.output
    assert "Traceback" not in result.stderr
