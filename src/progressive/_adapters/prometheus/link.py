"""Speaks to one Prometheus server, through prometheus-api-client.

Floor 4: touches the network. Everything that can go wrong becomes a `MetricsError` in words;
credentials go to the one origin that they were given for, never along a redirect, and never
into a text: not even where the server echoes them, nor by an error of requests, which holds the
request with its headers and is therefore never chained. `provider.py` decides what is asked.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from attrs import field, frozen

from progressive._adapters.causes import innermost
from progressive._redaction import redacted
from progressive.errors import ErrorKind, MetricsError, SpecError

if TYPE_CHECKING:
    import requests
    from prometheus_api_client import PrometheusConnect

_LONGEST_WORDS = 300
"""Of a server's answer that is no answer of Prometheus, in characters."""

_OPEN = frozenset({"x-scope-orgid", "thanos-tenant", "accept", "user-agent", "content-type"})
"""Headers whose value may be told: people look for the name of a tenant in a message about it."""

_LONGEST_PAGE = 20_000
"""Of such an answer, in characters: so much is looked through for secrets before it is cut."""


@frozen(kw_only=True)
class Credentials:
    """
    What a server wants to know about us.

    Attributes:
        token: Bearer token; kept out of every repr.
        token_file: Read anew for every request, for tokens are rotated.
        username, password, password_file: For basic authentication.
        headers: Further headers, such as ``X-Scope-OrgID``.
        client_cert: Certificate and key, one file or two.
    """

    token: str | None = field(default=None, repr=False)
    token_file: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    password_file: str | None = None
    headers: Mapping[str, str] = field(factory=dict, repr=False, hash=False)
    client_cert: str | tuple[str, str] | None = None

    def __attrs_post_init__(self) -> None:
        if (self.token or self.token_file) and self.username:
            raise SpecError("token", "a bearer token and a username are both given; one is sent")
        if self.token and any(one.isspace() for one in self.token):
            raise SpecError("token", "holds white space, so it is no token")

    def sign(self, request: requests.PreparedRequest) -> None:
        """
        Put the credentials into a request.

        Raises:
            MetricsError: A file cannot be read (kind ``forbidden``).
        """
        token = self.token or _content(self.token_file, "token")
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        elif self.username:
            from requests.auth import HTTPBasicAuth

            password = self.password or _content(self.password_file, "password") or ""
            HTTPBasicAuth(self.username, password)(request)

    def secrets(self) -> tuple[str, ...]:
        """What must not be in a text, in the spellings that a server may echo."""
        from requests import PreparedRequest

        headers = (one for name, one in self.headers.items() if name.lower() not in _OPEN)
        plain = [self.token, self.password, *headers]
        signed = PreparedRequest()
        signed.prepare(method="GET", url="http://sign.invalid")
        with suppress(MetricsError, UnicodeError):  # no file, or no header: then none was sent
            plain += [
                None if self.token_file is None else _content(self.token_file, "token"),
                None if self.password_file is None else _content(self.password_file, "password"),
            ]
            self.sign(signed)
        sent = str(signed.headers.get("Authorization", "")).partition(" ")[2]
        return tuple(one for one in (*plain, sent) if one)


