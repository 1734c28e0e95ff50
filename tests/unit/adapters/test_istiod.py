"""istiod's word that proxies follow a write; over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from progressive._adapters.mesh.routers.istiod import IstiodAcceptance

ROUTES = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"


def proxy(name: str, sent: str, acked: str, error: str = "") -> dict[str, Any]:
    return {
        "proxy": name,
        "resources": {ROUTES: {"sent": sent, "acked": acked, "lastError": error}},
    }


@pytest.fixture
def istiod() -> Iterator[tuple[str, list[Any]]]:
    """Its address, and its answers: one a question, the last one repeats."""
    answers: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            raw = json.dumps(answer).encode()
            self.send_response(200 if answer is not None else 401)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            """Tests tell what matters."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{http.server_address[1]}", answers
    http.shutdown()
    thread.join()
    http.server_close()


BEFORE = [proxy("gw", "a", "a"), proxy("old", "x", "")]


@pytest.mark.parametrize(
    ("later", "note"),
    [
        ([[proxy("gw", "b", "a")], [proxy("gw", "b", "b")]], None),
        ([[proxy("gw", "a", "a")]], "no proxy was sent"),
        ([[proxy("gw", "b", "a"), proxy("b", "c", "c")]], "not acknowledged by gw"),
        ([[proxy("gw", "b", "a", "bad route")]], "NotAccepted"),
        ([None], "answered 401"),
        ([{"not": "istiod"}], "none of istiod's"),
        ([[{"proxy": "gw", "route_sent": "b", "route_acked": "b"}]], None),
    ],
)
def test_a_write_is_accepted_when_the_proxies_that_got_it_say_so(
    istiod: tuple[str, list[Any]], later: list[Any], note: str | None
) -> None:
    """
    Proxies that have no part in the route are not waited for, and nothing is waited for long.
    """
    url, answers = istiod
    answers[:] = [BEFORE, *later]
    acceptance = IstiodAcceptance(url, pause=lambda _: None)
    told = acceptance.wait(acceptance.mark())

    assert (note is None) == (told is None)
    assert (note or "") in (told or "")


def test_an_istiod_that_is_not_there_is_a_note() -> None:
    """
    It may be out of reach for a pipeline; the run then settles by time.
    """
    acceptance = IstiodAcceptance("http://127.0.0.1:1", pause=lambda _: None)

    assert "not known" in (acceptance.wait(acceptance.mark()) or "")
