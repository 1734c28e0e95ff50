"""`EnvoyRouter` on files: whole orders, one rename each, and what others do meanwhile."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path

import pytest
from tests.unit.envoy.documents import TARGET, naming, route, text

from progressive._adapters.envoy import files
from progressive._adapters.envoy.router import EnvoyRouter
from progressive._model.traffic import Match, Observed, RouteRef, Split, Sticky, TextMatch
from progressive.errors import (
    AmbiguousRoute,
    Conflict,
    ErrorKind,
    InvalidRequest,
    InvalidWeight,
    RouteNotFound,
    RouterError,
    SpecError,
    Unsupported,
)
from progressive.ports import TrafficRouter

BOTH = route({"web-v1": 100, "web-v2": 0})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A route file with all traffic on the primary."""
    place = tmp_path / "routes.json"
    place.write_text(text(BOTH))
    return place


def test_it_is_a_router_without_a_cluster(file: Path) -> None:
    """
    The runner asks for `cluster`, and keeps the journal elsewhere when there is none.
    """
    router = EnvoyRouter(file)

    assert isinstance(router, TrafficRouter)
    assert router.cluster is None
    assert "envoy" == router.capabilities.dialect


@pytest.mark.parametrize("canary", [0, 1, 20, 50, 100])
def test_a_shift_is_written_read_back_and_not_repeated(file: Path, canary: int) -> None:
    """
    The same order again must not write: every write makes Envoy load its routes anew.
    """
    router = EnvoyRouter(file)

    first = router.shift(TARGET, Split(canary=canary))
    before = file.stat()
    second = router.shift(TARGET, Split(canary=canary))

    assert Observed(canary=canary, total=100) == first == second == router.current(TARGET)
    assert before == file.stat()


def test_a_write_replaces_the_file_and_leaves_nothing_else(file: Path) -> None:
    """
    Envoy follows renames; a reader must never see half a file, nor other files in the folder.
    """
    file.chmod(0o640)
    before = file.stat()
    with file.open() as reader:
        EnvoyRouter(file).shift(TARGET, Split(canary=20))
        seen = reader.read()
    after = file.stat()

    assert text(BOTH) == seen
    assert before.st_ino != after.st_ino
    assert 0o640 == stat.S_IMODE(after.st_mode)
    assert [file] == list(file.parent.iterdir())


def test_another_writer_is_seen(file: Path) -> None:
    """
    Drift is the machine's to judge; the router only has to look each time.
    """
    router = EnvoyRouter(file)
    router.shift(TARGET, Split(canary=20))
    file.write_text(text(route({"web-v1": 30, "web-v2": 70})))

    assert Observed(canary=70, total=100) == router.current(TARGET)


