"""botocore's own model of App Mesh takes what is sent, and its refusals arrive as words."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from progressive._adapters.aws.calls import AwsRefusal, BotocoreCalls, RouteName
from progressive._adapters.aws.router import AppMeshApiRouter
from progressive._model.traffic import RouteRef, Split, Target
from progressive.errors import PluginError

NAME = RouteName(mesh="m", router="r", route="main", owner="111122223333")
NAMED = {"meshName": "m", "virtualRouterName": "r", "routeName": "main"}


class TestWithoutBotocore:
    def test_the_missing_package_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        The extra is optional; a traceback of an import would name the wrong thing to install.
        """
        monkeypatch.setitem(sys.modules, "botocore", None)
        monkeypatch.setitem(sys.modules, "botocore.exceptions", None)

        with pytest.raises(PluginError, match=r"progressive-delivery\[aws\]"):
            BotocoreCalls()


class TestWithBotocore:
    @pytest.fixture
    def stub(self) -> Iterator[tuple[Any, Any]]:
        """A client that never calls AWS, and its stub, which validates both directions."""
        from botocore import session
        from botocore.stub import Stubber

        client = session.get_session().create_client(
            "appmesh",
            region_name="eu-west-1",
            aws_access_key_id="none",
            aws_secret_access_key="none",
        )
        with Stubber(client) as stubber:
            yield client, stubber
            stubber.assert_no_pending_responses()

    def test_a_shift_is_two_calls_of_the_api(self, stub: tuple[Any, Any]) -> None:
        """
        M-98: names, spec and token as the service's model demands.
        """
        client, stubber = stub
        stubber.add_response("describe_route", {"route": route(100, 0, 7)}, {**NAMED})
        sent = {**NAMED, "spec": route(80, 20, 7)["spec"], "clientToken": "t"}
        stubber.add_response("update_route", {"route": route(80, 20, 8)}, sent)
        router = AppMeshApiRouter("m", calls=BotocoreCalls(client), token=lambda: "t")

        assert 20 == router.shift(target(), Split(canary=20)).canary

    def test_the_apex_is_followed_over_pages(self, stub: tuple[Any, Any]) -> None:
        """
        A list of routes comes in pages.
        """
        client, stubber = stub
        shared = {"meshName": "m", "meshOwner": "111122223333"}
        provider = {"virtualRouter": {"virtualRouterName": "r"}}
        service = {
            "meshName": "m",
            "virtualServiceName": "web",
            "metadata": metadata(3),
            "spec": {"provider": provider},
            "status": {"status": "ACTIVE"},
        }
        stubber.add_response(
            "describe_virtual_service",
            {"virtualService": service},
            {**shared, "virtualServiceName": "web"},
        )
        first = {**shared, "virtualRouterName": "r"}
        stubber.add_response("list_routes", {"routes": [listed("a")], "nextToken": "n"}, first)
        stubber.add_response("list_routes", {"routes": [listed("b")]}, {**first, "nextToken": "n"})
        calls = BotocoreCalls(client)

        assert "r" == calls.router_of("m", "111122223333", "web")
        assert ["a", "b"] == calls.routes_of("m", "111122223333", "r")

    def test_refusals_keep_their_words(self, stub: tuple[Any, Any]) -> None:
        """
        The router tells by the code what may pass.
        """
        client, stubber = stub
        stubber.add_client_error("describe_route", "ConflictException", "busy")
        with pytest.raises(AwsRefusal, match="ConflictException: busy"):
            BotocoreCalls(client).describe(NAME)

    def test_no_answer_has_no_code(self) -> None:
        """
        Without credentials nothing is sent; a person reads why.
        """
        from botocore import session

        client = session.get_session().create_client(
            "appmesh", region_name="eu-west-1", endpoint_url="http://127.0.0.1:9"
        )
        with pytest.raises(AwsRefusal, match="BadRequestException"):
            BotocoreCalls(client).update(NAME, {"httpRoute": 5}, "t")
        with pytest.raises(AwsRefusal) as caught:
            BotocoreCalls(client).describe(NAME)

        assert "" == caught.value.code
        assert "Error" in caught.value.message


def target() -> Target:
    routes = (RouteRef(name="r", rule="main"),)
    return Target(
        namespace="shop",
        service="web",
        primary="web-primary",
        canary="web-canary",
        routes=routes,
    )


def metadata(version: int) -> dict[str, Any]:
    return {
        "arn": "arn",
        "createdAt": "2026-01-01T00:00:00Z",
        "lastUpdatedAt": "2026-01-01T00:00:00Z",
        "meshOwner": "111122223333",
        "resourceOwner": "111122223333",
        "uid": "u",
        "version": version,
    }


def listed(name: str) -> dict[str, Any]:
    told = {key: one for key, one in metadata(1).items() if key != "uid"}
    return {**told, "meshName": "m", "virtualRouterName": "r", "routeName": name}


def route(primary: int, canary: int, version: int) -> dict[str, Any]:
    targets = [
        {"virtualNode": "web-primary", "weight": primary},
        {"virtualNode": "web-canary", "weight": canary, "port": 8080},
    ]
    body = {"match": {"prefix": "/"}, "action": {"weightedTargets": targets}}
    return {
        **NAMED,
        "metadata": metadata(version),
        "spec": {"priority": 3, "httpRoute": body},
        "status": {"status": "ACTIVE"},
    }
