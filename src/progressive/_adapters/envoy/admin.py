"""Asks Envoy's admin page, over TCP or a Unix socket.

Floor 4. Only GET, each bounded in time and size; what goes wrong becomes the error class that
the caller works with, for the router and the metrics provider both ask here.
"""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any
from urllib.parse import quote, urlsplit

from progressive.errors import AdapterError, ErrorKind, SpecError

_LARGEST = 64 * 1024 * 1024


class Admin:
    """
    The admin page of one Envoy.

    Args:
        url: Such as ``http://127.0.0.1:9901`` or ``unix:///run/envoy/admin.sock``.
        timeout: Seconds for connecting, and for each read.
        error: What a failure is raised as.

    Raises:
        SpecError: The address is neither of these two forms.
    """

    def __init__(self, url: str, *, timeout: float, error: type[AdapterError]) -> None:
        parts = urlsplit(url)
        self._socket = parts.path if parts.scheme == "unix" else ""
        usable = parts.scheme == "http" and parts.hostname and not parts.username
        if not self._socket and not usable:
            raise SpecError("admin", "http://HOST:PORT or unix:///PATH is wanted")
        self._host, self._port = parts.hostname or "localhost", parts.port or 80
        self._url, self._timeout, self._error = url, timeout, error

    def __repr__(self) -> str:
        return f"Admin({self._url!r})"

    def json(self, path: str, **query: str) -> dict[str, Any]:
        """
        The decoded answer to one question.

        Raises:
            AdapterError: (the caller's class) No answer, a refusal, or no JSON object.
        """
        asked = "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
        body = self._get(f"{path}?{asked}" if asked else path)
        try:
            answer = json.loads(body)
            if isinstance(answer, dict):
                return answer
            cause = None
        except ValueError as error:
            cause = error
        told = body[:80].decode(errors="replace")
        message = f"{self._url}{path} answered {told!r}: is it Envoy's admin page?"
        raise self._error(message, ErrorKind.INVALID) from cause

    def _get(self, path: str) -> bytes:
        connection = self._connection()
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read(_LARGEST)
        except (OSError, http.client.HTTPException) as error:
            words = str(error) or type(error).__name__
            raise self._error(
                f"Envoy's admin page at {self._url} does not answer: {words}"
            ) from error
        finally:
            connection.close()
        if answer.status != 200:
            told = body[:200].decode(errors="replace").strip()
            kind = ErrorKind.UNAVAILABLE if answer.status >= 500 else ErrorKind.INVALID
            raise self._error(
                f"Envoy's admin page at {self._url} answered {answer.status}: {told}", kind
            )
        return body

    def _connection(self) -> http.client.HTTPConnection:
        if self._socket:
            return _UnixConnection(self._socket, timeout=self._timeout)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, *, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
