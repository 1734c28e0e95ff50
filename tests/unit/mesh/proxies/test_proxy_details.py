"""Traps that several proxies share: paths in words for GitOps, rules without names."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from tests.unit.mesh.mutations import carried_out
from tests.unit.mesh.proxies.worlds import PROXIES, TARGET
from tests.unit.mesh.proxies.writing import MATCHED, written

from progressive._mesh.rules.find import MANAGED_RULES


@pytest.mark.parametrize("name", PROXIES)
def test_what_gitops_is_told_to_leave_alone_is_yaml(name: str) -> None:
    """
    The words are copied into an Application; a path with quotes of its own must not break them.
    """
    (*others, one) = PROXIES[name].made(100, 0, None)
    managers = [{"manager": "argocd-controller"}]
    for it in (*others, one):
        it["metadata"]["managedFields"] = managers
    told = PROXIES[name].codec.read([*others, one], TARGET).warnings
    words = next(it for it in told if it.startswith("GitOps: Argo CD"))
    (ignored,) = yaml.safe_load(words.partition("ignoreDifferences: ")[2].partition(" with ")[0])

    assert {"group", "kind", "jqPathExpressions"} == set(ignored)
    assert ignored["jqPathExpressions"][0].startswith((".spec.", '.metadata.annotations["zal'))


@pytest.mark.parametrize(
    "name", ["contour", "traefik-ingress-route", "kuma", "skipper-route-group"]
)
def test_a_rule_that_somebody_put_in_front_is_not_taken_for_ours(name: str) -> None:
    """
    The list of managed rules is off by one then; a rule of theirs must not be removed.
    """
    codec = PROXIES[name].codec
    (after,) = written(name, PROXIES[name].made(100, 0, None), MATCHED)
    rules = _rules(after)
    base, ours = rules[-2:]
    rules.insert(
        rules.index(base), {"match": "PathPrefix(`/new`)", "conditions": [{"prefix": "/n"}]}
    )
    # the list now points at the base
    after["metadata"]["annotations"][MANAGED_RULES] = str(rules.index(base))
    (home,) = carried_out([after], codec.reset([after], TARGET))

    assert base in _rules(home)
    assert ours in _rules(home)


def _rules(manifest: Any) -> list[Any]:
    spec = manifest["spec"]
    found: list[Any] = spec["to"][0]["rules"] if "to" in spec else spec["routes"]
    return found
