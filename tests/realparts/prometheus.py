"""A real Prometheus that scrapes what the tests name, every second."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from tests.realparts.parts import part
from tests.realparts.process import Process, free_ports, wait_for

SCRAPE_INTERVAL_S = 1
_CONFIG = """\
global: {{scrape_interval: {interval}s, scrape_timeout: {interval}s}}
scrape_configs:
  - job_name: tests
    honor_labels: true
    file_sd_configs:
      - files: ["{targets}/*.json"]
        refresh_interval: 1s
"""


class Prometheus:
    """
    The running server.

    Attributes:
        url: Root address, as the library takes it.
    """

    def __init__(self, folder: Path) -> None:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self._targets = folder / "targets"
        self._targets.mkdir()
        config = folder / "prometheus.yaml"
        config.write_text(_CONFIG.format(interval=SCRAPE_INTERVAL_S, targets=self._targets))
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy stands before the loopback
        self._process = Process(
            "prometheus",
            [
                part("prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
                "--scrape.discovery-reload-interval=100ms",  # else a new target waits 5 s
            ],
            logs=folder,
        )

    def start(self) -> None:
        """Ready when this returns; what was counted before a `kill` is still there."""
        self._process.start()
        self._process.wait_ready(
            lambda: self._session.get(f"{self.url}/-/ready", timeout=5).status_code == 200
        )

    def kill(self) -> None:
        """Connections are refused until the next `start`."""
        self._process.kill()

    def stop(self) -> None:
        """For good."""
        self.kill()
        self._session.close()

    def pause(self) -> None:
        """Silent: connections stay open, and nothing is answered or scraped."""
        self._process.pause()

    def resume(self) -> None:
        self._process.resume()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Silent for the length of a block, awake after it whatever happens."""
        self.pause()
        try:
            yield
        finally:
            self.resume()

    def scrape(
        self,
        name: str,
        targets: Sequence[str],
        *,
        labels: Mapping[str, str] | None = None,
        path: str = "/metrics",
    ) -> None:
        """
        Scrapes these from now on (``host:port``), in place of what had the name before.

        The first is seen within a second, a later change within 5 s (its own patience);
        labels that a target tells win over the ones given here.
        """
        told = {"targets": list(targets), "labels": {**(labels or {}), "__metrics_path__": path}}
        fresh = self._targets / f"{name}.fresh"
        fresh.write_text(json.dumps([told]))
        fresh.rename(self._targets / f"{name}.json")  # never seen half written

    def forget(self, name: str) -> None:
        """Scrapes it no more; its series go stale."""
        (self._targets / f"{name}.json").unlink(missing_ok=True)

    def query(self, promql: str) -> list[tuple[dict[str, str], float]]:
        """An instant vector, as labels and value."""
        answer = self._session.get(
            f"{self.url}/api/v1/query", params={"query": promql}, timeout=10
        )
        told: dict[str, Any] = answer.json()
        if told["status"] != "success":
            raise ValueError(f"{promql}: {told.get('error')}")
        return [(one["metric"], float(one["value"][1])) for one in told["data"]["result"]]

    def wait(
        self, promql: str, good: Callable[[float], object] = lambda _: True, *, seconds: float = 90
    ) -> float:
        """The value of a query with one answer, once it is as wanted."""

        def probe() -> tuple[float] | None:
            found = self.query(promql)
            return (found[0][1],) if len(found) == 1 and good(found[0][1]) else None

        found = wait_for(probe, promql, seconds=seconds)
        assert found is not None
        return found[0]
