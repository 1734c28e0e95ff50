"""What can go wrong between a driver and a server, one fault at a time.

Each is a way to carry one exchange of `proxy.py` out. `API` and `METRICS` are the lists that
the proofs go through; a fault says which requests it can happen to.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.realparts.asked import WRITES, Asked
from tests.realparts.proxy import Answer, Exchange
from tests.realparts.proxy import Fault as Act

Where = Callable[[Asked], bool]


@dataclass(frozen=True)
class Fault:
    """
    One fault.

    Attributes:
        name: Stable words for tables.
        act: What happens.
        happens_to: Requests that it can happen to.
    """

    name: str
    act: Act
    happens_to: Where

    def __str__(self) -> str:
        return self.name


def anything(asked: Asked) -> bool:
    """Every request that is no watch."""
    return asked.verb != "watch"


def writes(asked: Asked) -> bool:
    """Requests that change something."""
    return asked.verb in WRITES


def watches(asked: Asked) -> bool:
    """Requests whose answer is a stream."""
    return asked.verb == "watch"


def tests(asked: Asked) -> bool:
    """JSON patches that test before they write."""
    return asked.verb == "patch" and b'"op": "test"' in asked.body


def whatever(asked: Asked) -> bool:
    """Every request."""
    return True


# what is said instead of the server's answer

_REASONS = {
    200: "",
    403: "Forbidden",
    409: "Conflict",
    410: "Expired",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}


def status(code: int, *, message: str = "", retry_after: int | None = None) -> Answer:
    """A refusal as the API server words it."""
    told: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message or f"a fault of the tests: {code}",
        "reason": _REASONS[code],
        "code": code,
    }
    headers = [("Content-Type", "application/json")]
    if retry_after is not None:
        headers.append(("Retry-After", str(retry_after)))
    return Answer(code, headers, json.dumps(told).encode())


def instead(answer: Answer) -> Act:
    """The server never sees it."""
    return lambda exchange: exchange.give(answer)


def afterwards(answer: Answer) -> Act:
    """The server carried it out, and the driver is told this."""

    def act(exchange: Exchange) -> None:
        exchange.forward()
        exchange.give(answer)

    return act


def hang(exchange: Exchange) -> None:
    """Nothing is forwarded and nothing is said."""
    exchange.hang()


def hang_afterwards(exchange: Exchange) -> None:
    """It is carried out, and nothing is said."""
    exchange.forward()
    exchange.hang()


def cut(exchange: Exchange) -> None:
    """The connection breaks before the server has seen it."""
    exchange.cut()


def cut_afterwards(exchange: Exchange) -> None:
    """It is carried out, and the connection breaks before the answer."""
    exchange.forward()
    exchange.cut()


def cut_head(exchange: Exchange) -> None:
    """It is carried out, and the connection breaks in the head of the answer."""
    answer = status(200) if exchange.is_watch else exchange.forward()
    exchange.give_part(answer, of_head=True)


def cut_body(exchange: Exchange) -> None:
    """It is carried out, and the connection breaks in the body of the answer."""
    exchange.give_part(exchange.forward())


def delayed(seconds: float) -> Act:
    """The answer comes late, but it comes."""

    def act(exchange: Exchange) -> None:
        exchange.wait(seconds)
        exchange.pass_on()

    return act


def silent_stream(exchange: Exchange) -> None:
    """A stream begins and nothing ever comes through it, as behind a proxy that keeps it back."""
    exchange.begin_stream()
    exchange.hang()


_GONE = {"type": "ERROR", "object": json.loads(status(410).body)}
_BROKEN = {"type": "ERROR", "object": json.loads(status(500).body)}
_HALF = b'{"type":"MODIFIED","object":{"kind":"Deployment","metadata":{"na'
_PAGE = Answer(200, [("Content-Type", "text/html")], b"<html><body>Please log in</body></html>")
_SHAPE = Answer(200, [("Content-Type", "application/json")], b'{"status": "ok"}')
_HTML = Answer(502, [("Content-Type", "text/html")], b"<html><body>Bad Gateway</body></html>")

API: tuple[Fault, ...] = (
    Fault("409", instead(status(409)), whatever),
    Fault("410", instead(status(410)), whatever),
    Fault("429", instead(status(429)), whatever),
    Fault("429 Retry-After", instead(status(429, retry_after=1)), whatever),
    Fault("500", instead(status(500)), whatever),
    Fault("503", instead(status(503)), whatever),
    Fault("503 Retry-After", instead(status(503, retry_after=1)), whatever),
    Fault("502 in HTML", instead(_HTML), whatever),
    Fault("200 in HTML", instead(_PAGE), whatever),
    Fault("200 of another shape", instead(_SHAPE), whatever),
    Fault("500 but done", afterwards(status(500)), writes),
    Fault("503 but done", afterwards(status(503)), writes),
    Fault("hang", hang, whatever),
    Fault("hang but done", hang_afterwards, writes),
    Fault("cut", cut, whatever),
    Fault("cut but done", cut_afterwards, anything),
    Fault("cut in the head", cut_head, whatever),
    Fault("cut in the body", cut_body, anything),
    Fault("delay", delayed(0.5), whatever),
    Fault(
        "422 does not fit",
        instead(
            status(422, message="the server rejected our request due to an error in our request")
        ),
        tests,
    ),
    Fault("watch ends", lambda one: one.stream(events=0), watches),
    Fault("watch ends after an event", lambda one: one.stream(events=1), watches),
    Fault("watch cut", lambda one: one.stream(events=0, whole=False), watches),
    Fault("watch cut in a line", lambda one: one.stream(events=0, then=_HALF, whole=False),
          watches),
    Fault("watch ends in a line", lambda one: one.stream(events=0, then=_HALF), watches),
    Fault("watch 410", lambda one: one.stream(events=0, then=_line(_GONE)), watches),
    Fault("watch 500", lambda one: one.stream(events=0, then=_line(_BROKEN)), watches),
)  # fmt: skip
"""Faults that are over after one request: none may change how a release ends."""

SILENT_STREAM = Fault("watch silent", silent_stream, watches)
"""Not among the others: a single one costs the hundred seconds after which silence is death."""

REFUSALS: tuple[Fault, ...] = (
    Fault("403", instead(status(403)), whatever),
    Fault("422 invalid", instead(status(422)), whatever),
)
"""Refusals that say that no repetition helps: a release may end by one, in order."""


def _line(told: dict[str, Any]) -> bytes:
    return json.dumps(told).encode() + b"\n"


# Prometheus


def _metrics(code: int, told: object, *headers: tuple[str, str]) -> Answer:
    body = json.dumps(told).encode()
    return Answer(code, [("Content-Type", "application/json"), *headers], body)


def _error(code: int, kind: str, *headers: tuple[str, str]) -> Act:
    told = {"status": "error", "errorType": kind, "error": f"a fault of the tests: {kind}"}
    return instead(_metrics(code, told, *headers))


def _result(kind: str, result: object) -> Act:
    told = {"status": "success", "data": {"resultType": kind, "result": result}}
    return instead(_metrics(200, told))


def _not_a_number(exchange: Exchange) -> None:
    """Each number of the true answer is NaN."""
    answer = exchange.forward()
    told = json.loads(answer.body)
    for one in told["data"]["result"]:
        if isinstance(one, dict):
            one |= {"value": [one["value"][0], "NaN"]} if "value" in one else {}
            one |= {"values": [[at, "NaN"] for at, _ in one["values"]]} if "values" in one else {}
    exchange.give(_metrics(answer.status, told))


def _half(exchange: Exchange) -> None:
    """A whole answer whose JSON is not."""
    answer = exchange.forward()
    kept = answer.body[: len(answer.body) // 2]
    exchange.give(Answer(answer.status, [("Content-Type", "application/json")], kept))


_NOTHING = Answer(200, [("Content-Type", "application/json")], b"")

METRICS: tuple[Fault, ...] = (
    Fault("422", _error(422, "execution"), anything),
    Fault("400", _error(400, "bad_data"), anything),
    Fault("429", _error(429, "too_many"), anything),
    Fault("429 Retry-After", _error(429, "too_many", ("Retry-After", "1")), anything),
    Fault("500", _error(500, "internal"), anything),
    Fault("503", _error(503, "timeout"), anything),
    Fault("503 Retry-After", _error(503, "unavailable", ("Retry-After", "1")), anything),
    Fault("502 in HTML", instead(_HTML), anything),
    Fault("200 in HTML", instead(_PAGE), anything),
    Fault("200 without a body", instead(_NOTHING), anything),
    Fault("hang", hang, anything),
    Fault("cut", cut, anything),
    Fault("cut in the head", cut_head, anything),
    Fault("cut in the body", cut_body, anything),
    Fault("half JSON", _half, anything),
    Fault("JSON of another shape", instead(_metrics(200, ["no", "answer"])), anything),
    Fault("NaN", _not_a_number, anything),
    Fault("empty", _result("vector", []), anything),
    Fault("several series", _result("vector", [
        {"metric": {"a": str(one)}, "value": [0, "1"]} for one in range(2)]), anything),
    Fault("delay", delayed(0.5), anything),
)  # fmt: skip
"""Faults between driver and Prometheus: silence, never an opinion about the canary."""
