"""What is asked of a metric, what came back, and the verdict.

Floor 2. Bounds are inclusive and never truncated; no answer is a verdict, never an exception.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from attrs import field, frozen

from progressive._model.kinds import require_kinds
from progressive._model.traffic import Side, Target
from progressive._model.value import Value
from progressive._redaction import private_part, redacted
from progressive.errors import SpecError


class VerdictKind(StrEnum):
    """What a sample says about a check, or a round about the canary."""

    PASS = "pass"
    FAIL = "fail"
    NO_DATA = "no_data"
    INCONCLUSIVE = "inconclusive"


class NoData(StrEnum):
    """What a check without data means for its round."""

    HOLD = "hold"
    FAIL = "fail"
    PASS = "pass"


class Cause(StrEnum):
    """Why a sample holds no value."""

    EMPTY = "empty"
    """The answer held no series: nothing was measured under these labels."""
    NAN = "nan"
    """The series exist, but there was no traffic (0/0)."""
    TOO_FEW_SCRAPES = "too-few-scrapes"
    """Fewer than two scrapes since the weight took effect."""
    TOO_FEW_REQUESTS = "too-few-requests"
    """Fewer requests than the check wants to judge by."""
    UNREACHABLE = "unreachable"
    """The metrics server did not answer."""
    REFUSED = "refused"
    """The metrics server answered with an error, or with more than one value."""


class Builtin(StrEnum):
    """Checks whose query the dialect of the router supplies."""

    SUCCESS_RATE = "request-success-rate"
    """Percent of requests that did not fail, 0 to 100."""
    DURATION = "request-duration"
    """A quantile of the time to answer, in milliseconds."""


@frozen(kw_only=True, eq=False, repr=False)
class Sample(Value):
    """
    What came back for one check.

    Attributes:
        value: The number, in the unit of the check; +Inf is a number; None: there was none.
        cause: Why there is no value; None when there is one.
        detail: The cause in words, with the server's own where there are any.
        query: What was asked, as it was sent.
        window: How far back the query looked.
        again: More may be known after this time, such as one scrape interval; the round then
            waits for it once. None: asking again soon does not help.
    """

    value: float | None = None
    cause: Cause | None = None
    detail: str = field(default="", converter=redacted)
    query: str = ""
    window: timedelta | None = None
    again: timedelta | None = None

    def __attrs_post_init__(self) -> None:
        if self.value is not None and math.isnan(self.value):
            object.__setattr__(self, "value", None)
            object.__setattr__(self, "cause", Cause.NAN)
        elif self.value is None and self.cause is None:
            object.__setattr__(self, "cause", Cause.EMPTY)


@frozen(kw_only=True, eq=False, repr=False)
class Verdict(Value):
    """
    The judgement of one check.

    Attributes:
        check: Name of the check.
        kind: ``pass``, ``fail``, ``no_data`` or ``inconclusive``.
        value: What was measured; None without data.
        at_least, at_most: The bounds, inclusive; None: open on that side.
        query, window: What was asked, and how far back it looked.
        cause: Why there is no value.
        explanation: The judgement in words, such as ``errors 0.034 > 0.01``.
    """

    check: str
    kind: VerdictKind
    value: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    query: str = ""
    window: timedelta | None = None
    cause: Cause | None = None
    explanation: str = ""

    @property
    def passed(self) -> bool:
        """Whether the value is within its bounds."""
        return self.kind is VerdictKind.PASS


@frozen(kw_only=True, eq=False, repr=False)
class Question(Value):
    """
    One question to a metrics provider.

    Attributes:
        check: What is asked.
        target: Whose traffic; None where the check's query needs no address.
        side: Which copy is judged.
        dialect: Which mesh's metrics are there, for built-in checks.
        since: When the present weight took effect; the answer must not look further back.
        at: The instant that is asked about; None: now.
        round: Number of the round in its run, from 0.
    """

    check: MetricCheck
    target: Target | None = None
    side: Side = Side.CANARY
    dialect: str | None = None
    since: datetime | None = None
    at: datetime | None = None
    round: int = 0


class _Provider(Protocol):
    def sample(self, question: Question) -> Sample: ...


def _milliseconds(value: float | timedelta | None) -> float | None:
    return value / timedelta(milliseconds=1) if isinstance(value, timedelta) else value


@frozen(kw_only=True, eq=False, repr=False)
class MetricCheck(Value):
    """
    One question about the canary, and the answers that are good enough.

    Attributes:
        name: Stable name; the report, the journal and scenarios use it.
        query: PromQL that yields one number. ``{{ interval }}`` becomes the window,
            ``{{ namespace }}``, ``{{ target }}`` and ``{{ service }}`` the address.
        builtin: A check that the router's dialect knows; None where `query` is given.
        quantile: For ``request-duration``: share of requests that must be faster, 0 < q < 1.
        at_least: Smallest good value, inclusive; None: no lower bound.
        at_most: Largest good value, inclusive; a `timedelta` becomes milliseconds.
        window: How far back one query looks; one second or more.
        least_requests: For built-in checks: a value from fewer requests in the window is
            inconclusive, 0 or more; none at all are no data.
        no_data: What silence means: ``hold`` the weight, or ``fail`` or ``pass`` the check.
        address: A metrics server of its own; None: the run's. Never with a user, a password or
            a query in it: the journal keeps it, and another process goes on with it.
        variables: Values for ``{{ variables.NAME }}`` in `query`.

    Raises:
        SpecError: No bound, a lower bound above the upper one, a bound that is not a number, not
            exactly one of `query` and `builtin`, least requests below 0 or of a query, or an
            address that may hold a secret.
    """

    name: str
    query: str | None = None
    builtin: Builtin | None = None
    quantile: float = 0.99
    at_least: float | None = None
    at_most: float | None = field(default=None, converter=_milliseconds)
    window: timedelta = timedelta(minutes=1)
    least_requests: int = 0
    no_data: NoData = NoData.HOLD
    address: str | None = None
    variables: Mapping[str, str] = field(factory=dict, hash=False)

    def __attrs_post_init__(self) -> None:
        require_kinds(self)
        if not self.name:
            raise SpecError("name", "a check needs a name")
        if (self.query is None) == (self.builtin is None):
            raise SpecError("query", f"{self.name}: exactly one of query and builtin is needed")
        if self.at_least is None and self.at_most is None:
            raise SpecError("at_most", f"{self.name}: without a bound the check cannot fail")
        for bound in ("at_least", "at_most"):
            value = getattr(self, bound)
            if value is not None and math.isnan(value):
                raise SpecError(bound, f"{self.name}: NaN is not a bound")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            problem = (
                f"{self.name}: {self.at_least:g} is above {self.at_most:g}, so nothing passes"
            )
            raise SpecError("at_least", problem)
        if not 0 < self.quantile < 1:
            raise SpecError("quantile", f"{self.quantile} is not between 0 and 1")
        most = 100 if self.builtin is Builtin.SUCCESS_RATE else math.inf
        if self.at_least is not None and self.at_least > most:
            words = f"{self.at_least:g} is above 100 percent, so nothing could ever pass"
            raise SpecError("at_least", f"{self.name}: {words}")
        if self.window < timedelta(seconds=1):
            raise SpecError("window", f"{self.window} is shorter than a second")
        if self.least_requests < 0 or (self.least_requests and self.builtin is None):
            words = "is no count" if self.builtin is not None else "cannot be asked of a query"
            raise SpecError("least_requests", f"{self.name}: {self.least_requests} {words}")
        if (private := private_part(self.address or "")) is not None:
            words = "which would end in the journal; give credentials to the metrics provider"
            raise SpecError("address", f"{self.name}: the address holds {private}, {words}")

    @classmethod
    def success_rate(
        cls,
        *,
        at_least: float,
        window: timedelta = timedelta(minutes=1),
        least_requests: int = 0,
        no_data: NoData = NoData.HOLD,
    ) -> MetricCheck:
        """Percent of the canary's requests that did not fail, 0 to 100."""
        return cls(
            name=Builtin.SUCCESS_RATE.value,
            builtin=Builtin.SUCCESS_RATE,
            at_least=at_least,
            window=window,
            least_requests=least_requests,
            no_data=no_data,
        )

    @classmethod
    def latency(
        cls,
        *,
        at_most: float | timedelta,
        quantile: float = 0.99,
        window: timedelta = timedelta(minutes=1),
        least_requests: int = 0,
        no_data: NoData = NoData.HOLD,
    ) -> MetricCheck:
        """A quantile of the canary's time to answer; a bare number is milliseconds."""
        return cls(
            name=Builtin.DURATION.value,
            builtin=Builtin.DURATION,
            quantile=quantile,
            at_most=at_most,
            window=window,
            least_requests=least_requests,
            no_data=no_data,
        )

    @property
    def unit(self) -> str:
        """What the value is counted in, for people; empty when only the query knows."""
        units = {Builtin.SUCCESS_RATE: " %", Builtin.DURATION: " ms", None: ""}
        return units[self.builtin]

    def judge(self, sample: Sample) -> Verdict:
        """The verdict on one sample; pure, and never an exception."""
        kind, words = self._judgement(sample)
        return Verdict(
            check=self.name,
            kind=kind,
            value=sample.value,
            at_least=self.at_least,
            at_most=self.at_most,
            query=sample.query,
            window=sample.window,
            cause=sample.cause,
            explanation=f"{self.name} {words}",
        )

    def _judgement(self, sample: Sample) -> tuple[VerdictKind, str]:
        value, unit = sample.value, self.unit
        if value is None:
            detail = sample.detail or _IN_WORDS[sample.cause or Cause.EMPTY]
            open_ = sample.cause in (Cause.REFUSED, Cause.TOO_FEW_REQUESTS)
            return (
                VerdictKind.INCONCLUSIVE if open_ else VerdictKind.NO_DATA,
                f"{'cannot be judged' if open_ else 'has no data'}: {detail}",
            )
        low, high = self.at_least, self.at_most
        told = f"{in_digits(value, low, high)}{unit}"
        if low is not None and value < low:
            return VerdictKind.FAIL, f"{told} < {in_digits(low)}{unit}"
        if high is not None and value > high:
            return VerdictKind.FAIL, f"{told} > {in_digits(high)}{unit}"
        if high is None and low is not None:
            return VerdictKind.PASS, f"{told} >= {in_digits(low)}{unit}"
        if low is None and high is not None:
            return VerdictKind.PASS, f"{told} <= {in_digits(high)}{unit}"
        within = f"{in_digits(low or 0.0)} to {in_digits(high or 0.0)}{unit}"
        return VerdictKind.PASS, f"{told} is within {within}"

    def evaluate(
        self,
        metrics: _Provider,
        target: Target | None = None,
        *,
        side: Side = Side.CANARY,
        dialect: str | None = None,
    ) -> Verdict:
        """
        Ask once and judge; the check alone, in somebody's script.

        Raises:
            MetricsError: The server refused, or could not be asked.
        """
        question = Question(check=self, target=target, side=side, dialect=dialect)
        return self.judge(metrics.sample(question))


_IN_WORDS = {
    Cause.EMPTY: "the answer is empty; look at the labels of the query, and for traffic",
    Cause.NAN: "the series exist, but there was no traffic",
    Cause.TOO_FEW_SCRAPES: "fewer than two scrapes since the weight took effect",
    Cause.TOO_FEW_REQUESTS: "fewer requests than are needed to judge",
    Cause.UNREACHABLE: "the metrics server does not answer",
    Cause.REFUSED: "the metrics server refused the query",
}


def in_digits(value: float, *bounds: float | None) -> str:
    """The shortest text of six digits or more that stands to the bounds as the value does."""
    if not math.isfinite(value):
        return repr(value)
    if value == int(value):
        return repr(int(value))
    against = [bound for bound in bounds if bound is not None] or [value]
    for digits in (6, 9, 12):
        text = f"{value:.{digits}g}"
        short = float(text)
        if "e" not in text and all(_order(short, b) == _order(value, b) for b in against):
            return text
    return repr(value)


def _order(value: float, bound: float) -> int:
    return (value > bound) - (value < bound)
