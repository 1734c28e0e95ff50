"""What each proxy writes for matched requests, and for a mirror."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.unit.mesh.proxies.writing import QA

from progressive._model.traffic import Match, Split, TextMatch

FINE = Match(
    headers={"x-team": TextMatch(prefix="a.b")},
    cookies={"beta": TextMatch(exact="a+b")},
    query={"v": TextMatch(regex="[0-9]+"), "w": TextMatch(exact="")},
)
MATCHED = Split(canary=30, match=[QA, FINE])
COOKIE = r"(.*;\s*)?beta=a\+b(;.*)?"
TRAEFIK_RULE = (
    "(Host(`web.example.com`)) && ((Header(`x-user`, `qa`)) || "
    "(HeaderRegexp(`x-team`, `^(?:a\\.b.*)$`) && "
    f"HeaderRegexp(`Cookie`, `^(?:{COOKIE})$`) && "
    "QueryRegexp(`v`, `^(?:[0-9]+)$`) && Query(`w`, ``)))"
)
RULES: Mapping[str, tuple[str, Sequence[Any]]] = {
    "contour": (
        "conditions",
        [
            [{"prefix": "/"}, {"header": {"name": "x-user", "exact": "qa"}}],
            [
                {"prefix": "/"},
                {"header": {"name": "x-team", "regex": r"a\.b.*"}},
                {"header": {"name": "cookie", "regex": COOKIE}},
                {"queryParameter": {"name": "v", "regex": "[0-9]+"}},
                {"queryParameter": {"name": "w", "regex": "^$"}},
            ],
        ],
    ),
    "traefik": ("match", [TRAEFIK_RULE]),
    "traefik-mirroring": ("match", [TRAEFIK_RULE]),
    "traefik-ingress-route": ("match", [TRAEFIK_RULE]),
    "gloo": (
        "matchers",
        [
            [
                {"prefix": "/", "headers": [{"name": "x-user", "value": "qa"}]},
                {
                    "prefix": "/",
                    "headers": [
                        {"name": "x-team", "value": r"a\.b.*", "regex": True},
                        {"name": "cookie", "value": COOKIE, "regex": True},
                    ],
                    "queryParameters": [
                        {"name": "v", "value": "[0-9]+", "regex": True},
                        {"name": "w", "value": "^$", "regex": True},
                    ],
                },
            ]
        ],
    ),
    "skipper-route-group": (
        "predicates",
        [
            ['Header("x-user", "qa")', "Weight(100)"],
            [
                r'HeaderRegexp("x-team", "^(?:a\\.b.*)$")',
                r'Cookie("beta", "^(?:a\\+b)$")',
                'QueryParam("v", "^(?:[0-9]+)$")',
                'QueryParam("w", "^(?:^$)$")',
                "Weight(100)",
            ],
        ],
    ),
    "apisix": (
        "match",
        [
            {
                "hosts": ["web.example.com"],
                "paths": ["/*"],
                "exprs": [
                    {
                        "subject": {"scope": "Header", "name": "x-user"},
                        "op": "Equal",
                        "value": "qa",
                    }
                ],
            },
            {
                "hosts": ["web.example.com"],
                "paths": ["/*"],
                "exprs": [
                    {
                        "subject": {"scope": "Header", "name": "x-team"},
                        "op": "RegexMatch",
                        "value": r"^(?:a\.b.*)$",
                    },
                    {
                        "subject": {"scope": "Cookie", "name": "beta"},
                        "op": "Equal",
                        "value": "a+b",
                    },
                    {
                        "subject": {"scope": "Query", "name": "v"},
                        "op": "RegexMatch",
                        "value": "^(?:[0-9]+)$",
                    },
                    {"subject": {"scope": "Query", "name": "w"}, "op": "Equal", "value": ""},
                ],
            },
        ],
    ),
    **{
        name: (
            "matches",
            [
                [
                    {
                        "path": {"type": "PathPrefix", "value": "/"},
                        "headers": [{"name": "x-user", "type": "Exact", "value": "qa"}],
                    },
                    {
                        "path": {"type": "PathPrefix", "value": "/"},
                        "headers": [
                            {"name": "x-team", "type": "Prefix", "value": "a.b"},
                            {"name": "cookie", "type": "RegularExpression", "value": COOKIE},
                        ],
                        "queryParams": [
                            {"name": "v", "type": "RegularExpression", "value": "[0-9]+"},
                            {"name": "w", "type": "RegularExpression", "value": "^$"},
                        ],
                    },
                ]
            ],
        )
        for name in ("kuma", "kuma-tags", "kuma-names")
    },
}
"""Proxy → the field of a managed rule that says which requests are meant, rule by rule."""


MIRRORS: Mapping[str, Any] = {
    "contour": {"name": "web-canary", "port": 80, "weight": 10, "mirror": True},
    "traefik-mirroring": {"name": "web-canary", "port": 80, "percent": 10},
    "gloo": {"upstream": {"name": "web-canary", "namespace": "shop"}, "percentage": 10},
    "kuma": {
        "type": "RequestMirror",
        "requestMirror": {
            "percentage": 10,
            "backendRef": {
                "kind": "MeshService",
                "labels": {"kuma.io/display-name": "web-canary"},
                "port": 80,
            },
        },
    },
    "kuma-tags": {
        "type": "RequestMirror",
        "requestMirror": {
            "percentage": 10,
            "backendRef": {"kind": "MeshService", "name": "web-canary_shop_svc_80"},
        },
    },
    "kuma-names": {
        "type": "RequestMirror",
        "requestMirror": {
            "percentage": 10,
            "backendRef": {
                "kind": "MeshService",
                "name": "web-canary",
                "namespace": "shop",
                "port": 80,
            },
        },
    },
}
"""Proxy → its entry for a mirror of 10 percent."""
