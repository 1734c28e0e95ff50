"""Is a measured share the one that was ordered?"""

from __future__ import annotations

import pytest

from progressive._mesh.effect import EffectKind, Traffic, judge_share
from progressive._mesh.queries.known import DIALECTS
from progressive._model.traffic import Split


@pytest.mark.parametrize(
    ("primary", "canary", "weight", "kind"),
    [
        (1620, 380, 20, EffectKind.IN_EFFECT),
        (100, 0, 20, EffectKind.NOT_IN_EFFECT),
        (10, 0, 20, EffectKind.UNDECIDED),
        (0, 0, 20, EffectKind.UNDECIDED),
        (500, 0, 0, EffectKind.IN_EFFECT),
        (400, 100, 0, EffectKind.NOT_IN_EFFECT),
        (9, 0, 0, EffectKind.UNDECIDED),
        (0, 500, 100, EffectKind.IN_EFFECT),
        (500, 0, 1, EffectKind.UNDECIDED),
        (5000, 0, 1, EffectKind.NOT_IN_EFFECT),
    ],
)
def test_a_share_is_judged_with_the_chance_that_its_count_leaves(
    primary: int, canary: int, weight: int, kind: EffectKind
) -> None:
    """
    Ten requests prove nothing; a hundred without one on the canary do.
    """
    effect = judge_share(Split(canary=weight), Traffic(primary=primary, canary=canary))

    assert kind is effect.kind
    assert primary + canary == effect.n


def test_the_words_tell_share_count_and_bound() -> None:
    """
    A person must be able to judge the judgement.
    """
    effect = judge_share(Split(canary=20), Traffic(primary=1620, canary=380))

    assert "19.0 % of 2000 requests went to the canary, within 2.8 points of 20 %" == (
        effect.explanation
    )
    assert 0.0268 == pytest.approx(effect.bound - 0.001, abs=1e-4)


def test_a_canary_that_got_nothing_comes_with_the_words_of_its_mesh() -> None:
    """
    M-137: Linkerd skips a backend without endpoints in silence, and a ServiceProfile overrides
    the route; the success rate is perfect in both.
    """
    counted = Traffic(primary=501, canary=0, nothing=DIALECTS["linkerd"].nothing)
    effect = judge_share(Split(canary=20), counted)
    usual = judge_share(Split(canary=20), Traffic(primary=501, canary=0))

    assert EffectKind.NOT_IN_EFFECT is effect.kind
    assert "ready endpoints" in effect.explanation
    assert "ServiceProfile" in effect.explanation
    assert "ready endpoints" in usual.explanation
    assert "ServiceProfile" not in usual.explanation
