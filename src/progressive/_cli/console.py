"""What people and programs see: plain log lines, one JSON document, a heartbeat.

Floor 5. Lines go to standard error, line by line; standard output holds the result alone.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from progressive._log import log
from progressive._model.release import Problem, Severity
from progressive._model.report import Report
from progressive._redaction import redacted

if TYPE_CHECKING:
    from progressive._documents.files import Loaded

HEARTBEAT = 60.0
"""Seconds without a line after which one is written: CI servers end a build that is silent."""


class _Lines(logging.Handler):
    """One event, one line: instant, level, words."""

    def __init__(self) -> None:
        super().__init__()
        self.latest = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        at = datetime.fromtimestamp(record.created, UTC)
        words = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            # the words of a fault belong on the console, its stack does not
            error = record.exc_info[1]
            words = f"{words}: {type(error).__name__}: {error}"
        words = redacted(" ".join(words.split("\n")))
        text = f"{at:%Y-%m-%dT%H:%M:%SZ} {record.levelname:7} {words}"
        click.echo(text, err=True)
        self.latest = time.monotonic()


@contextmanager
def log_lines(*, heartbeat: Callable[[], str] | None = None) -> Iterator[None]:
    """
    Write the library's log to standard error, line by line, for the length of a block.

    Args:
        heartbeat: Gives the line that is written when nothing else was for `HEARTBEAT`.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)  # a build's log is a file, not a terminal
    lines = _Lines()
    log.addHandler(lines)
    level = log.level
    log.setLevel(logging.INFO)  # by the method: a logger remembers what it is enabled for
    ended = threading.Event()
    if heartbeat is not None:
        threading.Thread(
            target=_beat, args=(heartbeat, lines, ended), name="progressive-heartbeat", daemon=True
        ).start()
    try:
        yield
    finally:
        ended.set()
        log.removeHandler(lines)
        log.setLevel(level)


def _beat(words: Callable[[], str], lines: _Lines, ended: threading.Event) -> None:
    while True:
        silent = time.monotonic() - lines.latest
        if ended.wait(max(0.5, HEARTBEAT - silent)):
            return
        if time.monotonic() - lines.latest >= HEARTBEAT:
            log.info("%s", words())


def print_json(document: Mapping[str, Any]) -> None:
    """The one JSON document of standard output."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def show(report: Report, *, file: str, output: str) -> None:
    """The result on standard output; what must be repaired on standard error."""
    from progressive._cli.text import repair_text, report_text

    if output == "json":
        print_json(report.to_dict())
    else:
        click.echo(report_text(report))
    if repair := repair_text(report, file):
        click.echo(repair, err=True)


def print_problems(problems: Iterable[Problem], *, file: str, loaded: Loaded) -> None:
    """Problems of a file, one a line with its place, on standard error."""
    for problem in problems:
        error = problem.severity is Severity.ERROR
        place = loaded.line_of(problem)
        where = file if place is None else f"{file}:{place[0]}:{place[1]}"
        word, words = "error" if error else "warning", str(problem)
        if words.startswith(f"{file}:"):  # about the file itself: line and column belong to it
            within, _, words = words.removeprefix(file).partition(": ")
            where = f"{file}{within}"
        click.echo(f"{where}: {word}: {words} [{problem.id}]", err=True)
