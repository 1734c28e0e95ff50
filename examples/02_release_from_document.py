"""A whole release from a document, as an automation script does it.

    python examples/02_release_from_document.py examples/classic.yaml web=registry/web:42

The cluster is found as kubectl finds it, the metrics server in PROGRESSIVE_METRICS_SERVER.
"""

from __future__ import annotations

import logging
import sys

import progressive
from progressive import OutcomeError, Report, SpecError, Transition


def told(transition: Transition) -> None:
    """An observer: print every round as it is decided."""
    if transition.round is not None:
        checks = "; ".join(one.explanation for one in transition.round.checks)
        print(f"  weight {transition.round.weight:3} {transition.round.verdict}: {checks}")


def release(file: str, images: dict[str, str]) -> Report:
    """Release, and return the report of whatever became of it."""
    found = progressive.load(file)
    for warning in found.warnings:
        print(f"  {warning}")
    print(f"{found.target}: weights {found.plan.weights}, {found.plan.expected_duration} at best")
    return found.run(images=images, observers=[told])


def main(arguments: list[str]) -> int:
    """Release what the arguments say, and return the exit code for the pipeline."""
    logging.basicConfig(level=logging.WARNING)
    file, *given = arguments or [""]
    if not file or not all("=" in one for one in given):
        print(__doc__)
        return 2
    images = dict(one.split("=", 1) for one in given)
    try:
        report = release(file, images)
        report.raise_for_outcome()
    except SpecError as error:
        print(f"{file} is not valid: {error}")
        return 6
    except OutcomeError as error:
        print(f"{error}")
        return error.report.exit_code
    print(f"{report.outcome} after {report.duration}, weights {report.weights}")
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
