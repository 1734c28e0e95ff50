"""Writes what happens to a release as Kubernetes Events, for `kubectl describe` and `get events`.

Floor 4, over `ports.Cluster`. An Event is named by the id of its notification, so a repetition
after a crash is refused by the server: told already, exactly once (L16). No Event of ours stands
for several, as the aggregation of client libraries makes them.
Source: Kubernetes API reference, Event v1 core; its validation allows 1024 bytes of message.
"""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Callable, Mapping
from typing import Any

from progressive._adapters.journal.stores import LABELS, in_a_hurry
from progressive._kube.paths import object_path
from progressive._log import log
from progressive._model.record import Notification, Outcome
from progressive._model.traffic import Target
from progressive.errors import ClusterError, ErrorKind
from progressive.ports import Cluster

About = Callable[[Target], Mapping[str, Any]]
"""The object that the Events of a target are about: apiVersion, kind, name, and uid if known."""

NOTIFICATION = "progressive.dev/notification"
"""Annotation of an Event: the id of its notification."""

_MESSAGE = 1024
"""Bytes of a message; a longer one is refused by the server."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LONGEST_NAME = 253

_REPORTER = "progressive"
_ACTION = "Release"

_LOUD_PROGRESS = frozenset({"drift", "canary-lost"})
_CALM_OUTCOMES = frozenset({Outcome.SUPERSEDED})
"""Ends without success that need nobody: a newer release is on its way."""


class KubernetesEvents:
    """
    A `Notifier` that writes one core/v1 Event for each notification, in the target's namespace.

    What cannot be written is said in the log and disturbs nothing: progress is tried once and
    shortly, an outcome as patiently as any other write. A missing right is said once.

    Args:
        about: What the Events are about; default: the apex Service of the target.
    """

    def __init__(self, cluster: Cluster, *, about: About | None = None) -> None:
        self._cluster, self._about = cluster, about or _apex
        self._forbidden: set[str] = set()

    def tell(self, notification: Notification) -> None:
        """
        Write the Event of this notification, unless it is there.

        One without a target was not handed over by a run, and is passed over.
        """
        target = notification.target
        if target is None or target.namespace in self._forbidden:
            return
        event = event_of(notification, target, self._about(target))
        cluster = self._cluster if notification.terminal else in_a_hurry(self._cluster)
        path = object_path("v1", "Event", namespace=target.namespace)
        try:
            cluster.create(path, event)
        except ClusterError as error:
            if error.reason != "AlreadyExists":
                self._warn(notification, target, error)

    def _warn(self, notification: Notification, target: Target, error: ClusterError) -> None:
        words = f"{notification.kind} is not told as a Kubernetes Event: {error}"
        if error.kind is ErrorKind.FORBIDDEN:
            self._forbidden.add(target.namespace)
            words += "; no more of them are tried (grant create of events)"
        run = notification.id.rpartition("/")[0]
        log.warning("%s %s", target, words, extra={"run": run})


def event_of(
    notification: Notification, target: Target, about: Mapping[str, Any]
) -> dict[str, Any]:
    """The whole Event."""
    at = notification.at.strftime("%Y-%m-%dT%H:%M:%S")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": name_of(notification.id, target),
            "namespace": target.namespace,
            "labels": LABELS,
            "annotations": {NOTIFICATION: notification.id},
        },
        # an Event lies where its object lies, and the server sees to it
        "involvedObject": {**about, "namespace": target.namespace},
        "type": "Warning" if _loud(notification) else "Normal",
        "reason": _camel(notification.kind),
        "message": _message(notification),
        "action": _ACTION,
        "source": {"component": _REPORTER},
        "reportingComponent": _REPORTER,
        "reportingInstance": socket.gethostname()[:128] or _REPORTER,
        # the first is what the API asks for today, the others are what kubectl shows
        "eventTime": f"{at}.{notification.at.microsecond:06d}Z",
        "firstTimestamp": f"{at}Z",
        "lastTimestamp": f"{at}Z",
        "count": 1,
    }


def name_of(notification: str, target: Target) -> str:
    """
    The name of the Event of a notification: the same for the same, and no other target's.

    Readable where the run's name allows it, else with a hash of it.
    """
    run, _, number = notification.rpartition("/")
    name = f"{target.service}.{run}.{number}"
    if len(name) <= _LONGEST_NAME and _NAME.fullmatch(name):
        return name
    digest = hashlib.sha256(f"{target}/{notification}".encode()).hexdigest()
    service = re.sub(r"[^a-z0-9-]", "", target.service.lower())[:100].strip("-") or _REPORTER
    return f"{service}.{digest[:32]}"


def _apex(target: Target) -> Mapping[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "name": target.service}


def _loud(notification: Notification) -> bool:
    if not notification.terminal:
        return notification.kind in _LOUD_PROGRESS
    outcome = Outcome(notification.kind)
    return outcome.exit_code != 0 and outcome not in _CALM_OUTCOMES


def _camel(kind: str) -> str:
    """``rolled_back`` and ``canary-lost`` as Events say it: ``RolledBack``, ``CanaryLost``."""
    return "".join(part.capitalize() for part in re.split(r"[-_]", kind))


def _message(notification: Notification) -> str:
    words = notification.message or notification.kind
    if notification.reason is not None:
        words = f"{notification.reason}: {words}"
    if len(words.encode()) <= _MESSAGE:
        return words
    more = "…"
    kept = words.encode()[: _MESSAGE - len(more.encode())].decode(errors="ignore")
    return kept + more
