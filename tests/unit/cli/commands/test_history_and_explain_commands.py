"""`progressive history` and `progressive explain`, as a person or a script meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from attrs import evolve
from click.testing import CliRunner, Result
from tests.contract.cluster_contract import maps
from tests.unit.cli.past.world import HOUR, TARGET, bad, die_at, play
from tests.unit.documents.classic import classic

from progressive import ClusterError, ErrorKind
from progressive._cli.main import cli
from progressive._release.past.history import Recorded, runs_in
from progressive.clusters import KubernetesCluster
from progressive.testing import Crash, MemoryCluster, Scenario


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> MemoryCluster:
    """Two releases in the namespace ``shop``: a first deploy and a rollback of ``web``, later one
    of ``api``."""
    cluster = MemoryCluster(namespace="shop")
    play(cluster, Scenario(first_deploy=True))
    play(cluster, bad([99.9, 50]), after=HOUR)
    play(cluster, target=evolve(TARGET, service="api"), after=2 * HOUR)
    monkeypatch.setattr(KubernetesCluster, "from_environment", lambda **_: cluster)
    return cluster


def answer(*arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments], catch_exceptions=False)


def runs(cluster: MemoryCluster) -> list[Recorded]:
    return list(runs_in(cluster, "shop"))


def test_all_releases_of_the_namespace_are_listed(cluster: MemoryCluster) -> None:
    """
    The first question at night is "what changed?", not "what changed in web?".
    """
    listed = answer("history")
    told = json.loads(answer("history", "-o", "json").stdout)

    assert 0 == listed.exit_code
    assert ["shop/api", "shop/web", "shop/web"] == [one["target"] for one in told["runs"]]
    assert ["promoted", "rolled_back", "initialized"] == [
        one["report"]["outcome"] for one in told["runs"]
    ]
    assert 0 == told["older"]
    assert "rolled_back (check-failed)" in listed.stdout
    assert listed.stdout == answer("history", "-A").stdout


def test_what_is_left_out_is_said(cluster: MemoryCluster) -> None:
    """
    A list that ends silently is taken for the whole.
    """
    listed = answer("history", "--limit", "1")
    told = json.loads(answer("history", "--limit", "1", "-o", "json").stdout)

    assert listed.stdout.endswith("\n2 older runs are not shown; --limit shows more.\n")
    assert (1, 2) == (len(told["runs"]), told["older"])


def test_a_file_names_its_own_runs(cluster: MemoryCluster, tmp_path: Path) -> None:
    """
    The file of the build is at hand.
    """
    file = document(tmp_path)
    listed = answer("history", file)
    told = json.loads(answer("explain", "-f", file, "-o", "json").stdout)

    assert "" == listed.stderr, "warnings about the document are no news at night"
    assert 2 == listed.stdout.count("shop/web")
    assert 0 == listed.stdout.count("shop/api")
    assert "rolled_back" == told["report"]["outcome"]
    assert ["progressive run " + file] == [one["command"] for one in told["advice"][1:]]


def document(folder: Path) -> str:
    """A release document for ``web``."""
    file = folder / "canary.yaml"
    text = json.loads(json.dumps(classic()).replace("my-app", "web"))
    file.write_text(yaml.safe_dump(text))
    return str(file)


def test_explain_tells_of_the_newest_run(cluster: MemoryCluster) -> None:
    """
    Without any argument: what an SRE types first.
    """
    told = answer("explain")

    assert 0 == told.exit_code
    assert told.stdout.startswith("shop/api: promoted, ")


def test_explain_tells_of_the_run_that_is_named(cluster: MemoryCluster) -> None:
    """
    By its id, the beginning of it, or its service.
    """
    web = runs(cluster)[1]
    by_id = answer("explain", web.run)

    assert by_id.stdout.startswith("shop/web: rolled_back (check-failed), ")
    assert by_id.stdout == answer("explain", "20260101t01").stdout
    assert by_id.stdout == answer("explain", "--service", "web").stdout
    assert by_id.stdout == answer("explain", "--service", "web", "-A").stdout


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("2025", "there is no run '2025' in namespace shop; there are "),
        ("", "there is no run '' in namespace shop; there are "),
        ("2026", "several runs in namespace shop begin with '2026': "),
    ],
)
def test_an_unknown_run_is_refused_with_those_there_are(
    cluster: MemoryCluster, run: str, words: str
) -> None:
    """
    One clear error; a script finds it on standard output.
    """
    refused = answer("explain", run, "-o", "json")
    told = json.loads(refused.stdout)["error"]

    assert 6 == refused.exit_code
    assert refused.stderr.startswith(f"error: {words}")
    assert all(one.run in refused.stderr for one in runs(cluster))
    assert refused.stderr == f"error: {told['message']}\n"


def test_where_nothing_ran_yet_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A list may be empty; there is nothing to explain.
    """
    monkeypatch.setattr(
        KubernetesCluster, "from_environment", lambda **_: MemoryCluster(namespace="shop")
    )
    listed, refused = answer("history"), answer("explain")

    assert (0, "there was no run yet in namespace shop\n") == (listed.exit_code, listed.stdout)
    assert (6, "error: there was no run yet in namespace shop\n") == (
        refused.exit_code,
        refused.stderr,
    )


