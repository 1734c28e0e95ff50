"""Stands between a driver and a server, and lets one request of the driver meet a fault.

An HTTP/1.1 proxy on the loopback: TLS on both sides for an API server, plain for Prometheus.
It numbers what is asked, hands each request to the fault that is meant for it (`faults.py`),
passes everything else on, watches line by line, and remembers what the server really said, so
that a test can tell what was written from what the driver was told.
"""

from __future__ import annotations

import http.client
import json
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.realparts.asked import Asked, read

_OWN_HEADERS = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})
_NEVER_S = 300.0
"""A hang without an end is given up after this, should the driver never hang up."""


@dataclass
class Answer:
    """What goes back to the driver."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class DriverGone(Exception):
    """The driver's connection is over; nothing more can be said to it."""


Fault = Callable[["Exchange"], None]
"""Carries one exchange out, in its own way."""

Choose = Callable[[Asked], "tuple[str, Fault] | None"]
"""The fault for a request and its name; None: it is passed on."""


class Exchange:
    """
    One request on its way, and everything that can be done with it.

    Attributes:
        asked: The request.
    """

    def __init__(self, handler: _Handler, asked: Asked) -> None:
        self._handler, self.asked = handler, asked

    @property
    def is_watch(self) -> bool:
        """Whether the answer is a stream of events."""
        return self.asked.verb == "watch"

    def forward(self) -> Answer:
        """Let the server carry it out, and read its whole answer; not for watches."""
        return self._handler.forward(self.asked)

    def give(self, answer: Answer) -> None:
        """Send an answer, whole."""
        self._handler.send(answer)

    def give_part(self, answer: Answer, *, of_head: bool = False) -> None:
        """Send half of an answer, or of its head, and cut."""
        self._handler.send(answer, of_head=of_head, of_body=not of_head)
        self.cut()

    def pass_on(self) -> None:
        """As if nobody stood between: the answer, or the stream event by event."""
        if self.is_watch:
            self.stream()
        else:
            self.give(self.forward())

    def stream(self, *, events: int | None = None, then: bytes = b"", whole: bool = True) -> None:
        """
        Pass a watch on.

        Args:
            events: Only so many events, 0 or more; None: until either side ends it.
            then: Sent after them as a last piece.
            whole: The stream ends as it should; else the connection is cut.
        """
        self._handler.relay(self.asked, events=events, then=then, whole=whole)

    def begin_stream(self) -> None:
        """Send the head of a watch's answer."""
        self._handler.begin_stream(Answer(200, [("Content-Type", "application/json")], b""))

    def hang(self, seconds: float = _NEVER_S) -> None:
        """Say nothing for so long, or until the driver hangs up; then cut."""
        self._handler.linger(seconds)
        self.cut()

    def wait(self, seconds: float) -> None:
        """Say nothing for so long, and go on."""
        if self._handler.linger(seconds):
            raise DriverGone

    def cut(self) -> None:
        """Break the connection as a lost machine does, with a reset."""
        self._handler.reset()
        raise DriverGone


class Proxy:
    """
    The running proxy.

    Args:
        server: Root address of what is behind it.
        authority: Certificate of that server, trusted; its key beside it (``.key``) makes this
            proxy look like it, so that one kubeconfig's trust fits both. None: plain HTTP.

    Attributes:
        url: Root address for the driver.
        choose: Which request meets which fault; replaced by `begin`.
        heard: Called with each request once the server has answered it, before the driver knows.
    """

    def __init__(self, server: str, *, authority: Path | None = None) -> None:
        self._upstream = urlsplit(server)
        self._trust: ssl.SSLContext | None = None
        served: ssl.SSLContext | None = None
        if authority is not None:
            self._trust = ssl.create_default_context(cafile=str(authority))
            served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            served.load_cert_chain(authority, authority.with_suffix(".key"))
        self._listener = _Listener(self, served)
        scheme = "http" if served is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._listener.server_port}"
        self.choose: Choose = _nothing
        self.heard: Callable[[Asked], None] = _ignored
        self._turn = threading.Lock()
        self._asked: list[Asked] = []
        self._streams: set[socket.socket] = set()
        self._listens = threading.Thread(
            target=self._listener.serve_forever, args=(0.2,), daemon=True
        )

    def start(self) -> None:
        """Listens when this returns."""
        self._listens.start()

    def stop(self) -> None:
        """No more connections; those that are open end."""
        self._listener.shutdown()
        self._listener.server_close()
        self.end()

    def begin(self, choose: Choose | None = None) -> list[Asked]:
        """A new run: numbers begin at 1 again; returns the record, which grows."""
        self.end()
        with self._turn:
            self._asked = []
            self.choose = choose or _nothing
            return self._asked

    def end(self) -> None:
        """No more faults; streams that nobody reads any more end."""
        with self._turn:
            self.choose = _nothing
            streams = list(self._streams)
        for one in streams:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def connect(self) -> http.client.HTTPConnection:
        """A fresh connection to the server behind."""
        host, port = self._upstream.hostname or "", self._upstream.port
        if self._trust is None:
            return http.client.HTTPConnection(host, port, timeout=60)
        return http.client.HTTPSConnection(host, port, timeout=60, context=self._trust)

    def met(self, method: str, path: str, body: bytes) -> tuple[Asked, Fault | None]:
        """Number a request, and see which fault is meant for it."""
        with self._turn:
            asked = read(method, path, number=len(self._asked) + 1, body=body)
            self._asked.append(asked)
            found = self.choose(asked)
            if found is None:
                return asked, None
            asked.fault, fault = found
            return asked, fault

    def follows(self, stream: socket.socket) -> None:
        """Remember a stream, so that `end` ends it."""
        with self._turn:
            self._streams.add(stream)

    def forgets(self, stream: socket.socket) -> None:
        """It is over."""
        with self._turn:
            self._streams.discard(stream)


