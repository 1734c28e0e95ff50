"""Weights of App Mesh routes through AWS's API: calls, versions, repetitions."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from attrs import define, evolve, field

from progressive._adapters.aws.calls import AwsRefusal, RouteName
from progressive._adapters.aws.router import TRIES, AppMeshApiRouter
from progressive._model.traffic import Match, RouteRef, Split, Target, TextMatch
from progressive.errors import (
    AmbiguousRoute,
    Conflict,
    DestinationNotFound,
    Drift,
    ErrorKind,
    InvalidRequest,
    InvalidWeight,
    RouteNotFound,
    RouterError,
    Unsupported,
)

TARGET = Target(namespace="shop", service="web", primary="web-primary", canary="web-canary")
NAMED = evolve(TARGET, routes=(RouteRef(name="web-router", rule="main"),))
TWO = evolve(
    TARGET,
    routes=(RouteRef(name="web-router", rule="main"), RouteRef(name="web-router", rule="calls")),
)


@define
class Aws:
    """
    A mesh as AWS keeps it: whole specs, versions that count writes, tokens that are spent once.

    Attributes:
        calls: Operations so far, as ``describe web-router/main``.
        refusals: Codes that the next calls of an operation get, by its first word.
        meddle: Called before each update; another writer.
    """

    routes: dict[str, dict[str, Any]]
    services: dict[str, str | None] = field(factory=dict)
    version: int = 7
    calls: list[str] = field(factory=list)
    tokens: list[str] = field(factory=list)
    refusals: dict[str, list[str]] = field(factory=dict)
    meddle: Callable[[], None] = field(default=lambda: None)
    versions: dict[str, int] = field(factory=dict)

    def router_of(self, mesh: str, owner: str | None, service: str) -> str | None:
        self._asked(f"service {service}")
        if service not in self.services:
            raise AwsRefusal("NotFoundException", service)
        return self.services[service]

    def routes_of(self, mesh: str, owner: str | None, router: str) -> list[str]:
        self._asked(f"list {router}")
        return [name.partition("/")[2] for name in self.routes if name.startswith(f"{router}/")]

    def describe(self, name: RouteName) -> dict[str, Any]:
        self._asked(f"describe {name.router}/{name.route}")
        return self._told(name)

    def update(self, name: RouteName, spec: dict[str, Any], token: str) -> dict[str, Any]:
        self.tokens.append(token)
        self._asked(f"update {name.router}/{name.route}")
        self.meddle()
        key = f"{name.router}/{name.route}"
        self.routes[key] = copy.deepcopy(spec)
        self.versions[key] = self.versions.get(key, self.version) + 1
        return self._told(name)

    def _told(self, name: RouteName) -> dict[str, Any]:
        key = f"{name.router}/{name.route}"
        if key not in self.routes:
            raise AwsRefusal("NotFoundException", f"{key} is not found")
        return {
            "meshName": name.mesh,
            "virtualRouterName": name.router,
            "routeName": name.route,
            "metadata": {"version": self.versions.get(key, self.version)},
            "spec": copy.deepcopy(self.routes[key]),
        }

    def _asked(self, call: str) -> None:
        self.calls.append(call)
        waiting = self.refusals.get(call.split()[0])
        if waiting:
            raise AwsRefusal(waiting.pop(0), "said so")

    def weights(self, key: str = "web-router/main") -> list[Any]:
        (kind,) = (one for one in self.routes[key] if one.endswith("Route"))
        return [one["weight"] for one in self.routes[key][kind]["action"]["weightedTargets"]]


def spec(primary: int = 100, canary: int = 0, kind: str = "httpRoute", suffix: str = "") -> Any:
    targets = [
        {"virtualNode": f"web-canary{suffix}", "weight": canary},
        {"virtualNode": f"web-primary{suffix}", "weight": primary, "port": 8080},
    ]
    return {
        "priority": 5,
        kind: {"action": {"weightedTargets": targets}, "timeout": {"idle": {"unit": "s"}}},
    }


def mesh(**more: Any) -> Aws:
    return Aws(
        routes={"web-router/main": spec(), "web-router/calls": spec(kind="grpcRoute")}, **more
    )


def router(aws: Aws, pauses: list[float] | None = None) -> AppMeshApiRouter:
    noted: list[float] = [] if pauses is None else pauses
    return AppMeshApiRouter("m", calls=aws, pause=noted.append)


def test_a_step_describes_and_updates_the_whole_spec_with_other_weights() -> None:
    """
    M-98: AWS replaces the spec, so everything else of it must be in the update.
    """
    aws = mesh()
    before = copy.deepcopy(aws.routes["web-router/main"])
    observed = router(aws).shift(NAMED, Split(canary=20))

    assert ["describe web-router/main", "update web-router/main"] == aws.calls
    assert 20 == observed.canary
    assert [20, 80] == aws.weights()
    before["httpRoute"]["action"]["weightedTargets"][0]["weight"] = 20
    before["httpRoute"]["action"]["weightedTargets"][1]["weight"] = 80
    assert before == aws.routes["web-router/main"]
    assert observed.warnings[0].startswith("MeshRetired: ")


def test_the_same_order_again_is_one_description() -> None:
    """
    R2: each update is a push to every proxy.
    """
    aws = mesh()
    steered = router(aws)
    steered.shift(NAMED, Split(canary=20))
    del aws.calls[:]

    assert 20 == steered.shift(NAMED, Split(canary=20)).canary
    assert ["describe web-router/main"] == aws.calls


def test_another_writer_in_between_is_told() -> None:
    """
    M-98: AWS keeps the last spec whole; version 9 after 7 shows that somebody's was lost.
    """
    aws = mesh()
    aws.meddle = lambda: aws.versions.update({"web-router/main": 8})
    with pytest.raises(Conflict, match="version 7 read, 9 after") as caught:
        router(aws).shift(NAMED, Split(canary=20))

    assert caught.value.unsettled
    assert [20, 80] == aws.weights()


@pytest.mark.parametrize(
    "code", ["ConflictException", "TooManyRequestsException", "ServiceUnavailableException", ""]
)
def test_what_may_pass_is_asked_again_with_the_same_token(code: str) -> None:
    """
    M-99: the token keeps a call whose answer was lost from being carried out twice.
    """
    aws, pauses = mesh(refusals={"update": [code, code]}), list[float]()
    router(aws, pauses).shift(NAMED, Split(canary=20))

    assert [20, 80] == aws.weights()
    assert (3, 1) == (len(aws.tokens), len(set(aws.tokens)))
    assert 2 == len(pauses)
    assert pauses[0] < pauses[1] * 2


@pytest.mark.parametrize(
    ("code", "error", "kind"),
    [
        ("ConflictException", Conflict, ErrorKind.CONFLICT),
        ("TooManyRequestsException", RouterError, ErrorKind.UNAVAILABLE),
    ],
)
def test_what_does_not_pass_is_given_up(
    code: str, error: type[RouterError], kind: ErrorKind
) -> None:
    """
    The run decides what to do then; no call goes on for ever.
    """
    aws = mesh(refusals={"update": [code] * 10})
    with pytest.raises(error, match=f"after {TRIES} tries") as caught:
        router(aws).shift(NAMED, Split(canary=20))

    assert kind is caught.value.kind
    assert TRIES == len(aws.tokens)


@pytest.mark.parametrize(
    ("code", "error", "kind"),
    [
        ("NotFoundException", RouteNotFound, ErrorKind.NOT_FOUND),
        ("BadRequestException", InvalidRequest, ErrorKind.INVALID),
        ("LimitExceededException", InvalidRequest, ErrorKind.INVALID),
        ("ForbiddenException", RouterError, ErrorKind.FORBIDDEN),
        ("AccessDeniedException", RouterError, ErrorKind.FORBIDDEN),
        ("SomethingNewException", RouterError, ErrorKind.INVALID),
    ],
)
def test_what_lasts_is_raised_at_once(
    code: str, error: type[RouterError], kind: ErrorKind
) -> None:
    """
    M-99: no repetition gives a right or mends a request.
    """
    aws, pauses = mesh(refusals={"update": [code]}), list[float]()
    with pytest.raises(error, match=f"{code}: said so") as caught:
        router(aws, pauses).shift(NAMED, Split(canary=20))

    assert kind is caught.value.kind
    assert not pauses


def test_the_apex_leads_to_its_route() -> None:
    """
    Without a name: the virtual service, its router, the one route with both nodes.
    """
    aws = Aws(
        routes={
            "r/other": {"httpRoute": {"action": {"weightedTargets": []}}},
            "r/main": spec(suffix="_shop"),
        },
        services={"web.shop": "r"},
    )
    steered = router(aws)
    assert 0 == steered.current(TARGET).canary
    del aws.calls[:]
    steered.shift(TARGET, Split(canary=20))

    assert ["describe r/main", "update r/main"] == aws.calls
    assert [20, 80] == aws.weights("r/main")


@pytest.mark.parametrize(
    ("services", "error", "words"),
    [
        ({}, RouteNotFound, "no virtual service web or web.shop"),
        ({"web": None}, RouteNotFound, "no virtual router"),
        ({"web": "empty"}, RouteNotFound, "it has none"),
        ({"web": "web-router"}, AmbiguousRoute, "m/web-router/main, m/web-router/calls"),
    ],
)
def test_a_route_that_is_not_clear_is_refused(
    services: dict[str, str | None], error: type[RouterError], words: str
) -> None:
    """
    R8: reading raises rather than guesses.
    """
    with pytest.raises(error, match=words):
        router(mesh(services=services)).current(TARGET)


def test_orders_that_do_not_fit_are_refused_before_any_update() -> None:
    """
    R5.
    """
    aws = mesh()
    steered = router(aws)
    match = (Match(headers={"x": TextMatch(exact="1")}),)
    orders = {
        InvalidWeight: Split(canary=1, total=101),
        Unsupported: Split(canary=20, match=match),
    }
    for error, order in orders.items():
        with pytest.raises(error):
            steered.shift(NAMED, order)
    with pytest.raises(DestinationNotFound, match="web-next"):
        steered.shift(evolve(NAMED, canary="web-next"), Split(canary=20))
    with pytest.raises(InvalidRequest, match="no order"):
        steered.current(evolve(TARGET, routes=(RouteRef(name="web-router", rule=0),)))

    assert not aws.tokens


def test_a_later_route_that_fails_puts_the_earlier_back() -> None:
    """
    R3: half an order is another order.
    """
    aws = mesh()
    refused = {"left": 1}

    def second() -> None:
        if len(aws.tokens) == 2 and refused["left"]:
            refused["left"] = 0
            raise AwsRefusal("BadRequestException", "no")

    aws.meddle = second
    with pytest.raises(InvalidRequest, match="m/web-router/main is put back"):
        router(aws).shift(TWO, Split(canary=20))

    assert ([0, 100], [0, 100]) == (aws.weights(), aws.weights("web-router/calls"))


def test_on_the_way_home_every_route_is_attempted() -> None:
    """
    One broken route must not keep the users of the other on a bad canary.
    """
    aws = mesh()
    steered = router(aws)
    steered.shift(TWO, Split(canary=40))
    aws.refusals["update"] = ["BadRequestException"]
    with pytest.raises(InvalidRequest):
        steered.reset(TWO)
    assert ([40, 60], [0, 100]) == (aws.weights(), aws.weights("web-router/calls"))
    with pytest.raises(Drift, match="40 of 100, 0 of 100"):
        steered.current(TWO)

    assert 0 == steered.reset(TWO).canary
    assert ([0, 100], [0, 100]) == (aws.weights(), aws.weights("web-router/calls"))


def test_an_answer_that_never_came_leaves_the_state_unknown() -> None:
    """
    The caller must not tell people that nothing was written.
    """
    aws = mesh(refusals={"update": [""] * TRIES})
    with pytest.raises(RouterError) as caught:
        router(aws).shift(NAMED, Split(canary=20))

    assert caught.value.unsettled


def test_a_reset_of_a_route_that_is_gone_succeeds_with_a_note() -> None:
    """
    R7: in any state.
    """
    aws = mesh()
    steered = router(aws)
    steered.shift(NAMED, Split(canary=20))
    del aws.routes["web-router/main"]
    observed = steered.reset(NAMED)

    assert 0 == observed.canary
    assert observed.warnings[0].startswith("Note: nothing to reset: ")


def test_a_route_that_is_gone_keeps_no_other_from_home() -> None:
    """
    R3: every route is attempted on the way home.
    """
    aws = mesh()
    steered = router(aws)
    steered.shift(TWO, Split(canary=40))
    del aws.routes["web-router/main"]
    observed = steered.reset(TWO)

    assert (0, 100) == (observed.canary, observed.total)
    assert [0, 100] == aws.weights("web-router/calls")


def test_a_route_with_the_canary_alone_is_no_success_and_keeps_no_other_from_home() -> None:
    """
    Weights cannot bring its users home; whoever reads the answer must know.
    """
    aws = mesh()
    steered = router(aws)
    steered.shift(TWO, Split(canary=40))
    del aws.routes["web-router/main"]["httpRoute"]["action"]["weightedTargets"][1]
    for wrote in (True, False):
        with pytest.raises(DestinationNotFound, match="put web-primary into it") as caught:
            steered.reset(TWO)
        assert wrote == caught.value.unsettled

    assert [0, 100] == aws.weights("web-router/calls")
