"""The canary Ingress: how it is made and edited."""

from __future__ import annotations

import pytest
from attrs import evolve
from tests.unit.mesh.nginx import CANARY, CODEC, cookie, header, written
from tests.unit.mesh.plain import (
    FLAGGERS,
    PREFIX,
    TARGET,
    by_name,
    canary,
    carried_out,
    ingress,
    main,
    path,
    texts,
)

from progressive._model.traffic import Bounds, Match, Split, Sticky, Subsets, TextMatch
from progressive.errors import DestinationNotFound, InvalidWeight, Unsupported

# making


def test_the_canary_is_made_of_the_primary_s_paths_class_and_tls_alone() -> None:
    """
    The controller takes all other annotations from the main Ingress, and labels are somebody's.
    """
    source = ingress(
        "web",
        path("web-primary"),
        path("admin", "/admin"),
        path("web-primary", "/api"),
        annotations={"kubernetes.io/ingress.class": "nginx", f"{PREFIX}/proxy-body-size": "8m"},
        labels={"team": "shop"},
    )
    source["spec"]["ingressClassName"] = "public"
    source["spec"]["tls"] = [{"hosts": ["web.example.com"], "secretName": "tls"}]
    (patch,) = CODEC.write([source], TARGET, Split(canary=20))
    (operation,) = patch.patch

    assert ("add", "") == (operation["op"], operation["path"])
    assert {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": "web-canary",
            "namespace": "shop",
            "labels": {"app.kubernetes.io/managed-by": "progressive"},
            "annotations": {
                "kubernetes.io/ingress.class": "nginx",
                f"{PREFIX}/canary": "true",
                f"{PREFIX}/canary-weight": "20",
            },
        },
        "spec": {
            "ingressClassName": "public",
            "tls": [{"hosts": ["web.example.com"], "secretName": "tls"}],
            "rules": [
                {
                    "host": "web.example.com",
                    "http": {"paths": [path("web-canary"), path("web-canary", "/api")]},
                }
            ],
        },
    } == operation["value"]


def test_a_default_backend_is_shared_as_well() -> None:
    """
    An Ingress need not have a single rule.
    """
    source = main()
    source["spec"] = {
        "defaultBackend": {"service": {"name": "web-primary", "port": {"name": "x"}}}
    }
    after = carried_out([source], CODEC.write([source], TARGET, Split(canary=20)))

    assert {
        "defaultBackend": {"service": {"name": "web-canary", "port": {"name": "x"}}}
    } == by_name(after, *CANARY)["spec"]
    assert 20 == CODEC.read(after, TARGET).canary


def test_nothing_is_made_for_weight_0() -> None:
    """
    R2: without a canary Ingress the primary has everything already.
    """
    assert () == CODEC.write([main()], TARGET, Split(canary=0))
    assert () == CODEC.write([main()], TARGET, Split(canary=0, match=(header(exact="qa"),)))
    assert 0 == CODEC.read([main()], TARGET).canary


def test_a_canary_made_for_a_match_gives_nobody_else_to_the_canary() -> None:
    """
    R6: the weight is that of matched requests.
    """
    split = Split(canary=100, match=(header(exact="qa"),))
    made = written([main()], split)

    assert {
        "canary": "true",
        "canary-weight": "0",
        "canary-by-header": "x-user",
        "canary-by-header-value": "qa",
    } == made
    objects = carried_out([main()], CODEC.write([main()], TARGET, split))
    assert CODEC.read(objects, TARGET).shows(split)


def test_an_ingress_of_the_apex_is_the_primary_s_in_a_release_of_flagger() -> None:
    """
    There the apex selects the primary's pods; elsewhere it may select anything.
    """
    objects = [ingress("web", path("web"))]

    assert 1 == len(CODEC.write(objects, FLAGGERS, Split(canary=20)))
    with pytest.raises(DestinationNotFound, match="no path to web-primary"):
        CODEC.write(objects, TARGET, Split(canary=20))


