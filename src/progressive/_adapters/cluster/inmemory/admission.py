"""What the memory cluster asks of an object before it is made.

Floor 4, but pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from progressive._adapters.cluster import refusals
from progressive._adapters.cluster.address import Address


def admitted(at: Address, body: Mapping[str, Any], numbers: Iterator[int]) -> Address:
    """
    The address of a new object of the collection `at`.

    Args:
        numbers: The next completes a ``generateName``.

    Raises:
        ClusterError: It has no name, or is for another namespace (kind ``invalid``).
    """
    meta = body.get("metadata") or {}
    name = meta.get("name")
    if not name and meta.get("generateName"):
        name = f"{meta['generateName']}{next(numbers):05d}"
    if not name:
        words = "metadata.name: Required value: name or generateName is required"
        raise refusals.invalid(at, words)
    if at.namespace and meta.get("namespace", at.namespace) != at.namespace:
        words = "the namespace of the provided object does not match the namespace sent on the"
        raise refusals.invalid(at, f"{words} request", status=400)
    return at.named(name, at.namespace)
