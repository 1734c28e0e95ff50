"""The rights that `progressive rbac` prints, given to a user, and what it asked for with them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from copy import deepcopy

from click.testing import CliRunner
from tests.real.stage.shop import Place
from tests.realparts.api import Document
from tests.realparts.asked import WRITES
from tests.realparts.process import wait_for

from progressive._cli.main import cli
from progressive._kube.rights import Right

USER = "restricted"
REVIEWS = "authorization.k8s.io"
IDENTITY = "authentication.k8s.io"


def printed(place: Place, *arguments: str) -> list[Document]:
    """The manifests of `progressive rbac`; no kubeconfig is in its environment."""
    command = ["rbac", str(place.file), "-o", "json", *arguments]
    result = CliRunner(env={"KUBECONFIG": "/nowhere"}).invoke(cli, command)
    assert 0 == result.exit_code, result.output
    items: list[Document] = json.loads(result.stdout)["items"]
    return items


def grant(place: Place, rules: list[Document]) -> None:
    """Let the user do just this, and wait until the API server heeds it."""
    marker = f"heard-{len(json.dumps(rules))}"
    place.control_plane.grant(USER, place.namespace, [*rules, _rule("heard", marker)])
    spec = {
        "resourceAttributes": {
            "namespace": place.namespace,
            "verb": "get",
            "resource": "heard",
            "name": marker,
        }
    }
    review = {"apiVersion": f"{REVIEWS}/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
    user = place.control_plane.user(USER)
    wait_for(
        lambda: user.post(f"/apis/{REVIEWS}/v1/selfsubjectaccessreviews", review)["status"][
            "allowed"
        ],
        "the Role heeded",
    )


def _rule(resource: str, name: str) -> Document:
    return {
        "apiGroups": [""],
        "resources": [resource],
        "resourceNames": [name],
        "verbs": ["get"],
    }


def without(rules: Iterable[Document], resource: str, verb: str) -> list[Document]:
    """The rules, less one verb on one resource."""
    left = deepcopy(list(rules))
    for rule in left:
        if resource in rule["resources"]:
            rule["verbs"] = [one for one in rule["verbs"] if one != verb]
    return [rule for rule in left if rule["verbs"]]


def asked(events: Iterable[Document], namespace: str) -> dict[Right, int]:
    """The rights behind requests, each with the status of the last one."""
    found: dict[Right, int] = {}
    for one in events:
        about = one.get("objectRef", {})
        if about.get("namespace") != namespace or not about.get("resource"):
            continue
        right = Right(
            namespace=namespace,
            group=about.get("apiGroup", ""),
            resource=about["resource"],
            verb=one["verb"],
            name="" if one["verb"] == "create" else about.get("name", ""),
        )
        found[right] = one["responseStatus"]["code"]
    return found


def stores(event: Document) -> bool:
    """Whether a request of the audit log changed anything, or would have."""
    about = event.get("objectRef", {})
    dry = "dryRun=All" in event["requestURI"]
    return event["verb"] in WRITES and about.get("apiGroup") not in (REVIEWS, IDENTITY) and not dry
