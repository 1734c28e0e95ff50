"""Reads what the API server, or the network on the way to it, answered.

Floor 4. Everything that can go wrong becomes a `ClusterError` here, with the server's words
where there are any, and a kind that the machine can decide by.
Used by `link.py` and `watch.py`; says nothing about repetitions, that is `retry.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from progressive._adapters.causes import innermost
from progressive._redaction import redacted
from progressive.errors import ClusterError, ErrorKind

NOT_SENT = "NotSent"
"""Reason: no connection was made, so the server has seen nothing."""

ANSWER_LOST = "AnswerLost"
"""Reason: the request went out and no answer came back; it may have taken effect."""

NOT_TRUSTED = "CertificateNotTrusted"
"""Reason: one side does not trust the other's certificate; no repetition helps."""

_LONGEST_PAGE = 20_000
"""Bytes of an answer that is no Status: so many are looked through for secrets."""

_LONGEST_WAIT = 60.0
"""A Retry-After beyond this is cut, in seconds: the run has deadlines of its own."""


def refusal(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    request: str,
    tested: bool = False,
    known: Iterable[str] = (),
    reads: bool = False,
) -> ClusterError:
    """
    The error of an answer that is not 2xx.

    Args:
        request: In words, such as ``GET /api/v1/…``; told where the server says little.
        tested: The request was a JSON patch with ``test`` operations.
        known: Secrets that were sent or read, in case the server, a policy or a webhook quotes
            them.
        reads: It changes nothing, so it conflicts with nothing: such an answer means nothing.
    """
    known = tuple(known)
    told = _status_object(body)
    reason = str(told.get("reason") or "")
    message = str(told.get("message") or "")
    if not message:
        # an answer of something between: a proxy, a load balancer
        words = " ".join(body[:_LONGEST_PAGE].decode("utf-8", "replace").split())
        words = redacted(words, known)[:300]
        message = f"{request} was answered {status}" + (f": {words}" if words else "")
    elif status == 404 and "the server could not find" in message:
        message = f"{message} ({request})"
    elif status == 401:
        message = (
            f"the API server does not accept the credentials: {message}; "
            "get fresh ones, as for kubectl"
        )
    # the server quotes the whole object, and an object may hold secrets
    message = re.sub(r'Invalid value: "\{.*\}"', "Invalid value", message, flags=re.DOTALL)
    message = redacted(message, known)
    kind = ErrorKind.UNAVAILABLE if reads and status == 409 else _kind(status)
    if _denied(message) and kind is not ErrorKind.UNAVAILABLE:
        # with any status: neither a right is missing then, nor was there another writer
        return ClusterError(message, ErrorKind.INVALID, None, status, reason)
    causes = [c for c in (told.get("details") or {}).get("causes") or [] if isinstance(c, dict)]
    if status == 422 and tested and _patch_did_not_fit(reason, message, causes):
        words = "; ".join(str(c.get("message")) for c in causes if c.get("message"))
        words = redacted(words, known)
        message = f"{request}: the patch does not fit any more" + (f": {words}" if words else "")
        return ClusterError(message, ErrorKind.CONFLICT, None, status, reason)
    return ClusterError(message, kind, _wait(headers, told), status, reason)


def _kind(status: int) -> ErrorKind:
    if status in (401, 403):
        return ErrorKind.FORBIDDEN
    if status == 404:
        return ErrorKind.NOT_FOUND
    if status == 409:
        return ErrorKind.CONFLICT
    if status in (408, 410, 429) or status >= 500:
        return ErrorKind.UNAVAILABLE
    return ErrorKind.INVALID


def _denied(message: str) -> bool:
    """
    Whether admission said no: a webhook, or a policy of the API server.

    Source: ``admission webhook "x" denied the request: …`` (k8s.io/apiserver,
    `pkg/admission/plugin/webhook/errors`), ``ValidatingAdmissionPolicy 'x' with binding 'y'
    denied request: …`` (`pkg/admission/plugin/policy/validating`).
    """
    return "denied the request" in message or "denied request: " in message


def _patch_did_not_fit(reason: str, message: str, causes: list[dict[str, Any]]) -> bool:
    # An object that breaks its schema is named with its kind ("VirtualService… "web" is
    # invalid: …") and has causes with fields. A patch that could not be applied is answered
    # by NewGenericServerResponse (k8s.io/apimachinery pkg/api/errors): no field, and either
    # its stock phrase or the words of the patch library.
    if any(cause.get("field") for cause in causes):
        return False
    return (
        "the server rejected our request due to an error in our request" in message
        or "testing value" in message
        or "test failed" in message
    )


def _status_object(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) and told.get("kind") == "Status" else {}


def _wait(headers: Mapping[str, str], told: Mapping[str, Any]) -> float | None:
    for text in (headers.get("Retry-After"), (told.get("details") or {}).get("retryAfterSeconds")):
        try:
            seconds = float(text)  # type: ignore[arg-type]  # None and dates are caught
        except (TypeError, ValueError):
            continue
        if seconds > 0:
            return min(seconds, _LONGEST_WAIT)
    return None


def cut_off(server: str) -> ClusterError:
    """The error of an answer that said nothing; the API server always says something."""
    return _unavailable(f"the answer of {server} was cut off", ANSWER_LOST)


def unanswered(error: Exception, *, server: str) -> ClusterError:
    """
    The error of a request that got no answer.

    Args:
        error: What urllib3 or the operating system raised.
        server: Root address, to be named.
    """
    from urllib3 import exceptions as http

    words = innermost(error)
    if isinstance(error, http.ProxyError):
        return _unavailable(f"the proxy on the way to {server} failed: {words}", NOT_SENT)
    if isinstance(error, http.SSLError) or "CERTIFICATE" in words.upper():
        if _about_certificates(words):
            return _unavailable(
                f"the certificate of {server} is not trusted ({words}); look at the "
                "certificate-authority of the kubeconfig, and at the address",
                NOT_TRUSTED,
            )
        return _unavailable(f"the TLS connection to {server} broke: {words}", ANSWER_LOST)
    if isinstance(error, http.NameResolutionError):
        return _unavailable(f"the name in {server} cannot be resolved: {words}", NOT_SENT)
    if isinstance(error, http.NewConnectionError | http.ConnectTimeoutError):
        return _unavailable(f"{server} cannot be reached: {words}", NOT_SENT)
    if isinstance(error, http.ReadTimeoutError | TimeoutError):
        return _unavailable(f"{server} gave no answer in time", ANSWER_LOST)
    if isinstance(error, http.LocationValueError):
        return ClusterError(f"{server} is no address: {words}", ErrorKind.INVALID, None, 0, "")
    return _unavailable(f"the connection to {server} broke: {words}", ANSWER_LOST)


def _about_certificates(words: str) -> bool:
    low = words.lower()
    return "certificate" in low or "hostname" in low or "unknown ca" in low


def _unavailable(words: str, reason: str) -> ClusterError:
    return ClusterError(words, ErrorKind.UNAVAILABLE, None, 0, reason)
