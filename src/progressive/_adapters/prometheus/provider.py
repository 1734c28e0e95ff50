"""Asks Prometheus for the numbers that a release is judged by.

Floor 4: touches the network, through `link.py`. Which series a built-in check needs
and what they say is decided in `_mesh/queries.py`; what a number means, in `_model/checks.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from progressive._adapters.prometheus.link import (
    Address,
    Credentials,
    PrometheusLink,
    from_environment,
)
from progressive._mesh.effect import Traffic
from progressive._mesh.queries import DIALECTS, Dialect, Reading
from progressive._mesh.series import Series, read_matrix, rhythm
from progressive._model.checks import Builtin, Cause, Question, Sample
from progressive._model.template import render, uses
from progressive._model.traffic import Side, Target
from progressive.errors import ErrorKind, MetricsError, SpecError

_SHORTEST = timedelta(seconds=1)
"""No window is shorter, however soon after a write a question comes."""

_RHYTHM = timedelta(seconds=15)
"""Time between two scrapes where none was seen yet; Istio's and Prometheus' examples say 15 s."""

_LONGEST_RHYTHM = timedelta(minutes=1)
"""Prometheus' default; a round is not kept waiting for longer, it is repeated."""

_LOOK_BACK = timedelta(minutes=5)
"""How far back the time between two scrapes is looked for (Prometheus' own look-back)."""


