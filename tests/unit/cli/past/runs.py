"""Runs that are over, for the tests of what is told of them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import click
from tests.unit.cli.past.world import HOUR, play

from progressive._cli.main import cli
from progressive._cli.past.advice import Surroundings
from progressive._cli.past.page import page
from progressive._release.past.history import Recorded, before, runs_in
from progressive.testing import Crash, MemoryCluster, Scenario

NOW = datetime(2026, 1, 1, 0, 20, tzinfo=UTC)
COMMANDS = frozenset(cli.list_commands(click.Context(cli)))


def played(scenario: Scenario | None = None, **more: Any) -> MemoryCluster:
    """A first deploy, and an hour later this run."""
    cluster = MemoryCluster()
    play(cluster, Scenario(first_deploy=True))
    with suppress(Crash):
        play(cluster, scenario, after=HOUR, **more)
    return cluster


def newest(cluster: MemoryCluster) -> tuple[Recorded, Surroundings]:
    return around(cluster, 0)


def around(cluster: MemoryCluster, place: int) -> tuple[Recorded, Surroundings]:
    """One of the runs of a cluster, and what stands around it."""
    records = runs_in(cluster, None)
    record = records[place]
    surroundings = Surroundings(
        file="canary.yaml",
        commands=COMMANDS,
        before=before(record, records),
        earlier=records[place + 1] if place + 1 < len(records) else None,
        newest=records[0],
    )
    return record, surroundings


def told(cluster: MemoryCluster) -> str:
    record, surroundings = newest(cluster)
    return page(record, surroundings, now=NOW + HOUR)


def one_line(text: str) -> str:
    return " ".join(text.split())
