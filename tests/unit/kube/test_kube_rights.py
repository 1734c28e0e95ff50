"""Rules of a Role, judged as the API server's RBAC authorizer judges them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from progressive._kube.rights import (
    Right,
    as_yaml,
    binding,
    granted,
    rights_in,
    role,
    rules_as_yaml,
    rules_of,
)


def right(verb: str = "get", resource: str = "services", name: str = "", **more: Any) -> Right:
    return Right(namespace="shop", group="", resource=resource, verb=verb, name=name, **more)


def rule(**changes: Any) -> dict[str, Any]:
    return {"apiGroups": [""], "resources": ["services"], "verbs": ["get"], **changes}


@pytest.mark.parametrize(
    ("changes", "asked", "allowed"),
    [
        ({}, right(), True),
        ({}, right(name="web"), True),
        ({}, right("patch"), False),
        ({}, right(resource="secrets"), False),
        ({"apiGroups": ["apps"]}, right(), False),
        ({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, right("patch"), True),
        ({"resourceNames": ["web"]}, right(name="web"), True),
        ({"resourceNames": ["web"]}, right(name="cart"), False),
        ({"resourceNames": ["web"]}, right(), False),
        ({"resourceNames": ["web"], "verbs": ["create"]}, right("create"), False),
        ({"resourceNames": ["web"]}, right(name="cart", guessed=True), True),
        ({"resourceNames": ["web"]}, right("patch", name="web", guessed=True), False),
        ({"resources": ["deployments"]}, right(resource="deployments/scale"), False),
        ({"resources": ["*/scale"]}, right(resource="deployments/scale"), True),
        ({"resources": ["*"]}, right(resource="deployments/scale"), True),
        ({"verbs": None, "resources": None}, right(), False),
    ],
)
def test_a_rule_allows_what_the_api_server_says_that_it_allows(
    changes: dict[str, Any], asked: Right, allowed: bool
) -> None:
    """
    A right that is wrongly taken as missing keeps a release from its users.
    """
    assert allowed is granted(asked, [rule(**changes)])


RIGHTS = st.frozensets(
    st.builds(
        Right,
        namespace=st.just("shop"),
        group=st.sampled_from(["", "apps"]),
        resource=st.sampled_from(["a", "b"]),
        verb=st.sampled_from(["create", "get", "list"]),
        name=st.sampled_from(["", "x", "y"]),
    ),
    max_size=12,
)


@given(RIGHTS)
def test_rules_grant_the_rights_and_nothing_else(rights: frozenset[Right]) -> None:
    """
    Least means that nobody gets more, and enough that nothing is lost on the way.
    """
    rules = rules_of(rights)
    written = rights_in(rules, namespace="shop")

    assert all(granted(one, rules) for one in rights)
    assert written <= rights
    assert all(rights_in([one], namespace="shop") & rights for one in rules)


def test_names_with_the_same_verbs_share_a_rule() -> None:
    """
    A Role is read by people before it is granted.
    """
    named = [right(verb, name=name) for verb in ("get", "patch") for name in ("b", "a")]

    assert [
        {"apiGroups": [""], "resources": ["services"], "verbs": ["create"]},
        {
            "apiGroups": [""],
            "resources": ["services"],
            "resourceNames": ["a", "b"],
            "verbs": ["get", "patch"],
        },
    ] == rules_of([right("create"), *named])


def test_a_manifest_is_the_same_in_yaml() -> None:
    """
    It is piped into kubectl; a name such as `on` or `1` must stay a name.
    """
    subject = {"kind": "ServiceAccount", "name": "null", "namespace": "1"}
    for one in (
        role("on", "1e3", rules_of([right(name="yes"), right("create")])),
        role("web", None, []),
        binding("on", None, subject),
    ):
        assert one == yaml.safe_load(
            as_yaml(one, why={"services": "words: with a colon # and so"})
        )
    rules = rules_of([right(name="yes"), right("create")])
    assert rules == yaml.safe_load(rules_as_yaml(rules))
