"""One release, whose drivers are killed one after the other until one of them may finish.

Starts `driver.py` as often as it takes, and gathers what all of them told.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.realparts.process import wait_for

from benchmarks.survival.driver import Job
from benchmarks.survival.mortal import Doom
from benchmarks.survival.stage import Stage
from benchmarks.survival.witness import Seen, Witness

_LONGEST = 120.0
"""Seconds that one driver may take before it counts as stuck; the longest takes about ten."""

_ROOT = Path(__file__).parents[2]
_TRIES = 4


@dataclass(frozen=True, kw_only=True)
class Kill:
    """
    One end of one driver.

    Attributes:
        doom: At which write; None: at a moment.
        moment: Seconds after its first request.
        elsewhere: The next driver starts on another machine, and has to wait for the Lease.
    """

    doom: Doom | None = None
    moment: float = 0.0
    elsewhere: bool = False


@dataclass
class Life:
    """
    What became of one release.

    Attributes:
        kind: Name of its kind.
        resumed: Its drivers were started again with `--resume`.
        killed: Where each driver died that did: words of `what_is_written`, or ``moment``.
        report: The last report.
        stuck: Drivers that did not end in time.
        lines: Everything that the drivers told, in order.
        seen: Of the route.
        left: How the application stands at the end.
        restarts: Seconds from the start of a new driver until the target was its own, on the
            same machine; those from another machine are in `elsewhere`.
    """

    kind: str
    resumed: bool
    killed: list[str] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)
    stuck: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)
    seen: Seen = field(default_factory=lambda: Seen(canary=[]))
    left: dict[str, Any] = field(default_factory=dict)
    restarts: list[float] = field(default_factory=list)
    elsewhere: list[float] = field(default_factory=list)
    errors: str = ""

    @property
    def writes(self) -> list[str]:
        """What the drivers wrote, in order, answered."""
        return [one["what"] for one in self.lines if one["kind"] == "write"]


def live(
    stage: Stage, witness: Witness, *, kills: list[Kill], resume: bool, lease: float = 2.0
) -> Life:
    """Release with these ends on the way; what became of it."""
    life = Life(kind=stage.kind.name, resumed=resume)
    place = stage.place
    job = Job(
        kubeconfig=place.environment["KUBECONFIG"],
        namespace=place.namespace,
        prometheus=place.environment["PROGRESSIVE_METRICS_SERVER"],
        file=str(place.file),
        record=str(stage.record),
        sides=stage.kind.sides,
        image=stage.image,
        moved_to=stage.kind.moved_to,
        moved_at=40,
        lease=lease,
    )
    waiting = list(kills)
    before: Kill | None = None
    again = 0
    while True:
        kill = waiting.pop(0) if waiting else None
        began = time.monotonic()
        died = _drive(stage, replace(job, doom=kill.doom if kill else None), kill, life)
        if before is not None:
            _time_restart(stage, life, before, began)
        if died and kill is not None:
            job = replace(job, resume=resume)
            if kill.elsewhere:
                job = replace(job, host=f"host-{len(life.killed)}")
            before = kill
            continue
        before = None
        waiting.clear()
        # a one-shot run that was overtaken is started again, as a pipeline would; what was
        # promoted meanwhile is found unchanged
        overtaken = life.report.get("outcome") == "superseded"
        if not overtaken or again >= _TRIES or life.stuck:
            break
        again += 1
        job = replace(job, resume=False)
    life.lines = _told(stage)
    sides = stage.kind.sides or ("my-app-primary", "my-app-canary")
    life.seen = witness.seen(place.namespace, (sides[0], sides[1]), stage.kind.weights)
    life.left = stage.left()
    return life


def _drive(stage: Stage, job: Job, kill: Kill | None, life: Life) -> bool:
    """One driver, to its end; whether it was killed."""
    file = stage.record.with_suffix(".job.json")
    job.write(file)
    command = [sys.executable, "-m", "benchmarks.survival.driver", str(file)]
    if job.host:
        command = ["unshare", "--uts", "--", *command]
    process = subprocess.Popen(
        command,
        cwd=_ROOT,
        env=stage.place.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        begun = process.stdout.readline()
        if kill is not None and kill.doom is None and begun:
            try:
                process.wait(kill.moment)
            except subprocess.TimeoutExpired:
                process.kill()
        try:
            _, errors = process.communicate(timeout=_LONGEST)
        except subprocess.TimeoutExpired:
            life.stuck += 1
            life.errors += f"did not end within {_LONGEST:g} s\n"
            return False
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    if process.returncode == -9:
        life.killed.append(_where(stage) if job.doom else "moment")
        return True
    life.errors += errors
    ends = [one for one in _told(stage) if one["kind"] == "ends" and one["pid"] == process.pid]
    life.report = ends[-1] if ends else {"outcome": f"exit {process.returncode}"}
    return False


def _where(stage: Stage) -> str:
    last = [one for one in _told(stage) if one["kind"] == "dies"][-1]
    return f"{last['when']} {last['what']}"


def _time_restart(stage: Stage, life: Life, before: Kill, began: float) -> None:
    """
    How long the driver that started at `began` took until the target was its own.

    Only where the one before it died with the Lease in its hands: else nobody is waited for.
    """
    told = _told(stage)
    leases = [
        one["what"]
        for one in told
        if one["at"] < began and one["kind"] == "write" and one["what"].startswith("Lease")
    ]
    if not leases or leases[-1] == "Lease freed":
        return
    for one in told:
        if one["at"] >= began and one["kind"] == "write" and one["what"] == "Lease taken":
            (life.elsewhere if before.elsewhere else life.restarts).append(one["at"] - began)
            return


def _told(stage: Stage) -> list[dict[str, Any]]:
    """The record; a line that a death cut off is no line."""
    if not stage.record.exists():
        return []
    lines = []
    for line in stage.record.read_text().splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            continue
    return lines


def settle(stage: Stage, life: Life, expected: dict[str, Any]) -> None:
    """Give controllers time to follow; then what stands is what counts."""

    def there() -> bool:
        life.left = stage.left()
        return life.left == expected

    try:
        wait_for(there, "the end of a release", seconds=5)
    except AssertionError:
        life.left = stage.left()
