"""What all commands have: help, and a way to be called."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from progressive._cli.main import cli


@pytest.mark.parametrize("command", ["run", "status", "abort", "plan", "simulate", "demo"])
def test_every_command_explains_itself(command: str) -> None:
    """
    The first thing that somebody types.
    """
    result = CliRunner().invoke(cli, [command, "--help"])

    assert 0 == result.exit_code
    assert "Usage:" in result.stdout


def test_python_m_progressive_is_the_command() -> None:
    """
    Where scripts are not on the PATH, the module is.
    """
    told = subprocess.run(
        [sys.executable, "-m", "progressive", "--version"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert told.stdout.startswith("progressive ")
