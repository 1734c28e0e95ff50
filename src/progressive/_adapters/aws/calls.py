"""The four calls of AWS's App Mesh API that moving weights takes.

Floor 4: loads botocore when it is used (`pip install 'progressive-delivery[aws]'`). Used by
`router.py`, which is tested on any other object with these methods.
"""

from __future__ import annotations

from typing import Any, Protocol

from attrs import frozen

from progressive.errors import PluginError

MISSING = "App Mesh without a controller needs botocore: pip install 'progressive-delivery[aws]'"

_ANSWER = 10.0
"""Seconds that one answer of AWS may take."""


class AwsRefusal(Exception):
    """
    AWS said no, or nothing.

    Attributes:
        code: AWS's word, such as ``ConflictException``; empty: no answer came.
        message: Its words.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.code else self.message


@frozen(kw_only=True)
class RouteName:
    """
    Which route.

    Attributes:
        mesh, router, route: Names in AWS.
        owner: Account of the mesh, where it is shared; None: the caller's own.
    """

    mesh: str
    router: str
    route: str
    owner: str | None = None

    def __str__(self) -> str:
        return f"{self.mesh}/{self.router}/{self.route}"


class AppMeshCalls(Protocol):
    """What the router asks of AWS; every method may raise `AwsRefusal`."""

    def router_of(self, mesh: str, owner: str | None, service: str) -> str | None:
        """The virtual router behind a virtual service; None: its provider is no router."""

    def routes_of(self, mesh: str, owner: str | None, router: str) -> list[str]:
        """The names of all routes of a virtual router."""

    def describe(self, name: RouteName) -> dict[str, Any]:
        """A route: ``meshName``, ``virtualRouterName``, ``routeName``, ``metadata``, ``spec``."""

    def update(self, name: RouteName, spec: dict[str, Any], token: str) -> dict[str, Any]:
        """
        Replace the whole spec of a route; the route as it is then.

        Args:
            token: The same call with the same token is carried out once.
        """


class BotocoreCalls:
    """
    What `AppMeshApiRouter` asks of AWS, through botocore, with its own search for credentials.

    Args:
        client: A client of botocore or boto3 for ``appmesh``; None: made at first use.
        region: Such as ``eu-west-1``; None: the environment's.

    Raises:
        PluginError: botocore is not installed.
    """

    def __init__(self, client: Any = None, *, region: str | None = None) -> None:
        try:
            import botocore.exceptions
        except ImportError as error:
            raise PluginError("app-mesh-api", MISSING) from error
        self._refusals = botocore.exceptions
        self._given, self._region = client, region

    def router_of(self, mesh: str, owner: str | None, service: str) -> str | None:
        """The virtual router behind a virtual service; None: its provider is no router."""
        answer = self._call("describe_virtual_service", mesh, owner, virtualServiceName=service)
        provider = answer["virtualService"]["spec"].get("provider") or {}
        router = (provider.get("virtualRouter") or {}).get("virtualRouterName")
        return None if router is None else str(router)

    def routes_of(self, mesh: str, owner: str | None, router: str) -> list[str]:
        """The names of all routes of a virtual router, page by page."""
        names: list[str] = []
        page: dict[str, Any] = {}
        while True:
            answer = self._call("list_routes", mesh, owner, virtualRouterName=router, **page)
            names += [str(one["routeName"]) for one in answer["routes"]]
            if not answer.get("nextToken"):
                return names
            page = {"nextToken": answer["nextToken"]}

    def describe(self, name: RouteName) -> dict[str, Any]:
        """A route as it is."""
        return self._route("describe_route", name)

    def update(self, name: RouteName, spec: dict[str, Any], token: str) -> dict[str, Any]:
        """Replace the whole spec of a route; the route as it is then."""
        return self._route("update_route", name, spec=spec, clientToken=token)

    def _route(self, operation: str, name: RouteName, **more: Any) -> dict[str, Any]:
        named = {"virtualRouterName": name.router, "routeName": name.route}
        answer = self._call(operation, name.mesh, name.owner, **named, **more)
        route: dict[str, Any] = answer["route"]
        return route

    def _call(self, operation: str, mesh: str, owner: str | None, **more: Any) -> dict[str, Any]:
        if owner is not None:
            more["meshOwner"] = owner
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(meshName=mesh, **more)
        except self._refusals.ClientError as error:
            told = error.response.get("Error", {})
            raise AwsRefusal(str(told.get("Code", "")), str(told.get("Message", ""))) from error
        except self._refusals.ParamValidationError as error:
            raise AwsRefusal("BadRequestException", str(error)) from error
        except self._refusals.BotoCoreError as error:
            raise AwsRefusal("", f"{type(error).__name__}: {error}") from error
        return answer

    @property
    def _client(self) -> Any:
        if self._given is None:
            from botocore.config import Config
            from botocore.session import get_session

            # repetitions are the router's, which knows which refusals may pass
            config = Config(
                connect_timeout=_ANSWER,
                read_timeout=_ANSWER,
                retries={"total_max_attempts": 1},
            )
            self._given = get_session().create_client(
                "appmesh", region_name=self._region, config=config
            )
        return self._given
