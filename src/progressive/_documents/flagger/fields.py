"""The fields of Flagger's documents, as its CRDs have them: the list against which typos show.

Floor 3, pure tables; what the fields mean is decided in `canary.py` and its neighbours.
Source: the CRDs of Flagger 1.44 (canaries, metrictemplates, alertproviders).
"""

from __future__ import annotations

from progressive._documents.objects import object_record
from progressive._documents.shapes import (
    ANY_TEXT,
    COOKIE_NAME,
    DURATION,
    FLAG,
    LABEL,
    NAME,
    PORT_NAME,
    SERVICE_NAME,
    TEXT,
    TEXT_MAP,
    TEXTS,
    ListOf,
    MapOf,
    Number,
    PortName,
    Record,
    Shape,
    Text,
)

BUILTIN_METRICS = ("request-success-rate", "request-duration")
"""Metrics that need no query; statistics of requests, in percent and in milliseconds."""

GATES = ("confirm-rollout", "confirm-traffic-increase", "confirm-promotion", "rollback")
HOOKS = ("pre-rollout", "rollout", "post-rollout")
HOOK_TYPES = ("", "event", *GATES, *HOOKS)

METRIC_PROVIDERS = (
    "prometheus",
    "influxdb",
    "datadog",
    "externalmetrics",
    "stackdriver",
    "cloudwatch",
    "newrelic",
    "graphite",
    "dynatrace",
    "keptn",
    "splunk",
)

_SECONDS = Number(least=1, most=315_360_000)
_PERCENT = Number(least=0, most=100)
_COUNT = Number(least=0)
_ANY_COUNT = Number(least=-(2**31))
_PORT = Number(least=1, most=65535)
_FRACTION = Number(fraction=True, most=None)


def _reference(*kinds: str, **more: Shape) -> Record:
    """A reference to an object of one of `kinds`; with none, of any kind."""
    kind = Text(choices=kinds) if kinds else TEXT
    fields: dict[str, Shape] = {"apiVersion": TEXT, "kind": kind, "name": NAME, **more}
    return Record(fields, needs=("apiVersion", "kind", "name"))


_STRING_MATCH = Record({"exact": ANY_TEXT, "prefix": ANY_TEXT, "regex": ANY_TEXT})
_HEADER_MATCH = Record(
    {"exact": ANY_TEXT, "prefix": ANY_TEXT, "suffix": ANY_TEXT, "regex": ANY_TEXT},
    exactly_one=("exact", "prefix", "suffix", "regex"),
)
_EXACT_MATCH = Record(
    {"exact": ANY_TEXT, "prefix": ANY_TEXT, "regex": ANY_TEXT},
    exactly_one=("exact", "prefix", "regex"),
)
_HEADER_CHANGES = Record({"add": TEXT_MAP, "set": TEXT_MAP, "remove": TEXTS})
_METADATA = Record({"labels": TEXT_MAP, "annotations": TEXT_MAP})
_NAMED = Record({"name": NAME, "namespace": LABEL}, needs=("name",))

_ROUTE_MATCH = Record(
    {
        "uri": _STRING_MATCH,
        "scheme": _STRING_MATCH,
        "method": _STRING_MATCH,
        "authority": _STRING_MATCH,
        "headers": MapOf(_STRING_MATCH),
        "withoutHeaders": MapOf(_STRING_MATCH),
        "queryParams": MapOf(_STRING_MATCH),
        "port": _PORT,
        "sourceLabels": TEXT_MAP,
        "sourceNamespace": LABEL,
        "gateways": TEXTS,
        "ignoreUriCase": FLAG,
        "name": TEXT,
    }
)

_CORS = Record(
    {
        "allowOrigin": TEXTS,
        "allowOrigins": ListOf(_EXACT_MATCH),
        "allowMethods": TEXTS,
        "allowHeaders": TEXTS,
        "exposeHeaders": TEXTS,
        "maxAge": TEXT,
        "allowCredentials": FLAG,
    }
)

_ADDRESSED: dict[str, Shape] = {
    "group": ANY_TEXT,
    "kind": TEXT,
    "namespace": LABEL,
    "name": NAME,
    "port": _PORT,
}
_BACKEND = Record(_ADDRESSED, needs=("name",))
_GATEWAY = Record({**_ADDRESSED, "sectionName": TEXT}, needs=("name",))

