"""Asks Prometheus for the numbers that a release is judged by.

Floor 4: touches the network, through `link.py`. Which series a built-in check needs and what they
say is decided in `_mesh/queries/`; what a number means, in `_model/checks.py`.
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
from progressive._mesh.queries import reading
from progressive._mesh.queries.dialect import Dialect, Seen, View
from progressive._mesh.queries.known import BLIND, DIALECTS
from progressive._mesh.queries.reading import Reading
from progressive._mesh.queries.selectors import Selector
from progressive._mesh.queries.series import Series, read_matrix, rhythm
from progressive._model.checks import Builtin, Cause, Question, Sample
from progressive._model.kinds import require_waits
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
        require_waits(timeout=timeout)
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
            MetricsError: The server refused, or cannot be asked; or its counters do not tell the
                sides apart.
        """
        mesh, link = _mesh(dialect), self._link(None)
        window = max(_SHORTEST, (at or datetime.now(UTC)) - since)
        found: dict[Side, Seen] = {}
        for view in mesh.counting():
            found = {
                side: self._seen(link, view, view.of_requests(target, side), window, at)
                for side in Side
            }
            if any(one.series for one in found.values()):
                break
        counts = {side: _counted(seen) for side, seen in found.items()}
        return Traffic(
            primary=counts[Side.PRIMARY],
            canary=counts[Side.CANARY],
            window=window,
            query="; ".join(one.query for one in found.values()),
            nothing=mesh.nothing,
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
            seen = self._requests(link, mesh, question, question.target, window)
            told = reading.success_rate(check, seen)
        else:
            seen = self._durations(link, mesh, question, question.target, window)
            told = reading.duration(check, seen)
        return Sample(
            value=told.value,
            cause=told.cause,
            detail=told.detail,
            query="; ".join(one.query for one in seen),
            window=window,
            again=self._again(link, told, question, window, seen),
        )

    def _requests(
        self,
        link: PrometheusLink,
        mesh: Dialect,
        question: Question,
        target: Target,
        window: timedelta,
    ) -> list[Seen]:
        seen: list[Seen] = []
        while (view := mesh.following(seen)) is not None:
            selector = view.of_requests(target, question.side)
            seen.append(self._seen(link, view, selector, window, question.at))
        return seen

    def _durations(
        self,
        link: PrometheusLink,
        mesh: Dialect,
        question: Question,
        target: Target,
        window: timedelta,
    ) -> list[Seen]:
        seen: list[Seen] = []
        for view in mesh.views:
            selector = view.of_durations(target, question.side)
            seen.append(self._seen(link, view, selector, window, question.at))
            if seen[-1].series:
                break
        return seen

    def _again(
        self,
        link: PrometheusLink,
        told: Reading,
        question: Question,
        window: timedelta,
        seen: list[Seen],
    ) -> timedelta | None:
        """One scrape interval, where one more scrape may give the value."""
        if told.cause is Cause.EMPTY and question.since is not None:
            # within two scrapes of the write the first one may not have come
            return _RHYTHM if window < 2 * _RHYTHM else None
        if told.cause is not Cause.TOO_FEW_SCRAPES:
            return None
        read = next(one.query for one in seen if one.series)
        longer = f"{read.rpartition('[')[0]}[{_duration_text(_LOOK_BACK)}]"
        usual = rhythm(self._series(link, longer, question.at))
        return min(_LONGEST_RHYTHM, max(_SHORTEST, usual or _RHYTHM))

    # the server

    def _seen(
        self,
        link: PrometheusLink,
        view: View,
        selector: Selector,
        window: timedelta,
        at: datetime | None,
    ) -> Seen:
        query = f"{selector}[{_duration_text(window)}]"
        return Seen(view=view, query=query, series=self._series(link, query, at))

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
        why = BLIND.get(dialect, f"known are {known}")
        words = f"no built-in checks for the dialect {dialect!r}: {why}; write a query"
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


def _counted(seen: Seen) -> float:
    told = reading.requests(seen)
    if told.value is None:
        raise MetricsError(told.detail, ErrorKind.INVALID)
    return told.value


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
