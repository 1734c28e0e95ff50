"""The document that tutorials show, and ways to change one field of it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from progressive._documents.reading import Reading, read_documents
from progressive._model.release import Document, Severity

Manifest = dict[str, Any]

ABSENT = object()
"""Set as a value: the field is taken out."""

ANALYSIS = "spec.analysis"
WEIGHTLESS = {"analysis__stepWeight": ABSENT, "analysis__maxWeight": ABSENT}
INSIDER = [{"headers": {"x-user": {"exact": "insider"}}}]


def classic(**changes: Any) -> Manifest:
    """
    The classic Canary; `changes` are paths below `spec`, ``__`` for a dot.

    ``classic(analysis__stepWeight=20)`` changes ``spec.analysis.stepWeight``.
    """
    document: Manifest = {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "my-app", "namespace": "shop"},
        "spec": {
            "provider": "istio",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "my-app"},
            "progressDeadlineSeconds": 60,
            "service": {"port": 80, "gateways": ["public"]},
            "analysis": {
                "interval": "1m",
                "threshold": 5,
                "maxWeight": 50,
                "stepWeight": 10,
                "metrics": [
                    {
                        "name": "request-success-rate",
                        "thresholdRange": {"min": 99},
                        "interval": "1m",
                    },
                    {"name": "request-duration", "thresholdRange": {"max": 500}},
                ],
            },
        },
    }
    for path, value in changes.items():
        place = document["spec"]
        *parents, last = path.split("__")
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is ABSENT:
            del place[last]
        else:
            place[last] = value
    return document


def template(**spec: Any) -> Manifest:
    """A MetricTemplate ``errors`` beside the classic document."""
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "MetricTemplate",
        "metadata": {"name": "errors", "namespace": "shop"},
        "spec": {
            "provider": {"type": "prometheus", "address": "http://prometheus:9090"},
            "query": 'sum(rate(errors{app="{{ target }}"}[{{ interval }}]))',
            **spec,
        },
    }


def hook(kind: str | None, **more: Any) -> Manifest:
    """A webhook of an analysis; None: without a type."""
    typed = {} if kind is None else {"type": kind}
    return {"name": "h", "url": "http://hooks.test/h", **typed, **more}


def read(*documents: Mapping[str, Any], **options: Any) -> Reading:
    """Read documents that nobody may change while they are read."""
    before = deepcopy(documents)
    reading = read_documents(documents, **options)
    assert before == documents
    return reading


def document_of(*documents: Mapping[str, Any], **options: Any) -> Document:
    """The release; fails the test, with the problems, when there is none."""
    reading = read(*documents, **options)
    assert reading.document is not None, errors(reading)
    return reading.document


def errors(reading: Reading) -> list[tuple[str, str]]:
    """Path and words of every error."""
    return [(one.path, one.message) for one in reading.problems if one.severity is Severity.ERROR]


def error_paths(reading: Reading) -> list[str]:
    """Paths of the errors, in order."""
    return [path for path, _ in errors(reading)]


def warnings(reading: Reading) -> dict[str, str]:
    """Path → words of every warning."""
    return {one.path: one.message for one in reading.problems if one.severity is Severity.WARNING}
