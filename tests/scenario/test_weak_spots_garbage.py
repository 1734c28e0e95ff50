"""Flagger's weak spot WS-20: documents with something missing, or nonsense in its place."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.places import places
from tests.unit.documents.classic import ABSENT, classic, errors

from progressive import Plan
from progressive._cli.main import cli
from progressive._documents.reading import read_documents


def full() -> dict[str, Any]:
    """The classic document, with more of what a Canary may have."""
    return classic(
        service__name="web",
        service__targetPort=8080,
        service__hosts=["web.test"],
        service__retries={"attempts": 3},
        analysis__primaryReadyThreshold=50,
        metricsServer="http://prometheus:9090",
    )


PLACES = list(places(full()))
TOUCHES: list[Any] = [ABSENT, None, [], {}, "", 0, -1, True, "x", [None], {"": None}, 1e400]


def touched(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> None:
    """Change or delete one node, unless an earlier touch has taken its place away."""
    place: Any = document
    try:
        for part in path[:-1]:
            place = place[part]
        if value is ABSENT:
            del place[path[-1]]
        else:
            place[path[-1]] = deepcopy(value)
    except (KeyError, IndexError, TypeError):
        return


def check_reading(document: dict[str, Any], what: object) -> bool:
    """Read it: valid with a plan that stands, or with errors that each have a path and words."""
    reading = read_documents([document])
    if reading.valid:
        assert reading.document is not None, what
        assert isinstance(reading.document.plan, Plan), what
        return True
    assert errors(reading), what
    for path, words in errors(reading):
        assert path and words, (what, path, words)
    return False


@pytest.mark.parametrize("path", PLACES, ids=lambda path: ".".join(map(str, path)))
def test_ws_20_no_node_can_be_missing_or_nonsense_without_a_word(path: tuple[Any, ...]) -> None:
    """
    Flagger panics without an analysis; the schema of its CRD alone keeps that away. Here each
    node is deleted, null, empty or of another kind: one error with its path, never a traceback.
    """
    told = 0
    for value in TOUCHES:
        document = full()
        touched(document, path, value)
        told += not check_reading(document, (path, value))

    assert told >= 1, "nothing that is written there counts"


@given(st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(TOUCHES)), max_size=5))
@settings(max_examples=300, deadline=None)
def test_ws_20_several_faults_at_once_are_told_without_a_traceback(
    touches: list[tuple[tuple[Any, ...], Any]],
) -> None:
    """
    A template engine that lost its values breaks a document in several places.
    """
    document = full()
    for path, value in touches:
        touched(document, path, value)

    check_reading(document, touches)


@pytest.mark.parametrize("field", ["analysis", "service", "targetRef", "analysis__metrics"])
@pytest.mark.parametrize("value", [ABSENT, None], ids=["missing", "null"])
@pytest.mark.parametrize("command", ["plan", "run"])
def test_ws_20_the_command_line_names_the_path(
    command: str, value: Any, field: str, tmp_path: Path
) -> None:
    """
    What a person reads in the build: the place, and exit 6.
    """
    file = tmp_path / "canary.yaml"
    file.write_text(yaml.safe_dump(classic(**{field: value})))
    ran = CliRunner().invoke(cli, [command, str(file), "-o", "json"])

    assert 6 == ran.exit_code, ran.output
    assert f"spec.{field.replace('__', '.')}" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr
    assert isinstance(ran.exception, SystemExit | None)
