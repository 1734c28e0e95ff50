"""Puts the parts of a run together: what is not given comes from the router's cluster.

Floor 4.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping, Sequence

from progressive._log import log
from progressive._model.origin import Origin
from progressive._redaction import GONE, redacted
from progressive._run.memory import MemoryInbox, MemoryLock, MemoryStore
from progressive._run.orders import Parts
from progressive.ports import (
    Clock,
    Cluster,
    Inbox,
    Lock,
    MetricsProvider,
    Notifier,
    Observer,
    Store,
    TrafficRouter,
    Workload,
)

_JOBS = ("BUILD_URL", "CI_JOB_URL")
"""Variables by which Jenkins and GitLab name the job that runs."""


def make_parts(
    *,
    router: TrafficRouter,
    metrics: MetricsProvider,
    workload: Workload | None,
    store: Store | None,
    lock: Lock | None,
    inbox: Inbox | None,
    clock: Clock,
    observers: Sequence[Observer],
    notifiers: Sequence[Notifier],
    identity: str | None,
    origin: Origin | None = None,
) -> Parts:
    """The parts of a run, complete."""
    cluster: Cluster | None = getattr(router, "cluster", None)
    if cluster is None and store is None:
        log.warning(
            "the router has no cluster and no store is given: the journal is kept in memory, "
            "and a run that dies cannot be resumed"
        )
    if cluster is not None:
        store = store or cluster.store()
        lock = lock or cluster.lock()
        inbox = inbox or cluster.inbox()
    return Parts(
        router=router,
        metrics=metrics,
        workload=workload,
        store=store or MemoryStore(),
        lock=lock or MemoryLock(),
        inbox=inbox or MemoryInbox(),
        clock=clock,
        observers=tuple(observers),
        notifiers=tuple(notifiers),
        identity=redacted(identity) if identity is not None else who(os.environ),
        origin=origin,
    )


def who(environment: Mapping[str, str]) -> str:
    """Who drives: the CI job where it is known, without its secrets, else user and host."""
    # an address that people click: nothing stands in the place of user and password
    return redacted(_who(environment)).replace(f"://{GONE}@", "://")


def _who(environment: Mapping[str, str]) -> str:
    for name in _JOBS:
        if environment.get(name):
            return environment[name]
    if "GITHUB_RUN_ID" in environment:
        server = environment.get("GITHUB_SERVER_URL", "https://github.com")
        repository = environment.get("GITHUB_REPOSITORY", "")
        return f"{server}/{repository}/actions/runs/{environment['GITHUB_RUN_ID']}"
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
