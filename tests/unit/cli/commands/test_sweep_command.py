"""`progressive sweep`, before it looks at any cluster."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from progressive._cli.main import cli


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["-A", "-n", "shop"], "leave -n out"), (["--older-than", "soon"], "--older-than")],
)
def test_garbage_on_the_command_line_is_said_in_one_line(arguments: list[str], words: str) -> None:
    """Before anything is connected to."""
    result = CliRunner().invoke(cli, ["sweep", *arguments])

    assert 2 == result.exit_code
    assert words in result.output
