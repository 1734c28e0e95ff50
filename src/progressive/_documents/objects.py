"""The frame that every object of Kubernetes has: names, labels, and what the API server adds.

Floor 3, pure. `flagger/fields.py` and `native.py` put their `spec` into it.
"""

from __future__ import annotations

from progressive._documents.findings import Findings
from progressive._documents.shapes import LABEL, NAME, TEXT, TEXT_MAP, Record, Shape


def _as_it_is(value: object, path: str, findings: Findings) -> object:
    return value


_METADATA_OF_OBJECTS = Record(
    {
        "name": NAME,
        "namespace": LABEL,
        "labels": TEXT_MAP,
        "annotations": TEXT_MAP,
        **dict.fromkeys(
            (
                "creationTimestamp",
                "deletionGracePeriodSeconds",
                "deletionTimestamp",
                "finalizers",
                "generateName",
                "generation",
                "managedFields",
                "ownerReferences",
                "resourceVersion",
                "selfLink",
                "uid",
            ),
            _as_it_is,
        ),
    },
    needs=("name",),
)
"""What people write, and what the API server adds, which a document from `kubectl get` has."""


def object_record(spec: Shape) -> Record:
    """A whole object with this `spec`; its status belongs to a controller and is not read."""
    return Record(
        {
            "apiVersion": TEXT,
            "kind": TEXT,
            "metadata": _METADATA_OF_OBJECTS,
            "spec": spec,
            "status": _as_it_is,
        },
        needs=("metadata", "spec"),
    )
