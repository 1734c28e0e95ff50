"""Decides which requests are sent again, and when.

Floor 4. The machine above repeats whole actions; so this gives up soon. A write is sent again
only where a second arrival cannot do harm: the server said that it did not take the first, or
no connection was made, or the write names the version that it changes.
Source: the Kubernetes manual, "API Priority and Fairness", on 429 and Retry-After.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from attrs import frozen

from progressive._adapters.cluster.answers import NOT_SENT, NOT_TRUSTED
from progressive._log import log
from progressive.errors import ClusterError, ErrorKind

Answer = TypeVar("Answer")


@frozen(kw_only=True)
class Policy:
    """
    How patient requests are.

    Attributes:
        attempts: How often one request is sent, 1 or more.
        seconds: No attempt starts later than this after the first.
        connect: Longest wait for a connection, in seconds.
        read: Longest wait for the answer to a read, in seconds.
        write: The same of a write; admission webhooks may take ten of it.
        sleep: Waits; for tests.
    """

    attempts: int = 4
    seconds: float = 8.0
    connect: float = 5.0
    read: float = 10.0
    write: float = 15.0
    sleep: Callable[[float], None] = time.sleep


URGENT = Policy(attempts=1, seconds=0.0, connect=1.0, read=1.5, write=1.5)
"""For the way home, which waits for nothing."""


def persistently(send: Callable[[], Answer], *, policy: Policy, safe: bool, what: str) -> Answer:
    """
    Call `send` until it succeeds, within `policy`.

    Args:
        safe: A second arrival of the same request does no harm.
        what: The request in words, for the log.

    Raises:
        ClusterError: The last refusal.
    """
    if policy.attempts <= 1:
        return send()
    from tenacity import (  # fmt: skip
        RetryCallState,
        Retrying,
        retry_if_exception,
        stop_after_attempt,
        stop_before_delay,
        wait_random_exponential,
    )

    jitter = wait_random_exponential(multiplier=0.25, max=2.0)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        told = error.retry_after if isinstance(error, ClusterError) else None
        return told if told is not None else jitter(state)

    def note(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        pause = state.next_action.sleep if state.next_action else 0.0
        log.debug("%s: %s; again in %.1f s", what, error, pause)

    return Retrying(
        stop=stop_after_attempt(policy.attempts) | stop_before_delay(policy.seconds),
        wait=wait,
        retry=retry_if_exception(lambda error: worth_repeating(error, safe=safe)),
        before_sleep=note,
        sleep=policy.sleep,
        reraise=True,
    )(send)


def worth_repeating(error: BaseException, *, safe: bool) -> bool:
    """
    Whether the same request should be sent again.

    Args:
        safe: A second arrival does no harm; else only what was surely not carried out is repeated.
    """
    if not isinstance(error, ClusterError) or error.kind is not ErrorKind.UNAVAILABLE:
        return False
    if error.reason == NOT_TRUSTED:
        return False
    if error.status == 0:
        return error.reason == NOT_SENT or (safe and error.reason != "CredentialPlugin")
    return safe or error.status == 429
