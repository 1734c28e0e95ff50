"""What `progressive route` refuses, before anything would be written."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.cli.commands.route.by_hand import answered, canary, release
from tests.unit.mesh.manifests import both, route


@pytest.mark.parametrize(
    ("weight", "document", "kind"),
    [
        ("-1", release(), "InvalidWeight"),
        ("101", release(), "InvalidWeight"),
        ("51", release(total=50), "InvalidWeight"),
        ("90", release(bounds={"min": 0, "max": 50}), "InvalidWeight"),
        ("0", release(mirror=101), "InvalidRequest"),
        (
            "0",
            release(match=[{"headers": {"x": {"exact": "a", "prefix": "b"}}}]),
            "InvalidRequest",
        ),
        ("0", release(match=[{}]), "InvalidRequest"),
        ("0", release(total=0), "InvalidRequest"),
        ("0", release(router="nobody"), "InvalidRequest"),
        ("0", release(router="smi", mirror=10), "Unsupported"),
        ("0", release(router="envoy"), "Unsupported"),
        ("0", release(canary="web-primary"), "InvalidRequest"),
        ("20", {"kind": "Deployment", "apiVersion": "apps/v1"}, "InvalidRequest"),
    ],
)
def test_what_is_refused_is_one_document_and_status_6(
    ask: Any, weight: str, document: Any, kind: str
) -> None:
    """
    A pipeline reads the type; nothing would have been written.
    """
    held = [route(both())]
    told = answered(ask("--weight", weight, "-o", "json", document=document, objects=held), 6)

    assert kind == told["error"]["type"], told
    assert told["error"]["message"] and not told["error"]["unsettled"]


def test_a_refusal_for_people_is_on_standard_error(ask: Any) -> None:
    """
    Standard output holds results alone.
    """
    result = ask("--weight", "20", objects=[])

    assert (6, "") == (result.exit_code, result.stdout)
    assert "RouteNotFound" in result.stderr


@pytest.mark.parametrize(
    "args", [[], ["--read", "--reset"], ["--weight", "1", "--read"], ["--weight", "half"]]
)
def test_exactly_one_deed_is_asked_for(ask: Any, args: list[str]) -> None:
    """
    What was meant by two deeds at once would have to be guessed.
    """
    assert 2 == ask(*args, objects=[]).exit_code
    assert 2 == ask("--weight", "1", "--dry-run", objects=[]).exit_code


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"service": {}}, "spec.service.port"),
        ({"provder": "linkerd"}, "spec.provder"),
        ({"analysis": {"match": [{"sourceLabels": {"app": "x"}}]}}, "match[0].sourceLabels"),
        ({"analysis": {"match": [{}]}}, "match[0]"),
        ({"analysis": {"mirror": True, "mirrorWeight": 101}}, "mirrorWeight"),
    ],
)
def test_what_is_wrong_with_the_traffic_of_a_canary_is_told(
    ask: Any, spec: dict[str, Any], path: str
) -> None:
    """
    A typo in the provider would route another mesh than was meant.
    """
    told = answered(
        ask("--weight", "20", "-o", "json", document=canary(**spec), objects=[route(both())]), 6
    )

    assert path in told["error"]["message"]


@pytest.mark.parametrize(
    "held",
    [
        "{kind: VirtualService}",
        "{apiVersion: v1, kind: Service, metadata: web}",
        "{apiVersion: v1, kind: Service, metadata: {name: 5}}",
        "{apiVersion: v1, kind: Service, metadata: {name: a, labels: x}}",
        "{apiVersion: v1, kind: Service, metadata: {name: a, generation: {}}}",
        "{apiVersion: v1, kind: Service, metadata: {name: a, managedFields: [x]}}",
        "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: .nan}",
        "{apiVersion: v1, kind: List, items: [5]}",
        "{apiVersion: v1, kind: List, items: ["
        "{apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop}}, "
        "{apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop}}]}",
    ],
)
def test_what_no_api_server_would_hold_is_refused(ask: Any, held: str) -> None:
    """
    Nothing behind the file has to expect it.
    """
    told = answered(ask("--weight", "20", "-o", "json", objects=held), 6)

    assert "InvalidRequest" == told["error"]["type"]
    assert "object 1" in told["error"]["message"]
