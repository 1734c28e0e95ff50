"""What is asked of a Prometheus server, and what its answers become; over real HTTP."""

from __future__ import annotations

import base64
import json
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.adapters.prometheus_server import NOW, Fake, ask

from progressive._adapters.prometheus.provider import PrometheusMetrics
from progressive._model.checks import Cause, MetricCheck
from progressive.errors import ErrorKind, MetricsError, SpecError


def check(query: str, **more: Any) -> MetricCheck:
    return MetricCheck(name="q", query=query, at_most=1.0, **more)


def vector(*values: str) -> list[dict[str, Any]]:
    return [{"metric": {"n": str(n)}, "value": [1.0, one]} for n, one in enumerate(values)]


@pytest.mark.parametrize(
    ("answer", "value", "cause"),
    [
        (vector("0.25"), 0.25, None),
        ([1767225600.0, "3"], 3.0, None),
        (vector("+Inf"), float("inf"), None),
        (vector("NaN"), None, Cause.NAN),
        ([], None, Cause.EMPTY),
        (vector("1", "2"), None, Cause.REFUSED),
        ([{"metric": {}, "values": [[1.0, "2"]]}], None, Cause.REFUSED),
    ],
)
def test_one_number_is_wanted(
    server: Fake,
    provider: PrometheusMetrics,
    answer: Any,
    value: float | None,
    cause: Cause | None,
) -> None:
    """
    M-133: silence is no failure, infinity is a number, and two series are a mistake of the query.
    """
    server.answer = lambda _: answer
    sample = ask(provider, check("x"))

    assert (value, cause) == (sample.value, sample.cause)
    assert ("sum()" in sample.detail) == (answer == vector("1", "2"))


def test_a_query_is_filled_in_with_address_window_and_variables(
    server: Fake, provider: PrometheusMetrics
) -> None:
    """
    Flagger's templates work as they are.
    """
    query = "f({{ namespace }},{{ target }},{{service}},{{ variables.x }},[{{ interval }}])"
    what = check(query, variables={"x": "y"}, window=timedelta(minutes=2))
    sample = ask(provider, what)

    assert "f(shop,web-canary,web,y,[120s])" == sample.query == server.asked[0]
    assert timedelta(minutes=2) == sample.window
    assert "1767225600.000" == server.params[0]["time"]
    assert "10000ms" == server.params[0]["timeout"]


def test_a_window_never_reaches_before_the_weight_took_effect(
    server: Fake, provider: PrometheusMetrics
) -> None:
    """
    It would judge the previous weight; a query that names no window is used as written.
    """
    since = NOW - timedelta(seconds=12, milliseconds=700)

    assert "f[12s]" == ask(provider, check("f[{{ interval }}]"), since=since).query
    assert "f[5m]" == ask(provider, check("f[5m]"), since=since).query


def test_an_unknown_place_is_refused_before_anything_is_asked(
    server: Fake, provider: PrometheusMetrics
) -> None:
    """
    A template that is half understood asks another question.
    """
    with pytest.raises(MetricsError, match=r"variables\.x") as caught:
        ask(provider, check("{{ variables.x }}"))
    assert ErrorKind.INVALID is caught.value.kind
    assert [] == server.asked


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ((400, {}, '{"status":"error","error":"parse error: unexpected x"}'), "invalid", "parse"),
        ((422, {}, '{"status":"error","error":"many-to-many"}'), "invalid", "many-to-many"),
        ((401, {}, "no"), "forbidden", "credentials"),
        ((403, {}, "no"), "forbidden", "credentials"),
        ((404, {}, "not here"), "invalid", "no Prometheus"),
        ((503, {"Retry-After": "7"}, "starting up"), "unavailable", "starting up"),
        ((200, {"Content-Type": "text/html"}, "<html>login</html>"), "invalid", "text/html"),
        ((200, {}, '{"status":"success","data":[]}'), "invalid", "no Prometheus"),
        ((200, {}, '{"status":"success","data":{"result":7}}'), "invalid", "none that"),
    ],
)
def test_every_refusal_has_a_kind_and_the_words_of_the_server(
    server: Fake, provider: PrometheusMetrics, answer: Any, kind: str, words: str
) -> None:
    """
    A login page that answers 200 must not be read as an empty answer.
    """
    server.answer = lambda _: answer
    with pytest.raises(MetricsError, match=words) as caught:
        ask(provider, check("x"))

    assert kind == caught.value.kind
    assert (7.0 if kind == "unavailable" else None) == caught.value.retry_after


