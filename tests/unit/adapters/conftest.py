"""A fake Prometheus, and the provider that asks it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.served import served
from tests.unit.adapters.prometheus_server import Fake

from progressive._adapters.prometheus.provider import PrometheusMetrics


@pytest.fixture
def server() -> Iterator[Fake]:
    fake = Fake()
    with served(fake.told) as address:
        fake.url = f"http://{address}"
        yield fake


@pytest.fixture
def provider(server: Fake) -> Iterator[PrometheusMetrics]:
    made = PrometheusMetrics(server.url, environment={})
    yield made
    made.close()
