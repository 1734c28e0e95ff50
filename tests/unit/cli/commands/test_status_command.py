"""`progressive status`, and `abort`, where no cluster is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.unit.cli.commands.answers import told

from progressive._cli.main import cli


@pytest.mark.parametrize("command", ["status", "abort"])
def test_the_other_commands_say_as_much(file: Path, command: str) -> None:
    """
    `post` of a pipeline calls them where the agent may have lost its credentials.
    """
    words = [command, str(file), "--kubeconfig", "/nowhere/config", "-o", "json"]
    result = CliRunner().invoke(cli, words)

    assert 9 == result.exit_code
    assert "/nowhere/config does not exist" in told(result)["message"]
    assert "/nowhere/config does not exist" in result.stderr
