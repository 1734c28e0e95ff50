"""A bar on a terminal that shows where a run stands; nothing anywhere else.

Floor 5. Needs the extra ``rich``; without it, or where standard error is no terminal, there are
the log lines alone. The lines go on above the bar.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from progressive._model.plan import Plan
from progressive._model.record import Transition
from progressive.ports import Observer


def _nothing(_: Transition) -> None:
    """An observer that shows nothing."""


@contextmanager
def progress_bar(plan: Plan) -> Iterator[Observer]:
    """An observer that keeps a bar current for the length of a block."""
    if not sys.stderr.isatty() or find_spec("rich") is None:
        yield _nothing
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("canary {task.completed:.0f} of {task.total:.0f}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("starting", total=plan.total)
        rounds = 0

        def observe(transition: Transition) -> None:
            nonlocal rounds
            rounds += transition.round is not None
            words = f"{transition.after}, {rounds} rounds"
            shown.update(task, completed=transition.weight, description=words)

        yield observe
