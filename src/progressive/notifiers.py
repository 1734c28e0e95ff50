"""Door: who tells people of a release.

Floor 5. Loads a name when it is first asked for; nothing here loads the `kubernetes` package.
A notifier of one's own is any object with the method of `progressive.ports.Notifier`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from progressive._adapters.notifiers.events import KubernetesEvents
    from progressive.ports import Notifier

_HOME = {
    "KubernetesEvents": "progressive._adapters.notifiers.events",
    "Notifier": "progressive.ports",
}

__all__ = ["KubernetesEvents", "Notifier"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
