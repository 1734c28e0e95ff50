"""What stands in a canary Ingress and whose it is: reading, finding, and the way home."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.mesh.manifests import endpoints, owner
from tests.unit.mesh.nginx import CANARY, CODEC, called, cookie, header
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
from progressive._model.traffic import RouteRef, Split
from progressive.errors import (
    AmbiguousRoute,
    DestinationNotFound,
    Drift,
    ForeignController,
    InvalidRequest,
    NotOwned,
    PreflightFailed,
    RouteNotFound,
    RouterError,
)

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
