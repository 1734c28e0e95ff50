"""`progressive simulate`: the same machine and runner, in a world that a scenario describes.

Floor 5.
"""

from __future__ import annotations

import sys

import click

from progressive._cli.console import print_json, print_problems
from progressive._cli.options import document_options, output_option, read_or_refuse
from progressive._model.report import Report


@click.command()
@click.argument("release", type=click.Path(dir_okay=False))
@click.option(
    "--scenario",
    "scenario_file",
    required=True,
    type=click.Path(dir_okay=False),
    help="How the world answers; a YAML file.",
)
@document_options
@output_option
def simulate(
    release: str,
    scenario_file: str,
    name: str | None,
    router: str | None,
    allow_no_checks: bool,
    output: str,
) -> None:
    """Play RELEASE in an in-memory world, on a virtual clock; no cluster, no network.

    The exit status is 0 whenever it could be played; the release's own is `exit_code` in the
    answer.
    """
    document = read_or_refuse(
        release, name=name, router=router, allow_no_checks=allow_no_checks, output=output
    )
    from progressive._documents.files import load_file
    from progressive._scenario.play import simulate as play
    from progressive._scenario.reading import read_scenario
    from progressive.errors import SpecError

    loaded = load_file(scenario_file)
    scenario, problems = None, loaded.problems
    if not problems:
        scenario, problems = read_scenario(loaded.documents[0] if loaded.documents else {})
    print_problems(problems, file=scenario_file, loaded=loaded)
    if scenario is None:
        sys.exit(2)
    for check in sorted(set(scenario.metrics) - {one.name for one in document.plan.checks}):
        click.echo(f"{scenario_file}: warning: the release has no check {check!r}", err=True)
    try:
        result = play(document.plan, document.target, scenario)
    except SpecError as error:
        click.echo(f"{scenario_file}: error: {error}", err=True)
        sys.exit(2)
    if output == "json":
        print_json(result.to_dict())
    else:
        click.echo(_text(result.report, result.weights))


def _text(report: Report, weights: list[int]) -> str:
    from progressive._cli.text import report_text

    return report_text(report, weights=weights)
