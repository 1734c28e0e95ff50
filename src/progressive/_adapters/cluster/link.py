"""One connection to one API server: requests go out, answers come back.

Floor 4. Knows credentials, addresses and time-outs; knows neither repetitions (`retry.py`) nor
what a request means (`client.py`). TLS, proxy and certificates are those of the `kubernetes`
package; bodies are plain JSON, for its typed models cost twice the memory and are not needed.
What a refusal quotes of our credentials, or of the secrets in objects, is taken out here.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from attrs import frozen

from progressive._adapters.cluster.answers import cut_off, refusal, unanswered
from progressive._adapters.cluster.environment import Environment
from progressive._adapters.cluster.recent import RecentObjects
from progressive._redaction import redacted
from progressive.errors import ClusterError, ErrorKind

if TYPE_CHECKING:
    from kubernetes.client import Configuration
    from urllib3 import BaseHTTPResponse, PoolManager

_USER_AGENT = "progressive"


@frozen(kw_only=True)
class Request:
    """
    One request.

    Attributes:
        method: Such as ``GET``.
        path: Path of the API.
        query: Parameters.
        body: Sent as JSON; None: nothing is sent.
        content: Content type of the body.
        connect: Longest wait for a connection, in seconds.
        read: Longest silence while an answer is awaited, in seconds.
        tested: It is a JSON patch with ``test`` operations.
    """

    method: str
    path: str
    query: dict[str, str] | None = None
    body: Any = None
    content: str = "application/json"
    connect: float = 5.0
    read: float = 10.0
    tested: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def spelled(body: Any) -> bytes:
    r"""
    JSON in the spelling of the API server.

    The ``test`` of a JSON patch compares texts as they are spelled, not what they mean: a value
    with ``&``, ``<``, ``>`` or a letter beyond ASCII passes in the server's own spelling alone.

    Source:
        Go, `encoding/json`, `HTMLEscape`; evanphx/json-patch, `lazyNode.equal`.

    >>> spelled({"match": "Host(`a`) && größe"}).decode()
    '{"match": "Host(`a`) \\u0026\\u0026 größe"}'
    """
    try:
        text = json.dumps(body, ensure_ascii=False).translate(_ESCAPED).encode()
    except UnicodeEncodeError:
        # half of a pair of surrogates, which no server keeps as it is
        text = json.dumps(body).encode()
    return text


_ESCAPED = {ord(one): f"\\u{ord(one):04x}" for one in "&<>\u2028\u2029"}


class _Session:
    """A configuration in use: its pool of connections and its present credentials."""

    def __init__(self, configuration: Configuration) -> None:
        from kubernetes.client.rest import RESTClientObject

        self.server = str(configuration.host).rstrip("/")
        self._configuration = configuration
        self._pool: PoolManager = RESTClientObject(configuration).pool_manager

    def send(self, request: Request) -> BaseHTTPResponse:
        from urllib3 import Timeout

        headers = {"Accept": "application/json", "User-Agent": _USER_AGENT}
        body = None
        if request.body is not None:
            body = spelled(request.body)
            headers["Content-Type"] = request.content
        settings: dict[str, Any] = dict(self._configuration.auth_settings())
        for one in settings.values():
            if one["value"]:
                headers["Authorization"] = str(one["value"])
        query = f"?{urlencode(request.query)}" if request.query else ""
        return self._pool.request(
            request.method,
            f"{self.server}{request.path}{query}",
            body=body,
            headers=headers,
            timeout=Timeout(connect=request.connect, read=request.read),
            retries=False,
            redirect=False,
            preload_content=False,
        )

    def secrets(self) -> Iterator[str]:
        """The present credentials, in the spellings that something between may echo."""
        # as they stand: auth_settings() would ask the credential plugin anew
        for one in (self._configuration.api_key or {}).values():
            yield str(one).partition(" ")[2] or str(one)
        if self._configuration.password:
            yield str(self._configuration.password)

    def close(self) -> None:
        self._pool.clear()


class Link:
    """
    A connection that renews its credentials once when they are refused.

    Raises:
        ClusterError: The configuration cannot be read.
    """

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self._renewing = threading.Lock()
        self._session = _Session(environment.configure())
        self._recent = RecentObjects()

    def __repr__(self) -> str:
        return f"<Link to {self.server}>"

    @property
    def server(self) -> str:
        """Root address of the API server, for people: without a user or a password."""
        return redacted(self._session.server)

    def ask(self, request: Request) -> dict[str, Any]:
        """
        Send a request and read the whole answer.

        Raises:
            ClusterError: No answer, or a refusal.
        """
        answer = self.open(request)
        try:
            body = answer.data
        except Exception as error:
            raise self._lost(error) from error
        finally:
            answer.release_conn()
        if not body:
            # a connection that broke in the head of the answer looks like this to http.client
            raise cut_off(redacted(self.server))
        told: Any = None
        with suppress(ValueError):  # not chained: the error of the parser holds the whole body
            told = json.loads(body)
        if not isinstance(told, dict) or "kind" not in told:
            # a login page or a gateway; what an API server says has a kind, discovery included
            words = f"{request} (no object of Kubernetes)"
            raise self._refusal(502, {}, body, request, words=words)
        self._recent.note(told)
        return told

    def open(self, request: Request) -> BaseHTTPResponse:
        """
        Send a request; the body of the answer is left to be read.

        Raises:
            ClusterError: No answer, or a refusal.
        """
        session = self._session
        answer = self._sent(session, request)
        if answer.status == 401:
            answer.drain_conn()
            answer.release_conn()
            answer = self._sent(self._renewed(session), request)
        if 200 <= answer.status < 300:
            return answer
        try:
            body = answer.data
        except Exception as error:
            raise self._lost(error) from error
        finally:
            answer.release_conn()
        raise self._refusal(answer.status, answer.headers, body, request, words=str(request))

    def close(self) -> None:
        """Drop all idle connections; a later request opens new ones."""
        self._session.close()

    def _refusal(
        self, status: int, headers: Mapping[str, str], body: bytes, request: Request, *, words: str
    ) -> ClusterError:
        known = (*self._session.secrets(), *self._recent.secrets(request.body))
        return refusal(
            status,
            headers,
            body,
            request=words,
            tested=request.tested,
            reads=request.method == "GET",
            known=known,
        )

    def _sent(self, session: _Session, request: Request) -> BaseHTTPResponse:
        from kubernetes.config import ConfigException
        from urllib3.exceptions import HTTPError

        try:
            return session.send(request)
        except (HTTPError, OSError, ConfigException) as error:
            raise unanswered(error, server=redacted(session.server)) from error
        except ValueError:
            pass
        # not in the block above: the error of http.client holds the header, and so the token
        words = "the token of the kubeconfig holds characters that no header may have"
        raise ClusterError(words, ErrorKind.INVALID, None, 0, "")

    def _lost(self, error: Exception) -> Exception:
        from urllib3.exceptions import HTTPError

        if isinstance(error, HTTPError | OSError):
            return unanswered(error, server=self.server)
        return error

    def _renewed(self, refused: _Session) -> _Session:
        with self._renewing:
            # several threads may be refused at once: the first one renews for all
            if self._session is refused:
                self._session = _Session(self.environment.configure())
                refused.close()
            return self._session
