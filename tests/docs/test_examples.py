"""Every example runs, and does what it says."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.docs.conftest import Surroundings
from tests.docs.snippets import ROOT

from progressive import Outcome, Target
from progressive.ports import TrafficRouter
from progressive.testing import RouterContract

EXAMPLES = ROOT / "examples"


def example(name: str) -> Any:
    """An example as a module; nothing of it has run yet but its definitions."""
    path = next(EXAMPLES.glob(f"{name}_*.py"))
    spec = importlib.util.spec_from_file_location(f"example_{name}", path)
    assert spec is not None and spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_01_plays_good_and_bad_days() -> None:
    """
    It is the first thing that anybody runs.
    """
    outcomes = example("01").main()

    assert Outcome.PROMOTED is outcomes["good"]
    assert Outcome.ROLLED_BACK is outcomes["bad"]
    assert Outcome.INCONCLUSIVE is outcomes["silent"]
    assert Outcome.PROMOTED is outcomes["with two crashes"]


def test_02_releases_a_document(
    surroundings: Surroundings, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    The script of a pipeline: the image is set, the release promoted.
    """
    status = example("02").main(["canary.yaml", "web=registry/web:43"])

    assert 0 == status
    path = "/apis/apps/v1/namespaces/default/deployments/my-app-primary"
    primary = surroundings.cluster.get(path)
    containers = primary["spec"]["template"]["spec"]["containers"]
    assert "registry/web:43" == containers[0]["image"]
    assert "promoted after 0:03:00" in capsys.readouterr().out


def test_02_says_what_is_wrong_with_a_document(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    The exit status tells a bad document from a bad release.
    """
    bad = (EXAMPLES / "classic.yaml").read_text(encoding="utf-8").replace("30s", "banana")
    Path("bad.yaml").write_text(bad, encoding="utf-8")

    assert 6 == example("02").main(["bad.yaml"])
    assert "spec.analysis.interval" in capsys.readouterr().out


def test_02_tells_a_bad_release_by_its_exit_code(surroundings: Surroundings) -> None:
    """
    A pipeline must not be green because the script went through.
    """
    surroundings.prometheus.status = "503"
    document = Path("canary.yaml").read_text(encoding="utf-8")
    Path("canary.yaml").write_text(document.replace("threshold: 5", "threshold: 1"))

    assert 3 == example("02").main(["canary.yaml"])


def test_03_leaves_all_traffic_on_the_canary(surroundings: Surroundings) -> None:
    """
    Two existing workloads: nobody copies anything.
    """
    report = example("03").main()

    assert Outcome.PROMOTED is report.outcome
    assert (5, 25, 50, 100) == report.weights
    path = "/apis/networking.istio.io/v1/namespaces/shop/virtualservices/web"
    route = surroundings.cluster.get(path)["spec"]["http"][0]["route"]
    assert [0, 100] == [one["weight"] for one in route]


def test_04_answers_by_its_exit_status(surroundings: Surroundings) -> None:
    """
    A shell reads nothing else.
    """
    surroundings.prometheus.values["errors"] = 0.034

    assert 1 == example("04").main("errors", 0.01)
    assert 0 == example("04").main("errors", 0.034)


def test_05_takes_every_message_twice_and_writes_once() -> None:
    """
    Queues deliver at least once.
    """
    report, proxy = example("05").main()

    assert Outcome.PROMOTED is report.outcome
    assert (10, 50, 100) == report.weights
    assert 3 == proxy.writes


def test_06_releases_all_services(surroundings: Surroundings) -> None:
    """
    One event loop, one router, one provider.
    """
    reports = asyncio.run(example("06").main())

    assert [Outcome.PROMOTED] * 2 == [one.outcome for one in reports]
    assert ["shop/web", "shop/cart"] == [one.target for one in reports]


def test_07_releases_with_a_router_of_its_own(folder: Path) -> None:
    """
    Nothing is inherited and nothing registered.
    """
    report = example("07").main(folder)

    assert Outcome.PROMOTED is report.outcome
    assert {"canary": 100, "total": 100} == json.loads(Path("shop-web.json").read_text())


class TestRouterOfTheExample(RouterContract):
    """The router that people copy keeps the promises."""

    def arrange(self) -> tuple[TrafficRouter, Target]:
        module = example("07")
        router: Any = module.FileRouter(Path(tempfile.mkdtemp()))
        router.write(module.TARGET, canary=0)
        return router, module.TARGET


def test_every_example_is_run() -> None:
    """
    A gate that can find nothing must fail.
    """
    numbers = sorted(path.name[:2] for path in EXAMPLES.glob("*.py"))
    tests = (Path(__file__).read_text(encoding="utf-8")).split('example("')[1:]

    assert len(numbers) >= 7
    assert set(numbers) == {one[:2] for one in tests if one[:2].isdecimal()}