@frozen(kw_only=True)
class Address:
    """
    A server, without credentials.

    Attributes:
        url: Such as ``https://prometheus.example.com/base``, without a slash at its end.
        username, password: Those that the address held, if any.
    """

    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> Address:
        """
        Read an address; user and password in it are taken out.

        Raises:
            SpecError: It is no http or https address.
        """
        try:
            parts = urlsplit(text.strip())
        except ValueError:
            raise _no_address("its host is none") from None
        if "@" in f"{parts.path}{parts.query}{parts.fragment}":
            # a part of the password would be taken for a port or a path, and be told
            raise _no_address("write / as %2F, ? as %3F and # as %23 in user and password")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise _no_address()
        host = parts.hostname if ":" not in parts.hostname else f"[{parts.hostname}]"
        try:
            port = f":{parts.port}" if parts.port is not None else ""
        except ValueError:
            raise _no_address("its port is none") from None
        url = urlunsplit((parts.scheme, f"{host}{port}", parts.path.rstrip("/"), "", ""))
        return cls(url=url, username=parts.username, password=parts.password)

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: where credentials may go."""
        parts = urlsplit(self.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return parts.scheme, parts.hostname or "", port

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this machine."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"


class PrometheusLink:
    """
    One server.

    Args:
        address: Where it is.
        credentials: What is sent to it; None: nothing.
        verify: Whether its certificate is checked, or a file of authorities.
        timeout: Of every request: for the connection, for the silence between two parts of
            the answer, and for the evaluation in the server.
    """

    def __init__(
        self,
        address: Address,
        *,
        credentials: Credentials | None,
        verify: bool | str,
        timeout: timedelta,
    ) -> None:
        self._address, self._credentials = address, credentials
        self._verify, self._seconds = verify, timeout.total_seconds()
        self._connected: PrometheusConnect | None = None

    def ask(self, query: str, at: datetime | None) -> Any:
        """
        The `result` of an instant query, undecoded.

        Raises:
            MetricsError: Kind ``unavailable``: no answer, 429 or 5xx. ``forbidden``: 401, 403.
                ``invalid``: the query or the address is refused.
        """
        import requests

        # Prometheus reads no fraction before a unit, nor an exponent
        params = {"timeout": f"{max(1, round(self._seconds * 1000))}ms"}
        if at is not None:
            params["time"] = f"{at.timestamp():.3f}"
        try:
            return self._connection().custom_query(query, params=params)
        except (requests.exceptions.RequestException, OSError, UnicodeError) as error:
            failed = self._failure(error)
        # not in the block above: there the error of requests would be its context
        raise failed

    def close(self) -> None:
        """Drop idle connections."""
        if self._connected is not None:
            self._connected._session.close()
            self._connected = None

    def _failure(self, error: Exception) -> MetricsError:
        from requests import exceptions

        url = self._address.url
        if isinstance(error, exceptions.Timeout):
            words = f"{url} gave no answer within {self._seconds:g} s"
            return MetricsError(words, ErrorKind.UNAVAILABLE)
        if isinstance(error, exceptions.InvalidHeader | UnicodeError):
            # the words of requests would hold the header itself
            words = "a header or credential holds characters that no header may have"
            return MetricsError(words, ErrorKind.INVALID)
        words = redacted(innermost(error), self._secrets())
        if isinstance(error, exceptions.SSLError):
            words = f"the certificate of {url} is not trusted: {words}"
            return MetricsError(words, ErrorKind.UNAVAILABLE)
        return MetricsError(f"{url} cannot be reached: {words}", ErrorKind.UNAVAILABLE)

    def _secrets(self) -> tuple[str, ...]:
        return () if self._credentials is None else self._credentials.secrets()

    def _connection(self) -> PrometheusConnect:
        if self._connected is None:
            import requests
            from prometheus_api_client import PrometheusConnect
            from urllib3.util.retry import Retry

            session = requests.Session()
            session.verify = self._verify
            # a proxy of the environment is on another machine: it cannot reach this one's ports
            session.trust_env = not self._address.is_loopback
            session.hooks["response"].append(self._checked)
            headers = {}
            if self._credentials is not None:
                session.cert = self._credentials.client_cert
                headers = dict(self._credentials.headers)
            self._connected = PrometheusConnect(
                url=self._address.url,
                headers=headers,
                session=session,
                auth=self._signed,
                # a connection is tried twice; nothing else is repeated here, for the round is
                retry=Retry(
                    connect=1,
                    read=False,
                    status=0,
                    other=0,
                    backoff_factor=0.1,
                    respect_retry_after_header=False,
                ),
                timeout=self._seconds,
            )
        return self._connected

    def _signed(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # given even without credentials: requests would else take some from ~/.netrc
        if self._credentials is not None:
            self._credentials.sign(request)
        return request

    def _checked(self, response: requests.Response, **_: Any) -> None:
        """Refuse an answer that is none, before prometheus-api-client reads it."""
        told: Any = None
        try:
            told = response.json()
        except ValueError:
            told = None
        told = told if isinstance(told, dict) else {}
        data = told.get("data")
        if response.status_code != 200 or not isinstance(data, dict) or "result" not in data:
            raise self._refusal(response, told)

    def _refusal(self, response: requests.Response, told: Mapping[str, Any]) -> MetricsError:
        status, url, secrets = response.status_code, self._address.url, self._secrets()
        # servers that help to debug, and proxies, echo the headers of the request
        words = redacted(str(told.get("error") or ""), secrets)
        if 300 <= status < 400:
            place = redacted(_redirected(url, response.headers.get("Location", "")), secrets)
            words = f"{url} sends elsewhere ({place}), which is not followed: give that address"
            return MetricsError(words, ErrorKind.INVALID)
        if status in (401, 403):
            sent = (
                ""
                if self._credentials
                else ("; none were sent, for they go to the origin of the metrics server alone")
            )
            return MetricsError(
                f"{url} refuses the credentials ({status} {words or response.reason}){sent}",
                ErrorKind.FORBIDDEN,
            )
        if status in (408, 429) or status >= 500:
            wait = _seconds(response.headers.get("Retry-After"))
            words = words or _shortened(redacted(response.text[:_LONGEST_PAGE], secrets))
            return MetricsError(f"{url} answered {status}: {words}", ErrorKind.UNAVAILABLE, wait)
        if words:
            return MetricsError(f"{url} refuses the query: {words}", ErrorKind.INVALID)
        kind = response.headers.get("Content-Type", "no content type")
        return MetricsError(
            f"{url} is no Prometheus: /api/v1/query answered {status} with {kind}; "
            "look at the address, and at its path",
            ErrorKind.INVALID,
        )


def _content(path: str | None, what: str) -> str | None:
    if path is None:
        return None
    text, words = "", ""
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or "it is not text in UTF-8"
    if words:  # not chained: the error of a decoder holds the whole file
        raise MetricsError(f"the {what} file {path}: {words}", ErrorKind.FORBIDDEN)
    if not text or "\n" in text:
        raise MetricsError(f"the {what} file {path} holds no {what}", ErrorKind.FORBIDDEN)
    return text


def _no_address(hint: str = "") -> SpecError:
    words = "is no address such as http://prometheus:9090"
    return SpecError("url", f"{words}: {hint}" if hint else words)


def _redirected(url: str, location: str) -> str:
    """Where a redirect leads, without what a query or a user name may hold."""
    try:
        parts = urlsplit(urljoin(url, location))
        return Address.parse(urlunsplit((*parts[:3], "", ""))).url
    except ValueError:
        return "another place"


def _seconds(text: str | None) -> float | None:
    try:
        return min(60.0, max(0.0, float(text))) if text else None
    except ValueError:
        return None


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _LONGEST_WORDS else f"{words[:_LONGEST_WORDS]}…"


def from_environment(environment: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """The `PROGRESSIVE_METRICS_…` variables that are set, without that prefix."""
    prefix = "PROGRESSIVE_METRICS_"
    found = os.environ if environment is None else environment
    return {key.removeprefix(prefix): found[key] for key in found if key.startswith(prefix)}