def test_a_server_that_is_not_there_is_unavailable() -> None:
    """
    The run holds the weight meanwhile.
    """
    with pytest.raises(MetricsError, match="cannot be reached: Failed to establish") as caught:
        ask(PrometheusMetrics("http://127.0.0.1:1", environment={}), check("x"))
    assert caught.value.transient


def test_a_server_that_is_silent_is_given_up_in_time(server: Fake) -> None:
    """
    A round must not wait for ever.
    """
    over = threading.Event()
    server.answer = lambda _: over.wait(10)
    hasty = PrometheusMetrics(server.url, timeout=timedelta(milliseconds=200), environment={})
    try:
        with pytest.raises(MetricsError, match=r"within 0\.2 s") as caught:
            ask(hasty, check("x"))
    finally:
        over.set()
        hasty.close()
    assert caught.value.transient


def test_credentials_come_from_arguments_files_and_environment(
    server: Fake, tmp_path: Path
) -> None:
    """
    Pipelines set variables, clusters mount files, programs pass arguments; arguments win.
    """
    rotated = tmp_path / "token"
    rotated.write_text("one\n", encoding="utf-8")
    made = PrometheusMetrics(server.url, token_file=str(rotated), environment={})
    ask(made, check("x"))
    rotated.write_text("two\n", encoding="utf-8")
    ask(made, check("x"))
    made.close()
    others: list[dict[str, Any]] = [
        {"token": "three", "environment": {"PROGRESSIVE_METRICS_TOKEN": "env"}},
        {"environment": {"PROGRESSIVE_METRICS_TOKEN": "four\n"}},
        {
            "environment": {
                "PROGRESSIVE_METRICS_USERNAME": "u",
                "PROGRESSIVE_METRICS_PASSWORD": "p",
            }
        },
    ]
    for one in others:
        made = PrometheusMetrics(server.url, **one)
        ask(made, check("x"))
        made.close()
    made = PrometheusMetrics(server.url.replace("//", "//u:p@"), environment={})
    ask(made, check("x"))
    made.close()

    basic = f"Basic {base64.b64encode(b'u:p').decode()}"
    assert ["Bearer one", "Bearer two", "Bearer three", "Bearer four", basic, basic] == [
        one["authorization"] for one in server.headers
    ]


def test_credentials_go_to_their_own_origin_alone(server: Fake) -> None:
    """
    A document names addresses; it must not be able to collect the run's token.
    """
    made = PrometheusMetrics(
        "http://127.0.0.1:1", token="secret", headers={"X-Key": "secret"}, environment={}
    )
    ask(made, check("x", address=server.url))
    made.close()

    assert "authorization" not in server.headers[0]
    assert "x-key" not in server.headers[0]


def test_a_redirect_is_told_and_not_followed(server: Fake) -> None:
    """
    Headers of ours would go along, and a login page would come back.
    """
    server.answer = lambda _: (302, {"Location": "https://u:pw@login.example.com/x?code=1"}, "")
    made = PrometheusMetrics(server.url, token="secret", environment={})
    with pytest.raises(MetricsError, match=r"login\.example\.com") as caught:
        ask(made, check("x"))
    made.close()

    assert 1 == len(server.asked)
    assert "pw" not in str(caught.value) and "code" not in str(caught.value)