class PrometheusMetrics:
    """
    A `MetricsProvider` for Prometheus, and for servers with its API (Thanos, Mimir, …).

    What is not given is taken from the environment: ``PROGRESSIVE_METRICS_TOKEN``,
    ``…_TOKEN_FILE``, ``…_USERNAME``, ``…_PASSWORD``, ``…_PASSWORD_FILE``, ``…_CA``; what is
    given wins. Credentials are sent to the origin of `url` alone: a check with an address of its
    own elsewhere is asked without them. Redirects are not followed.

    Args:
        url: Such as ``http://prometheus:9090``; user and password may stand in it. None: every
            check has an address of its own.
        token, token_file: Bearer token, or a file that holds it and is read anew each time.
        username, password, password_file: For basic authentication.
        headers: Further headers, such as ``X-Scope-OrgID``.
        verify: Whether certificates are checked, or a file of authorities.
        client_cert: Certificate and key, one file or two.
        timeout: Of every request.
        environment: Read instead of the process's own.

    Raises:
        SpecError: The address is none, or credentials exclude each other.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        token_file: str | None = None,
        username: str | None = None,
        password: str | None = None,
        password_file: str | None = None,
        headers: Mapping[str, str] | None = None,
        verify: bool | str | None = None,
        client_cert: str | tuple[str, str] | None = None,
        timeout: timedelta = timedelta(seconds=10),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        if timeout <= timedelta(0):
            raise SpecError("timeout", f"{timeout} is not a time to wait")
        told = from_environment(environment)
        self._address = Address.parse(url) if url is not None else None
        if username is None and self._address is not None:
            username = self._address.username
            password = password or self._address.password
        given = any((token, token_file, username))
        self._credentials = Credentials(
            token=token or (None if given else (told.get("TOKEN") or "").strip() or None),
            token_file=token_file or (None if given else told.get("TOKEN_FILE")),
            username=username or (None if given else told.get("USERNAME")),
            password=password or told.get("PASSWORD"),
            password_file=password_file or told.get("PASSWORD_FILE"),
            headers=dict(headers or {}),
            client_cert=client_cert,
        )
        self._verify: bool | str = told.get("CA", True) if verify is None else verify
        self._timeout = timeout
        self._links: dict[str, PrometheusLink] = {}
        self._linking = threading.Lock()

    def __repr__(self) -> str:
        return f"<PrometheusMetrics {self._address.url if self._address else 'of the checks'}>"

    def sample(self, question: Question) -> Sample:
        """
        One number, or a sample that says why there is none.

        Raises:
            MetricsError: The server refused, or cannot be asked; or the question cannot be put.
        """
        check = question.check
        link = self._link(check.address)
        if check.query is not None:
            return self._sample_query(link, question, check.query)
        return self._sample_builtin(link, question)

    def traffic(
        self, target: Target, *, dialect: str, since: datetime, at: datetime | None = None
    ) -> Traffic:
        """
        The requests of both sides between `since` and `at` (None: now), for `in_effect`.

        Raises:
            MetricsError: The server refused, or cannot be asked.
        """
        mesh, link = _mesh(dialect), self._link(None)
        window = max(_SHORTEST, (at or datetime.now(UTC)) - since)
        asked = {side: _ranged(mesh.requests_sent(target, side), window) for side in Side}
        found = {side: self._series(link, query, at) for side, query in asked.items()}
        counts = {side: mesh.count((), series) for side, series in found.items()}
        if not any(found.values()):
            # no caller reports: what arrived has to do
            asked = {side: _ranged(mesh.requests_arrived(target, side), window) for side in Side}
            found = {side: self._series(link, query, at) for side, query in asked.items()}
            counts = {side: mesh.count(series, ()) for side, series in found.items()}
        return Traffic(
            primary=counts[Side.PRIMARY],
            canary=counts[Side.CANARY],
            window=window,
            query="; ".join(asked.values()),
        )

    def close(self) -> None:
        """Drop idle connections; safe to call twice."""
        with self._linking:
            for link in self._links.values():
                link.close()
            self._links.clear()

    # queries of users

    def _sample_query(self, link: PrometheusLink, question: Question, query: str) -> Sample:
        window = _window(question)
        try:
            asked = render(query, _values(question, window))
        except SpecError as error:
            words = f"{question.check.name}: {error}"
            raise MetricsError(words, ErrorKind.INVALID) from error
        clipped = uses(query, "interval")
        try:
            value, cause, detail = _one_value(link.ask(asked, question.at))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            words = f"{question.check.name}: the answer is none that Prometheus gives"
            raise MetricsError(words, ErrorKind.INVALID) from error
        more = clipped and window < question.check.window and value is None and cause is None
        return Sample(
            value=value,
            cause=cause,
            detail=detail,
            query=asked,
            window=window if clipped else None,
            again=min(_RHYTHM, question.check.window - window) if more else None,
        )

    # built-in checks

    def _sample_builtin(self, link: PrometheusLink, question: Question) -> Sample:
        check = question.check
        if question.target is None:
            words = f"{check.name}: a built-in check needs a target"
            raise MetricsError(words, ErrorKind.INVALID)
        if question.dialect is None:
            known = ", ".join(DIALECTS)
            words = f"{check.name}: a built-in check needs a dialect ({known}), or write a query"
            raise MetricsError(words, ErrorKind.INVALID)
        mesh, window = _mesh(question.dialect), _window(question)
        if check.builtin is Builtin.SUCCESS_RATE:
            reading, asked = self._success_rate(link, mesh, question, question.target, window)
        else:
            reading, asked = self._duration(link, mesh, question, question.target, window)
        return Sample(
            value=reading.value,
            cause=reading.cause,
            detail=reading.detail,
            query="; ".join(asked),
            window=window,
            again=self._again(link, reading, question, window, asked),
        )

    def _success_rate(
        self,
        link: PrometheusLink,
        mesh: Dialect,
        question: Question,
        target: Target,
        window: timedelta,
    ) -> tuple[Reading, list[str]]:
        asked = [
            _ranged(mesh.requests_arrived(target, question.side), window),
            _ranged(mesh.requests_sent(target, question.side), window),
        ]
        arrived, sent = (self._series(link, query, question.at) for query in asked)
        return mesh.success_rate(arrived, sent), asked

    def _duration(
        self,
        link: PrometheusLink,
        mesh: Dialect,
        question: Question,
        target: Target,
        window: timedelta,
    ) -> tuple[Reading, list[str]]:
        asked = [_ranged(mesh.durations_arrived(target, question.side), window)]
        buckets = self._series(link, asked[0], question.at)
        if not buckets:
            # nothing reports at the workload: what the callers see is all there is
            asked.append(_ranged(mesh.durations_sent(target, question.side), window))
            buckets = self._series(link, asked[1], question.at)
        return mesh.duration(question.check, buckets), asked

    def _again(
        self,
        link: PrometheusLink,
        reading: Reading,
        question: Question,
        window: timedelta,
        asked: list[str],
    ) -> timedelta | None:
        """One scrape interval, where one more scrape may give the value."""
        if reading.cause is Cause.EMPTY and question.since is not None:
            # within two scrapes of the write the first one may not have come
            return _RHYTHM if window < 2 * _RHYTHM else None
        if reading.cause is not Cause.TOO_FEW_SCRAPES:
            return None
        longer = asked[0].rpartition("[")[0]
        seen = rhythm(self._series(link, _ranged(longer, _LOOK_BACK), question.at))
        return min(_LONGEST_RHYTHM, max(_SHORTEST, seen or _RHYTHM))

    # the server

    def _series(self, link: PrometheusLink, query: str, at: datetime | None) -> tuple[Series, ...]:
        answer = link.ask(query, at)
        try:
            return read_matrix(answer)
        except (ValueError, KeyError, TypeError) as error:
            words = f"the answer to {query} is none that Prometheus gives"
            raise MetricsError(words, ErrorKind.INVALID) from error

    def _link(self, own: str | None) -> PrometheusLink:
        try:
            address = Address.parse(own) if own else self._address
        except SpecError as error:
            raise MetricsError(
                f"the check's address {error.problem}", ErrorKind.INVALID
            ) from error
        if address is None:
            words = "no metrics server: give its address, or one to the check"
            raise MetricsError(words, ErrorKind.INVALID)
        ours = self._address is not None and address.origin == self._address.origin
        with self._linking:
            if address.url not in self._links:
                self._links[address.url] = PrometheusLink(
                    address,
                    credentials=self._credentials if ours else None,
                    verify=self._verify,
                    timeout=self._timeout,
                )
            return self._links[address.url]


def _mesh(dialect: str) -> Dialect:
    try:
        return DIALECTS[dialect]
    except KeyError as error:
        known = ", ".join(DIALECTS)
        words = f"no built-in checks for the dialect {dialect!r}; known are {known}"
        raise MetricsError(words, ErrorKind.INVALID) from error


def _window(question: Question) -> timedelta:
    """The check's own, or the time since the present weight took effect if that is shorter."""
    window = question.check.window
    if question.since is None:
        return window
    return max(_SHORTEST, min(window, (question.at or datetime.now(UTC)) - question.since))


