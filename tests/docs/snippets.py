"""Finds the fenced blocks of a page, and carries them out in order.

What a comment right before a block says:

``<!-- needs: cluster -->``  the page runs against the cluster of `fake_cluster.py`, in which
                             ``canary.yaml`` is the classic document
``<!-- file: NAME -->``      the block is the content of this file in the page's folder; one of
                             ``python`` is run as well
``<!-- prints -->``          the block is what the snippet before it prints; ``...`` is any text

Blocks of ``python`` share one namespace a page and may await. In blocks of ``console`` each line
that begins with ``$`` is run, and what follows is compared with its output.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from inspect import isawaitable
from pathlib import Path
from typing import Any

from attrs import frozen

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = {ROOT / "docs" / "tutorial" / "demo.md"}
"""Run on a real Envoy by `tests/real/commands/test_demo.py` and `test_envoy.py`."""

_IN_VAIN = (5, 9, 10)
"""Exit statuses of what the fake cluster failed to do: late, unreachable, half done."""

_FENCE = re.compile(
    r"(?P<comments>(?:<!--[^\n]*-->\n+)*)"
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
_COMMENT = re.compile(r"<!-- *(?P<word>needs:|file:|prints) *(?P<value>.*?) *-->")


@frozen(kw_only=True)
class Block:
    """
    One fenced block.

    Attributes:
        page, line: Where it begins.
        language: What stands behind the fence; may be empty.
        text: Its content.
        needs, file: What the comment before it says; empty: nothing.
        prints: Whether it is the output of the snippet before it.
    """

    page: Path
    line: int
    language: str
    text: str
    needs: str = ""
    file: str = ""
    prints: bool = False

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Every page of the documentation, the README first."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> tuple[Block, ...]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in _FENCE.finditer(text):
        said = {one["word"].rstrip(":"): one["value"] for one in _COMMENT.finditer(fence[1])}
        found.append(
            Block(
                page=page,
                line=text.count("\n", 0, fence.start("language")) + 1,
                language=fence["language"],
                text=re.sub(f"^{fence['indent']}", "", fence["text"], flags=re.MULTILINE),
                needs=said.get("needs", ""),
                file=said.get("file", ""),
                prints="prints" in said,
            )
        )
    return tuple(found)


class Page:
    """
    A page while it is carried out, in the present folder.

    Attributes:
        ran: How many snippets were run.
    """

    def __init__(self, *, in_process: bool) -> None:
        self.ran = 0
        self._in_process = in_process
        self._names: dict[str, Any] = {"__name__": "__snippets__"}
        self._printed = ""

    def carry_out(self, block: Block) -> None:
        """Run, write or compare one block."""
        if block.file:
            Path(block.file).parent.mkdir(parents=True, exist_ok=True)
            Path(block.file).write_text(block.text, encoding="utf-8")
        if block.prints:
            assert_prints(block.text, self._printed, block)
        elif block.language == "python":
            self._run_python(block)
        elif block.language == "console":
            self._run_console(block)
        elif block.language == "sh" and block.needs == "cluster":
            for line in block.text.splitlines():
                self._run_command(line.removeprefix("exec "), block)

    def _run_python(self, block: Block) -> None:
        # empty lines in front, so that a traceback names the line of the page
        source = "\n" * block.line + block.text
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code = compile(source, str(block.page), "exec", flags=flags)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            result = eval(code, self._names)
            if isawaitable(result):
                asyncio.run(_awaited(result))
        self._printed = printed.getvalue()
        self.ran += 1

    def _run_console(self, block: Block) -> None:
        for command, wanted in commands(block):
            printed = self._run_command(command, block)
            if wanted:
                assert_prints(wanted, printed, block)

    def _run_command(self, command: str, block: Block) -> str:
        self.ran += 1
        if self._in_process:
            printed, code = _in_this_process(command)
            assert code not in _IN_VAIN, f"{block}: {code}: {printed}"
            return printed
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        done = subprocess.run(
            ["bash", "-c", command],
            env={**os.environ, "PATH": path, "COLUMNS": "100"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode != 127, f"{block}: {done.stdout}"
        return done.stdout


async def _awaited(result: Any) -> None:
    await result


def _in_this_process(command: str) -> tuple[str, int]:
    """
    Output and exit status of a command of ours where the fake cluster is.

    ``; echo $?`` may follow it.
    """
    from click.testing import CliRunner

    from progressive._cli.main import cli

    line, _, then = command.partition(";")
    program, *arguments = shlex.split(line)
    assert program == "progressive", command
    result = CliRunner().invoke(cli, arguments, prog_name="progressive", catch_exceptions=False)
    assert result.exit_code != 2, result.output
    told = f"{result.exit_code}\n" if then.strip() == "echo $?" else ""
    return result.output + told, result.exit_code


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Commands of a console, each with the output that is shown for it."""
    for piece in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, wanted = piece.partition("\n")
        yield command.split("  #")[0], wanted


def assert_prints(wanted: str, printed: str, block: Block) -> None:
    """Compare an output with what a page shows; ``...`` stands for any text."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    same = doctest.OutputChecker().check_output(wanted, printed, flags)
    assert same, f"{block} shows\n{wanted}\nand what is printed is\n{printed}"
