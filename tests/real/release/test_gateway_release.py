"""A release through Contour's Gateway, with exactly the Role that `progressive rbac` prints."""

from __future__ import annotations

import pytest
from tests.real.stage.backends import by_version
from tests.real.stage.granting import USER, asked, grant, printed
from tests.real.stage.shop import Place, application, change_query, release
from tests.realparts.answering import Answering
from tests.realparts.api import Document
from tests.realparts.contour import Contour

from progressive._kube.rights import granted

pytestmark = pytest.mark.real

ROUTE = ("HTTPRoute", "my-app", "gateway.networking.k8s.io/v1")


@pytest.fixture
def place(contour: Contour, pods: Answering, empty_place: Place) -> Place:
    """An application that was never released; its document names the Gateway."""
    document, namespace = empty_place.document, empty_place.namespace
    spec = document["spec"]
    spec["provider"] = "gatewayapi:v1"
    where, name = Contour.gateway
    spec["service"]["gatewayRefs"] = [{"name": name, "namespace": where}]
    spec["service"]["hosts"] = [contour.host(namespace, "my-app")]
    empty_place.write(document)
    empty_place.act_as(USER)
    empty_place.api.create(application(namespace, image="web:1"))
    return empty_place


def weights(found: Document) -> list[tuple[str, int]]:
    (rule,) = found["spec"]["rules"]
    return [(one["name"], one["weight"]) for one in rule["backendRefs"]]


def test_a_canary_document_of_flagger_is_released_with_the_printed_rights(
    place: Place, contour: Contour
) -> None:
    """
    F-02, live: the route is made, moved, accepted by the controller, and moved home again.
    """
    (role,) = printed(place)
    grant(place, role["rules"])
    mark = place.control_plane.mark()
    first = place.run()
    made = place.read(*ROUTE)
    host = contour.host(place.namespace, "my-app")
    contour.wait_version(host, "1")
    release(place, "web:2", "promoted")
    contour.wait_version(host, "2")
    change_query(place, "vector(5)")
    release(place, "web:3", "rolled_back")
    answers = by_version(contour.ask(host, times=50))
    used = asked(place.control_plane.events(USER, since=mark), place.namespace)

    assert "initialized" == first.answer.get("outcome"), first.lines
    assert [("my-app-primary", 100), ("my-app-canary", 0)] == weights(made)
    assert [("my-app-primary", 100), ("my-app-canary", 0)] == weights(place.read(*ROUTE))
    assert {"2": 50} == dict(answers)
    assert [] == [str(right) for right, code in used.items() if code == 403]
    assert [] == [str(right) for right in used if not granted(right, role["rules"])]
    assert "not known whether it is accepted" not in first.lines


def test_a_route_that_is_given_up_sends_its_users_to_the_apex(
    place: Place, contour: Contour
) -> None:
    """
    A gateway has no other way to the service, so the route stays, and names the apex alone.
    """
    place.act_as("progressive")
    first = place.run()
    ended = place.run("detach")
    host = contour.host(place.namespace, "my-app")
    answers = by_version(contour.ask(host, times=50))

    assert "initialized" == first.answer.get("outcome"), first.lines
    assert 0 == ended.code, ended.lines
    assert [("my-app", 1)] == weights(place.read(*ROUTE))
    assert {"1": 50} == dict(answers)
