"""Talks to the API server the plain way, so that the tests do not lean on what they test."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
import yaml
from tests.realparts.process import wait_for

Document = dict[str, Any]

PATCHES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


class ApiError(Exception):
    """The API server's refusal."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(status, reason, message)
        self.status = status
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return f"{self.status} {self.reason}: {self.message}"


class Api:
    """
    One user's connection.

    Attributes:
        server: Root address.
        session: Bears the user's token; for what the methods here do not cover.
    """

    def __init__(self, server: str, *, token: str, authority: Path) -> None:
        self.server = server
        self.session = requests.Session()
        self.session.trust_env = False  # a bundle named in the environment would win
        self.session.verify = str(authority)
        self.session.headers["Authorization"] = f"Bearer {token}"
        self._plurals: dict[str, dict[str, tuple[str, bool]]] = {}

    def call(
        self, method: str, path: str, body: object = None, *, kind: str = "", **query: str
    ) -> requests.Response:
        """One request as it is, whatever the answer; `kind` is a patch's (see `PATCHES`)."""
        return self.session.request(
            method,
            self.server + path,
            params=query,
            data=None if body is None else json.dumps(body),
            headers={"Content-Type": PATCHES.get(kind, "application/json")},
            timeout=30,
        )

    def json(
        self, method: str, path: str, body: object = None, *, kind: str = "", **query: str
    ) -> Document:
        """One request that must be answered well; its answer."""
        answer = self.call(method, path, body, kind=kind, **query)
        if answer.status_code >= 400:
            raise _refusal(answer)
        told: Document = answer.json()
        return told

    def get(self, path: str, **query: str) -> Document:
        return self.json("GET", path, **query)

    def post(self, path: str, body: object, **query: str) -> Document:
        return self.json("POST", path, body, **query)

    def put(self, path: str, body: object, **query: str) -> Document:
        return self.json("PUT", path, body, **query)

    def patch(self, path: str, body: object, *, kind: str = "merge", **query: str) -> Document:
        return self.json("PATCH", path, body, kind=kind, **query)

    def delete(self, path: str, **query: str) -> Document:
        return self.json("DELETE", path, **query)

    def path(self, api_version: str, kind: str, namespace: str = "", name: str = "") -> str:
        """Where objects of a kind live, asked from the server once and remembered."""
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        if kind not in self._plurals.get(root, {}):
            self._plurals[root] = {
                one["kind"]: (one["name"], one["namespaced"])
                for one in self.get(root)["resources"]
                if "/" not in one["name"]
            }
        plural, namespaced = self._plurals[root][kind]
        place = f"/namespaces/{namespace or 'default'}" if namespaced else ""
        return f"{root}{place}/{plural}" + (f"/{quote(name)}" if name else "")

    def path_of(self, document: Document, *, named: bool = True) -> str:
        """Where this object lives, or with `named=False` where it is created."""
        meta = document["metadata"]
        return self.path(
            document["apiVersion"],
            document["kind"],
            meta.get("namespace", ""),
            meta["name"] if named else "",
        )

    def create(self, document: Document) -> Document:
        return self.post(self.path_of(document, named=False), document)

    def read(self, api_version: str, kind: str, namespace: str, name: str) -> Document:
        return self.get(self.path(api_version, kind, namespace, name))

    def apply(self, document: Document, *, manager: str = "tests", force: bool = True) -> Document:
        """Server-side apply with strict validation; an unknown field is refused."""
        return self.patch(
            self.path_of(document),
            document,
            kind="apply",
            fieldManager=manager,
            force=str(force).lower(),
            fieldValidation="Strict",
        )

    def apply_all(self, documents: Iterable[Document], *, manager: str = "tests") -> None:
        for document in documents:
            self.apply(document, manager=manager)

    def wait(
        self, path: str, good: Callable[[Document], object], what: str, *, seconds: float = 90.0
    ) -> Document:
        """Reads until the object is as wanted; an object that is not there yet is not."""

        def probe() -> Document | None:
            try:
                found = self.get(path)
            except ApiError as error:
                if error.status != 404:
                    raise
                return None
            return found if good(found) else None

        found = wait_for(probe, what, seconds=seconds)
        assert found is not None
        return found

    def wait_gone(self, path: str, *, seconds: float = 90.0) -> None:
        wait_for(
            lambda: self.call("GET", path).status_code == 404, f"{path} gone", seconds=seconds
        )

    def close(self) -> None:
        self.session.close()


def documents(text: str) -> list[Document]:
    """The objects of a YAML stream, without its empty documents."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # Istio's CRDs are 900 KB
    return [one for one in yaml.load_all(text, Loader=loader) if one]


def _refusal(answer: requests.Response) -> ApiError:
    try:
        told = answer.json()
        return ApiError(answer.status_code, told.get("reason", ""), told.get("message", ""))
    except (ValueError, AttributeError):
        return ApiError(answer.status_code, answer.reason, answer.text[:500])


def stamp() -> str:
    """An instant as the API server writes it, for leases and the like."""
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1e6):06d}Z"
