"""A server of Prometheus' API whose answers a test writes; over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from attrs import define, field
from tests.served import Answer

from progressive._adapters.prometheus.provider import PrometheusMetrics
from progressive._model.checks import MetricCheck, Question, Sample
from progressive._model.traffic import Target

TARGET = Target(namespace="shop", service="web", primary="web-primary", canary="web-canary")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@define
class Fake:
    """
    A server of Prometheus' API whose answers a test writes.

    Attributes:
        answer: Query → `data.result`, or (status, headers, body).
        asked: Queries, in order.
        headers: Of every request.
    """

    url: str = ""
    answer: Callable[[str], Any] = lambda query: []
    asked: list[str] = field(factory=list)
    params: list[dict[str, str]] = field(factory=list)
    headers: list[dict[str, str]] = field(factory=list)

    def told(self, request: BaseHTTPRequestHandler) -> Answer:
        """The answer to a request, which is written down."""
        asked = {key: values[0] for key, values in parse_qs(urlsplit(request.path).query).items()}
        self.asked.append(asked.get("query", ""))
        self.params.append(asked)
        self.headers.append({key.lower(): value for key, value in request.headers.items()})
        answer = self.answer(asked.get("query", ""))
        if isinstance(answer, tuple):
            status, headers, body = answer
            return status, headers, body
        return 200, {}, json.dumps({"status": "success", "data": {"result": answer}})


def ask(provider: PrometheusMetrics, what: MetricCheck, **more: Any) -> Sample:
    return provider.sample(Question(check=what, target=TARGET, at=NOW, **more))
