"""A constant stream of real requests through Envoy, over everything that a release moves.

A good version answers every request; so whatever fails here failed because of a step, a promotion,
a way home or a scaling to zero. What a bad version does to its own users is counted apart.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.real.stage.shop import NEW, Ended, Shop, eventually
from tests.realparts.load import Counts, Load
from tests.realparts.mesh import Mesh

pytestmark = pytest.mark.real


@pytest.fixture
def shop(mesh: Mesh, namespace: str, tmp_path: Path) -> Shop:
    """An application whose first deploy is done; two steps, and a return in two."""
    shop = Shop(
        mesh, namespace, tmp_path, maxWeight=40, stepWeight=20, stepWeightPromotion=20, threshold=2
    )
    ended = shop.run()
    assert "initialized" == ended.answer.get("outcome"), ended.lines
    mesh.wait_version(shop.host, "1")
    return shop


@contextmanager
def users(shop: Shop) -> Iterator[Load]:
    """50 requests a second until the block ends, and then once more after the pods are gone."""
    with shop.mesh.load(shop.host, per_second=50, seconds_at_most=200) as load:
        yield load
        # pods stay Terminating for a second after the scaling to zero: what hits them hits here
        eventually(lambda: not pods(shop, "my-app"), "the canary's pods gone")
        before = len(load.answers)
        eventually(lambda: len(load.answers) > before + 100, "users after that")


def pods(shop: Shop, app: str) -> list[str]:
    """Pods of one side, those that are ending as well."""
    found = shop.api.get(f"/api/v1/namespaces/{shop.namespace}/pods", labelSelector=f"app={app}")
    return [one["metadata"]["name"] for one in found["items"]]


def failed(load: Load, *, but: str = "") -> Counts:
    """Answers that were none, or errors, of every version but one."""
    return Counter(
        {
            (version, status): count
            for (version, status), count in load.counts.items()
            if (status == 0 or status >= 400) and (not but or version != but)
        }
    )


def ended_so(ended: Ended, outcome: str) -> None:
    """Or what the command said."""
    assert outcome == ended.answer.get("outcome"), ended.lines


def test_no_request_fails_in_a_promotion_and_a_scaling_to_zero(shop: Shop) -> None:
    """
    Steps up, the primary replaced while it serves, the return in steps, and pods that go.
    """
    with users(shop) as load:
        ended_so(shop.run("run", *NEW), "promoted")
        shop.mesh.wait_version(shop.host, "2")

    assert {} == failed(load)
    assert 0 == load.skipped
    assert load.counts["1", 200] > 100 < load.counts["2", 200]


def test_no_request_fails_in_an_abort(shop: Shop) -> None:
    """
    A person's: the split home in one write, the canary's pods only once that has settled.
    """
    shop.document["spec"]["analysis"]["interval"] = "5m"  # the abort comes before it is over
    shop.write(shop.document)
    with users(shop) as load:
        running = shop.start("run", *NEW)
        running.wait_for("step weight=20")
        shop.mesh.wait_weights(shop.host, {"my-app-primary": 80, "my-app-canary": 20})
        assert 0 == shop.run("abort").code
        ended_so(running.end(), "aborted")

    assert {} == failed(load)
    assert load.counts["2", 200] > 0, "the canary had no users"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_request_fails_when_the_driver_is_ended(shop: Shop, number: signal.Signals) -> None:
    """
    An ended job, and one that was killed and is aborted by the next.
    """
    with users(shop) as load:
        running = shop.start("run", *NEW)
        running.wait_for("step weight=20")
        if number == signal.SIGKILL:
            running.kill()
            assert 0 == shop.run("abort").code
        else:
            running.tell(number)
            ended_so(running.end(), "aborted")

    assert {} == failed(load)


def test_only_the_bad_version_fails_in_a_rollback(shop: Shop) -> None:
    """
    Its own answers are errors until the budget is spent; no other request fails with them.
    """
    with users(shop) as load:
        ended_so(shop.run("run", "--image", "my-app=my-app:3-bad"), "rolled_back")

    assert {} == failed(load, but="3-bad")
    assert load.counts["3-bad", 500] > 0, "it was not bad"


def test_no_request_fails_when_the_target_moves(shop: Shop) -> None:
    """
    The canary's pods are replaced while they serve; the run goes home, and the next one starts.
    """
    with users(shop) as load:
        running = shop.start("run", *NEW)
        running.wait_for("step weight=20")
        path = shop.api.path("apps/v1", "Deployment", shop.namespace, "my-app")
        template = {"spec": {"containers": [{"name": "my-app", "image": "my-app:4"}]}}
        shop.api.patch(path, {"spec": {"template": template}}, kind="strategic")
        ended_so(running.end(), "superseded")
        ended_so(shop.run(), "promoted")
        shop.mesh.wait_version(shop.host, "4")

    assert {} == failed(load)