def test_a_second_release_on_one_ingress_gets_a_canary_of_its_own() -> None:
    """
    Two teams may share a host; one canary Ingress cannot have two weights.
    """
    shared = ingress("web", path("web-primary"), path("api-primary", "/api"))
    other = evolve(TARGET, service="api", primary="api-primary", canary="api-canary")
    first = carried_out([shared], CODEC.write([shared], TARGET, Split(canary=20)))
    both = carried_out(first, CODEC.write(first, other, Split(canary=50)))

    assert "50" == texts(by_name(both, "Ingress", "web-api-canary"))["canary-weight"]
    assert (20, 50) == (CODEC.read(both, TARGET).canary, CODEC.read(both, other).canary)


# weights


def test_a_step_edits_one_annotation_and_tests_the_old_value() -> None:
    """
    Foreign annotations stay, byte for byte.
    """
    present = canary(weight="20")
    present["metadata"]["annotations"]["example.com/owner"] = "shop"
    (patch,) = CODEC.write([main(), present], TARGET, Split(canary=50))
    where = "/metadata/annotations/nginx.ingress.kubernetes.io~1canary-weight"

    assert (
        {"op": "test", "path": "/metadata/resourceVersion", "value": "5"},
        {"op": "test", "path": where, "value": "20"},
        {"op": "add", "path": where, "value": "50"},
    ) == patch.patch


@pytest.mark.parametrize(
    ("notes", "split", "after"),
    [
        ({"weight": "0"}, Split(canary=5, total=1000), {"weight": "5", "weight-total": "1000"}),
        (
            {"weight": "5", "weight-total": "1000"},
            Split(canary=20),
            {"weight": "20", "weight-total": "100"},
        ),
        (
            {"weight": "200", "weight-total": "1000"},
            Split(canary=20),
            {"weight": "200", "weight-total": "1000"},
        ),
        (
            {"weight": "200", "weight-total": "1000"},
            Split(canary=0),
            {"weight": "0", "weight-total": "1000"},
        ),
        ({"weight": "20", "weight-total": "50"}, Split(canary=20), None),
        ({}, Split(canary=0), None),
        ({"switch": "false", "weight": "50"}, Split(canary=0), None),
        ({"switch": "false", "weight": "50"}, Split(canary=20), {"weight": "20"}),
        ({"switch": "false", "weight": "50"}, Split(canary=50), {"weight": "50"}),
        (
            {"weight": "20", "by-header": "x", "by-header-value": "y", "by-cookie": "z"},
            Split(canary=20),
            {"weight": "20"},
        ),
    ],
)
def test_what_a_weight_writes(
    notes: dict[str, str], split: Split, after: dict[str, str] | None
) -> None:
    """
    A share that stands in other numbers is left alone, and what the order lacks is removed.
    """
    objects = [main(), canary(**notes)]
    if after is None:
        assert () == CODEC.write(objects, TARGET, split)
        return
    wanted = {"canary": "true", **{f"canary-{key}": text for key, text in after.items()}}
    done = carried_out(objects, CODEC.write(objects, TARGET, split))
    found = texts(by_name(done, *CANARY))

    assert wanted == found
    assert () == CODEC.write(done, TARGET, split)
    assert CODEC.read(done, TARGET).shows(split)


@pytest.mark.parametrize("total", [1, 50, 99])
def test_a_total_below_100_is_refused(total: int) -> None:
    """
    The controller takes 100 in its place, without a word.
    """
    with pytest.raises(InvalidWeight, match="below 100"):
        CODEC.write([main()], TARGET, Split(canary=1, total=total))
    with pytest.raises(InvalidWeight, match="above"):
        CODEC.write([main()], TARGET, Split(canary=1, total=2**31))
    with pytest.raises(InvalidWeight, match="bounds"):
        CODEC.write([main()], evolve(TARGET, bounds=Bounds(max=20)), Split(canary=30))


# a match


