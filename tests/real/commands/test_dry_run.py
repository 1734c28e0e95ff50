"""`progressive run --dry-run` on a real API server: it stores nothing, and hears what would be."""

from __future__ import annotations

from typing import Any

import pytest
from tests.real.stage.granting import stores
from tests.real.stage.shop import Place, held_for
from tests.realparts.process import wait_for

pytestmark = [pytest.mark.real, pytest.mark.apart, pytest.mark.unreleased]


def test_a_dry_run_stores_nothing_and_hears_the_api_server(place: Place) -> None:
    """
    Admission speaks before the release instead of in the middle of it.
    """
    before = _everything(place)
    mark = place.control_plane.mark()
    first = place.run("run", "--dry-run")
    events = place.control_plane.events("progressive", since=mark)
    accepted = {
        (one["ref"]["kind"], one["ref"]["name"])
        for one in first.answer["writes"]
        if one["answer"] == "accepted"
    }

    assert (None, 0, "first deploy") == (
        first.answer["outcome"],
        first.code,
        first.answer["would"],
    ), first.lines
    assert [] == [one["objectRef"] for one in events if stores(one)]
    assert len([one for one in events if "dryRun=All" in one["requestURI"]]) >= 7
    assert before == _everything(place)
    assert {
        ("Lease", "progressive-my-app"),
        ("ConfigMap", "progressive-my-app"),
        ("Deployment", "my-app-primary"),
        ("Deployment", "my-app"),
        ("Service", "my-app-primary"),
        ("VirtualService", "my-app"),
    } <= accepted
    untried = [one for one in first.answer["writes"] if one["answer"] == "not tried"]
    assert ["my-app-primary"] == [one["ref"]["name"] for one in untried]


def test_a_dry_run_of_a_release_tries_the_image_the_split_and_no_more(place: Place) -> None:
    """
    `--image` is a write like any other, so it is tried as well.
    """
    assert 0 == place.run().code
    before = _everything(place)
    told = place.run("run", "--dry-run", "--image", "my-app=my-app:2")
    strange = place.run("run", "--dry-run", "--image", "nobody=my-app:2")

    assert ("release", 0) == (told.answer["would"], told.code), told.lines
    assert ["accepted"] == sorted({one["answer"] for one in told.answer["writes"]}), told.answer
    kinds = [one["ref"]["kind"] for one in told.answer["writes"]]
    assert {"Lease", "ConfigMap", "Deployment", "ControllerRevision", "VirtualService"} == set(
        kinds
    )
    assert ("rejected", 6) == (strange.answer["outcome"], strange.code)
    assert before == _everything(place)
    assert "my-app:1" == place.image("my-app")


def test_a_dry_run_says_what_admission_refuses_and_who_is_busy(place: Place) -> None:
    """
    A policy that forbids the primary is found before anything is there.
    """
    policy = _policy(place)
    try:
        wait_for(lambda: place.run("run", "--dry-run").code == 6, "a policy heeded")
        refused = place.run("run", "--dry-run")
    finally:
        for kind in ("ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy"):
            place.api.delete(place.api.path(f"{ADMISSION}/v1", kind, "", policy))
    words = [one["message"] for one in refused.answer["writes"] if one["answer"] == "refused"]

    assert "rejected" == refused.answer["outcome"]
    assert 1 == len(words) and "no primaries here" in words[0]

    wait_for(lambda: place.run().code == 0, "a first deploy once the policy is gone")
    held_for(place, "5m")
    running = place.start("run", "--image", "my-app=my-app:2")
    running.wait_for("step weight=20")
    busy = place.run("run", "--dry-run")
    running.kill()
    left = place.run("run", "--dry-run")
    assert ("busy", 8) == (busy.answer["outcome"], busy.code)
    assert ("go on", 0, []) == (left.answer["would"], left.code, left.answer["writes"])
    assert f"{place.split()[1]} of 100" in left.answer["message"]


ADMISSION = "admissionregistration.k8s.io"


def _policy(place: Place) -> str:
    name = f"no-primaries-{place.namespace}"
    rule = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["deployments"],
    }
    here = {"matchLabels": {"kubernetes.io/metadata.name": place.namespace}}
    expression = "!object.metadata.name.endsWith('-primary')"
    spec: dict[str, Any] = {
        "matchConstraints": {"resourceRules": [rule], "namespaceSelector": here},
        "validations": [{"expression": expression, "message": "no primaries here"}],
    }
    meta = {"name": name}
    kind = "ValidatingAdmissionPolicy"
    version = f"{ADMISSION}/v1"
    place.api.create({"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec})
    place.api.create(
        {
            "apiVersion": version,
            "kind": f"{kind}Binding",
            "metadata": meta,
            "spec": {"policyName": name, "validationActions": ["Deny"]},
        }
    )
    return name


def _everything(place: Place) -> dict[str, str]:
    """Every object that a release may touch, with its resource version."""
    kinds = {
        "v1": ("ConfigMap", "Service"),
        "apps/v1": ("ControllerRevision",),
        "coordination.k8s.io/v1": ("Lease",),
        "networking.istio.io/v1": ("VirtualService",),
    }
    found = {}
    for version, names in kinds.items():
        for kind in names:
            for one in place.api.get(place.api.path(version, kind, place.namespace))["items"]:
                meta = one["metadata"]
                found[f"{kind} {meta['name']}"] = meta["resourceVersion"]
    for one in place.api.get(place.api.path("apps/v1", "Deployment", place.namespace))["items"]:
        # its status changes by itself
        found[f"Deployment {one['metadata']['name']}"] = str(one["metadata"]["generation"])
    return found
