"""An admission webhook that says what a test wants: the API server asks it before it stores.

One HTTPS server on the loopback, for validating and for mutating; only the writes of the user
`progressive` are shown to it. It serves with the certificate of the API server, which knows the
loopback by name.
"""

from __future__ import annotations

import base64
import json
import ssl
import threading
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.realparts.api import Document
from tests.realparts.control_plane import ControlPlane
from tests.realparts.process import wait_for

GROUP = "admissionregistration.k8s.io/v1"

Answer = Callable[[Document], Document]
"""From a request of the API server to what the answer holds beside its uid."""


def allowed(request: Document) -> Document:
    """The write may pass as it is."""
    return {"allowed": True}


def denied(code: int, message: str, **details: Any) -> Answer:
    """The write is refused with this status."""
    status: Document = {"code": code, "message": message}
    if details:
        status |= {"reason": "Invalid", "details": details}
    return lambda _: {"allowed": False, "status": status}


def kept_as_it_was(request: Document) -> Document:
    """Whatever is written, what stood there before is stored."""
    old = request["oldObject"] or {}
    new = request["object"] or {}
    patch = [
        {"op": "add", "path": f"/{key}", "value": old[key]}
        for key in new
        if key in old and key not in ("apiVersion", "kind", "metadata", "status")
    ]
    notes = (old.get("metadata") or {}).get("annotations") or {}
    patch.append({"op": "add", "path": "/metadata/annotations", "value": notes})
    text = base64.b64encode(json.dumps(patch).encode()).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": text}


class Webhook:
    """
    The running server, known to the API server while it runs.

    Attributes:
        validates, mutates: What is answered; replaced by a test, and put back by `calm`.
        asked: Requests so far.
    """

    def __init__(self, control_plane: ControlPlane) -> None:
        self._plane = control_plane
        self._name = f"tests-{uuid.uuid4().hex[:8]}"
        self.validates: Answer = allowed
        self.mutates: Answer = allowed
        self.asked: list[Document] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority = control_plane.authority
        context.load_cert_chain(authority, authority.with_suffix(".key"))
        self._server = _Listener(self)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.2,), daemon=True
        )

    def start(self) -> None:
        """The API server heeds it when this returns."""
        self._thread.start()
        for one in self._configurations():
            self._plane.api.create(one)
        probe = {"metadata": {"name": self._name, "namespace": "default"}}

        def heeded() -> bool:
            user = self._plane.user("progressive")
            user.post("/api/v1/namespaces/default/configmaps", probe, dryRun="All")
            return {"validate", "mutate"} <= {one["webhook"] for one in self.asked}

        wait_for(heeded, "the webhook heeded")

    def stop(self) -> None:
        """The API server forgets it first."""
        for one in self._configurations():
            self._plane.api.call("DELETE", self._plane.api.path_of(one))
        self._server.shutdown()
        self._server.server_close()

    def calm(self) -> None:
        """Everything may pass again, and nothing was asked."""
        self.validates = self.mutates = allowed
        self.asked = []

    def answer(self, path: str, review: Document) -> Document:
        """One review, answered."""
        about, request = path.strip("/"), review["request"]
        self.asked.append({"webhook": about, **request})
        told = (self.mutates if about == "mutate" else self.validates)(request)
        return {
            "apiVersion": review["apiVersion"],
            "kind": review["kind"],
            "response": {"uid": request["uid"], **told},
        }

    def _configurations(self) -> list[Document]:
        return [
            self._configuration("ValidatingWebhookConfiguration", "validate"),
            self._configuration("MutatingWebhookConfiguration", "mutate"),
        ]

    def _configuration(self, kind: str, path: str) -> Document:
        trust = base64.b64encode(self._plane.authority.read_bytes()).decode()
        rule = {
            "apiGroups": ["*"],
            "apiVersions": ["*"],
            "operations": ["CREATE", "UPDATE", "DELETE"],
            "resources": ["*"],
        }
        ours = {"name": "ours", "expression": "request.userInfo.username == 'progressive'"}
        hook = {
            "name": f"{path}.tests.example.com",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Ignore",
            "timeoutSeconds": 5,
            "matchConditions": [ours],
            "clientConfig": {
                "url": f"https://127.0.0.1:{self._server.server_port}/{path}",
                "caBundle": trust,
            },
            "rules": [rule],
        }
        return {
            "apiVersion": GROUP,
            "kind": kind,
            "metadata": {"name": self._name},
            "webhooks": [hook],
        }


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, webhook: Webhook) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.webhook = webhook

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection of the API server may end at any time."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener

    def log_message(self, format: str, *args: object) -> None:
        """`Webhook.asked` says it all."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        told = json.dumps(self.server.webhook.answer(path, json.loads(body))).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)
