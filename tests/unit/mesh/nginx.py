"""What the tests of ingress-nginx write down often."""

from __future__ import annotations

from typing import Any

from tests.unit.mesh.plain import TARGET, by_name, canary, carried_out, texts

from progressive._mesh.nginx.codec import NginxCodec
from progressive._model.traffic import Match, Split, TextMatch

CODEC = NginxCodec()


def header(name: str = "x-user", **text: str) -> Match:
    return Match(headers={name: TextMatch(**text)})


def cookie(name: str = "beta", value: str = "always") -> Match:
    return Match(cookies={name: TextMatch(exact=value)})


def written(objects: Any, split: Split, target: Any = TARGET) -> dict[str, str]:
    """The annotations of the canary Ingress after a write."""
    return texts(by_name(carried_out(objects, CODEC.write(objects, target, split)), *CANARY))


def called(name: str) -> dict[str, Any]:
    """A canary Ingress of another name."""
    one = canary(weight="20")
    one["metadata"]["name"] = name
    return one


CANARY = ("Ingress", "web-canary")
