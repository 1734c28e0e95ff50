"""`progressive simulate`: what people and programs read, and garbage in a scenario."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from tests.unit.documents.classic import classic

from progressive._cli.main import cli


def scenario(folder: Path, text: str) -> str:
    place = folder / "scenario.yaml"
    place.write_text(text)
    return str(place)


def test_a_simulation_answers_one_json_document(file: Path, tmp_path: Path) -> None:
    """
    Scripts read standard output; everything for people is on the other stream.
    """
    world = scenario(tmp_path, "metrics: {request-success-rate: [99.9, 98.2, null, error, 99.9]}")
    result = CliRunner().invoke(cli, ["simulate", str(file), "--scenario", world, "-o", "json"])
    answer = json.loads(result.stdout)

    assert 0 == result.exit_code
    assert ("promoted", 0) == (answer["outcome"], answer["exit_code"])
    assert ["pass", "fail", "no_data", "no_data", "pass"] == [
        one["verdict"] for one in answer["rounds"][:5]
    ]
    wanted = {"schema", "run_id", "revision", "holder", "split_restored", "trimmed", "final"}
    assert wanted <= set(answer)


def test_a_simulation_in_text_says_what_happened(file: Path, tmp_path: Path) -> None:
    """
    The same for people: outcome first, then the rounds.
    """
    world = scenario(tmp_path, "metrics: {request-success-rate: 50}")
    result = CliRunner().invoke(cli, ["simulate", str(file), "--scenario", world])

    assert "shop/my-app: rolled_back (check-failed)" == result.stdout.splitlines()[0]
    assert "request-success-rate 50 % < 99 %" in result.stdout
    assert 5 == result.stdout.count(" fail ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("metrics: {request-success-rate: many}", "metrics.request-success-rate"),
        ("metrics: {request-success-rate: []}", "metrics.request-success-rate"),
        ("at: [{time: 90s}]", "at[0]"),
        ("at: [{time: soon, do: abort}]", "at[0].time"),
        ("at: [{time: 90s, do: panic}]", "at[0].do"),
        ("faults: [{call: 0, on: journal, what: conflict}]", "faults[0].call"),
        ("faults: [{call: 1, on: moon, what: conflict}]", "faults[0].on"),
        ("workloads: {canary: asleep}", "workloads.canary"),
        ("traffic: {rpm: -1}", "traffic.rpm"),
        ("wold: {}", "wold"),
        ("- 1", "mapping"),
        ("{", "scenario.yaml"),
    ],
)
def test_garbage_in_a_scenario_is_named_with_its_place(
    file: Path, tmp_path: Path, text: str, words: str
) -> None:
    """
    One clear error with the path of the fault; a traceback is a bug.
    """
    world = scenario(tmp_path, text)
    result = CliRunner().invoke(cli, ["simulate", str(file), "--scenario", world])

    assert 2 == result.exit_code
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_on_may_be_a_bare_word_and_a_call_may_be_open_ended(file: Path, tmp_path: Path) -> None:
    """
    YAML 1.1 reads a bare `on:` as true.
    """
    world = scenario(tmp_path, 'faults: [{call: "1..", on: metrics, what: unavailable}]')
    result = CliRunner().invoke(cli, ["simulate", str(file), "--scenario", world, "-o", "json"])
    answer = json.loads(result.stdout)

    assert ("inconclusive", "no-data", 10) == (
        answer["outcome"],
        answer["reason"],
        len(answer["rounds"]),
    )


def test_a_driver_that_dies_for_ever_is_an_error_in_the_scenario(
    file: Path, tmp_path: Path
) -> None:
    """
    The fault is in the file, so its place is named, and there is no traceback.
    """
    world = scenario(tmp_path, 'faults: [{call: "2..", on: workload, what: crash-after}]')
    result = CliRunner().invoke(cli, ["simulate", str(file), "--scenario", world])

    assert 2 == result.exit_code
    assert f"{world}: error: faults: the driver died" in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_an_invalid_release_gets_the_answer_of_plan(file: Path, tmp_path: Path) -> None:
    """
    Exit status 6 and the problems.
    """
    file.write_text(yaml.safe_dump(classic(sevrice={})))
    world = scenario(tmp_path, "{}")
    result = CliRunner().invoke(cli, ["simulate", str(file), "--scenario", world, "-o", "json"])

    assert 6 == result.exit_code
    assert "spec.sevrice" in [one["path"] for one in json.loads(result.stdout)["problems"]]
