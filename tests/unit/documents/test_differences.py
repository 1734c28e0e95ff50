from __future__ import annotations

from typing import Any

import pytest
from tests.unit.documents.classic import ABSENT, classic, document_of, template

from progressive._documents.flagger.differences import differs_from_flagger, flaggers_weights


def differences(**changes: Any) -> str:
    return "\n".join(differs_from_flagger(document_of(classic(**changes), allow_no_checks=True)))


@pytest.mark.parametrize(
    ("step", "most", "weights"),
    [(20, 50, (20, 40, 60)), (10, 30, (10, 20, 30)), (60, 100, (60, 100)), (60, 50, (60,))],
)
def test_flagger_adds_until_the_end_is_reached(
    step: int, most: int, weights: tuple[int, ...]
) -> None:
    """`maxWeight` triggers the promotion there; it does not bound the weight."""
    assert weights == flaggers_weights(step, most)


def test_another_last_weight_is_said() -> None:
    """A canary of 50 at most is no canary of 60."""
    assert "20, 40, 60" in differences(analysis__stepWeight=20)
    assert "never above it" not in differences()


ONE = [{"name": "a", "query": "a", "thresholdRange": {"max": 1}}]
FAST = [{"name": "request-duration", "thresholdRange": {"max": 0.5}}]


@pytest.mark.parametrize(
    ("words", "with_it", "without"),
    [
        ("makes it 10s", {"analysis__interval": "5s"}, {}),
        ("first that fails", {}, {"analysis__metrics": ONE}),
        ("one interval later", {}, {"analysis__metrics": []}),
        ("0 while traffic returns", {"analysis__stepWeightPromotion": 20}, {}),
        ("cuts it to 0 ms", {"analysis__metrics": FAST}, {}),
        ("whole milliseconds", {}, {"analysis__metrics": ONE}),
    ],
)
def test_only_what_applies_is_said(
    words: str, with_it: dict[str, Any], without: dict[str, Any]
) -> None:
    """A list that is always the same is not read."""
    assert words in differences(**with_it)
    assert words not in differences(**without)


def test_a_template_without_an_interval_has_one() -> None:
    """Flagger renders an empty window, which Prometheus refuses."""
    metric = {"name": "x", "templateRef": {"name": "errors"}, "thresholdRange": {"max": 1}}
    document = document_of(classic(analysis__metrics=[metric]), template())

    assert any("looks back 1m" in one for one in differs_from_flagger(document))


def test_a_skipped_analysis_differs_in_one_point() -> None:
    """It has no rounds and no weights to speak of."""
    assert 1 == len(
        differs_from_flagger(document_of(classic(skipAnalysis=True, analysis__stepWeight=ABSENT)))
    )
