"""A judge alone: ask one question, and let the exit status say whether the answer is good.

python examples/04_judge_in_a_script.py 'sum(rate(errors_total[5m]))' 0.01
"""

from __future__ import annotations

import sys

from progressive import MetricCheck, MetricsError
from progressive.metrics import PrometheusMetrics

BAD, UNKNOWN = 1, 2


def main(query: str, at_most: float) -> int:
    """0: good; 1: not good; 2: not known."""
    check = MetricCheck(name="errors", query=query, at_most=at_most)
    try:
        verdict = check.evaluate(PrometheusMetrics("http://prometheus:9090"))
    except MetricsError as error:
        print(f"cannot be asked: {error}")
        return UNKNOWN
    print(verdict.explanation)
    if verdict.passed:
        return 0
    return BAD if verdict.value is not None else UNKNOWN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2])))
