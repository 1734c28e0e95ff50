"""Flagger's weak spots in documents and hashes, each with what we promise.

What this version cannot do is refused with its path before anything is written: it is never left
out, and never becomes something else that sends users to the canary.
"""

from __future__ import annotations

import json
import random
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from tests.unit.documents.classic import (
    ANALYSIS,
    INSIDER,
    WEIGHTLESS,
    classic,
    error_paths,
    hook,
    read,
    warnings,
)

from progressive._cli.main import cli
from progressive._kube.workload.revision import revision


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"analysis__stepWeight": 0}, f"{ANALYSIS}.stepWeight"),
        (
            {**WEIGHTLESS, "analysis__stepWeights": [10, 10]},
            f"{ANALYSIS}.stepWeights[1]",
        ),
        (
            {**WEIGHTLESS, "analysis__stepWeights": [50, 10]},
            f"{ANALYSIS}.stepWeights[1]",
        ),
    ],
)
def test_ws_06_weights_that_do_not_grow_are_refused(changes: dict[str, Any], path: str) -> None:
    """
    Flagger stays in Progressing for ever with them.
    """
    assert [path] == error_paths(read(classic(**changes)))


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "WS-07 mirror beside weights": ({"analysis__mirror": True}, f"{ANALYSIS}.mirror"),
    "WS-07 mirror where the mesh has none": (
        {"analysis__mirror": True, "provider": "smi:v1alpha2"},
        f"{ANALYSIS}.mirror",
    ),
    "WS-07 mirror of a TCP route": (
        {"analysis__mirror": True, "service__appProtocol": "TCP"},
        f"{ANALYSIS}.mirror",
    ),
    "WS-08 match": (
        {**WEIGHTLESS, "analysis__match": INSIDER, "analysis__iterations": 3},
        f"{ANALYSIS}.match",
    ),
    "WS-08 match where the mesh has none": (
        {"analysis__match": INSIDER, "provider": "smi:v1alpha1"},
        f"{ANALYSIS}.match",
    ),
    "WS-08 match of a TCP route": (
        {"analysis__match": INSIDER, "service__appProtocol": "TCP"},
        f"{ANALYSIS}.match",
    ),
    "WS-09 sticky sessions": (
        {"analysis__sessionAffinity": {"cookieName": "c"}},
        f"{ANALYSIS}.sessionAffinity",
    ),
    "WS-19 DaemonSet": ({"targetRef__kind": "DaemonSet"}, "spec.targetRef.kind"),
    "WS-25 gate": (
        {"analysis__webhooks": [hook("confirm-promotion")]},
        f"{ANALYSIS}.webhooks[0]",
    ),
    "WS-25 hook": ({"analysis__webhooks": [hook("pre-rollout")]}, f"{ANALYSIS}.webhooks[0]"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_ws_07_08_09_19_25_what_cannot_be_done_is_refused_with_its_path(
    name: str, tmp_path: Path
) -> None:
    """
    Flagger loops at weight 0 with a mirror, sends everybody to the canary for a match that its
    mesh cannot do, and measures the primary of a DaemonSet. Here: exit 6, and nothing is written.
    """
    changes, path = REFUSED[name]
    document = classic(**changes)
    file = tmp_path / "canary.yaml"
    file.write_text(yaml.safe_dump(document))

    assert path in error_paths(read(document))
    ran = CliRunner().invoke(cli, ["run", str(file), "-o", "json"])
    answer = json.loads(ran.stdout)
    assert (6, False) == (ran.exit_code, answer["valid"])
    assert path in [one["path"] for one in answer["problems"]]


def test_ws_13_alerts_that_are_not_sent_are_said_not_to_be() -> None:
    """
    Flagger never delivers an alert without a severity, and says nothing. Here the plan says which
    alerts of the document nobody will get.
    """
    provider = {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "AlertProvider",
        "metadata": {"name": "chat", "namespace": "shop"},
        "spec": {"type": "slack", "address": "https://chat.test/hook"},
    }
    alert = {"name": "team", "providerRef": {"name": "chat"}}
    reading = read(classic(analysis__alerts=[alert]), provider)

    assert [] == error_paths(reading)
    assert any(path.startswith(f"{ANALYSIS}.alerts[0]") for path in warnings(reading))


# WS-21


STORED: dict[str, Any] = {
    "metadata": {"creationTimestamp": None, "labels": {"app": "web", "tier": "front"}},
    "spec": {
        "containers": [
            {
                "name": "web",
                "image": "web:1",
                "imagePullPolicy": "IfNotPresent",
                "ports": [{"containerPort": 8080, "protocol": "TCP"}],
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
    },
}
"""As an API server stores it, with its defaults; what it reads back, whoever wrote it."""


def shuffled(value: Any, dice: random.Random) -> Any:
    """The same with its keys in another order."""
    if isinstance(value, dict):
        keys = dice.sample(list(value), len(value))
        return {key: shuffled(value[key], dice) for key in keys}
    return [shuffled(one, dice) for one in value] if isinstance(value, list) else value


def test_ws_21_the_revision_of_a_template_is_the_same_in_every_version() -> None:
    """
    Flagger's hash depends on its client library, so its upgrades start canaries fleet-wide. This
    number is a promise: adapt the code, never the number.
    """
    dice = random.Random(21)
    without = deepcopy(STORED)
    del without["metadata"]["creationTimestamp"]  # newer clients leave it out
    del without["spec"]["securityContext"]
    del without["spec"]["containers"][0]["resources"]

    assert "03c89778916b93bf" == revision(STORED)
    assert {revision(STORED)} == {revision(shuffled(STORED, dice)) for _ in range(50)}
    assert revision(STORED) == revision(without)
    assert revision(STORED) == revision(json.loads(json.dumps(STORED)))
