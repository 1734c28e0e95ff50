"""The main job on real parts: requests through Envoy, counted by Prometheus, judged, promoted."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.real.stage.shop import Shop, eventually
from tests.realparts.mesh import Mesh

pytestmark = pytest.mark.real


@pytest.fixture
def shop(mesh: Mesh, namespace: str, tmp_path: Path) -> Shop:
    """An application whose first deploy is done, with users on it."""
    shop = Shop(mesh, namespace, tmp_path)
    ended = shop.run()
    assert ("initialized", 0) == (ended.answer.get("outcome"), ended.code), ended.lines
    mesh.wait_version(shop.host, "1")
    return shop


def errors(counts: object) -> int:
    return sum(n for (_, status), n in counts.items() if status != 200)  # type: ignore[attr-defined]


def test_a_good_release_is_promoted_and_no_user_sees_an_error(shop: Shop) -> None:
    """
    The classic document, from `--image` to all users on the new version.
    """
    with shop.mesh.load(shop.host, per_second=50, seconds_at_most=150) as load:
        ended = shop.run("run", "--image", "my-app=my-app:2", "--report-dir", str(shop.folder))
        eventually(lambda: shop.mesh.ask(shop.host)[("2", 200)] == 1, "users on version 2")

    assert ("promoted", 0) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert [10, 20, 30, 40, 50, 0] == ended.answer["weights"]
    assert ["pass"] * 5 == [one["verdict"] for one in ended.answer["rounds"]]
    assert "my-app:2" == shop.image("my-app-primary")
    assert 0 == shop.replicas("my-app")
    assert (100, 0) == shop.split()
    assert 0 == errors(load.counts)
    assert load.counts[("2", 200)] > 100, "the canary had next to no traffic"
    assert (shop.folder / "report.json").exists()
    assert 5 == len((shop.folder / "rounds.jsonl").read_text().splitlines())
    assert "unchanged" == shop.run().answer["outcome"]


def test_a_bad_release_is_rolled_back_and_says_why(
    mesh: Mesh, namespace: str, tmp_path: Path
) -> None:
    """
    Users of the canary see errors for as many rounds as the budget allows, and no longer.
    """
    shop = Shop(mesh, namespace, tmp_path, threshold=2)
    assert 0 == shop.run().code
    mesh.wait_version(shop.host, "1")
    # so many that ten requests tell, where a busy machine sends no more
    with mesh.load(shop.host, per_second=50, seconds_at_most=90) as load:
        ended = shop.run("run", "--image", "my-app=my-app:3-bad60")

    assert ("rolled_back", "check-failed", 3) == (
        ended.answer.get("outcome"),
        ended.answer.get("reason"),
        ended.code,
    ), ended.lines
    assert [10, 0] == ended.answer["weights"]
    assert "request-success-rate" in ended.answer["message"]
    assert "my-app:1" == shop.image("my-app-primary")
    assert (100, 0) == shop.split()
    assert 0 == shop.replicas("my-app")
    assert 0 < errors(load.counts) < 0.1 * sum(load.counts.values())


def test_a_killed_release_goes_on_where_it_was(shop: Shop) -> None:
    """
    kill -9 in the middle, then `--resume` in another process: the same end.
    """
    with shop.mesh.load(shop.host, per_second=50, seconds_at_most=150) as load:
        running = shop.start("run", "--image", "my-app=my-app:2")
        running.wait_for("step weight=20")
        running.kill()
        assert (80, 20) == shop.split()
        status = shop.run("status")
        assert None is status.answer["outcome"]
        ended = shop.run("run", "--resume")

    assert ("promoted", 0) == (ended.answer.get("outcome"), ended.code), ended.lines
    assert [10, 20, 30, 40, 50, 0] == ended.answer["weights"]
    assert status.answer["run_id"] == ended.answer["run_id"]
    assert "my-app:2" == shop.image("my-app-primary")
    assert 0 == errors(load.counts)