def test_a_write_between_reading_and_replacing_is_not_lost(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Somebody saves another change at the worst moment: it is read again, and both are kept.
    """
    others = text({**BOTH, "name": "renamed"})
    replace, tries = files.replace, list[str]()

    def interrupted(found: files.Found, new: str) -> files.Found:
        if not tries:
            file.write_text(others)
        tries.append(new)
        return replace(found, new)

    monkeypatch.setattr(files, "replace", interrupted)
    EnvoyRouter(file).shift(TARGET, Split(canary=20))

    wanted = json.loads(text(route({"web-v1": 80, "web-v2": 20}, "renamed")))
    assert 2 == len(tries)
    assert wanted == json.loads(file.read_text())


def test_a_writer_who_never_rests_is_a_conflict(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Tries are bounded; the machine repeats a conflict by its own policy.
    """
    replace, tries = files.replace, list[str]()

    def interrupted(found: files.Found, new: str) -> files.Found:
        tries.append(new)
        file.write_text(found.text + " ")
        return replace(found, new)

    monkeypatch.setattr(files, "replace", interrupted)
    with pytest.raises(Conflict):
        EnvoyRouter(file).shift(TARGET, Split(canary=20))

    assert 5 == len(tries)


@pytest.mark.parametrize(
    "split",
    [
        Split(canary=5, mirror=10.0),
        Split(canary=5, sticky=Sticky(cookie="c")),
        Split(canary=5, match=(Match(headers={"x": TextMatch(exact="1")}),)),
    ],
)
def test_what_it_cannot_do_is_refused_before_any_write(file: Path, split: Split) -> None:
    """
    R5.
    """
    with pytest.raises(Unsupported):
        EnvoyRouter(file).shift(TARGET, split)

    assert text(BOTH) == file.read_text()


def test_a_reset_works_from_any_split_and_without_a_route(file: Path) -> None:
    """
    R7: the way home must not stumble over what is not there.
    """
    router = EnvoyRouter(file)
    router.shift(TARGET, Split(canary=100))
    home = router.reset(TARGET)
    file.unlink()
    gone = router.reset(TARGET)

    assert Observed(canary=0, total=100) == home
    assert Observed(canary=0, total=100) == gone
    assert "RouteNotFound" in gone.warnings[0]


def test_a_reset_takes_every_rule_home(tmp_path: Path) -> None:
    """
    What a shift would refuse as ambiguous must not keep users on a bad canary.
    """
    file = tmp_path / "r.json"
    one, two = route({"web-v1": 80, "web-v2": 20}), route({"web-v1": 1, "web-v2": 1}, "two")
    file.write_text(text(one, two))
    router = EnvoyRouter(file)

    with pytest.raises(AmbiguousRoute):
        router.shift(TARGET, Split(canary=0))
    router.reset(TARGET)

    home = (route({"web-v1": 100, "web-v2": 0}), route({"web-v1": 2, "web-v2": 0}, "two"))
    assert json.loads(text(*home)) == json.loads(file.read_text())


def test_in_a_folder_the_right_file_is_found(tmp_path: Path) -> None:
    """
    One file per configuration is common; hidden files and other kinds are somebody else's.
    """
    (tmp_path / "a.json").write_text(text(route({"x": 1}), name="a"))
    (tmp_path / "b.yaml").write_text("# kept\n" + text(BOTH, name="b"))
    (tmp_path / ".hidden.json").write_text("{")
    (tmp_path / "readme.md").write_text("{")
    router = EnvoyRouter(tmp_path)

    assert Observed(canary=30, total=100) == router.shift(TARGET, Split(canary=30))
    assert (tmp_path / "b.yaml").read_text().startswith("# kept\n")
    assert text(route({"x": 1}), name="a") == (tmp_path / "a.json").read_text()


def two_files(folder: Path) -> EnvoyRouter:
    """One release over two configurations, each in its file."""
    for name in "ab":
        (folder / f"{name}.json").write_text(text(BOTH, name=name))
    return EnvoyRouter(folder)


def fail_on(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Make the disk refuse one file."""
    replace = files.replace

    def refusing(found: files.Found, new: str) -> files.Found:
        if found.path.name == name:
            raise RouterError("disk full", ErrorKind.UNAVAILABLE)
        return replace(found, new)

    monkeypatch.setattr(files, "replace", refusing)


BOTH_FILES = naming(RouteRef(name="a"), RouteRef(name="b"))


def test_a_growing_weight_is_taken_back_when_a_later_file_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    R3: half a step is no step.
    """
    router = two_files(tmp_path)
    fail_on(monkeypatch, "b.json")

    with pytest.raises(RouterError, match="disk full"):
        router.shift(BOTH_FILES, Split(canary=20))

    assert Observed(canary=0, total=100) == router.current(BOTH_FILES)


def test_on_the_way_home_every_file_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    R3: whatever fails, the rest goes home.
    """
    router = two_files(tmp_path)
    router.shift(BOTH_FILES, Split(canary=20))
    fail_on(monkeypatch, "a.json")

    with pytest.raises(RouterError, match="disk full"):
        router.reset(BOTH_FILES)

    assert Observed(canary=0, total=100) == router.current(naming(RouteRef(name="b")))


def test_a_symbolic_link_is_not_cut(file: Path) -> None:
    """
    A rename would replace the link by a file, and a ConfigMap's mount by nothing that lasts.
    """
    link = file.with_name("link.json")
    link.symlink_to(file)

    with pytest.raises(InvalidRequest, match="symbolic link"):
        EnvoyRouter(link).shift(TARGET, Split(canary=20))

    assert link.is_symlink()
    assert text(BOTH) == file.read_text()


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"{", InvalidRequest),
        (b"\xff\xfe", InvalidRequest),
        (b"", InvalidRequest),
        (b'{"resources": []}', RouteNotFound),
        (text(route({"web-v1": 1, "web-v2": -3})).encode(), InvalidWeight),
    ],
)
def test_a_file_that_cannot_be_understood_is_an_error_of_ours(
    file: Path, content: bytes, error: type[RouterError]
) -> None:
    """
    R8: reading raises rather than guesses.
    """
    file.write_bytes(content)

    with pytest.raises(error):
        EnvoyRouter(file).current(TARGET)


def test_no_file_and_no_folder_are_not_found(tmp_path: Path) -> None:
    """
    The usual first mistake is the path.
    """
    for place in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(RouteNotFound, match=str(place)):
            EnvoyRouter(place).current(TARGET)


@pytest.mark.parametrize("admin", ["127.0.0.1:9901", "https://x", "http://u:p@x:1", "unix:", ""])
def test_an_admin_address_is_checked_at_once_and_never_told(file: Path, admin: str) -> None:
    """
    A wrong address would be noticed in the middle of a release; a password in it never leaves.
    """
    with pytest.raises(SpecError) as told:
        EnvoyRouter(file, admin=admin)

    assert "u:p" not in str(told.value)


def test_two_routers_at_once_lose_no_write(file: Path) -> None:
    """
    Two releases may steer two rules of one file.
    """
    one = route({"web-v1": 100, "web-v2": 0}, "one")
    two = route({"web-v1": 100, "web-v2": 0}, "two")
    file.write_text(text(one, two))
    failed: list[RouterError] = []

    def steer(rule: str) -> None:
        target, router = naming(RouteRef(name="shop", rule=rule)), EnvoyRouter(file)
        for canary in range(1, 31):
            try:
                router.shift(target, Split(canary=canary))
            except RouterError as error:
                failed.append(error)

    threads = [threading.Thread(target=steer, args=(rule,)) for rule in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    router = EnvoyRouter(file)
    assert [] == failed
    for rule in ("one", "two"):
        assert 30 == router.current(naming(RouteRef(name="shop", rule=rule))).canary


def test_a_stuck_neighbour_is_waited_for_in_bounds(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Another process of ours that holds the folder must not stop this one for ever.
    """
    monkeypatch.setattr(files, "PATIENCE", 0.05)
    with files.alone(file.parent), pytest.raises(Conflict, match="another process"):
        EnvoyRouter(file).shift(TARGET, Split(canary=20))

    assert text(BOTH) == file.read_text()
