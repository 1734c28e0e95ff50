"""Reads `spec.traffic` of the native kind, `Release` of `progressive.dev/v1`.

Floor 3, pure. Asked by `reading.py`. Only `traffic` is fixed; it says
where the sides are, which rules are steered, and what a routing command shall bring about.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from progressive._documents.findings import Findings, Rule
from progressive._documents.flagger.canary import Settings
from progressive._documents.objects import object_record
from progressive._documents.routers import refuse_impossible, router_named
from progressive._documents.shapes import (
    ABSENT,
    ANY_TEXT,
    COOKIE_NAME,
    LABEL,
    NAME,
    SERVICE_NAME,
    TEXT,
    ListOf,
    MapOf,
    Number,
    Record,
    Text,
    described,
)
from progressive._model.release import Traffic
from progressive._model.traffic import (
    Bounds,
    Match,
    RouteRef,
    Split,
    Sticky,
    Subsets,
    Target,
    TextMatch,
)
from progressive.errors import SpecError

PATH = "spec.traffic"


def _rule(value: object, path: str, findings: Findings) -> Any:
    """A rule's name, or its index from 0."""
    if isinstance(value, str):
        return TEXT(value, path, findings)
    if isinstance(value, bool) or not isinstance(value, int):
        words = f"{described(value)} where a rule's name or index belongs"
        findings.error(path, words)
        return ABSENT
    return Number(least=0)(value, path, findings)


_TEXT_MATCH = Record(
    {"exact": ANY_TEXT, "prefix": TEXT, "regex": TEXT}, exactly_one=("exact", "prefix", "regex")
)
_ONE_MATCH = Record(
    {"headers": MapOf(_TEXT_MATCH), "cookies": MapOf(_TEXT_MATCH), "query": MapOf(_TEXT_MATCH)}
)
_ROUTE = Record(
    {
        "apiVersion": TEXT,
        "kind": TEXT,
        "namespace": LABEL,
        "name": NAME,
        "rule": _rule,
        "protocol": Text(choices=("http", "tcp", "tls", "grpc")),
    },
    needs=("name",),
)
_TRAFFIC = Record(
    {
        "router": TEXT,
        "service": SERVICE_NAME,
        "primary": SERVICE_NAME,
        "canary": SERVICE_NAME,
        "port": Number(least=1, most=65535),
        "total": Number(least=1),
        "routes": ListOf(_ROUTE),
        "subsets": Record({"primary": TEXT, "canary": TEXT}, needs=("primary", "canary")),
        "match": ListOf(_ONE_MATCH, placed=True),
        "mirror": Number(least=0, most=100, fraction=True),
        "sticky": Record(
            {
                "cookie": COOKIE_NAME,
                "max_age": Number(least=1, most=315_360_000),
                "primary_cookie": COOKIE_NAME,
            },
            needs=("cookie",),
        ),
        "bounds": Record({"min": Number(least=0), "max": Number(least=0)}),
    },
    needs=("service", "primary", "canary"),
)
RELEASE = object_record(Record({"traffic": _TRAFFIC}, needs=("traffic",)))


def read_release(
    document: Mapping[str, Any], settings: Settings, findings: Findings
) -> Traffic | None:
    """The traffic of a Release; None where a fault was told."""
    clean = RELEASE(document, "", findings)
    traffic: Mapping[str, Any] = clean.get("spec", {}).get("traffic", {})
    router = _router(traffic, settings, findings)
    for index, one in traffic.get("match", {}).items():
        if not any(one.values()) and not findings.broken(f"{PATH}.match[{index}]"):
            words = "matches every request; name a header, a cookie or a query parameter"
            findings.error(f"{PATH}.match[{index}]", words, Rule.MISSING)
    meta = clean.get("metadata", {})
    if findings.failed or router is None:
        return None
    try:
        return Traffic(
            name=meta["name"],
            namespace=meta.get("namespace"),
            target=_target(traffic, meta.get("namespace") or settings.namespace),
            router=router,
            wanted=_wanted(traffic),
        )
    except SpecError as error:
        findings.error(f"{PATH}.{error.path}", error.problem, Rule.CONTRADICTION)
        return None


def _router(traffic: Mapping[str, Any], settings: Settings, findings: Findings) -> str | None:
    path = settings.router_at(f"{PATH}.router")
    written = settings.router or traffic.get("router")
    if written is None:
        findings.error(path, "is missing; name one, such as istio", Rule.MISSING)
        return None
    if not settings.homeward:
        asked = {key: f"{PATH}.{key}" for key in ("match", "mirror", "sticky") if traffic.get(key)}
        refuse_impossible(written, asked, findings)
    return router_named(written, path, findings, built=settings.routers)


def _target(traffic: Mapping[str, Any], namespace: str) -> Target:
    bounds = traffic.get("bounds")
    total = traffic.get("total", 100)
    return Target(
        namespace=namespace,
        service=traffic["service"],
        primary=traffic["primary"],
        canary=traffic["canary"],
        port=traffic.get("port"),
        routes=tuple(
            RouteRef(
                name=one["name"],
                kind=one.get("kind"),
                api_version=one.get("apiVersion"),
                namespace=one.get("namespace"),
                rule=one.get("rule"),
                protocol=one.get("protocol"),
            )
            for one in traffic.get("routes", ())
        ),
        subsets=None if "subsets" not in traffic else Subsets(**traffic["subsets"]),
        bounds=None if bounds is None else Bounds(**{"max": total, **bounds}),
    )


def _wanted(traffic: Mapping[str, Any]) -> Split:
    sticky = traffic.get("sticky")
    return Split(
        canary=0,
        total=traffic.get("total", 100),
        mirror=traffic.get("mirror") or None,
        match=tuple(_match(one) for one in traffic.get("match", {}).values()),
        sticky=None if sticky is None else _sticky(sticky),
    )


def _match(one: Mapping[str, Mapping[str, Mapping[str, str]]]) -> Match:
    return Match(
        **{
            part: {name: TextMatch(**texts) for name, texts in conditions.items()}
            for part, conditions in one.items()
        }
    )


def _sticky(sticky: Mapping[str, Any]) -> Sticky:
    given = dict(sticky)
    if "max_age" in given:
        given["max_age"] = timedelta(seconds=given["max_age"])
    return Sticky(**given)
