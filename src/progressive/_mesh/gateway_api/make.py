"""The HTTPRoute that a managed release starts with, as Flagger makes it.

Floor 3, pure. Asked by `codec.py`; the router adds the owner and creates it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from progressive._mesh.access import inner, mapping, sequence, text
from progressive._mesh.gateway_api.conditions import product
from progressive._mesh.gateway_api.kinds import HTTP_ROUTE
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Match, Side, Target, TextMatch
from progressive.errors import Unsupported

_PATHS = {"exact": "Exact", "prefix": "PathPrefix", "regex": "RegularExpression"}
_MATCHED = frozenset({"uri", "method", "headers", "queryParams", "name"})
"""Fields of a document's `spec.service.match` that have a counterpart; a name says nothing."""

_DURATION = re.compile(r"([0-9]{1,5}(h|m|s|ms)){1,4}")
"""Gateway API, GEP-2257: whole numbers with units."""


def http_route(target: Target, service: ServiceSpec) -> dict[str, Any]:
    """
    All traffic to the primary, the canary beside it with weight 0.

    Without `gatewayRefs` its parent is the apex Service: a route of the mesh only.

    Raises:
        Unsupported: The service speaks plain TCP, or its document says what no HTTPRoute can.
    """
    if (service.app_protocol or "").lower() == "tcp":
        raise Unsupported(
            f"{target}: a route for plain TCP is not made; make the TCPRoute yourself"
        )
    routing = service.routing
    rule: dict[str, Any] = {"matches": _matches(routing.get("match"), target)}
    if filters := _filters(routing):
        rule["filters"] = filters
    rule["backendRefs"] = [
        _backend(target, service, Side.PRIMARY, 100),
        _backend(target, service, Side.CANARY, 0),
    ]
    if timeouts := _timeouts(routing, target):
        rule["timeouts"] = timeouts
    apex = service.metadata.get("apex") or {}
    labels = {**apex.get("labels", {}), "app.kubernetes.io/managed-by": "progressive"}
    metadata: dict[str, Any] = {
        "name": target.service,
        "namespace": target.namespace,
        "labels": labels,
    }
    if apex.get("annotations"):
        metadata["annotations"] = dict(apex["annotations"])
    parents = [deepcopy(dict(one)) for one in routing.get("gatewayRefs") or ()]
    mesh = {"group": "", "kind": "Service", "name": target.service, "port": service.port}
    spec: dict[str, Any] = {"parentRefs": parents or [mesh]}
    if service.hosts:
        spec["hostnames"] = list(service.hosts)
    return {
        "apiVersion": f"{HTTP_ROUTE.group}/{HTTP_ROUTE.versions[0]}",
        "kind": HTTP_ROUTE.kind,
        "metadata": metadata,
        "spec": {**spec, "rules": [rule]},
    }


def _backend(target: Target, service: ServiceSpec, side: Side, weight: int) -> dict[str, Any]:
    port = target.port or service.port
    named = {"group": "", "kind": "Service", "name": target.on(side), "port": port}
    return {**named, "weight": weight}


def _matches(given: object, target: Target) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for index, one in enumerate(sequence(given)):
        match = mapping(one)
        unknown = sorted(set(match) - _MATCHED)
        if unknown:
            raise Unsupported(
                f"{target}: no HTTPRoute can match {', '.join(unknown)} (spec.service.match"
                f"[{index}]); leave it out, or make the route yourself"
            )
        base: dict[str, Any] = {}
        place = f"spec.service.match[{index}]"
        if match.get("uri"):
            key, value = _one(match["uri"], f"{place}.uri", target)
            base["path"] = {"type": _PATHS[key], "value": value}
        if match.get("method"):
            key, base["method"] = _one(match["method"], f"{place}.method", target)
            if key != "exact":
                raise Unsupported(f"{target}: an HTTPRoute matches exact methods only ({place})")
        wanted = Match(
            headers=_texts(match.get("headers"), f"{place}.headers", target),
            query=_texts(match.get("queryParams"), f"{place}.queryParams", target),
        )
        made += product([base], [wanted], query=True)
    return made or [{"path": {"type": "PathPrefix", "value": "/"}}]


def _one(given: object, place: str, target: Target) -> tuple[str, str]:
    """The one condition that a text must meet, and its value."""
    said = {key: text(value) for key, value in mapping(given).items() if value}
    if len(said) != 1:
        words = "none" if not said else " and ".join(said)
        raise Unsupported(
            f"{target}: {place} needs one of exact, prefix and regex, and has {words}"
        )
    return next(iter(said.items()))


def _texts(given: object, place: str, target: Target) -> dict[str, TextMatch]:
    return {
        name: TextMatch(**dict([_one(one, f"{place}.{name}", target)]))
        for name, one in mapping(given).items()
    }


def _filters(routing: Mapping[str, Any]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for way, kind in (
        ("request", "RequestHeaderModifier"),
        ("response", "ResponseHeaderModifier"),
    ):
        if changes := mapping(inner(routing, "headers", way)):
            key = kind[0].lower() + kind[1:]
            made.append({"type": kind, key: _header_changes(changes)})
    if rewrite := mapping(routing.get("rewrite")):
        made.append({"type": "URLRewrite", "urlRewrite": _rewrite(rewrite)})
    for one in sequence(routing.get("mirror")):
        made.append({"type": "RequestMirror", "requestMirror": deepcopy(dict(mapping(one)))})
    return made


def _header_changes(given: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        key: [
            {"name": name, "value": value} for name, value in sorted(mapping(given[key]).items())
        ]
        for key in ("set", "add")
        if given.get(key)
    }
    if given.get("remove"):
        made["remove"] = list(given["remove"])
    return made


def _rewrite(given: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if given.get("authority"):
        made["hostname"] = given["authority"]
    if given.get("uri"):
        kind = given.get("type") or "ReplacePrefixMatch"
        key = "replaceFullPath" if kind == "ReplaceFullPath" else "replacePrefixMatch"
        made["path"] = {"type": kind, key: given["uri"]}
    return made


def _timeouts(routing: Mapping[str, Any], target: Target) -> dict[str, str]:
    made: dict[str, str] = {}
    for field, key in (("timeout", "request"), ("backendTimeout", "backendRequest")):
        value = text(routing.get(field))
        if not value:
            continue
        if _DURATION.fullmatch(value) is None:
            raise Unsupported(
                f"{target}: an HTTPRoute takes no {field} of {value}; write whole numbers with "
                "units, such as 1m30s"
            )
        made[key] = value
    return made
