"""Progressive delivery on Kubernetes: shift traffic, judge metrics, promote or roll back.

Floor 5, the face of the library. Names are loaded on first use, so that ``import progressive``
costs nothing; `_HOME` says where each one lives.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False  # type checkers read it as true; importing typing for it would cost 10 ms
if TYPE_CHECKING:
    from progressive._analysis.machine import CanaryAnalysis
    from progressive._model.actions import (
        Action,
        AskReady,
        Finish,
        Mark,
        Measure,
        Point,
        Prepare,
        Promote,
        Read,
        Reset,
        Scale,
        Shift,
        Wait,
        Why,
    )
    from progressive._model.checks import (
        Builtin,
        Cause,
        MetricCheck,
        NoData,
        Question,
        Sample,
        Verdict,
        VerdictKind,
    )
    from progressive._model.events import (
        ActionError,
        Answer,
        CanaryLost,
        Command,
        Commanded,
        Done,
        DriverLeft,
        DriverLost,
        Event,
        Failed,
        Measured,
        Readiness,
        Reported,
        Seen,
        Shifted,
        Situation,
        Started,
        TargetMoved,
        Told,
        TookOver,
        Woke,
    )
    from progressive._model.origin import Origin
    from progressive._model.plan import Deadlines, DriftPolicy, Plan
    from progressive._model.record import (
        Decision,
        Happening,
        Notification,
        Outcome,
        Phase,
        Reason,
        Round,
        Transition,
    )
    from progressive._model.release import Problem, Severity
    from progressive._model.report import (
        Aborted,
        BusyTarget,
        Final,
        Inconclusive,
        OutcomeError,
        Rejected,
        Report,
        RolledBack,
        Stuck,
        Superseded,
        TimedOut,
        Unreachable,
    )
    from progressive._model.traffic import (
        Bounds,
        Capabilities,
        Match,
        Observed,
        Pods,
        RouteRef,
        Side,
        Split,
        Sticky,
        Subsets,
        Target,
        TextMatch,
    )
    from progressive._release.load import Release, load
    from progressive._run.sync import Runner
    from progressive.errors import (
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

_ROOMS = {
    "_release.load": "Release load",
    "_run.sync": "Runner",
    "_analysis.machine": "CanaryAnalysis",
    "_model.plan": "Deadlines DriftPolicy Plan",
    "_model.origin": "Origin",
    "_model.traffic": (
        "Bounds Capabilities Match Observed Pods RouteRef Side Split Sticky Subsets Target "
        "TextMatch"
    ),
    "_model.checks": "Builtin Cause MetricCheck NoData Question Sample Verdict VerdictKind",
    "_model.events": (
        "ActionError Answer CanaryLost Command Commanded Done DriverLeft DriverLost Event Failed "
        "Measured Readiness Reported Seen Shifted Situation Started TargetMoved Told TookOver Woke"
    ),
    "_model.actions": (
        "Action AskReady Finish Mark Measure Point Prepare Promote Read Reset Scale Shift Wait Why"
    ),
    "_model.record": "Decision Happening Notification Outcome Phase Reason Round Transition",
    "_model.report": (
        "Aborted BusyTarget Final Inconclusive OutcomeError Rejected Report RolledBack Stuck "
        "Superseded TimedOut Unreachable"
    ),
    "_model.release": "Problem Severity",
    "errors": (
        "AdapterError AmbiguousRoute Busy ClusterError Conflict DestinationNotFound Drift "
        "ErrorKind ForeignController InvalidRequest InvalidWeight LeaseLost LockError "
        "MetricsError NotAccepted NotOwned PluginError PreflightFailed ProgressiveError "
        "RouteNotFound RouterError SpecError StoreConflict StoreError TransitionError "
        "Unsupported VersionNotServed"
    ),
}

_HOME = {name: room for room, names in _ROOMS.items() for name in names.split()}
"""Public name → module below this package."""

__all__ = [
    "__version__",
    "Release", "load",
    "Runner",
    "CanaryAnalysis",
    "Deadlines", "DriftPolicy", "Plan",
    "Origin",
    "Bounds", "Capabilities", "Match", "Observed", "Pods", "RouteRef", "Side", "Split", "Sticky",
    "Subsets", "Target", "TextMatch",
    "Builtin", "Cause", "MetricCheck", "NoData", "Question", "Sample", "Verdict", "VerdictKind",
    "ActionError", "Answer", "CanaryLost", "Command", "Commanded", "Done", "DriverLeft",
    "DriverLost", "Event", "Failed", "Measured", "Readiness", "Reported", "Seen", "Shifted",
    "Situation", "Started", "TargetMoved", "Told", "TookOver", "Woke",
    "Action", "AskReady", "Finish", "Mark", "Measure", "Point", "Prepare", "Promote", "Read",
    "Reset", "Scale", "Shift", "Wait", "Why",
    "Decision", "Happening", "Notification", "Outcome", "Phase", "Reason", "Round", "Transition",
    "Aborted", "BusyTarget", "Final", "Inconclusive", "OutcomeError", "Rejected", "Report",
    "RolledBack", "Stuck", "Superseded", "TimedOut", "Unreachable",
    "Problem", "Severity",
    "AdapterError", "AmbiguousRoute", "Busy", "ClusterError", "Conflict", "DestinationNotFound",
    "Drift", "ErrorKind", "ForeignController", "InvalidRequest", "InvalidWeight", "LeaseLost",
    "LockError", "MetricsError", "NotAccepted", "NotOwned", "PluginError", "PreflightFailed",
    "ProgressiveError", "RouteNotFound", "RouterError", "SpecError", "StoreConflict",
    "StoreError", "TransitionError", "Unsupported", "VersionNotServed",
]  # fmt: skip


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
