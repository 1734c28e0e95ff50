"""Credentials of the metrics server, which repeats them in its trouble, as proxies do."""

from __future__ import annotations

import pytest
from tests.real.secrets.world import Telling, World, all_of

from progressive import MetricCheck
from progressive._model.checks import Question
from progressive.errors import ProgressiveError
from progressive.metrics import PrometheusMetrics

pytestmark = [pytest.mark.real, pytest.mark.apart]


@pytest.mark.parametrize("mode", ["error", "page", "refused"])
def test_a_metrics_server_that_repeats_its_headers_is_told_without_them(
    world: World, telling: Telling, mode: str
) -> None:
    """
    The report of a round holds the server's own words.
    """
    assert 0 == world.run_json()[0]
    telling.mode = mode
    code, answer = world.run_json("--image", "my-app=my-app:2")
    sent = {one.partition(" ")[2] for one in telling.sent if one}
    world.secrets |= {f"basic-{number}": one for number, one in enumerate(sorted(sent))}

    assert (4, "inconclusive") == (code, answer["outcome"])
    assert sent, "credentials were sent"
    assert all(any(one in said for said in telling.said) for one in sent), "and repeated"
    explanations = {one["verdicts"][0]["explanation"] for one in answer["rounds"]}
    assert all("boom" in one for one in explanations), explanations
    assert all(f"127.0.0.1:{telling.port}/prom" in one for one in explanations)
    assert [] == world.leaks()


def _asked(metrics: PrometheusMetrics) -> dict[str, str]:
    check = MetricCheck(name="good", query="vector(1)", at_most=2.0)
    with pytest.raises(ProgressiveError) as caught:
        metrics.sample(Question(check=check))
    metrics.close()
    return all_of(caught.value)


def test_errors_of_the_metrics_server_carry_no_secret_anywhere(
    world: World, telling: Telling
) -> None:
    """
    Workers pickle what they raise, and collectors of errors walk the whole chain.
    """
    url = world.environment["PROGRESSIVE_METRICS_SERVER"]
    gone = url.replace(str(telling.port), "9")
    secret = world.secrets["metrics-password"]
    for mode in ("error", "page", "refused"):
        telling.mode = mode
        for metrics in (
            PrometheusMetrics(url, environment={}),
            PrometheusMetrics(url.rpartition("@")[0][:7] + url.rpartition("@")[2], token=secret),
        ):
            world.texts |= {f"{mode}: {k}": v for k, v in _asked(metrics).items()}
    world.texts |= {f"away: {k}": v for k, v in _asked(PrometheusMetrics(gone)).items()}
    odd = PrometheusMetrics(gone, headers={"X-Api-Key": f"{secret}\n"})
    world.texts |= {f"header: {k}": v for k, v in _asked(odd).items()}
    odd = PrometheusMetrics(gone, headers={"X-Api-Key": f"{secret}→"})
    world.texts |= {f"not latin: {k}": v for k, v in _asked(odd).items()}

    assert any(secret in said for said in telling.said), "the server repeated it"
    assert [] == world.leaks()