def _nothing(asked: Asked) -> None:
    return None


def _ignored(asked: Asked) -> None:
    return None


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, proxy: Proxy, served: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy, self._served = proxy, served

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._served is not None:
            # the handshake is the handler's, for it must not hold up other connections
            connection = self._served.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that break are what this proxy is for."""


class _Handler(BaseHTTPRequestHandler):
    """One connection of the driver, with one of its own to the server."""

    protocol_version = "HTTP/1.1"
    server: _Listener
    _behind: http.client.HTTPConnection | None = None

    def log_message(self, format: str, *args: object) -> None:
        """The record says it all."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked, fault = self.server.proxy.met(self.command, self.path, body)
        exchange = Exchange(self, asked)
        try:
            exchange.pass_on() if fault is None else fault(exchange)
        except (DriverGone, OSError, http.client.HTTPException):
            self.reset()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()
        if self._behind is not None:
            self._behind.close()

    # to the server

    def forward(self, asked: Asked) -> Answer:
        """Send the request on, and read the answer."""
        told = self._ask(asked)
        body = told.read()
        with suppress(ValueError):
            asked.answer = json.loads(body)
        asked.status = told.status
        self.server.proxy.heard(asked)
        return Answer(told.status, told.getheaders(), body)

    def _ask(self, asked: Asked) -> http.client.HTTPResponse:
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _OWN_HEADERS}
        headers["Accept-Encoding"] = "identity"
        asked.forwarded = True
        if self._behind is None:
            self._behind = self.server.proxy.connect()
        try:
            self._behind.request(asked.method, asked.path, asked.body or None, headers)
            return self._behind.getresponse()
        except (http.client.HTTPException, OSError):
            # kept alive for too long, or gone: the driver shall see the same
            self._behind.close()
            self._behind = None
            raise

    # to the driver

    def send(self, answer: Answer, *, of_head: bool = False, of_body: bool = False) -> None:
        """Send it, or the first half of its head or its body."""
        head = self._head(answer, [("Content-Length", str(len(answer.body)))])
        if of_head:
            self._write(head[: len(head) // 2])
        elif of_body:
            self._write(head + answer.body[: max(1, len(answer.body) // 2)])
        else:
            self._write(head + answer.body)

    def relay(self, asked: Asked, *, events: int | None, then: bytes, whole: bool) -> None:
        """Pass on the lines of a stream as they come."""
        told = self._ask(asked)
        asked.status = told.status
        if told.status != 200:
            self.send(Answer(told.status, told.getheaders(), told.read()))
            return
        behind = self._behind
        assert behind is not None and behind.sock is not None
        stream, self._behind = behind.sock, None  # half read, it cannot be used again
        self.server.proxy.follows(stream)
        try:
            self.begin_stream(Answer(told.status, told.getheaders(), b""))
            count = 0
            while (events is None or count < events) and (line := told.readline()):
                self._chunk(line)
                count += 1
            if then:
                self._chunk(then)
            if not whole:
                self.reset()
                raise DriverGone
            self._write(b"0\r\n\r\n")
        finally:
            self.server.proxy.forgets(stream)
            told.close()
            behind.close()

    def begin_stream(self, answer: Answer) -> None:
        """Send the head of an answer whose body comes in pieces."""
        self._write(self._head(answer, [("Transfer-Encoding", "chunked")]))

    def linger(self, seconds: float) -> bool:
        """Wait; whether the driver has hung up meanwhile."""
        # the driver says nothing while it waits: what can be read is its end
        ready, _, _ = select.select([self.connection], [], [], seconds)
        return bool(ready)

    def reset(self) -> None:
        """Break the connection."""
        self.close_connection = True
        with suppress(OSError):
            # no lingering: the other side gets a reset, as from a machine that is lost
            self.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
        with suppress(OSError, ValueError):
            # detached from TLS first, which would else say goodbye politely
            socket.socket(fileno=self.connection.detach()).close()

    def _head(self, answer: Answer, more: list[tuple[str, str]]) -> bytes:
        kept = [(k, v) for k, v in answer.headers if k.lower() not in _OWN_HEADERS]
        lines = [f"HTTP/1.1 {answer.status} {http.client.responses.get(answer.status, '-')}"]
        lines += [f"{key}: {value}" for key, value in (*kept, *more)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _chunk(self, piece: bytes) -> None:
        self._write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")

    def _write(self, piece: bytes) -> None:
        self.wfile.write(piece)
        self.wfile.flush()
