"""What the objects of every router need on a real API server: rights, and fields it demands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from click.testing import CliRunner
from tests.contract.worlds import target_in
from tests.realparts.api import Document

from progressive import plugins
from progressive._cli.main import cli
from progressive.testing import MemoryCluster


@cache
def printed_role(router: str) -> Sequence[Document]:
    """The rules of the Role for routing writes of a release by this router."""
    target = target_in("shop")
    traffic: Document = {
        "router": router,
        "service": target.service,
        "primary": target.primary,
        "canary": target.canary,
        "port": target.port,
    }
    if plugins.router(router)(cluster=MemoryCluster()).capabilities.match:
        # a match may take an object of its own
        traffic["match"] = [{"headers": {"x-release": {"exact": "next"}}}]
    release = {
        "apiVersion": "progressive.dev/v1",
        "kind": "Release",
        "metadata": {"name": "web", "namespace": target.namespace},
        "spec": {"traffic": traffic},
    }
    runner = CliRunner(env={"KUBECONFIG": "/nowhere"})
    with TemporaryDirectory() as folder:
        file = Path(folder) / "release.yaml"
        file.write_text(json.dumps(release), encoding="utf-8")  # JSON is YAML
        result = runner.invoke(cli, ["rbac", str(file), "-o", "json"])
    assert 0 == result.exit_code, result.output
    (role,) = json.loads(result.stdout)["items"]
    rules: list[Document] = role["rules"]
    return rules


def prepared(manifest: Document) -> Document:
    """The object as a person applies it, with what the server demands of EndpointSlices."""
    body = deepcopy(manifest)
    for key in ("resourceVersion", "generation", "uid"):
        body["metadata"].pop(key, None)
    body.pop("status", None)
    if body["kind"] == "EndpointSlice":
        body["addressType"] = "IPv4"
        for place, one in enumerate(body["endpoints"]):
            one["addresses"] = [f"10.99.8.{place + 1}"]
    return body
