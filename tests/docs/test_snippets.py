"""Every snippet of the README and of the documentation runs, as it is written."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner
from tests.docs import fake_cluster, promised
from tests.docs.conftest import Surroundings
from tests.docs.snippets import ELSEWHERE, ROOT, Block, Page, blocks, commands, pages

from progressive._cli.main import cli

RUN = [page for page in pages() if page not in ELSEWHERE]
_OURS = re.compile(r"(?<![\w/.-])progressive (?=[a-z]+)(?P<line>(?:\"[^\"\n]*\"|[^\n'\"|;&`#)])*)")
_LANGUAGES = (
    "",
    "text",
    "python",
    "console",
    "sh",
    "shell",
    "yaml",
    "json",
    "groovy",
    "mermaid",
    "toml",
)


def _runnable(page: Path) -> list[Block]:
    return [
        one
        for one in blocks(page)
        if one.language in ("python", "console") or one.needs == "cluster"
    ]


@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_snippets_of_a_page_run(page: Path, request: pytest.FixtureRequest) -> None:
    """
    A snippet that fails is worse than none: readers believe it.
    """
    all_blocks, wanted = blocks(page), _runnable(page)
    in_process = any(one.needs == "cluster" for one in all_blocks)
    request.getfixturevalue("surroundings" if in_process else "folder")
    carried_out = Page(in_process=in_process)
    for block in all_blocks:
        carried_out.carry_out(block)

    assert carried_out.ran >= len(wanted)


def test_there_are_snippets() -> None:
    """
    A gate that can find nothing must fail.
    """
    counted = {str(page.relative_to(ROOT)): len(_runnable(page)) for page in RUN}

    assert counted["README.md"] >= 2
    for name in ("tutorial/first-release", "how-to/use-a-part-alone", "how-to/write-a-router"):
        assert counted[f"docs/{name}.md"] >= 2, name
    assert sum(counted.values()) > 40


def test_every_block_says_what_it_is() -> None:
    """
    A misspelt language or comment would take a snippet out of the tests unseen.
    """
    for page in pages():
        for block in blocks(page):
            assert block.language in _LANGUAGES, str(block)
        text = page.read_text(encoding="utf-8")
        for comment in re.findall(r"<!--(.*?)-->", text):
            known = r" (needs: cluster|file: \S+|prints|generated: \S+|figures|end) "
            assert re.fullmatch(known, comment), f"{page}: {comment}"


@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_exist(page: Path) -> None:
    """
    Pipelines are copied from pages; an option that is gone must not be found there.
    """
    for block in blocks(page):
        if block.language == "python" or block.prints:
            continue
        for line in _command_lines(block):
            _parse(line, block)


def _command_lines(block: Block) -> Iterator[str]:
    if block.language == "console":
        for command, _ in commands(block):
            yield from (found["line"] for found in _OURS.finditer(command))
    elif block.language in ("sh", "shell", "yaml", "groovy"):
        text = block.text.replace("\\\n", " ")
        yield from (found["line"] for found in _OURS.finditer(text))


def _parse(line: str, block: Block) -> None:
    name, *arguments = shlex.split(line)
    arguments = [one for one in arguments if one != "\\"]
    context = click.Context(cli)
    command = cli.get_command(context, name)
    assert command is not None, f"{block}: there is no command {name!r}"
    try:
        command.make_context(name, arguments, resilient_parsing=False)
    except click.exceptions.Exit:
        return  # --help
    except click.UsageError as error:
        raise AssertionError(f"{block}: progressive {line}: {error.message}") from error


def test_every_promised_use_is_shown_and_run() -> None:
    """
    These are the uses that the library exists for; they must run as written, names included.
    """
    assert len(promised.USES) >= 7
    for name, (place, code) in promised.USES.items():
        wanted = [ast.unparse(one) for one in ast.parse(code).body]
        assert wanted, name
        shown = iter(_statements(ROOT / place))
        missing = [one for one in wanted if not any(one == other for other in shown)]

        assert [] == missing, f"{name}: not shown in {place}, in this order"


def test_every_promised_command_is_shown() -> None:
    """
    The words of a pipeline are copied, so they are promised as well.
    """
    assert promised.WORDS
    for place, words in promised.WORDS.items():
        text = (ROOT / place).read_text(encoding="utf-8")

        assert [] == [one for one in words if one not in text], place


def _statements(page: Path) -> list[str]:
    return [
        ast.unparse(statement)
        for block in blocks(page)
        if block.language == "python"
        for statement in ast.parse(block.text).body
    ]


def test_the_printed_role_covers_every_plan(folder: Path, surroundings: Surroundings) -> None:
    """
    A right that is missing there ends somebody's first release in the middle.
    """
    role = CliRunner().invoke(cli, ["rbac", "canary.yaml"]).stdout
    granted = _rights(yaml.safe_load(role)["rules"])
    (folder / "cluster.yaml").write_text(yaml.safe_dump(fake_cluster.classic_target()))
    arguments = ["plan", "canary.yaml", "-o", "json"]
    needed = set()
    for more in (["--objects", "cluster.yaml"], []):
        answer = json.loads(CliRunner().invoke(cli, [*arguments, *more]).stdout)
        needed |= _rights(answer["rbac"])

    assert len(needed) > 20
    assert set() == needed - granted


def _rights(rules: list[dict[str, list[str]]]) -> set[tuple[str, str, str]]:
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_links_lead_somewhere() -> None:
    """
    A page that was moved takes its readers along, or loses them.
    """
    followed = 0
    for page in pages():
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if "://" not in link:
                followed += 1
                assert (page.parent / link).exists(), f"{page.relative_to(ROOT)}: {link}"

    assert followed > 20
