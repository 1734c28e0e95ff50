"""A seeded model of requests, for checks on counts and times.

Floor 4, pure: the same seed, round and check give the same sample, also after a crash.
"""

from __future__ import annotations

import math
import random
from datetime import timedelta

from progressive._model.checks import Builtin, Cause, Question, Sample
from progressive._scenario.scenario import Side, Traffic

_Z99 = 2.3263478740408408
"""The 0.99 quantile of the standard normal distribution: places p99 against p50."""

_DRAWN_AT_MOST = 5_000
"""Requests drawn one by one for a quantile; more change its noise below what a bound sees."""


def sampled(traffic: Traffic, question: Question, weight: int, total: int) -> Sample:
    """What a metrics server would have counted for the canary in the window."""
    window = _window(question)
    minutes = window / timedelta(minutes=1)
    count = round(traffic.rpm * weight / total * minutes)
    if count == 0:
        return Sample(cause=Cause.NAN, window=window)
    seed = f"{traffic.random_seed}/{question.round}/{question.check.name}"
    random_numbers = random.Random(seed)
    side = traffic.canary_at(weight)
    if question.check.builtin is Builtin.SUCCESS_RATE:
        failed = _failed(random_numbers, side.error_rate, count)
        return Sample(value=100.0 * (1 - failed / count), window=window)
    return Sample(value=_quantile(random_numbers, side, count, question), window=window)


def _failed(numbers: random.Random, rate: float, count: int) -> int:
    """How many of `count` requests fail; above `_DRAWN_AT_MOST` by the normal approximation."""
    if count <= _DRAWN_AT_MOST:
        return sum(numbers.random() < rate for _ in range(count))
    drawn = numbers.gauss(count * rate, math.sqrt(count * rate * (1 - rate)))
    return min(count, max(0, round(drawn)))


def _window(question: Question) -> timedelta:
    window = question.check.window
    if question.since is None or question.at is None:
        return window
    return min(window, question.at - question.since)


def _quantile(numbers: random.Random, side: Side, count: int, question: Question) -> float:
    mu = math.log(side.p50)
    sigma = max(0.0, math.log(side.p99 / side.p50)) / _Z99
    drawn = sorted(numbers.lognormvariate(mu, sigma) for _ in range(min(count, _DRAWN_AT_MOST)))
    return drawn[min(len(drawn) - 1, int(question.check.quantile * len(drawn)))]
