"""`progressive run`: one command, an exit code, and a report for the build page.

Floor 5. What it shares with `retry` is in `releasing.py`.
"""

from __future__ import annotations

from typing import Any

import click

from progressive._cli.options import read, where
from progressive._cli.releasing import drive, parsed_timeout, run_options
from progressive._model.report import Report


@click.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option(
    "--image",
    "images",
    multiple=True,
    metavar="CONTAINER=REF",
    help="Image to set on a container of the target, once it is ours; may be repeated.",
)
@click.option("--resume", is_flag=True, help="Go on with an unfinished run; start none.")
@click.option(
    "--supersede",
    is_flag=True,
    help="Where another driver holds the target, have it go home first, and then run.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Check everything up to the first write, and let the API server try the writes of the "
    "start; nothing is stored.",
)
@run_options
def run(
    file: str,
    images: tuple[str, ...],
    resume: bool,
    supersede: bool,
    dry_run: bool,
    **given: Any,
) -> None:
    """Release FILE: shift traffic step by step, judge it, promote it or roll it back.

    In a shell step of a pipeline write `exec progressive run …`, so that an abort reaches it.
    """
    wanted, limit = _images(images), parsed_timeout(given["timeout"])
    document = read(file, given)
    if dry_run:
        from progressive._cli.dry_run import try_and_exit

        server, output = given["metrics_server"], given["output"]
        try_and_exit(document, wanted, where(given), server, resume=resume, output=output)

    def begin(connection: Any, runner: Any) -> Report:
        connection.require_rights(images=wanted, resume=resume)
        if supersede:
            from progressive._release.outside.decisions import make_way

            make_way(connection)
        report: Report = connection.release(runner, images=wanted, resume=resume, timeout=limit)
        return report

    drive(document, file, given, begin)


def _images(given: tuple[str, ...]) -> dict[str, str]:
    images: dict[str, str] = {}
    for one in given:
        container, separator, reference = one.partition("=")
        if not (container and separator and reference):
            raise click.BadParameter(
                f"{one!r} is not CONTAINER=REF, such as web=registry/web:42", param_hint="--image"
            )
        if images.get(container, reference) != reference:
            words = f"{container!r} is given two images, {images[container]} and {reference}"
            raise click.BadParameter(words, param_hint="--image")
        images[container] = reference
    return images
