"""An error that nobody expected: its traceback on standard error, without secrets; status 1.

Floor 5. Other libraries put what they have into the words of their exceptions: addresses with
passwords, headers, whole requests. Only the program `progressive` does this; a library must not
change how its host tells of errors.
"""

from __future__ import annotations

import sys
import threading
import traceback
from types import TracebackType

from progressive._redaction import redacted


def tell_without_secrets() -> None:
    """From now on, for this process."""
    sys.excepthook = _tell
    threading.excepthook = _tell_of_thread


def _tell(
    kind: type[BaseException], error: BaseException | None, stack: TracebackType | None
) -> None:
    sys.stderr.write(redacted("".join(traceback.format_exception(kind, error, stack))))


def _tell_of_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_type is SystemExit:
        return
    name = told.thread.name if told.thread is not None else "unknown"
    sys.stderr.write(f"Exception in thread {redacted(name)}:\n")
    _tell(told.exc_type, told.exc_value, told.exc_traceback)
