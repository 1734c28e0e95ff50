"""The canary Ingress: how it is made, read, edited, and left idle."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.mesh.manifests import endpoints, owner
from tests.unit.mesh.plain import (
    FLAGGERS,
    PREFIX,
    TARGET,
    by_name,
    canary,
    carried_out,
    ingress,
    main,
    on,
    path,
    texts,
)

from progressive._mesh.nginx.codec import NginxCodec
from progressive._model.traffic import (
    Bounds,
    Match,
    RouteRef,
    Split,
    Sticky,
    Subsets,
    TextMatch,
)
from progressive.errors import (
    AmbiguousRoute,
    DestinationNotFound,
    Drift,
    ForeignController,
    InvalidRequest,
    InvalidWeight,
    NotOwned,
    PreflightFailed,
    RouteNotFound,
    RouterError,
    Unsupported,
)

CODEC = NginxCodec()


def header(name: str = "x-user", **text: str) -> Match:
    return Match(headers={name: TextMatch(**text)})


def cookie(name: str = "beta", value: str = "always") -> Match:
    return Match(cookies={name: TextMatch(exact=value)})


def written(objects: Any, split: Split, target: Any = TARGET) -> dict[str, str]:
    """The annotations of the canary Ingress after a write."""
    return texts(by_name(carried_out(objects, CODEC.write(objects, target, split)), *CANARY))


def called(name: str) -> dict[str, Any]:
    """A canary Ingress of another name."""
    one = canary(weight="20")
    one["metadata"]["name"] = name
    return one


CANARY = ("Ingress", "web-canary")


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


# reading


@pytest.mark.parametrize(
    ("notes", "told"),
    [
        ({}, (0, 100, False)),
        ({"weight": "30"}, (30, 100, False)),
        ({"weight": "+030"}, (30, 100, False)),
        ({"weight": "30", "weight-total": "50"}, (30, 100, False)),
        ({"weight": "30", "weight-total": "0"}, (30, 100, False)),
        ({"weight": "30", "weight-total": ""}, (30, 100, False)),
        ({"weight": "100", "weight-total": "400"}, (25, 100, False)),
        ({"weight": "1", "weight-total": "1000"}, (1, 1000, False)),
        ({"weight": "30", "by-header": "x"}, (30, 100, True)),
        ({"weight": "30", "by-cookie": "x"}, (30, 100, True)),
        ({"weight": "30", "by-header-value": "x"}, (30, 100, False)),
        ({"switch": "false", "weight": "30", "by-header": "x"}, (0, 100, False)),
        ({"switch": "T", "weight": "30"}, (30, 100, False)),
    ],
)
def test_annotations_are_read_as_the_controller_reads_them(
    notes: dict[str, str], told: tuple[int, int, bool]
) -> None:
    """
    A total below 100 is 100; a value without its header means nothing.
    """
    observed = CODEC.read([main(), canary(**notes)], TARGET)

    assert told == (observed.canary, observed.total, observed.matched)


@pytest.mark.parametrize(
    "notes",
    [
        {"weight": "abc"},
        {"weight": "-1"},
        {"weight": "20.0"},
        {"weight": "20%"},
        {"weight": "٢٠"},
        {"weight": "9" * 30},
        {"weight": "101"},
        {"weight": "2000", "weight-total": "1000"},
        {"weight": "20", "weight-total": "x"},
        {"weight": "20", "weight-total": "-5"},
        {"switch": "yes", "weight": "20"},
    ],
)
def test_what_means_nothing_is_an_error_and_a_reset_removes_it(notes: dict[str, str]) -> None:
    """
    R8 for reading; R7: the way home does not depend on what stands there.
    """
    objects = [main(), canary(**notes)]
    with pytest.raises(InvalidRequest, match="Ingress shop/web-canary: annotation"):
        CODEC.read(objects, TARGET)
    with pytest.raises(InvalidRequest):
        CODEC.write(objects, TARGET, Split(canary=30))
    after = carried_out(objects, CODEC.reset(objects, TARGET))

    assert "0" == texts(by_name(after, *CANARY))["canary-weight"]


def test_an_annotation_that_is_no_text_is_told_with_its_remedy() -> None:
    """
    The commonest fault in a file; the API server would refuse the object.
    """
    one = canary(weight="20")
    one["metadata"]["annotations"][f"{PREFIX}/canary"] = True
    for plan in (
        lambda: CODEC.read([main(), one], TARGET),
        lambda: CODEC.reset([main(), one], TARGET),
    ):
        with pytest.raises(InvalidRequest, match=r'web-canary: metadata\.annotations .*"true"'):
            plan()


def test_several_ingresses_must_agree() -> None:
    """
    One number cannot tell two shares.
    """
    second = ingress("app", path("web-primary"))
    second["spec"]["rules"][0]["host"] = "app.example.com"
    target = on(RouteRef(name="web"), RouteRef(name="app", kind="Ingress"))
    objects = [main(), second, canary(weight="20")]
    with pytest.raises(Drift, match="canary 20 of 100; Ingress shop/app: canary 0 of 100"):
        CODEC.read(objects, target)
    after = carried_out(objects, CODEC.write(objects, target, Split(canary=20)))

    assert 20 == CODEC.read(after, target).canary
    assert "20" == texts(by_name(after, "Ingress", "app-canary"))["canary-weight"]


# finding


@pytest.mark.parametrize(
    ("objects", "error", "words"),
    [
        ([], RouteNotFound, "no Ingress of namespace shop"),
        ([ingress("x", path("other"))], RouteNotFound, "looked at x"),
        ([ingress("x", path("web-canary"))], DestinationNotFound, "web-primary"),
        ([canary(weight="20")], RouteNotFound, "web-primary"),
        ([main(), ingress("second", path("web-primary"))], AmbiguousRoute, "web, second"),
        ([main(), called("a"), called("b")], AmbiguousRoute, "a, b"),
        (
            [
                main(),
                ingress("web-canary", path("other"), annotations={f"{PREFIX}/canary": "true"}),
            ],
            DestinationNotFound,
            "web-canary",
        ),
    ],
)
def test_what_cannot_be_found_is_refused_for_reading_and_writing(
    objects: Any, error: type[RouterError], words: str
) -> None:
    """
    R8: nothing is guessed.
    """
    with pytest.raises(error, match=words):
        CODEC.read(objects, TARGET)
    with pytest.raises(error, match=words):
        CODEC.write(objects, TARGET, Split(canary=20))

    assert () == CODEC.steered(objects, TARGET)


def test_an_entry_names_the_main_ingress_and_may_name_a_rule() -> None:
    """
    By index or by host: the rules of an Ingress have no names.
    """
    both = main()
    rule = {"host": "b.example.com", "http": {"paths": [path("web-primary")]}}
    both["spec"]["rules"].append(rule)
    for named in (1, "b.example.com"):
        (patch,) = CODEC.write([both], on(RouteRef(name="web", rule=named)), Split(canary=20))
        assert patch.made is not None
        assert ["b.example.com"] == [one["host"] for one in patch.made["spec"]["rules"]]
    for entry, words in (
        (RouteRef(name="web", rule=2), "no rule 2"),
        (RouteRef(name="gone"), "Ingress shop/gone does not exist"),
        (RouteRef(name="web", kind="HTTPRoute"), "HTTPRoute shop/web"),
    ):
        with pytest.raises(RouteNotFound, match=words):
            CODEC.write([both], on(entry), Split(canary=20))


def test_a_canary_of_another_name_on_the_same_path_is_the_canary() -> None:
    """
    Charts give it names of their own.
    """
    mine = called("chart-web")
    (patch,) = CODEC.write([main(), mine], TARGET, Split(canary=50))

    assert "chart-web" == patch.ref.name
    assert ["web", "chart-web"] == [one.name for one in CODEC.steered([main(), mine], TARGET)]


def test_a_path_that_the_canary_does_not_share_is_a_warning() -> None:
    """
    Its requests all go to the primary, whatever the weight says.
    """
    wide = ingress("web", path("web-primary"), path("web-primary", "/api"))
    (warning,) = CODEC.read([wide, canary(weight="20")], TARGET).warnings

    assert "does not share web.example.com/api" in warning


# others


def test_an_ingress_that_is_no_canary_is_not_made_one() -> None:
    """
    It may be somebody's way to the canary past the split; reading is no harm.
    """
    direct = ingress("web-canary", path("web-canary"))
    with pytest.raises(NotOwned, match="is no canary Ingress"):
        CODEC.write([main(), direct], TARGET, Split(canary=20))

    assert 0 == CODEC.read([main(), direct], TARGET).canary
    assert () == CODEC.write([main(), direct], TARGET, Split(canary=0))
    assert () == CODEC.reset([main(), direct], TARGET)


def test_the_canary_of_another_owner_is_refused_and_the_canary_s_own_taken_over() -> None:
    """
    An owner may write it back at any time; a Canary that is this very release does not.
    """
    theirs, flaggers, ours = canary(weight="10"), canary(weight="10"), canary(weight="10")
    theirs["metadata"]["ownerReferences"] = [owner("example.com/v1", "App", "checkout")]
    flaggers["metadata"]["ownerReferences"] = [owner("flagger.app/v1beta1", "Canary", "web")]
    ours["metadata"]["ownerReferences"] = [owner("apps/v1", "Deployment", "web")]
    ours["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "progressive"}
    with pytest.raises(NotOwned, match="App checkout"):
        CODEC.write([main(), theirs], TARGET, Split(canary=20))
    with pytest.raises(NotOwned, match="App checkout"):
        CODEC.reset([main(), theirs], TARGET)
    with pytest.raises(ForeignController, match="Canary web"):
        CODEC.write([main(), flaggers], TARGET, Split(canary=20))

    assert 10 == CODEC.read([main(), theirs], TARGET).canary
    assert 1 == len(CODEC.write([main(), flaggers], FLAGGERS, Split(canary=20)))
    assert 1 == len(CODEC.write([main(), ours], TARGET, Split(canary=20)))


def test_a_second_canary_on_the_same_path_is_refused() -> None:
    """
    The controller follows one of them, and does not say which.
    """
    other = ingress("blue", path("blue"), annotations={f"{PREFIX}/canary": "true"})
    with pytest.raises(PreflightFailed, match="Ingress shop/blue is a canary"):
        CODEC.write([main(), other], TARGET, Split(canary=20))

    rival = CODEC.rival([main(), other], canary(), TARGET)
    assert "Ingress shop/blue" == str(rival)
    assert CODEC.rival([main()], canary(), TARGET) is None


def test_a_side_without_ready_endpoints_gets_nothing() -> None:
    """
    Offline as far as the file tells.
    """
    objects = [main(), canary(weight="0"), endpoints("web-canary", False)]
    with pytest.raises(PreflightFailed, match="no ready endpoint"):
        CODEC.write(objects, TARGET, Split(canary=20))


# the way home


def test_a_reset_leaves_an_idle_canary() -> None:
    """
    Switched on with weight 0 it is ready for the next step, and misconfigured it is not.
    """
    objects = [main(), canary(weight="20", by_header="x", by_header_value="y", by_cookie="z")]
    after = carried_out(objects, CODEC.reset(objects, TARGET))

    assert {"canary": "true", "canary-weight": "0"} == texts(by_name(after, *CANARY))
    assert () == CODEC.reset(after, TARGET)
    assert () == CODEC.reset([main()], TARGET)
    assert () == CODEC.reset([main(), canary(switch="false", weight="20")], TARGET)


def test_a_reset_needs_no_main_ingress() -> None:
    """
    R7: a main Ingress that comes back must not find a weight.
    """
    for target in (TARGET, on(RouteRef(name="web"))):
        (patch,) = CODEC.reset([canary(weight="20")], target)
        assert "web-canary" == patch.ref.name


def test_another_prefix_holds_for_everything() -> None:
    """
    M-105: a controller with `--annotations-prefix` does not look at the common one.
    """
    codec, objects = NginxCodec("ingress.example.com"), [main()]
    made = carried_out(objects, codec.write(objects, TARGET, Split(canary=20)))
    theirs = texts(by_name(made, *CANARY), "ingress.example.com")
    home = carried_out(made, codec.reset(made, TARGET))

    assert {"canary": "true", "canary-weight": "20"} == theirs
    assert {} == texts(by_name(made, *CANARY))
    assert (20, 0) == (codec.read(made, TARGET).canary, codec.read(home, TARGET).canary)


def test_a_release_that_is_given_up_needs_its_canary_ingress_no_more() -> None:
    """
    Without it the main Ingress has everything; that one is the user's.
    """
    assert CODEC.names_sides(canary(), TARGET)
    assert CODEC.is_spare(canary(), TARGET)
    assert CODEC.names_sides(main(), TARGET)
    assert not CODEC.is_spare(main(), TARGET)
    assert not CODEC.names_sides(ingress("x", path("web")), TARGET)

    sent = CODEC.sent_to_apex(main(), TARGET, port=80)
    (after,) = carried_out([main()], [sent])
    again = CODEC.split_again(after, TARGET, port=80)
    assert not CODEC.names_sides(after, TARGET)
    assert again is not None
    assert [main()] == carried_out([after], [again])
    assert CODEC.split_again(canary(), TARGET, port=80) is None


@given(
    st.sampled_from(["true", "false", "1", "F"]),
    st.integers(0, 2000),
    st.none() | st.integers(0, 2000),
    st.dictionaries(
        st.sampled_from(["by-header", "by-header-value", "by-header-pattern", "by-cookie"]),
        st.sampled_from(["a", "b"]),
    ),
    st.integers(100, 2000),
    st.data(),
)
def test_a_write_is_read_back_and_not_repeated_and_goes_home(
    switch: str,
    weight: int,
    whole: int | None,
    matching: dict[str, str],
    total: int,
    data: st.DataObject,
) -> None:
    """
    The promises of every write, for annotations that nobody thought of.
    """
    notes = {"switch": switch, "weight": str(weight), **matching}
    notes |= {} if whole is None else {"weight-total": str(whole)}
    objects = [main(), canary(**notes)]
    match = data.draw(st.sampled_from([(), (header(exact="qa"),), (cookie(),)]))
    most = st.sampled_from([0, total]) if match else st.integers(0, total)
    split = Split(canary=data.draw(most), total=total, match=match)
    if weight > max(whole or 0, 100):
        with pytest.raises(InvalidRequest):
            CODEC.read(objects, TARGET)
    else:
        after = carried_out(objects, CODEC.write(objects, TARGET, split))
        assert CODEC.read(after, TARGET, total=total).shows(split)
        assert () == CODEC.write(after, TARGET, split)
        assert objects[0] == after[0]
        objects = after
    home = carried_out(objects, CODEC.reset(objects, TARGET))

    observed = CODEC.read(home, TARGET)
    assert (0, False) == (observed.canary, observed.matched)
    assert () == CODEC.reset(home, TARGET)
