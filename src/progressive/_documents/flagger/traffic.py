"""Reads what Flagger's Canary says of traffic alone, for a routing command.

Floor 3, pure. Asked by `reading.py`. The rest of the document (checks, hooks, weights to walk
through, autoscalers) is not looked at: a write of one split needs none of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from typing import Any

from progressive._documents.findings import Findings, Rule
from progressive._documents.flagger.canary import Settings, routes_of
from progressive._documents.flagger.fields import CANARY
from progressive._documents.routers import flaggers_router, refuse_impossible, router_named
from progressive._model.release import Traffic
from progressive._model.traffic import Match, Split, Sticky, Target, TextMatch
from progressive.errors import SpecError

_ANALYSIS = "spec.analysis"
_ELSEWHERE = (
    "spec.autoscalerRef",
    "spec.metricsServer",
    "spec.progressDeadlineSeconds",
    "spec.skipAnalysis",
    "spec.suspend",
    "spec.revertOnDeletion",
    *(
        f"{_ANALYSIS}.{key}"
        for key in (
            "alerts",
            "canaryReadyThreshold",
            "interval",
            "iterations",
            "maxWeight",
            "metrics",
            "primaryReadyThreshold",
            "stepWeight",
            "stepWeightPromotion",
            "stepWeights",
            "threshold",
            "webhooks",
        )
    ),
)
"""Fields that have no say in where traffic goes; what is wrong in them stops no routing."""

_ASKING = {"match": "match", "mirror": "mirror", "sticky": "sessionAffinity"}
"""What an analysis may ask of a mesh → its field."""

_ALWAYS = "always"
"""Value of a cookie that sends its user to the canary, as ingress-nginx has it."""

_DAY = 86400
"""Flagger's default of `sessionAffinity.maxAge`, in seconds."""

_COOKIE_DETAILS = (
    "domain",
    "path",
    "httpOnly",
    "secure",
    "partitioned",
    "sameSite",
)


def read_traffic(
    document: Mapping[str, Any], settings: Settings, findings: Findings
) -> Traffic | None:
    """The traffic of a Canary; None where a fault was told."""
    seen = Findings()
    clean = CANARY(document, "", seen)
    elsewhere = (*_ELSEWHERE, _ANALYSIS) if settings.homeward else _ELSEWHERE
    findings.adopt(one for one in seen.problems if not _is_in(one.path, elsewhere))
    spec: Mapping[str, Any] = clean.get("spec", {})
    meta: Mapping[str, Any] = clean.get("metadata", {})
    analysis: Mapping[str, Any] = spec.get("analysis", {})
    written = settings.router or flaggers_router(spec.get("provider"))
    path = settings.router_at("spec.provider")
    router = router_named(written, path, findings, built=settings.routers)
    match: tuple[Match, ...] = ()
    if not settings.homeward:
        asked = {what: f"{_ANALYSIS}.{key}" for what, key in _ASKING.items() if analysis.get(key)}
        refuse_impossible(written, asked, findings)
        match = tuple(_matches(analysis, written, findings))
    name = spec.get("service", {}).get("name") or spec.get("targetRef", {}).get("name")
    if name is None or router is None or findings.failed:
        return None
    try:
        return Traffic(
            name=meta["name"],
            namespace=meta.get("namespace"),
            target=_target(
                spec, router, name, meta["name"], meta.get("namespace") or settings.namespace
            ),
            router=router,
            wanted=Split(
                canary=0, mirror=_mirror(analysis), match=match, sticky=_sticky(analysis, findings)
            ),
        )
    except SpecError as error:
        findings.error("spec.service", str(error), Rule.CONTRADICTION)
        return None


def _is_in(path: str, fields: Collection[str]) -> bool:
    """Whether a fault is in a field that routing does not read; no analysis at all is fine."""
    if path == _ANALYSIS:
        return True
    return any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in fields)


def _target(
    spec: Mapping[str, Any], router: str, name: str, canary: str, namespace: str
) -> Target:
    workload = spec.get("targetRef", {}).get("name", name)
    return Target(
        namespace=namespace,
        service=name,
        primary=f"{name}-primary",
        canary=f"{name}-canary",
        port=spec.get("service", {}).get("port"),
        primary_workload=f"{workload}-primary",
        canary_workload=workload,
        routes=routes_of(spec, router),
        owner_names=(canary,),
    )


def _mirror(analysis: Mapping[str, Any]) -> int | None:
    if not analysis.get("mirror"):
        return None
    # Flagger mirrors everything where no weight is given
    return analysis.get("mirrorWeight", 100) or None


def _sticky(analysis: Mapping[str, Any], findings: Findings) -> Sticky | None:
    sticky: Mapping[str, Any] = analysis.get("sessionAffinity", {})
    if "cookieName" not in sticky:
        return None
    for detail in _COOKIE_DETAILS:
        if detail in sticky:
            words = "has no effect: the cookie has a name, a value and an age"
            findings.warn(f"{_ANALYSIS}.sessionAffinity.{detail}", words)
    return Sticky(
        cookie=sticky["cookieName"],
        max_age=timedelta(seconds=sticky.get("maxAge", _DAY)),
        primary_cookie=sticky.get("primaryCookieName"),
    )


def _matches(analysis: Mapping[str, Any], router: str, findings: Findings) -> Iterator[Match]:
    if findings.broken(f"{_ANALYSIS}.match"):
        return
    for index, one in enumerate(analysis.get("match", ())):
        path = f"{_ANALYSIS}.match[{index}]"
        if one.get("sourceLabels"):
            words = "requests cannot be matched by labels of their source; match a header"
            findings.error(f"{path}.sourceLabels", words, Rule.UNSUPPORTED)
            continue
        headers = {name: _text(texts) for name, texts in one.get("headers", {}).items()}
        query = {name: _text(texts) for name, texts in one.get("queryParams", {}).items()}
        if not headers and not query:
            words = "matches every request; name a header or a query parameter"
            findings.error(path, words, Rule.MISSING)
            continue
        cookies = {}
        # for ingress-nginx Flagger reads this header as the name of a cookie
        if router == "nginx" and (cookie := headers.get("cookie")) and cookie.exact:
            del headers["cookie"]
            cookies = {cookie.exact: TextMatch(exact=_ALWAYS)}
        yield Match(headers=headers, cookies=cookies, query=query)


def _text(texts: Mapping[str, str]) -> TextMatch:
    if "suffix" in texts:
        return TextMatch(regex=f".*{re.escape(texts['suffix'])}")
    return TextMatch(**texts)
