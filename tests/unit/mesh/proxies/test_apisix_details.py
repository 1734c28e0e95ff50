"""What APISIX alone has: a route of its own for a match, and upstreams."""

from __future__ import annotations

import pytest
from tests.unit.mesh.mutations import carried_out
from tests.unit.mesh.proxies.worlds import PROXIES, TARGET
from tests.unit.mesh.proxies.writing import MATCHED, share, written

from progressive._model.traffic import Split
from progressive.errors import InvalidRequest, NotOwned


def test_apisix_makes_and_deletes_the_route_beside() -> None:
    """
    It follows its base, and goes with the match, with the way home, and with a base that is gone.
    """
    codec, made = PROXIES["apisix"].codec, PROXIES["apisix"].made
    after = written("apisix", made(100, 0, None), MATCHED)
    after[0]["spec"]["http"][0]["priority"] = 9
    follows = written("apisix", after, MATCHED)

    assert ["web", "web-progressive-match"] == [one["metadata"]["name"] for one in after]
    assert [one.name for one in codec.steered(after, TARGET)] == ["web", "web-progressive-match"]
    assert 10 == follows[1]["spec"]["http"][0]["priority"]
    assert 1 == len(written("apisix", after, Split(canary=20)))
    assert 1 == len(carried_out(after, codec.reset(after, TARGET)))
    assert [] == carried_out(after[1:], codec.reset(after[1:], TARGET))


def test_apisix_leaves_a_route_of_that_name_to_its_owner() -> None:
    """
    M-112: it is not overwritten, and not deleted.
    """
    codec, made = PROXIES["apisix"].codec, PROXIES["apisix"].made
    foreign = made(100, 0, None)[0]
    foreign["metadata"]["name"] = "web-progressive-match"
    foreign["spec"]["http"][0]["backends"] = [{"serviceName": "other", "servicePort": 80}]
    objects = [*made(100, 0, None), foreign]
    with pytest.raises(NotOwned, match="web-progressive-match"):
        codec.write(objects, TARGET, MATCHED)

    assert () == codec.reset(objects, TARGET)
    assert (20, 100) == share("apisix", written("apisix", objects, Split(canary=20)))


def test_apisix_refuses_a_condition_on_a_header_that_is_asked_for() -> None:
    """
    Headers are one name in whatever case, with dashes or underscores.
    """
    objects = PROXIES["apisix"].made(100, 0, None)
    condition = {"subject": {"scope": "Header", "name": "X-User"}, "op": "Equal", "value": "a"}
    objects[0]["spec"]["http"][0]["match"]["exprs"] = [condition]
    with pytest.raises(InvalidRequest, match="asked for already"):
        PROXIES["apisix"].codec.write(objects, TARGET, MATCHED)


def test_apisix_counts_upstreams_as_third_destinations() -> None:
    """
    They share the requests with the backends of their rule.
    """
    objects = PROXIES["apisix"].made(90, 0, None)
    objects[0]["spec"]["http"][0]["upstreams"] = [{"name": "outside", "weight": 10}]
    (after,) = written("apisix", objects, Split(canary=20))

    assert [70, 20] == [one["weight"] for one in after["spec"]["http"][0]["backends"]]
    assert {"name": "outside", "weight": 10} == after["spec"]["http"][0]["upstreams"][0]
