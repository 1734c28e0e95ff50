"""The tree of errors as users name it, for the type checker; never run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_type

import progressive
from progressive import (
    AdapterError,
    AmbiguousRoute,
    Busy,
    ClusterError,
    Conflict,
    DestinationNotFound,
    Drift,
    ErrorKind,
    ForeignController,
    InvalidRequest,
    InvalidWeight,
    LeaseLost,
    LockError,
    MetricsError,
    NotAccepted,
    NotOwned,
    PluginError,
    PreflightFailed,
    ProgressiveError,
    RouteNotFound,
    RouterError,
    SpecError,
    StoreConflict,
    StoreError,
    TransitionError,
    Unsupported,
    VersionNotServed,
)


def errors() -> Mapping[type[ProgressiveError], str]:
    """The tree of `progressive.errors`; all take positional arguments, for they are pickled."""
    raised: tuple[ProgressiveError, ...] = (
        SpecError("spec.analysis", "is missing"),
        TransitionError("Woke", "Shift 1"),
        PluginError("linkerd", "is not available"),
        ClusterError("not found", ErrorKind.NOT_FOUND, None, 404, "NotFound"),
        MetricsError("no answer"),
        StoreError("damaged"),
        StoreConflict("another driver"),
        LockError("no Lease"),
        Busy("held"),
        LeaseLost("taken"),
    )
    routers: tuple[RouterError, ...] = (
        RouteNotFound("…"),
        DestinationNotFound("…"),
        AmbiguousRoute("…"),
        InvalidWeight("…"),
        InvalidRequest("…"),
        Unsupported("…"),
        Conflict("…"),
        NotOwned("…"),
        ForeignController("…"),
        Drift("…"),
        PreflightFailed("…"),
        VersionNotServed("…"),
        NotAccepted("…"),
    )
    for one in (*raised, *routers):
        if isinstance(one, AdapterError):
            assert_type(one.kind, ErrorKind)
            assert_type(one.transient, bool)
    assert_type(progressive.__version__, str)
    return {type(one): str(one) for one in (*raised, *routers)}
