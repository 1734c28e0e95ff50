"""The one logger of the library, ``progressive``.

Floor 1. A library must not write to a console by itself, so it has a `NullHandler`; and every
record carries the id of its run as ``record.run``, empty where there is none.
"""

from __future__ import annotations

import logging

log = logging.getLogger("progressive")
log.addHandler(logging.NullHandler())


def _run_id(record: logging.LogRecord) -> bool:
    if not hasattr(record, "run"):
        record.run = ""
    return True


log.addFilter(_run_id)