def test_no_secret_is_shown(server: Fake, tmp_path: Path) -> None:
    """
    Logs and tracebacks of pipelines are read by many.
    """
    made = PrometheusMetrics(
        "http://user:hunter2@127.0.0.1:1", headers={"X": "hunter2"}, environment={}
    )
    with pytest.raises(MetricsError) as caught:
        ask(made, check("x"))
    with pytest.raises(SpecError) as spec:
        PrometheusMetrics(server.url, token="hunter2 with space", environment={})

    assert "hunter2" not in repr(made) + str(caught.value) + str(spec.value)
    with pytest.raises(MetricsError, match="missing"):
        absent = PrometheusMetrics(
            server.url, token_file=str(tmp_path / "missing"), environment={}
        )
        ask(absent, check("x"))


def whole_chain(error: BaseException | None) -> str:
    """All that can be shown of an error and of what hangs on it."""
    text = ""
    while error is not None:
        text += repr((str(error), error, error.args, vars(error)))
        error = error.__cause__ or error.__context__
    return text


@pytest.mark.parametrize("status", [401, 500, 502])
@pytest.mark.parametrize("shape", ["json", "page"])
def test_what_a_server_repeats_of_our_headers_is_not_told(
    server: Fake, status: int, shape: str
) -> None:
    """
    Proxies and servers in debug mode echo the request, and the echo would be in the report.
    """
    made = PrometheusMetrics(
        server.url,
        username="ada",
        password="hunter2",
        headers={"X-Key": "swordfish", "X-Scope-OrgID": "team-a"},
        environment={},
    )

    def echo(_: str) -> tuple[int, dict[str, str], str]:
        words = f"tenant team-a: no {server.headers[-1]}"
        return status, {}, words if shape == "page" else json.dumps({"error": words})

    server.answer = echo
    with pytest.raises(MetricsError) as caught:
        ask(made, check("x"))
    made.close()
    sent = server.headers[-1]["authorization"].partition(" ")[2]
    told = whole_chain(caught.value)

    assert base64.b64encode(b"ada:hunter2").decode() == sent
    assert [] == [one for one in (sent, "hunter2", "swordfish") if one in told]
    assert (shape == "page" and status == 401) or "team-a" in told, "a tenant is looked for"


@pytest.mark.parametrize("value", ["hunter2\n", "hunter2→"])
def test_a_header_that_cannot_be_sent_is_nowhere_in_the_error(server: Fake, value: str) -> None:
    """
    The errors of requests quote it, and a chain is printed whole.
    """
    made = PrometheusMetrics(server.url, headers={"X-Key": value}, environment={})
    with pytest.raises(MetricsError, match="no header may have") as caught:
        ask(made, check("x"))

    assert "hunter2" not in whole_chain(caught.value)


@pytest.mark.parametrize("rest", ["hun/ter2", "hun?ter2", "hun#ter2"])
def test_a_password_that_is_not_escaped_is_refused_and_not_told(rest: str) -> None:
    """
    What follows the slash would be taken for a path, and be told in every message.
    """
    with pytest.raises(SpecError, match="%2F") as caught:
        PrometheusMetrics(f"http://ada:{rest}@prometheus:9090", environment={})

    assert "ter2" not in whole_chain(caught.value)
    assert "hun" not in whole_chain(caught.value)


def test_a_relative_redirect_is_told_with_its_place(server: Fake) -> None:
    """
    A proxy that wants a login sends `/login`; that is no reason for a traceback.
    """
    server.answer = lambda _: (302, {"Location": "/login?state=hunter2"}, "")
    made = PrometheusMetrics(server.url, environment={})
    with pytest.raises(MetricsError, match="/login") as caught:
        ask(made, check("x"))
    made.close()

    assert ErrorKind.INVALID is caught.value.kind
    assert "hunter2" not in whole_chain(caught.value)


@pytest.mark.parametrize("url", ["prometheus:9090", "ftp://x", "http://", "http://x:99999999"])
def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    """
    Before the run starts, not in its first round.
    """
    with pytest.raises(SpecError):
        PrometheusMetrics(url, environment={})