_CONNECTIONS = Record(
    {
        "http": Record(
            {
                "h2UpgradePolicy": Text(choices=("DEFAULT", "DO_NOT_UPGRADE", "UPGRADE")),
                "http1MaxPendingRequests": _ANY_COUNT,
                "http2MaxRequests": _ANY_COUNT,
                "idleTimeout": TEXT,
                "maxRequestsPerConnection": _ANY_COUNT,
                "maxRetries": _ANY_COUNT,
            }
        )
    }
)

_BALANCING = Record(
    {
        "simple": Text(
            choices=("ROUND_ROBIN", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "LEAST_REQUEST")
        ),
        "consistentHash": Record(
            {
                "httpHeaderName": TEXT,
                "httpQueryParameterName": TEXT,
                "httpCookie": Record({"name": TEXT, "path": TEXT, "ttl": TEXT}),
                "useSourceIp": FLAG,
                "minimumRingSize": _COUNT,
            }
        ),
        "localityLbSetting": Record(
            {
                "distribute": ListOf(Record({"from": TEXT, "to": MapOf(_COUNT)})),
                "enabled": FLAG,
                "failover": ListOf(Record({"from": TEXT, "to": TEXT})),
            }
        ),
        "warmupDurationSecs": TEXT,
    }
)

_OUTLIERS = Record(
    {
        "baseEjectionTime": TEXT,
        "consecutive5xxErrors": _COUNT,
        "consecutiveErrors": _ANY_COUNT,
        "consecutiveGatewayErrors": _COUNT,
        "consecutiveLocalOriginFailures": _COUNT,
        "interval": TEXT,
        "maxEjectionPercent": _PERCENT,
        "minHealthPercent": _PERCENT,
        "splitExternalLocalOriginErrors": FLAG,
    }
)

_TRAFFIC_POLICY = Record(
    {
        "connectionPool": _CONNECTIONS,
        "loadBalancer": _BALANCING,
        "outlierDetection": _OUTLIERS,
        "tls": Record(
            {
                "mode": Text(choices=("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL")),
                "caCertificates": TEXT,
                "clientCertificate": TEXT,
                "privateKey": TEXT,
                "sni": TEXT,
                "subjectAltNames": TEXTS,
            }
        ),
    }
)

_SERVICE = Record(
    {
        "name": SERVICE_NAME,
        "port": _PORT,
        "portName": PORT_NAME,
        "appProtocol": TEXT,
        "trafficDistribution": Text(choices=("PreferClose", "PreferSameZone", "PreferSameNode")),
        "targetPort": PortName(),
        "portDiscovery": FLAG,
        "headless": FLAG,
        "timeout": TEXT,
        "backendTimeout": TEXT,
        "meshName": TEXT,
        "backends": TEXTS,
        "hosts": TEXTS,
        "delegation": FLAG,
        "match": ListOf(_ROUTE_MATCH),
        "retries": Record({"attempts": _COUNT, "perTryTimeout": TEXT, "retryOn": TEXT}),
        "rewrite": Record({"uri": TEXT, "authority": TEXT, "type": TEXT}),
        "mirror": ListOf(Record({"backendRef": _BACKEND}, needs=("backendRef",))),
        "headers": Record({"request": _HEADER_CHANGES, "response": _HEADER_CHANGES}),
        "gateways": TEXTS,
        "gatewayRefs": ListOf(_GATEWAY, most=32),
        "corsPolicy": _CORS,
        "trafficPolicy": _TRAFFIC_POLICY,
        "apex": _METADATA,
        "primary": _METADATA,
        "canary": _METADATA,
        "unmanagedMetadata": Record({"annotations": TEXTS, "labels": TEXTS}),
    },
    needs=("port",),
    instead={"ports": "write port, and portDiscovery for the other container ports"},
)

_METRIC = Record(
    {
        "name": TEXT,
        "interval": DURATION,
        "threshold": _FRACTION,
        "thresholdRange": Record({"min": _FRACTION, "max": _FRACTION}),
        "query": TEXT,
        "templateRef": _NAMED,
        "templateVariables": TEXT_MAP,
    },
    needs=("name",),
)

