"""The Role of whoever only routes by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner
from tests.unit.cli.commands.route.by_hand import release

from progressive._cli.main import cli


def needed(tmp_path: Path, document: dict[str, Any]) -> set[str]:
    file = tmp_path / "rights.yaml"
    file.write_text(yaml.safe_dump(document))
    result = CliRunner().invoke(cli, ["rbac", str(file), "-o", "json"])
    assert 0 == result.exit_code, result.output
    return {
        f"{one['metadata']['namespace']}: {verb} {rule['resources'][0]}"
        + (f"/{','.join(rule['resourceNames'])}" if "resourceNames" in rule else "")
        for one in json.loads(result.stdout)["items"]
        for rule in one["rules"]
        for verb in rule["verbs"]
    }


def test_a_role_for_routing_alone_is_smaller_than_a_release_s(tmp_path: Path) -> None:
    """
    Whoever shifts traffic by hand must not be able to change Deployments.
    """
    free = needed(tmp_path, release())
    assert {"shop: get virtualservices", "shop: list virtualservices"} < free
    assert "shop: patch virtualservices" in free
    assert {"shop: get leases/progressive-web", "shop: list endpointslices"} < free
    assert not {one for one in free if "deployments" in one or "create" in one}

    entry = {"name": "edge", "namespace": "infra"}
    named = needed(tmp_path, release(routes=[entry], match=[{"headers": {"x": {"exact": "a"}}}]))
    assert "infra: patch virtualservices/edge" in named
    assert "shop: patch virtualservices" not in named


def test_subsets_take_the_right_to_see_whether_they_are_known(tmp_path: Path) -> None:
    """
    Without it nothing is refused, and the share of an unknown subset is answered with 503.
    """
    free = needed(tmp_path, release(subsets={"primary": "stable", "canary": "next"}))

    assert "shop: list destinationrules" in free
    assert {"shop: list virtualservices", "shop: patch virtualservices"} < free
    assert "shop: list destinationrules" not in needed(tmp_path, release())
