"""The Roles of people and of jobs beside a run, on a real API server: enough, and nothing idle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner
from tests.real.stage.granting import USER, asked, grant
from tests.real.stage.shop import Place, application, autoscale
from tests.real.stage.unfinished import far_away, journal, killed_at_20, only, sweep
from tests.realparts.api import Document

from progressive._cli.main import cli
from progressive._kube.rights import granted, rights_in

pytestmark = [
    pytest.mark.real,
    pytest.mark.analysis(interval="60s", maxWeight=20),  # a weight is held for long
]


OWN = ("coordination.k8s.io", "apps", "discovery.k8s.io", "autoscaling", "keda.sh", "flagger.app")
"""Groups of what a sweep reads beside routes."""


OF_A_PROMOTION = {
    "get controllerrevisions.apps",
    "list deployments.apps/my-app",
    "list deployments.apps/my-app-primary",
    "watch deployments.apps/my-app-primary",
    "patch deployments.apps/my-app-primary",
}
"""What only a run asks for whose promotion was decided, and must be finished (L26)."""


def printed(*arguments: str) -> list[Document]:
    """The rules that `progressive rbac` prints; no kubeconfig is in its environment."""
    command = ["rbac", *arguments, "-o", "json"]
    result = CliRunner(env={"KUBECONFIG": "/nowhere"}).invoke(cli, command)
    assert 0 == result.exit_code, result.output
    (role,) = json.loads(result.stdout)["items"]
    rules: list[Document] = role["rules"]
    return rules


@contextmanager
def restricted(place: Place, rules: list[Document]) -> Iterator[set[str]]:
    """
    Everything inside is done by a user who may do just this.

    Yields:
        Filled at the end: the rights that were granted and not used.
    """
    grant(place, rules)
    before = place.environment["KUBECONFIG"]
    place.act_as(USER)
    mark = place.control_plane.mark()
    idle: set[str] = set()
    yield idle
    place.environment["KUBECONFIG"] = before
    used = asked(place.control_plane.events(USER, since=mark), place.namespace)
    beyond = [str(one) for one in used if not granted(one, rules)]
    wanted = rights_in(rules, namespace=place.namespace)
    idle |= {
        str(right)
        for right in wanted
        if not any(
            (right.group, right.resource, right.verb) == (one.group, one.resource, one.verb)
            and right.name in ("", one.name)
            for one in used
        )
    }

    assert [] == [str(one) for one, code in used.items() if code == 403]
    assert [] == beyond


def test_who_may_only_look_sees_the_run_and_moves_nothing(place: Place) -> None:
    """
    Somebody who is woken at night looks first.
    """
    killed_at_20(place)
    with restricted(place, printed(str(place.file), "--for", "look")) as idle:
        status = place.run("status")
        codes = [place.run("history").code, place.ask("explain", "-f", str(place.file)).code]

    assert (0, 20) == (status.code, status.answer["final"]["weight"]), status.lines
    assert [0, 0] == codes
    assert set() == idle
    with restricted_to_fail(place, printed(str(place.file), "--for", "look")):
        ended = place.run("abort")
    assert ended.code != 0, ended.answer
    assert (80, 20) == place.split()


@contextmanager
def restricted_to_fail(place: Place, rules: list[Document]) -> Iterator[None]:
    """The same for what shall be refused."""
    grant(place, rules)
    before = place.environment["KUBECONFIG"]
    place.act_as(USER)
    yield
    place.environment["KUBECONFIG"] = before


def test_who_may_decide_tells_a_driver_that_lives(place: Place) -> None:
    """
    The driver has the rights; whoever decides needs those to be heard.
    """
    rules = printed(str(place.file), "--for", "decide")
    running = place.start("run", "--image", "my-app=my-app:2")
    running.wait_for("step weight=20")
    with restricted(place, rules) as idle:
        assert 0 == place.run("status").code
        assert 0 == place.run("history").code
        codes = [place.run(word, "--why", "a test").code for word in ("hold", "resume", "abort")]
    ended = running.end()

    assert [0, 0, 0] == codes
    assert "aborted" == ended.answer.get("outcome"), ended.lines
    assert (100, 0) == place.split()
    assert set() == idle


def test_who_may_decide_is_told_when_nobody_is_there_to_hear(place: Place) -> None:
    """
    Bringing traffic home is a driver's work; a wish that nobody follows is no success.
    """
    killed_at_20(place)
    with restricted_to_fail(place, printed(str(place.file), "--for", "decide")):
        ended = place.run("abort", "--why", "a test")

    assert 10 == ended.code, ended.answer
    assert "leases" in ended.answer["message"], ended.answer
    assert (80, 20) == place.split()


def test_the_role_of_who_gives_a_release_up(place: Place) -> None:
    """
    An unfinished run is ended first, so what ends one is in it.
    """
    killed_at_20(place)
    far_away(place)
    spec = {"template": application(place.namespace)["spec"]["template"]}
    path = place.api.path("apps/v1", "Deployment", place.namespace, "my-app")
    place.api.patch(path, {"spec": spec})
    with restricted(place, printed(str(place.file), "--for", "detach")) as idle:
        ended = place.run("detach", "--yes")

    assert 0 == ended.code, (ended.answer, ended.lines)
    assert set() == idle - OF_A_PROMOTION - {"create leases.coordination.k8s.io"}


def test_the_role_of_a_sweep_that_only_shows(place: Place) -> None:
    """
    It reads, and says what it found.
    """
    killed_at_20(place)
    far_away(place)
    rules = printed("--for", "sweep", "-n", place.namespace)
    with restricted(place, rules) as idle:
        shown = sweep(place)

    assert (10, "interrupted", []) == (
        shown.code,
        only(shown)["standing"],
        shown.answer["incomplete"],
    ), shown.lines
    assert {"get leases.coordination.k8s.io"} >= {one for one in idle if not _of_a_mesh(one)}


def _of_a_mesh(right: str) -> bool:
    """A list of routes: which meshes are installed no file says."""
    verb, _, resource = right.partition(" ")
    return verb == "list" and "." in resource and resource.partition(".")[2] not in OWN


def test_the_role_of_a_sweep_that_restores(place: Place) -> None:
    """
    Everything that it may find: an interrupted run, one far away, and a split without a journal.
    """
    path = autoscale(place, minReplicas=1)
    rules = printed("--for", "sweep", "--restore", "-n", place.namespace)
    with driven(place):
        killed_at_20(place)
        far_away(place)
    raised = place.api.get(path)["spec"]["minReplicas"]
    with restricted(place, rules) as idle:
        restored = sweep(place, "--restore")
        lowered = place.api.get(path)["spec"]["minReplicas"]
        with driven(place):
            assert 20 == _left_without_a_journal(place)
        marked = sweep(place, "--restore")

    assert (0, "aborted") == (restored.code, only(restored)["outcome"]), restored.lines
    assert (2, 1) == (raised, lowered)
    assert (0, "marked", True) == (
        marked.code,
        only(marked)["standing"],
        only(marked)["restored"],
    ), marked.lines
    assert (100, 0) == place.split()
    assert set() == {one for one in idle if not _of_a_mesh(one)} - {
        "list deployments.apps",
        "create leases.coordination.k8s.io",
        "get controllerrevisions.apps",
        "get services",
        "get scaledobjects.keda.sh",
        "patch scaledobjects.keda.sh",
    }


@contextmanager
def driven(place: Place) -> Iterator[None]:
    """What a driver does, who has all rights."""
    before = place.environment["KUBECONFIG"]
    place.act_as("progressive")
    yield
    place.environment["KUBECONFIG"] = before


def _left_without_a_journal(place: Place) -> Any:
    running = place.start("run", "--image", "my-app=my-app:3")
    running.wait_for("step weight=20")
    running.kill()
    place.api.delete(journal(place))
    return place.split()[1]
