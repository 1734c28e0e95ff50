"""`progressive demo`: see a release promoted and another one rolled back, in under a minute.

Floor 5. Reads the options and turns signals into an orderly end; the show is `_demo/play.py`.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@click.command()
@click.option(
    "--seconds",
    type=click.FloatRange(15, 600),
    default=40,
    show_default=True,
    help="How long the show takes, about.",
)
@click.option("--show-config", is_flag=True, help="Print how Envoy is set up, first.")
@click.option("--keep", is_flag=True, help="Leave everything running at the end, until Ctrl-C.")
def demo(seconds: float, show_config: bool, keep: bool) -> None:
    """
    Play a good release and a bad one, on this machine.

    Starts a real Envoy and three versions of a small shop, sends requests, and releases one
    version after the other: the good one is promoted, the bad one rolled back. No cluster, no
    root; everything listens on the loopback and is gone at the end.

    Exit status 0 if both ended as they should, 11 if it was ended before, else 1.
    """
    from progressive._demo.play import Show
    from progressive._demo.screen import Screen
    from progressive.errors import ProgressiveError

    # the screen tells all; without a handler Python would tell warnings a second time
    show = Show(Screen(sys.stdout), seconds=seconds)
    try:
        with _told_of_signals(show.leave):
            status = show.play(show_config=show_config, keep=keep)
    except ProgressiveError as error:
        raise click.ClickException(str(error)) from error
    sys.exit(status)


@contextmanager
def _told_of_signals(leave: Callable[[], None]) -> Iterator[None]:
    """The first signal ends the show in order, the second at once."""
    heard: list[int] = []

    def hear(number: int, frame: object) -> None:
        heard.append(number)
        if len(heard) > 1:
            raise KeyboardInterrupt
        leave()

    before = {one: signal.signal(one, hear) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