def _values(question: Question, window: timedelta) -> Mapping[str, str]:
    values = {"interval": _duration_text(window)}
    target = question.target
    if target is not None:
        values |= {
            "namespace": target.namespace,
            "service": target.service,
            "target": target.workload(question.side),
            "name": target.owner_names[0] if target.owner_names else target.service,
            "ingress": target.service,
            "route": target.service,
        }
    return values | {f"variables.{key}": text for key, text in question.check.variables.items()}


def _ranged(selector: str, window: timedelta) -> str:
    return f"{selector}[{_duration_text(window)}]"


def _duration_text(window: timedelta) -> str:
    """Whole seconds, rounded down: the window must not begin before the weight took effect."""
    return f"{max(1, int(window.total_seconds()))}s"


def _one_value(answer: Any) -> tuple[float | None, Cause | None, str]:
    """The number of an instant query's `result`: a scalar, or a vector of one."""
    if not answer:
        return None, None, ""
    if not isinstance(answer[0], Mapping):
        # a scalar is [instant, "value"]
        return float(answer[1]), None, ""
    if any("values" in one for one in answer):
        detail = "the query yields a range, one value is wanted: use a function such as rate()"
        return None, Cause.REFUSED, detail
    if len(answer) > 1:
        detail = f"the query yields {len(answer)} series, one value is wanted: use sum() or max()"
        return None, Cause.REFUSED, detail
    if "histogram" in answer[0]:
        detail = "the query yields a histogram: use histogram_quantile()"
        return None, Cause.REFUSED, detail
    return float(answer[0]["value"][1]), None, ""
