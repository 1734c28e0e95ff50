"""A run in a process of its own: signals, a heartbeat, and the report as it goes.

Floor 5.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from progressive._log import log
from progressive._model.record import Transition
from progressive._model.report import Report
from progressive._run.sync import Runner


class EndedEarly(Exception):
    """A signal came before there was a run; nothing was moved."""


class ReportFolder:
    """
    The files of a report: ``report.json``, always whole, and ``rounds.jsonl``, one round a line.

    A folder that cannot be written is said once and does not stop a release.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._broken = False

    def write(self, report: Report, transition: Transition | None = None) -> None:
        """The report as it stands."""
        if self._broken:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps(report.to_dict(), indent=2, ensure_ascii=False) + "\n"
            self._replace(self._folder / "report.json", text)
            if transition is not None and transition.round is not None:
                self._append(report, transition)
        except OSError as error:
            self._broken = True
            log.error("the report cannot be written: %s", error, extra={"run": report.run_id})

    def _replace(self, file: Path, text: str) -> None:
        descriptor, fresh = tempfile.mkstemp(dir=self._folder, prefix=".report-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
            os.chmod(fresh, 0o644)
            os.replace(fresh, file)
        except BaseException:
            with suppress(OSError):
                os.unlink(fresh)
            raise

    def _append(self, report: Report, transition: Transition) -> None:
        one = {"run_id": report.run_id, **report.to_dict()["rounds"][-1]}
        with (self._folder / "rounds.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(one, ensure_ascii=False) + "\n")


class Driving:
    """What surrounds a `Runner` in the command `run`."""

    def __init__(self, folder: ReportFolder | None, *, on_abort: str = "rollback") -> None:
        self._folder, self._on_abort = folder, on_abort
        self._runner: Runner | None = None
        self._asked_to_end = 0

    def drives(self, runner: Runner) -> None:
        """The runner is there: signals go to it."""
        self._runner = runner

    def observe(self, transition: Transition) -> None:
        """An observer: write the report as it goes."""
        if self._folder is not None and self._runner is not None:
            self._folder.write(self._runner.report, transition)

    def ended(self, report: Report) -> None:
        """The last state of the report."""
        if self._folder is not None:
            self._folder.write(report)

    def heartbeat(self) -> str:
        """A line for a silent minute."""
        if self._runner is None:
            return "connecting"
        report = self._runner.report
        rounds = len(report.rounds) + report.trimmed.get("rounds", 0)
        weight = f"weight={report.final.weight}"
        return f"{report.target or 'starting'} still running, {weight}, {rounds} rounds"

    @contextmanager
    def signals(self) -> Iterator[None]:
        """
        SIGTERM and SIGINT send the traffic home first (L26) for the length of a block, or hold
        the run or leave it, as was asked for.

        A second SIGTERM changes nothing; a second SIGINT on a terminal forces the exit.
        """
        before = {one: signal.signal(one, self._end) for one in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._asked_to_end += 1
        name = signal.Signals(number).name
        if self._runner is None:
            raise EndedEarly(name)
        if self._asked_to_end == 1:
            self._leave(self._runner, name)
        elif number == signal.SIGINT and sys.stdin.isatty():
            self._force(self._runner.report)

    def _leave(self, runner: Runner, name: str) -> None:
        match self._on_abort:
            case "hold":
                runner.hold(by=name, signal=True)
            case "detach":
                log.info("%s: the run is left as it is, for the next driver", name)
                runner.leave()
            case _:
                runner.abort(by=name, signal=True)

    def _force(self, report: Report) -> None:
        split = f"{report.final.weight} of {report.total}"
        words = f"forced to end: the canary may be left with {split} of the traffic\n"
        os.write(2, words.encode())
        os._exit(11 if report.split_restored else 10)
