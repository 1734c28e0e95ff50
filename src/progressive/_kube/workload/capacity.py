"""Decides how low an autoscaler of the primary may go while a release is under way (L25).

Floor 3, pure. The workload adapter reads the autoscalers and writes what is decided here; what
was there before is kept on the object itself, so that any later driver can give it back.

A HorizontalPodAutoscaler that belongs to a ScaledObject of KEDA is left alone, for KEDA would
write over it: its ScaledObject is the one that is raised. The annotations by which KEDA pauses
are nobody's business here: they are neither written nor kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from attrs import frozen

from progressive._kube.marks import Manifest, annotation, metadata
from progressive._kube.rivals import scaling

MIN_REPLICAS = "progressive.dev/min-replicas"
"""Annotation of an autoscaler whose minimum is raised: as JSON, what was there and is now."""

Autoscaler = TypeVar("Autoscaler", bound=Manifest)

_KEDA = "keda.sh/"


@frozen(kw_only=True)
class _Fields:
    """
    Where a kind of autoscaler says how many replicas there may be.

    Attributes:
        minimum, maximum: Keys in its ``spec``; with their values where they are absent.
        idle: Key of a number below the minimum, for times without work; empty: there is none.
    """

    minimum: str
    least: int
    maximum: str
    most: int
    idle: str = ""


_FIELDS = {
    # Kubernetes API reference, HorizontalPodAutoscalerSpec: minReplicas defaults to 1
    "HorizontalPodAutoscaler": _Fields(
        minimum="minReplicas", least=1, maximum="maxReplicas", most=2**31 - 1
    ),
    # KEDA manual, "Scaling Deployments": the defaults are 0 and 100
    "ScaledObject": _Fields(
        minimum="minReplicaCount",
        least=0,
        maximum="maxReplicaCount",
        most=100,
        idle="idleReplicaCount",
    ),
}


@frozen(kw_only=True)
class Change:
    """
    What is to be written on an autoscaler.

    Attributes:
        operations: Of a JSON patch, on its ``spec``.
        note: The new value of the annotation `MIN_REPLICAS`; None: it is removed.
    """

    operations: tuple[dict[str, Any], ...]
    note: str | None


def of_primary(listed: Iterable[Autoscaler], primary: Manifest) -> tuple[Autoscaler, ...]:
    """Those that write the replicas of this Deployment, without those that KEDA keeps."""
    return tuple(one for one in listed if scaling([one], primary) and keda_of(one) is None)


def keda_of(autoscaler: Manifest) -> str | None:
    """Name of the ScaledObject that a HorizontalPodAutoscaler belongs to; None: to none."""
    for owner in metadata(autoscaler).get("ownerReferences") or ():
        if owner.get("kind") == "ScaledObject" and str(owner.get("apiVersion")).startswith(_KEDA):
            return str(owner.get("name"))
    return None


def minimum(autoscaler: Manifest) -> int:
    """The least number of replicas that it allows."""
    fields = _FIELDS[autoscaler["kind"]]
    told = autoscaler["spec"].get(fields.minimum)
    return fields.least if told is None else int(told)


def raised(autoscaler: Manifest) -> bool:
    """Whether a release has raised its minimum and not given it back."""
    return annotation(autoscaler, MIN_REPLICAS) is not None


def raising(autoscaler: Manifest, replicas: int) -> Change | None:
    """
    How it is kept from going below `replicas`; None: it does not.

    Never lowers, and never goes above its own maximum. At least one replica stays, for a primary
    at zero serves nobody. What an earlier raise has kept stays kept, unless somebody has changed
    the value since: then theirs is what will be given back.
    """
    fields, spec = _FIELDS[autoscaler["kind"]], autoscaler["spec"]
    told = spec.get(fields.maximum)
    most = fields.most if told is None else int(told)
    wanted = max(minimum(autoscaler), min(max(1, replicas), most))
    values: dict[str, int | None] = {}
    if wanted > minimum(autoscaler):
        values[fields.minimum] = wanted
    if fields.idle and spec.get(fields.idle) is not None:
        values[fields.idle] = None
    if not values:
        return None
    before, were = _kept(autoscaler) or ({}, {})
    for key in values:
        if key not in were or spec.get(key) != were[key]:
            before = {**before, key: spec.get(key)}
    note = json.dumps({"before": before, "set": {**were, **values}}, sort_keys=True)
    return Change(operations=_written(spec, values), note=note)


def giving_back(autoscaler: Manifest) -> Change | None:
    """
    How it gets back what it had before a raise; None: nothing was raised.

    What somebody changed since stays as they want it. A note that cannot be read is removed, and
    the values stay: nobody knows any more what they were.
    """
    if not raised(autoscaler):
        return None
    spec = autoscaler["spec"]
    before, were = _kept(autoscaler) or ({}, {})
    ours = {key: before.get(key) for key, value in were.items() if spec.get(key) == value}
    return Change(operations=_written(spec, ours), note=None)


def readable(autoscaler: Manifest) -> bool:
    """Whether the note of a raise says what was there before."""
    return _kept(autoscaler) is not None


def _written(
    spec: Mapping[str, Any], values: Mapping[str, int | None]
) -> tuple[dict[str, Any], ...]:
    made: list[dict[str, Any]] = []
    for key, value in values.items():
        if value is not None:
            made.append({"op": "add", "path": f"/spec/{key}", "value": value})
        elif key in spec:
            made.append({"op": "remove", "path": f"/spec/{key}"})
    return tuple(made)


def _kept(
    autoscaler: Manifest,
) -> tuple[Mapping[str, int | None], Mapping[str, int | None]] | None:
    """What was there, and what was set; None: no note, or one that somebody has spoilt."""
    fields = _FIELDS[autoscaler["kind"]]
    known = {fields.minimum, fields.idle} - {""}
    try:
        told = json.loads(annotation(autoscaler, MIN_REPLICAS) or "")
        parts = (told["before"], told["set"])
        for part in parts:
            numbers = [one for one in part.values() if one is not None]
            whole = all(type(one) is int and one >= 0 for one in numbers)
            if not (whole and set(part) <= known):
                return None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return parts
