"""The pieces of `progressive demo` that need no Envoy."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread

import pytest
from click.testing import CliRunner

from progressive._cli.commands.demo import demo
from progressive._demo import envoy as demo_envoy
from progressive._demo.app import Shop
from progressive._demo.load import Share, Users, Visit, shares
from progressive._demo.screen import WIDTH, Colour, Screen
from progressive._mesh import envoy
from progressive._model.checks import Verdict, VerdictKind
from progressive._model.record import Round
from progressive._model.traffic import Observed, Target

_AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_shop_fails_as_often_as_it_is_told() -> None:
    """
    Spread evenly, so that thirty requests show what three hundred would.
    """
    shop = Shop(0, version="v3", errors=0.3, delay=0.0)
    fails = [shop.next_fails() for _ in range(1000)]
    shop.server_close()

    assert 300 == sum(fails)
    assert all(2 <= sum(fails[n : n + 10]) <= 4 for n in range(0, 1000, 10))


def test_users_say_what_they_got() -> None:
    """
    The header of the answer tells the version, also of an error.
    """
    shop = Shop(0, version="v3", errors=0.5, delay=0.0)
    serving = Thread(target=lambda: shop.serve_forever(poll_interval=0.02))
    serving.start()
    enough = Event()
    with Users(shop.server_address[1], rate=200) as users:
        for _ in range(500):
            if len(users.visits()) >= 40 or enough.wait(0.01):
                break
    visits = users.visits()
    shop.shutdown()
    shop.server_close()
    serving.join()

    assert len(visits) >= 40
    (told,) = shares(visits, ["v3"])
    assert len(visits) == told.requests
    assert abs(told.errors - told.requests / 2) <= 1
    assert 1.0 == told.part


def test_users_who_reach_nobody_are_counted() -> None:
    """
    A table that left them out would look good when everything is down.
    """
    closed = Shop(0, version="v1", errors=0.0, delay=0.0)
    port = closed.server_address[1]
    closed.server_close()
    enough = Event()
    with Users(port, rate=200) as users:
        for _ in range(500):
            if len(users.visits()) >= 5 or enough.wait(0.01):
                break
    v1, nobody = shares(users.visits(), ["v1"])

    assert 0 == v1.requests
    assert ("", nobody.requests) == (nobody.version, nobody.errors)


def test_shares_add_up() -> None:
    """
    Parts of all requests, errors of each version, the 99th of a hundred times.
    """
    visits = [Visit(at=0, version="v1", status=200, seconds=n / 100) for n in range(1, 101)] + [
        Visit(at=0, version="v2", status=500, seconds=0.1)
    ] * 25

    one, two = shares(visits, ["v1", "v2"])

    assert Share(version="v1", requests=100, errors=0, part=0.8, slowest=0.99) == one
    assert Share(version="v2", requests=25, errors=25, part=0.2, slowest=0.1) == two


def test_nothing_is_wider_than_a_terminal() -> None:
    """
    80 columns; a table that breaks its lines cannot be read.
    """
    out = io.StringIO()
    screen = Screen(out)
    kind = VerdictKind.FAIL
    check = Verdict(check="c", kind=kind, explanation="request-success-rate 70.3704 % < 99 %")
    screen.event(123.4, "go home", "a reason that is long enough to be broken " * 4)
    screen.round(1.0, Round(at=_AT, weight=10, verdict=kind, checks=(check,)))
    screen.table(
        [
            Share(version="v1", requests=123456, errors=12345, part=1.0, slowest=5.0),
            Share(version=""),
        ],
        {"v1": 1.0},
    )

    lines = out.getvalue().splitlines()
    assert len(lines) > 7
    assert max(map(len, lines)) <= WIDTH
    assert "\x1b" not in out.getvalue()


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colours_are_for_terminals_that_want_them(
    variables: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    https://no-color.org: set and not empty.
    """
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert coloured == ("\x1b" in Screen(_Terminal()).paint("x", Colour.RED))


def test_without_envoy_the_words_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The first command of many people; it must not end in a traceback.
    """
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setenv("PATH", "/nowhere")

    told = CliRunner().invoke(demo, [])

    assert 1 == told.exit_code
    assert "pip install 'progressive-delivery[demo]'" in told.output


@pytest.mark.parametrize("seconds", ["14", "601", "soon"])
def test_an_odd_length_is_a_usage_error(seconds: str) -> None:
    """
    Too short shows nothing, for a round needs some requests.
    """
    assert 2 == CliRunner().invoke(demo, ["--seconds", seconds]).exit_code


def test_the_first_route_file_is_one_that_the_router_reads() -> None:
    """
    All on v1, and the other versions there with weight 0.
    """
    target = Target(namespace="demo", service="shop", primary="v1", canary="v2")
    rules = envoy.rules(demo_envoy.route_file({"v1": 100, "v2": 0, "v3": 0}))
    (rule,) = envoy.chosen(rules, target)

    assert Observed(canary=0, total=100) == envoy.split_of(rule, target)


def test_envoy_follows_the_folder_of_the_route_file() -> None:
    """
    Without the watched folder Envoy misses a file that is renamed over another.
    """
    told = demo_envoy.bootstrap(users=1, admin=2, routes=Path("/x/routes.json"), clusters={})
    listener = told["static_resources"]["listeners"][0]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]

    source = manager["rds"]["config_source"]["path_config_source"]
    assert {"path": "/x/routes.json", "watched_directory": {"path": "/x"}} == source


def test_the_shop_says_when_it_is_ready() -> None:
    """
    The demo waits for it, and the question must not use up a failing request.
    """
    shop = Shop(0, version="v9", errors=1.0, delay=0.0)
    serving = Thread(target=lambda: shop.serve_forever(poll_interval=0.02))
    serving.start()
    connection = HTTPConnection("127.0.0.1", shop.server_address[1], timeout=5)
    connection.request("GET", "/ready")
    status = connection.getresponse().status
    connection.close()
    shop.shutdown()
    shop.server_close()
    serving.join()

    assert 200 == status
