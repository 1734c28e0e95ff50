"""Judges traffic by Envoy's own counters, where there is no Prometheus.

Floor 4. Looks at the admin page in a rhythm and keeps the last looks, as a metrics server
would; what they mean is decided by `_mesh/envoy_stats.py`.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from progressive._adapters.envoy.admin import Admin
from progressive._mesh.effect import Traffic
from progressive._mesh.envoy_stats import Scrape, answer, count_traffic, read_page, stat_filter
from progressive._model.checks import Question, Sample
from progressive._model.kinds import require_waits
from progressive._model.traffic import Target
from progressive.errors import ErrorKind, MetricsError, SpecError


class EnvoyMetrics:
    """
    A `MetricsProvider` over the admin page of one Envoy (1.26 or newer).

    Answers the built-in checks, ``request-success-rate`` in percent and ``request-duration`` in
    milliseconds, for the clusters that a `Target` names. Looks in the background from the first
    question on, or from `open()` (or ``with``) on, until `close()`; the first round of a release
    has more to judge by if it was opened before. With several Envoys in front of a service each
    sees its own share of the traffic; use Prometheus there.

    Envoy merges its histograms once in each ``stats_flush_interval`` (default 5 s), so times are
    late by so much; set it to `every` or less.

    Args:
        admin: ``http://HOST:PORT`` or ``unix:///PATH``.
        every: Time between two looks, 0.1 s or more; a window holds two at least.
        keep: How far back looks are kept; windows beyond it are cut.
        clusters: Look at these clusters only; empty: at all, which can be many on a big Envoy.
        timeout: For each look.

    Raises:
        SpecError: `admin` is no address, or a time is too short.
    """

    def __init__(
        self,
        admin: str,
        *,
        every: timedelta = timedelta(seconds=5),
        keep: timedelta = timedelta(minutes=10),
        clusters: Sequence[str] = (),
        timeout: timedelta = timedelta(seconds=5),
    ) -> None:
        require_waits(every=every, keep=keep, timeout=timeout)
        if every < timedelta(seconds=0.1):
            raise SpecError("every", f"{every} is shorter than 0.1 s")
        if keep < 2 * every:
            raise SpecError("keep", f"{keep} holds fewer than two looks")
        page = Admin(admin, timeout=timeout.total_seconds(), error=MetricsError)
        self._admin, self._every = admin, every
        self._looks = _Looks(page, stat_filter(clusters), every=every, keep=keep)
        self._done = weakref.finalize(self, self._looks.close)

    def __repr__(self) -> str:
        return f"EnvoyMetrics({self._admin!r})"

    def open(self) -> None:
        """Start to look now; safe to call twice."""
        self._looks.open()

    def close(self) -> None:
        """Stop to look; safe to call twice."""
        self._done()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def sample(self, question: Question) -> Sample:
        """
        One number from the looks so far.

        Raises:
            MetricsError: The last look failed; or the question is a query, is asked in another
                dialect, or names no target.
        """
        check = question.check
        if check.builtin is None:
            raise MetricsError(
                f"{check.name}: Envoy's counters answer the built-in checks alone; "
                "a query needs a Prometheus",
                ErrorKind.INVALID,
            )
        if question.target is None:
            raise MetricsError(f"{check.name}: whose traffic? no target", ErrorKind.INVALID)
        if question.dialect is not None:
            _require_envoy(question.dialect, f"{check.name}: ")
        self._looks.open()
        return answer(question, self._looks.taken(), now=datetime.now(UTC), every=self._every)

    def traffic(
        self, target: Target, *, dialect: str, since: datetime, at: datetime | None = None
    ) -> Traffic:
        """
        The requests of both sides between `since` and `at` (None: now), as far as it has looked.

        Raises:
            MetricsError: The last look failed, or the dialect is another.
        """
        _require_envoy(dialect)
        self._looks.open()
        until = at or datetime.now(UTC)
        return count_traffic(target, self._looks.taken(), since=since, until=until)


def _require_envoy(dialect: str, what: str = "") -> None:
    if dialect != "envoy":
        words = f"{what}Envoy's own counters are not those of {dialect}"
        raise MetricsError(words, ErrorKind.INVALID)


class _Looks:
    """The looks of one admin page; knows nothing of its owner, so that the owner can go."""

    def __init__(self, page: Admin, wanted: str, *, every: timedelta, keep: timedelta) -> None:
        self._page, self._wanted, self._every = page, wanted, every.total_seconds()
        self._kept: deque[Scrape] = deque(maxlen=int(keep / every) + 1)
        self._failed: MetricsError | None = None
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        with self._guard:
            if self._thread is not None or self._stop.is_set():
                return
            self._thread = threading.Thread(
                target=self._go_on, name="progressive-envoy-counters", daemon=True
            )
        self._look()  # before anything is asked, so that an unreachable page is told at once
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread() and thread.is_alive():
            thread.join()

    def taken(self) -> list[Scrape]:
        with self._guard:
            if self._failed is not None:
                raise MetricsError(self._failed.message, self._failed.kind) from self._failed
            return list(self._kept)

    def _go_on(self) -> None:
        while not self._stop.wait(self._every):
            self._look()

    def _look(self) -> None:
        # counted from before the request: what it shows is at least that fresh
        at = datetime.now(UTC)
        try:
            page = self._page.json(
                "/stats", format="json", histogram_buckets="detailed", filter=self._wanted
            )
            scrape = read_page(page, at)
        except MetricsError as error:
            with self._guard:
                self._failed = error
            return
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            with self._guard:
                self._failed = MetricsError(
                    f"{self._page!r} answered no statistics as Envoy 1.26 and newer give them",
                    ErrorKind.INVALID,
                )
                self._failed.__cause__ = error
            return
        with self._guard:
            self._failed = None
            self._kept.append(scrape)
