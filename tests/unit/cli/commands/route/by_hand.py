"""What is routed by hand in these tests, and the one document that the command answers with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from click.testing import Result

from progressive._model.traffic import Target

TARGET = Target(
    namespace="shop", service="web", primary="web-primary", canary="web-canary", port=80
)
TRAFFIC: Mapping[str, Any] = {
    "router": "istio",
    "service": "web",
    "primary": "web-primary",
    "canary": "web-canary",
    "port": 80,
}


def release(**traffic: Any) -> dict[str, Any]:
    return {
        "apiVersion": "progressive.dev/v1",
        "kind": "Release",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"traffic": {**TRAFFIC, **traffic}},
    }


def canary(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "service": {"port": 80},
            **spec,
        },
    }


def answered(result: Result, status: int = 0) -> Any:
    assert status == result.exit_code, result.output
    return json.loads(result.stdout)
