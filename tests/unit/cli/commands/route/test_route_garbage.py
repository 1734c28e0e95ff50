"""Whatever is in the two files, the command answers with a document and a status it promised."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.places import places
from tests.unit.cli.commands.route.by_hand import canary, release
from tests.unit.mesh.manifests import both, endpoints, route, service

from progressive._cli.main import cli

GARBAGE: tuple[Any, ...] = (
    None, True, 0, -1, 2**70, 1.5, "", "web", "web-canary", "-5", [], [None], [[]], {},
    {"a": None},
    [{"destination": None}], [{"destination": {"host": 5}}], {"exact": 1}, "☃", "a/b~c",
)  # fmt: skip
SECTIONS = ("spec", "metadata", "apiVersion", "kind")


def objects() -> list[dict[str, Any]]:
    managed = {"name": "progressive-match", "match": [{"headers": {"x": {"exact": "a"}}}]}
    rules = [{**both(0, 100), **managed}, {**both(80, 20), "mirror": {"host": "web-canary"}}]
    sides = ("web-primary", "web-canary")
    return [
        route(*rules),
        route({"route": [{"destination": {"host": "other"}}]}, name="other"),
        *(service(one, 80) for one in sides),
        *(endpoints(one, True) for one in sides),
    ]


def documents() -> list[dict[str, Any]]:
    whole = release(
        total=100,
        mirror=10,
        match=[{"headers": {"x": {"exact": "a"}}}],
        sticky={"cookie": "c", "max_age": 60},
        bounds={"min": 0, "max": 100},
        routes=[{"name": "web", "rule": 1}],
    )
    analysis = {
        "mirror": True,
        "mirrorWeight": 10,
        "match": [{"headers": {"x": {"suffix": "a"}}}],
        "sessionAffinity": {"cookieName": "c", "maxAge": 60},
    }
    return [release(), whole, canary(analysis=analysis, provider="istio")]


def spoilt(value: Any, chance: random.Random) -> Any:
    """The same with one thing removed, or replaced by garbage."""
    result = deepcopy(value)
    way = chance.choice(list(places(result)))
    holder = result
    for step in way[:-1]:
        holder = holder[step]
    if chance.random() < 0.25:
        del holder[way[-1]]
    else:
        holder[way[-1]] = chance.choice(GARBAGE)
    return result


def asked(folder: Path, document: Any, held: Any, *args: str) -> Result:
    file, objects_file = folder / "release.yaml", folder / "objects.yaml"
    file.write_text(yaml.safe_dump(document))
    objects_file.write_text(yaml.safe_dump_all(held))
    words = ["route", str(file), "--objects", str(objects_file), *args]
    return CliRunner().invoke(cli, words)


def assert_sound(result: Result) -> None:
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code in (0, 2, 6), result.output
    if result.exit_code == 2:  # a file that is no list of documents
        return
    told = json.loads(result.stdout)
    assert ("error" in told) == (result.exit_code == 6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("garbage")


DEEDS = st.sampled_from([["--weight", "20"], ["--weight", "0"], ["--read"], ["--reset"]])
SLOW = settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@given(seed=st.integers(0, 2**32), deed=DEEDS, which=st.integers(0, 2))
@SLOW
def test_no_document_makes_a_traceback(
    folder: Path, seed: int, deed: list[str], which: int
) -> None:
    """
    A traceback for bad input is a bug.
    """
    chance = random.Random(seed)
    document = documents()[which]
    for _ in range(chance.randint(1, 3)):
        document = spoilt(document, chance) or {"kind": None}

    assert_sound(asked(folder, document, objects(), *deed, "-o", "json"))


@given(seed=st.integers(0, 2**32), deed=DEEDS)
@SLOW
def test_no_object_makes_a_traceback(folder: Path, seed: int, deed: list[str]) -> None:
    """
    Objects of a file hold what no schema ever saw.
    """
    chance, held = random.Random(seed), objects()
    for _ in range(chance.randint(1, 4)):
        held = spoilt(held, chance) or [{"kind": None}]

    assert_sound(asked(folder, release(), held, *deed, "-o", "json"))
