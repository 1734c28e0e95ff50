"""What Skipper alone has: the weights of all paths in one annotation."""

from __future__ import annotations

from fractions import Fraction

import pytest
from tests.unit.mesh.mutations import carried_out
from tests.unit.mesh.proxies.worlds import PROXIES, TARGET
from tests.unit.mesh.proxies.writing import share, written

from progressive._model.traffic import Split
from progressive.errors import DestinationNotFound, InvalidRequest, Unsupported


def test_skipper_counts_fractions_and_leaves_what_it_does_not_know() -> None:
    """
    A service of another path has weights in the same annotation.
    """
    objects = PROXIES["skipper"].made(0.75, 0.25, None)
    notes = objects[0]["metadata"]["annotations"]
    notes["zalando.org/backend-weights"] = '{"web-primary": 0.75, "web-canary": 0.25, "api": 1.5}'
    (after,) = written("skipper", objects, Split(canary=10))

    assert (25, 100) == share("skipper", objects)
    assert (
        '{"api":1.5,"web-canary":10,"web-primary":90}'
        == (after["metadata"]["annotations"]["zalando.org/backend-weights"])
    )
    assert Fraction(1, 10) == Fraction(*share("skipper", [after]))


def test_skipper_shares_nothing_between_sides_on_paths_of_their_own() -> None:
    """
    Each of them gets all requests of its path, whatever weights the annotation gives them.
    """
    (one,) = PROXIES["skipper"].made(100, 0, None)
    one["spec"]["rules"][0]["http"]["paths"][1]["path"] = "/next"

    with pytest.raises(DestinationNotFound, match="no destination web-canary"):
        PROXIES["skipper"].codec.write([one], TARGET, Split(canary=20))


def test_skipper_tells_of_a_predicate_that_keeps_every_request_away() -> None:
    """
    Flagger leaves it on its Ingress at weight 0; with it no weight has an effect.
    """
    (one,) = PROXIES["skipper"].made(100, 0, None)
    one["metadata"]["annotations"]["zalando.org/skipper-predicate"] = "Weight(100) && False()"
    (note,) = PROXIES["skipper"].codec.read([one], TARGET).warnings

    assert note.startswith("Note: Ingress shop/web: the predicate Weight(100) && False() keeps")


def test_skipper_has_one_annotation_for_all_paths_of_an_ingress() -> None:
    """
    Where other services share some of the paths one weight cannot be right for all.
    """
    codec = PROXIES["skipper"].codec
    (one,) = PROXIES["skipper"].made(100, 0, None)
    (other,) = PROXIES["skipper"].made(90, 0, 10)
    one["spec"]["rules"] += [{**rule, "host": "b.example.com"} for rule in other["spec"]["rules"]]
    with pytest.raises(Unsupported, match="differ from path to path"):
        codec.write([one], TARGET, Split(canary=20))

    assert [] == list(codec.reset([one], TARGET))


@pytest.mark.parametrize(
    "said", ["web-primary=100", "[]", '{"web-primary": NaN}', "{" * 3000, '{"web-canary": "1"}']
)
def test_skipper_brings_home_whatever_the_annotation_holds(said: str) -> None:
    """
    What is no JSON cannot be read, and is written anew on the way home.
    """
    objects = PROXIES["skipper"].made(100, 0, None)
    objects[0]["metadata"]["annotations"]["zalando.org/backend-weights"] = said
    codec = PROXIES["skipper"].codec
    with pytest.raises(InvalidRequest):
        codec.read(objects, TARGET)

    assert (0, 100) == share("skipper", carried_out(objects, codec.reset(objects, TARGET)))
