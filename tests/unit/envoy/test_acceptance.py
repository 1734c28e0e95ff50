"""`EnvoyRouter` with an admin page: stored is not yet done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.envoy.admin_page import Page, serving
from tests.unit.envoy.documents import TARGET, route, text

from progressive._adapters.envoy.router import EnvoyRouter
from progressive._model.traffic import Observed, Split
from progressive.errors import (
    DestinationNotFound,
    ErrorKind,
    NotAccepted,
    PreflightFailed,
    RouterError,
)

BEFORE = text(route({"web-v1": 100, "web-v2": 0}))


class Follower:
    """
    What Envoy would tell.

    Attributes:
        file: The route file.
        follows: Whether it takes what the file says.
        refusals: How many updates it refused.
        healthy: Cluster → healthy endpoints.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.follows, self.refuses = True, False
        self.refusals = 0
        self.healthy = {"web-v1": 1, "web-v2": 1}
        self._live = json.loads(BEFORE)

    def tell(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        if path == "/config_dump":
            if self.follows:
                self._live = json.loads(self.file.read_text())
            elif self.refuses and self._live != json.loads(self.file.read_text()):
                self.refusals += 1
            return 200, {"configs": [{"route_config": one} for one in self._live["resources"]]}
        healthy = [
            {"name": f"cluster.{name}.membership_healthy", "value": number}
            for name, number in self.healthy.items()
        ]
        refused = {"name": "http.users.rds.shop.update_rejected", "value": self.refusals}
        return 200, {"stats": [*healthy, refused]}


@pytest.fixture
def admin() -> Iterator[Page]:
    """An admin page on the loopback."""
    with serving() as found:
        yield found


@pytest.fixture
def envoy(tmp_path: Path, admin: Page) -> Follower:
    """A route file, and something that follows it."""
    file = tmp_path / "routes.json"
    file.write_text(BEFORE)
    follower = Follower(file)
    admin.answer = follower.tell
    return follower


def router(envoy: Follower, admin: Page) -> EnvoyRouter:
    """One that is not patient."""
    patience = timedelta(milliseconds=300)
    return EnvoyRouter(envoy.file, admin=admin.url, patience=patience)


def test_a_shift_is_done_once_envoy_routes_by_it(envoy: Follower, admin: Page) -> None:
    """
    The second level of done.
    """
    seen = router(envoy, admin).shift(TARGET, Split(canary=20))

    assert Observed(canary=20, total=100) == seen
    assert () == seen.warnings
    assert "/config_dump" in [path for path, _ in admin.asked]


def test_an_envoy_that_does_not_follow_is_told_and_the_file_put_back(
    envoy: Follower, admin: Page
) -> None:
    """
    A file in another folder is the usual slip; waiting longer may help, so it is transient.
    """
    envoy.follows = False

    with pytest.raises(NotAccepted, match="watch this file") as told:
        router(envoy, admin).shift(TARGET, Split(canary=20))

    assert told.value.transient
    assert BEFORE == envoy.file.read_text()


def test_a_refused_file_is_told_at_once_and_put_back(envoy: Follower, admin: Page) -> None:
    """
    Envoy keeps its old routes, so a restart must not find a file that it refuses.
    """
    envoy.follows, envoy.refuses = False, True

    with pytest.raises(NotAccepted, match="refused") as told:
        EnvoyRouter(envoy.file, admin=admin.url).shift(TARGET, Split(canary=20))

    assert ErrorKind.INVALID is told.value.kind
    assert BEFORE == envoy.file.read_text()


def test_on_the_way_home_the_file_stays_home(envoy: Follower, admin: Page) -> None:
    """
    Whatever Envoy makes of it, nobody wants the old split back.
    """
    steer = router(envoy, admin)
    steer.shift(TARGET, Split(canary=20))
    envoy.follows = False

    with pytest.raises(NotAccepted):
        steer.shift(TARGET, Split(canary=0))
    assert Observed(canary=0, total=100) == steer.current(TARGET)
    with pytest.raises(NotAccepted):
        steer.reset(TARGET)
    assert Observed(canary=0, total=100) == steer.current(TARGET)


def test_a_silent_admin_page_is_a_doubt_and_no_failure(envoy: Follower, admin: Page) -> None:
    """
    The file is written; whether Envoy follows cannot be known, and the way home must not hang.
    """
    steer = router(envoy, admin)
    steer.shift(TARGET, Split(canary=20))
    admin.answer = lambda path, query: (503, b"draining")

    seen = steer.reset(TARGET)

    assert Observed(canary=0, total=100) == seen
    assert seen.warnings[0].startswith("Unverified: ")


def test_traffic_is_not_sent_where_nobody_answers(envoy: Follower, admin: Page) -> None:
    """
    L11: neither to a cluster that Envoy lacks nor to one without a healthy endpoint; but the
    way home asks for nothing.
    """
    steer = router(envoy, admin)
    for healthy, error in (
        ({"web-v1": 1, "web-v2": 0}, PreflightFailed),
        ({"web-v1": 1}, DestinationNotFound),
    ):
        envoy.healthy = healthy
        with pytest.raises(error, match="web-v2"):
            steer.shift(TARGET, Split(canary=20))
        assert BEFORE == envoy.file.read_text()
    envoy.healthy = {}

    assert Observed(canary=0, total=100) == steer.reset(TARGET)


def test_a_preflight_that_cannot_be_asked_stops_the_shift(envoy: Follower, admin: Page) -> None:
    """
    Growing can wait until it is known that somebody answers.
    """
    admin.answer = lambda path, query: (503, b"draining")

    with pytest.raises(RouterError, match="503"):
        router(envoy, admin).shift(TARGET, Split(canary=20))

    assert BEFORE == envoy.file.read_text()
