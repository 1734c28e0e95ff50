"""The one logger of the library, ``progressive``.

Floor 1. A library must not write to a console by itself, so it has a `NullHandler`; every record
carries the id of its run as ``record.run``, empty where there is none; and secrets are taken out
before any handler sees the record, out of its words and out of the traceback that it may carry.
"""

from __future__ import annotations

import logging
import traceback

from progressive._redaction import redacted

log = logging.getLogger("progressive")
log.addHandler(logging.NullHandler())


def _run_id(record: logging.LogRecord) -> bool:
    if not hasattr(record, "run"):
        record.run = ""
    return True


def _without_secrets(record: logging.LogRecord) -> bool:
    try:
        words = record.getMessage()
    except (TypeError, ValueError):
        return True  # a wrong call of the logger: its handler says so
    if (clean := redacted(words)) != words:
        record.msg, record.args = clean, ()
    if record.exc_info and record.exc_info[0] is not None and not record.exc_text:
        stack = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        if (clean := redacted(stack)) != stack:
            record.exc_text = clean  # what formatters show instead of making it anew
    return True


log.addFilter(_run_id)
log.addFilter(_without_secrets)