@pytest.mark.parametrize("command", ["history", "explain"])
@pytest.mark.parametrize(("kind", "code"), [(ErrorKind.UNAVAILABLE, 9), (ErrorKind.FORBIDDEN, 6)])
def test_a_cluster_that_does_not_answer_is_told_by_the_exit_status(
    cluster: MemoryCluster, command: str, kind: ErrorKind, code: int
) -> None:
    """
    9: try later; 6: a right is missing. Never a traceback.
    """
    cluster.fail(ClusterError("in the server's words", kind), verb="list", times=None)
    refused = answer(command, "-o", "json")
    words = "the journals of namespace shop cannot be listed: in the server's words"

    assert code == refused.exit_code
    assert {"error": {"type": "StoreError", "message": words}} == json.loads(refused.stdout)
    assert f"error: {words}\n" == refused.stderr


def test_the_route_itself_is_looked_at_with_a_file(cluster: MemoryCluster, tmp_path: Path) -> None:
    """
    A journal is saved before what it orders is done, and people edit routes by hand.
    """
    with pytest.raises(Crash):
        play(cluster, after=3 * HOUR, kind=die_at(3 * 3600 + 70))
    weighted = [
        {"destination": {"host": f"web-{side}"}, "weight": weight}
        for side, weight in (("primary", 65), ("canary", 35))
    ]
    route = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"hosts": ["web"], "http": [{"route": weighted}]},
    }
    cluster.put(route)
    told = json.loads(answer("explain", "-f", document(tmp_path), "-o", "json").stdout)
    without = json.loads(answer("explain", "--service", "web", "-o", "json").stdout)

    assert "interrupted" == told["state"]
    assert "The route shows now: the canary has 35 % of the traffic." == told["traffic"]
    assert without["traffic"].startswith("By its journal the canary has 20 % of the traffic")


def test_a_damaged_journal_of_another_release_is_said_and_hides_nothing(
    cluster: MemoryCluster,
) -> None:
    """
    Standard output is about the run; the warning is beside it.
    """
    cluster.merge_patch(maps("shop", "progressive-web"), {"data": {"journal": "{"}})
    told = answer("explain")

    assert 0 == told.exit_code
    assert told.stdout.startswith("shop/api: promoted, ")
    assert "shop/web: warning: the present run: the journal cannot be read" in told.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["history", "-A", "-n", "shop"],
        ["explain", "-f", "canary.yaml", "--service", "web"],
        ["explain", "-A", "-f", "canary.yaml"],
        ["history", "--limit", "0"],
    ],
)
def test_options_that_contradict_each_other_are_refused(
    cluster: MemoryCluster, arguments: list[str]
) -> None:
    """
    Neither of them is dropped silently.
    """
    assert 2 == answer(*arguments).exit_code


def test_looking_writes_nothing(cluster: MemoryCluster, tmp_path: Path) -> None:
    """
    Whoever may only read can ask.
    """
    cluster.calls.clear()
    for arguments in (["history"], ["explain"], ["explain", "-f", document(tmp_path)]):
        answer(*arguments)

    assert {"get", "list"} == {verb for verb, _ in cluster.calls}
