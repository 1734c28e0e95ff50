"""Where the two wings meet: what a release needs from the world, as Protocols.

Floor 3. Any object with these methods will do; `progressive.testing` has fakes of all of them,
and contract suites that hold fakes and real parts to the same promises.
Every method may raise `AdapterError` (or one of its kinds) and nothing else on purpose.
"""

from __future__ import annotations

from progressive.ports.clock import Clock, Mailbox
from progressive.ports.cluster import Cluster, WatchStream
from progressive.ports.metrics import MetricsProvider
from progressive.ports.places import RUNS_KEPT, Hold, Inbox, Kept, Lock, Saved, Store
from progressive.ports.told import Closeable, Notifier, Observer, Tell
from progressive.ports.traffic import (
    Fence,
    FencedRouter,
    HandedBack,
    RouteMaker,
    RouteReturner,
    TrafficRouter,
)
from progressive.ports.workload import Asked, FencedWorkload, Workload

__all__ = [
    "TrafficRouter",
    "RouteMaker",
    "FencedRouter",
    "Fence",
    "RouteReturner",
    "HandedBack",
    "MetricsProvider",
    "Workload",
    "FencedWorkload",
    "Asked",
    "Store",
    "Saved",
    "Kept",
    "RUNS_KEPT",
    "Lock",
    "Hold",
    "Inbox",
    "Notifier",
    "Observer",
    "Tell",
    "Closeable",
    "Cluster",
    "WatchStream",
    "Clock",
    "Mailbox",
]
