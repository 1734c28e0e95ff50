from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from progressive._documents.files import load_file
from progressive._documents.flagger.fields import ALERT_PROVIDER, CANARY, METRIC_TEMPLATE
from progressive._documents.shapes import ListOf, MapOf, Record

CRDS = Path(__file__).parents[2] / "realparts" / "manifests" / "flagger-crds.yaml"
SHAPES = {"Canary": CANARY, "MetricTemplate": METRIC_TEMPLATE, "AlertProvider": ALERT_PROVIDER}


def schema_of(kind: str) -> Mapping[str, Any]:
    for crd in load_file(CRDS).documents:
        if crd["spec"]["names"]["kind"] == kind:
            schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
            found: Mapping[str, Any] = schema["properties"]["spec"]
            return found
    raise AssertionError(f"no CRD of {kind}")


def fields_of_schema(schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for name, inner in (schema.get("properties") or {}).items():
        yield f"{path}.{name}"
        yield from fields_of_schema(inner, f"{path}.{name}")
    if isinstance(schema.get("items"), Mapping):
        yield from fields_of_schema(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), Mapping):
        yield from fields_of_schema(schema["additionalProperties"], f"{path}{{}}")


def fields_of_shape(shape: object, path: str = "") -> Iterator[str]:
    match shape:
        case Record():
            for name, inner in shape.fields.items():
                yield f"{path}.{name}"
                yield from fields_of_shape(inner, f"{path}.{name}")
        case ListOf():
            yield from fields_of_shape(shape.item, f"{path}[]")
        case MapOf():
            yield from fields_of_shape(shape.item, f"{path}{{}}")


@pytest.mark.parametrize("kind", list(SHAPES))
def test_the_fields_are_those_of_the_crd(kind: str) -> None:
    """One that is missing here would refuse good documents, one too many would hide a typo."""
    shape = SHAPES[kind].fields["spec"]
    ours, theirs = set(fields_of_shape(shape)), set(fields_of_schema(schema_of(kind)))

    assert set() == theirs - ours
    assert set() == ours - theirs
    assert len(ours) >= 6
