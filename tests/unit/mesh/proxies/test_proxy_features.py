"""What each proxy does for matched requests, mirrors and stickiness, and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.mesh.mutations import carried_out
from tests.unit.mesh.proxies.expected import MATCHED, MIRRORS, RULES
from tests.unit.mesh.proxies.worlds import PROXIES, TARGET
from tests.unit.mesh.proxies.writing import QA, written
from tests.unit.mesh.schemas import faults

from progressive._documents.routers import ABILITIES
from progressive._model.traffic import Match, Split, Sticky, TextMatch
from progressive.errors import InvalidRequest, Unsupported

STICKY = {"traefik", "traefik-mirroring"}


@pytest.mark.parametrize("name", sorted(RULES))
def test_matched_requests_have_rules_of_their_own(name: str) -> None:
    """
    R6: items are alternatives, keys inside one hold together, and the base keeps its weights.
    """
    proxy = PROXIES[name]
    before = proxy.made(90, 10, None)
    after = written(name, before, MATCHED)
    observed = proxy.codec.read(after, TARGET)
    managed = proxy.codec.managed_for(
        after, proxy.codec.finder.find(_own(name, after), TARGET), TARGET
    )
    key, wanted = RULES[name]

    assert list(wanted) == [rule.body[key] for rule in managed]
    assert (10, True, (30, 100)) == (observed.canary, observed.matched, observed.inside)
    assert observed.shows(MATCHED)
    assert () == proxy.codec.write(after, TARGET, MATCHED)
    assert [] == _faults(name, after)


@pytest.mark.parametrize("name", sorted(RULES))
def test_all_matched_requests_see_the_canary_alone(name: str) -> None:
    """
    A managed rule that holds one side has the total; at weight 0 there is no rule at all.
    """
    proxy = PROXIES[name]
    whole = Split(canary=100, match=[QA])
    after = written(name, proxy.made(100, 0, None), whole)
    (rule,) = proxy.codec.managed_for(
        after, proxy.codec.finder.find(_own(name, after), TARGET), TARGET
    )
    idle = Split(canary=0, match=[QA])

    assert 1 == len(rule.destinations)
    assert 100 == rule.layout.weight(rule.destinations[0])
    assert not proxy.codec.read(written(name, after, idle), TARGET).matched
    assert () == proxy.codec.write(proxy.made(100, 0, None), TARGET, idle)


@pytest.mark.parametrize("name", sorted(RULES))
def test_the_way_home_leaves_what_people_wrote(name: str) -> None:
    """
    R7: rules, objects and notes of ours are gone, and weights are home.
    """
    proxy = PROXIES[name]
    after = written(name, proxy.made(100, 0, None), MATCHED)
    home = carried_out(after, proxy.codec.reset(after, TARGET))
    for one in home:
        if one["metadata"].get("annotations") == {}:
            del one["metadata"]["annotations"]

    assert proxy.made(100, 0, None) == home
    assert () == proxy.codec.reset(home, TARGET)


@pytest.mark.parametrize("name", sorted(MIRRORS))
def test_a_mirror_is_written_changed_and_taken_away(name: str) -> None:
    """
    As each proxy says it; mirrors to others stay.
    """
    proxy = PROXIES[name]
    before = proxy.made(100, 0, None)
    after = written(name, before, Split(canary=0, mirror=10))
    more = written(name, after, Split(canary=0, mirror=25))

    assert _holds(after, MIRRORS[name])
    assert 10 == proxy.codec.read(after, TARGET).mirror
    assert () == proxy.codec.write(after, TARGET, Split(canary=0, mirror=10))
    assert 25 == proxy.codec.read(more, TARGET).mirror
    assert before == written(name, more, Split(canary=0))
    assert before == carried_out(more, proxy.codec.reset(more, TARGET))
    assert [] == _faults(name, after)


@pytest.mark.parametrize("name", sorted(PROXIES))
@pytest.mark.parametrize(
    ("split", "able"),
    [
        (Split(canary=30, match=[QA]), set(RULES)),
        (Split(canary=0, mirror=10), set(MIRRORS)),
        (Split(canary=30, sticky=Sticky(cookie="web")), STICKY),
    ],
    ids=["match", "mirror", "sticky"],
)
def test_what_cannot_be_said_is_refused_before_any_write(
    name: str, split: Split, able: set[str]
) -> None:
    """
    R5, even where the order would change nothing else.
    """
    proxy = PROXIES[name]
    if name in able:
        assert proxy.codec.write(proxy.made(100, 0, None), TARGET, split)
        return
    with pytest.raises(Unsupported):
        proxy.codec.write(proxy.made(100, 0, None), TARGET, split)


def test_a_sticky_cookie_of_traefik_is_its_own_and_comes_and_goes() -> None:
    """
    It keeps users of both sides, which is told; at weight 0 it would keep all new ones.
    """
    name, split = (
        "traefik",
        Split(canary=10, sticky=Sticky(cookie="web", max_age=timedelta(hours=1))),
    )
    codec, made = PROXIES[name].codec, PROXIES[name].made
    after = written(name, made(100, 0, None), split)
    observed = codec.read(after, TARGET)

    assert {"cookie": {"name": "web", "maxAge": 3600}} == after[0]["spec"]["weighted"]["sticky"]
    assert observed.shows(split)
    assert any("keeps users of the primary as well" in one for one in observed.warnings)
    assert () == codec.write(after, TARGET, split)
    assert "sticky" not in written(name, after, Split(canary=10))[0]["spec"]["weighted"]
    assert "sticky" not in carried_out(after, codec.reset(after, TARGET))[0]["spec"]["weighted"]
    with pytest.raises(Unsupported, match="keeps users of both sides"):
        codec.write(
            made(100, 0, None),
            TARGET,
            Split(canary=9, sticky=Sticky(cookie="a", primary_cookie="b")),
        )


def test_a_sticky_cookie_of_a_person_stays() -> None:
    """
    Nobody takes over what somebody else set; an order without one does not mind.
    """
    codec, made = PROXIES["traefik"].codec, PROXIES["traefik"].made
    objects = made(100, 0, None)
    objects[0]["spec"]["weighted"]["sticky"] = {"cookie": {"name": "side"}}
    with pytest.raises(Unsupported, match="of its own"):
        codec.write(objects, TARGET, Split(canary=10, sticky=Sticky(cookie="side")))
    after = written("traefik", objects, Split(canary=10))

    assert {"cookie": {"name": "side"}} == after[0]["spec"]["weighted"]["sticky"]
    assert not codec.read(after, TARGET).matched


def test_documents_know_what_the_codecs_can() -> None:
    """
    A document is refused at the field that asks for what no codec claims, and not otherwise.
    """
    for proxy in PROXIES.values():
        able, told = proxy.codec.capabilities, ABILITIES[proxy.codec.name]

        assert (able.match, able.mirror, able.sticky) == (told.match, told.mirror, told.sticky)


def _own(name: str, objects: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    return PROXIES[name].codec.scope(objects, TARGET)


def _faults(name: str, objects: Sequence[Mapping[str, Any]]) -> list[str]:
    definitions = PROXIES[name].definitions
    return (
        [] if definitions is None else [one for it in objects for one in faults(definitions, it)]
    )


def _holds(value: Any, wanted: Any) -> bool:
    if value == wanted:
        return True
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_holds(one, wanted) for one in inner)


@pytest.mark.parametrize(
    "name", ["contour", "traefik-ingress-route", "kuma", "gloo", "skipper-route-group", "apisix"]
)
def test_a_condition_that_no_mesh_takes_is_named_by_its_place(name: str) -> None:
    """
    It is found in the document, which may have many.
    """
    broken = Match(headers={"x-team": TextMatch(regex="(")})
    codec, objects = PROXIES[name].codec, PROXIES[name].made(100, 0, None)

    with pytest.raises(InvalidRequest, match=r"shop/web: match\[1\]: header x-team: '\(' is no"):
        codec.write(objects, TARGET, Split(canary=100, match=[QA, broken]))


def test_a_condition_that_a_rule_has_already_names_that_rule() -> None:
    """
    The fault is in the object as much as in the match.
    """
    codec, (one,) = PROXIES["contour"].codec, PROXIES["contour"].made(100, 0, None)
    one["spec"]["routes"][1]["conditions"].append({"header": {"name": "X-User", "exact": "a"}})

    with pytest.raises(
        InvalidRequest, match=r"HTTPProxy shop/web, rule routes\[1\]: header x-user"
    ):
        codec.write([one], TARGET, Split(canary=100, match=[QA]))