_WEBHOOK = Record(
    {
        "name": TEXT,
        "type": Text(choices=HOOK_TYPES, empty=True),
        "url": Text(pattern=r"https?://[^\s/]+\S*", looks="address (http:// or https://)"),
        "timeout": DURATION,
        "retries": _COUNT,
        "muteAlert": FLAG,
        "disableTLS": FLAG,
        "metadata": TEXT_MAP,
    },
    needs=("name", "url"),
)

_ALERT = Record(
    {
        "name": TEXT,
        "severity": Text(choices=("", "info", "warn", "error"), empty=True),
        "providerRef": _NAMED,
    },
    needs=("name", "providerRef"),
)

_MATCH = Record(
    {
        "headers": MapOf(_HEADER_MATCH),
        "queryParams": MapOf(_EXACT_MATCH),
        "sourceLabels": TEXT_MAP,
    }
)

_STICKINESS = Record(
    {
        "cookieName": COOKIE_NAME,
        "primaryCookieName": COOKIE_NAME,
        "maxAge": _SECONDS,
        "domain": TEXT,
        "path": TEXT,
        "httpOnly": FLAG,
        "secure": FLAG,
        "partitioned": FLAG,
        "sameSite": Text(choices=("Strict", "Lax", "None")),
    },
    needs=("cookieName",),
)

_ANALYSIS = Record(
    {
        "interval": DURATION,
        "threshold": Number(least=1),
        "iterations": _COUNT,
        "maxWeight": Number(least=1, most=100),
        "stepWeight": Number(least=0, most=100),
        "stepWeights": ListOf(Number(least=1, most=100), least=1, placed=True),
        "stepWeightPromotion": _PERCENT,
        "mirror": FLAG,
        "mirrorWeight": _PERCENT,
        "primaryReadyThreshold": _PERCENT,
        "canaryReadyThreshold": _PERCENT,
        "match": ListOf(_MATCH),
        "metrics": ListOf(_METRIC, placed=True),
        "webhooks": ListOf(_WEBHOOK, placed=True),
        "alerts": ListOf(_ALERT, placed=True),
        "sessionAffinity": _STICKINESS,
    }
)

CANARY = object_record(
    Record(
        {
            "provider": TEXT,
            "metricsServer": TEXT,
            "progressDeadlineSeconds": _SECONDS,
            "targetRef": _reference(),
            "autoscalerRef": _reference(
                "HorizontalPodAutoscaler",
                "ScaledObject",
                primaryScalerQueries=TEXT_MAP,
                primaryScalerReplicas=Record(
                    {"minReplicas": Number(least=1), "maxReplicas": Number(least=1)}
                ),
            ),
            "ingressRef": _reference("Ingress"),
            "routeRef": _reference("ApisixRoute"),
            "upstreamRef": _reference("Upstream", namespace=LABEL),
            "service": _SERVICE,
            "skipAnalysis": FLAG,
            "revertOnDeletion": FLAG,
            "suspend": FLAG,
            "analysis": _ANALYSIS,
        },
        needs=("targetRef", "service", "analysis"),
        instead={
            "canaryAnalysis": "write analysis, as Flagger's CRD has it",
            "metrics": "metrics belong into spec.analysis",
            "webhooks": "webhooks belong into spec.analysis",
        },
    )
)

METRIC_TEMPLATE = object_record(
    Record(
        {
            "provider": Record(
                {
                    "type": Text(choices=METRIC_PROVIDERS),
                    "address": TEXT,
                    "headers": MapOf(TEXTS),
                    "secretRef": Record({"name": NAME}, needs=("name",)),
                    "region": TEXT,
                    "insecureSkipVerify": FLAG,
                },
                needs=("type",),
            ),
            "query": TEXT,
        },
        needs=("provider", "query"),
    )
)

ALERT_PROVIDER = object_record(
    Record(
        {
            "type": Text(choices=("slack", "msteams", "discord", "rocket", "gchat")),
            "channel": ANY_TEXT,
            "username": ANY_TEXT,
            "address": TEXT,
            "proxy": TEXT,
            "secretRef": Record({"name": NAME}, needs=("name",)),
        },
        needs=("type",),
        exactly_one=("address", "secretRef"),
    )
)
