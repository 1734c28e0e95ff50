"""What a user should know about a target."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.kube.manifests import deployment, template

from progressive._kube.workload.cautions import cautions, configs_of
from progressive._kube.workload.primary import Selector

WEB = Selector(label="app", value="web")
NEAR_ITSELF = {
    "podAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "web"}}}
        ]
    }
}


def said(drain: float | None = None, pods: dict[str, Any] | None = None, **spec: Any) -> str:
    target = deployment(pods=template(**(pods or {})), **spec)
    limit = None if drain is None else timedelta(seconds=drain)
    return "\n".join(cautions(target, selector=WEB, drain=limit))


def test_an_ordinary_target_has_none() -> None:
    """Warnings that are always there are read by nobody."""
    assert said() == said(drain=30) == ""


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (said(drain=31), "30 s to end, less than the 31 s of the drain"),
        (
            said(drain=30, pods={"terminationGracePeriodSeconds": 5}),
            "5 s to end, less than the 30",
        ),
        (said(paused=True), "is paused"),
        (said(strategy={"type": "Recreate"}), "strategy Recreate"),
        (said(pods={"affinity": NEAR_ITSELF}), "podAffinity on app=web"),
        (said(pods={"volumes": [{"configMap": {"name": "c"}}]}), "reads configmap/c: both sides"),
    ],
)
def test_what_is_strange_is_said(found: str, words: str) -> None:
    """A sentence each, with the numbers."""
    assert words in found
    assert "Deployment shop/web" in found


def test_configs_are_found_wherever_a_pod_reads_them() -> None:
    """Volumes, projections, single variables and whole environments."""
    pods = template(
        volumes=[
            {"configMap": {"name": "a"}},
            {"secret": {"secretName": "b"}},
            {"projected": {"sources": [{"configMap": {"name": "c"}}, {"secret": {"name": "d"}}]}},
            {"emptyDir": {}},
        ],
        initContainers=[
            {
                "env": [
                    {"name": "X", "valueFrom": {"configMapKeyRef": {"name": "e"}}},
                    {"name": "Y"},
                ]
            }
        ],
    )
    pods["spec"]["containers"][0] |= {
        "env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "f"}}}],
        "envFrom": [{"configMapRef": {"name": "g"}}, {"secretRef": {"name": "h"}}],
    }

    assert (
        "configmap/a",
        "configmap/c",
        "configmap/e",
        "configmap/g",
        "secret/b",
        "secret/d",
        "secret/f",
        "secret/h",
    ) == configs_of(pods)