@pytest.mark.parametrize(
    ("match", "wanted"),
    [
        ((header(exact="qa"),), {"by-header": "x-user", "by-header-value": "qa"}),
        (
            (header(regex="^qa-(a|b)$"),),
            {"by-header": "x-user", "by-header-pattern": "^qa-(a|b)$"},
        ),
        ((cookie(),), {"by-cookie": "beta"}),
        (
            (header(exact="qa"), cookie()),
            {"by-header": "x-user", "by-header-value": "qa", "by-cookie": "beta"},
        ),
    ],
)
def test_a_match_becomes_annotations_and_replaces_those_that_were_there(
    match: tuple[Match, ...], wanted: dict[str, str]
) -> None:
    """
    A value beside a pattern would win over it, so what is not asked for must go.
    """
    old = canary(weight="30", by_header="old", by_header_value="v", by_header_pattern="p")
    objects = [main(), old]
    split = Split(canary=100, match=match)
    after = carried_out(objects, CODEC.write(objects, TARGET, split))
    expected = {"canary": "true", "canary-weight": "30"}
    expected |= {f"canary-{key}": text for key, text in wanted.items()}

    assert expected == texts(by_name(after, *CANARY))
    assert () == CODEC.write(after, TARGET, split)
    assert CODEC.read(after, TARGET).shows(split)


def test_a_match_at_weight_0_sends_nobody_and_leaves_the_share() -> None:
    """
    The header would still send its requests to the canary.
    """
    split = Split(canary=0, match=(header(exact="qa"),))
    after = written([main(), canary(weight="0", by_header="x-user", by_header_value="qa")], split)

    assert {"canary": "true", "canary-weight": "0"} == after


def test_a_canary_that_is_switched_on_for_a_match_has_no_share() -> None:
    """
    A weight that was asleep must not wake up with it.
    """
    split = Split(canary=100, match=(header(exact="qa"),))
    after = written([main(), canary(switch="false", weight="50")], split)

    assert ("true", "0") == (after["canary"], after["canary-weight"])


@pytest.mark.parametrize(
    ("match", "words"),
    [
        ((Match(headers={"a": TextMatch(exact="1"), "b": TextMatch(exact="2")}),), "at once"),
        ((header("a", exact="1"), header("b", exact="2")), "second header"),
        ((cookie("a"), cookie("b")), "second cookie"),
        (
            (
                Match(
                    headers={"a": TextMatch(exact="1")}, cookies={"b": TextMatch(exact="always")}
                ),
            ),
            "at once",
        ),
        ((Match(query={"v": TextMatch(exact="2")}),), "query"),
        ((Match(),), "at once"),
        ((header(prefix="qa-"),), "prefix"),
        ((cookie(value="yes"),), "must be always"),
        ((header(exact=""),), "empty"),
        ((header(exact="qa@example.com"),), "does not take"),
        ((header(regex="qa, *"),), "does not take"),
        ((header("x user!", exact="1"),), "does not take"),
    ],
)
def test_what_annotations_cannot_say_is_refused(match: tuple[Match, ...], words: str) -> None:
    """
    R5: the controller would drop it in silence, and the canary would get nobody or everybody.
    """
    with pytest.raises(Unsupported, match=words):
        CODEC.write([main(), canary(weight="0")], TARGET, Split(canary=100, match=match))


def test_what_a_canary_ingress_cannot_do_is_refused() -> None:
    """
    Also at weight 0: the document would be a promise.
    """
    match = (header(exact="qa"),)
    for split, words in (
        (Split(canary=20, match=match), "order 0 or all"),
        (Split(canary=0, mirror=10), "mirror"),
        (Split(canary=20, sticky=Sticky(cookie="web")), "main Ingress"),
    ):
        with pytest.raises(Unsupported, match=words):
            CODEC.write([main()], TARGET, split)
    with pytest.raises(Unsupported, match="subsets"):
        subsets = Subsets(primary="a", canary="b")
        CODEC.write([main()], evolve(TARGET, subsets=subsets), Split(canary=20))
