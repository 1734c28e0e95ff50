"""The objects of every proxy on a real API server, with their CRDs: schema, conflicts, rights.

No controllers run here but those of Kubernetes; what one would write into a status the tests
write. Contour and Traefik with real users are in `tests/real/traffic`.
"""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve, frozen
from tests.realparts.api import Document
from tests.realparts.control_plane import ControlPlane
from tests.unit.mesh.manifests import endpoints, service
from tests.unit.mesh.proxies.expected import MATCHED, MIRRORS, RULES
from tests.unit.mesh.proxies.worlds import PROXIES, TARGET

from progressive import plugins
from progressive._adapters.mesh.router import MeshRouter
from progressive._model.release import ServiceSpec
from progressive._model.traffic import Split, Target
from progressive.clusters import KubernetesCluster
from progressive.errors import DestinationNotFound, NotAccepted, NotOwned
from progressive.routers import ContourRouter, KnativeRouter, SkipperRouter, StandingKind

pytestmark = pytest.mark.real

SHAPES = sorted(name for name, one in PROXIES.items() if one.definitions or name == "skipper")
"""Those that a cluster of today stores; the older words of Kuma are not in its schema any more."""
SERVERS = (
    "creationTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
)


@frozen
class Shop:
    """An application, the objects that route to it, and a router."""

    name: str
    target: Target
    router: MeshRouter
    control_plane: ControlPlane
    made: tuple[Document, ...]

    def stored(self) -> list[Document]:
        """The objects, without what the server keeps of them."""
        return [_plain(self.control_plane.api.get(self.path(one))) for one in self.made]

    def path(self, one: Document) -> str:
        return self.control_plane.api.path(
            one["apiVersion"], one["kind"], self.target.namespace, one["metadata"]["name"]
        )

    def writes(self, since: Any) -> list[str]:
        """The verbs of the router's writes since a mark."""
        return [
            verb
            for verb, _, _ in self.control_plane.writes(
                "progressive", since=since, namespace=self.target.namespace
            )
        ]


def _plain(manifest: Document) -> Document:
    found = copy.deepcopy(manifest)
    for key in SERVERS:
        found["metadata"].pop(key, None)
    found.pop("status", None)
    return found


@pytest.fixture
def shop(
    request: pytest.FixtureRequest,
    control_plane: ControlPlane,
    cluster: KubernetesCluster,
    namespace: str,
) -> Shop:
    """One proxy's objects, all traffic on the primary; both sides have ready endpoints."""
    name = request.param
    proxy = PROXIES[name]
    if proxy.definitions is not None:
        control_plane.install(proxy.definitions)
    # an Upstream is named with its namespace
    objects = json.loads(json.dumps(proxy.made(100, 0, None)).replace('"shop"', f'"{namespace}"'))
    around: list[Document] = []
    for side in ("web-primary", "web-canary"):
        slices = endpoints(side, True)
        slices["addressType"] = "IPv4"
        slices["endpoints"][0]["addresses"] = ["10.99.9.9"]
        slices["ports"] = [{"name": "http", "port": 8080}]
        around += [service(side, 80), slices]
    for one in (*objects, *around):
        one["metadata"]["namespace"] = namespace
        one["metadata"].pop("resourceVersion", None)
        status = one.pop("status", None)
        control_plane.api.apply(one)
        if status is not None:
            _report(control_plane, one, status)
    router = plugins.router(proxy.codec.name)(cluster)
    target = evolve(TARGET, namespace=namespace)
    return Shop(name, target, router, control_plane, tuple(objects))


def _report(control_plane: ControlPlane, one: Document, status: Document) -> None:
    """What the controller of an object would say."""
    meta = one["metadata"]
    path = control_plane.api.path(one["apiVersion"], one["kind"], meta["namespace"], meta["name"])
    control_plane.api.patch(f"{path}/status", {"status": status})


every = pytest.mark.parametrize("shop", SHAPES, indirect=True)


@every
def test_a_step_is_one_strict_patch_and_an_equal_order_is_none(shop: Shop) -> None:
    """
    M-01, M-02, M-04, M-128 for each shape: two numbers, and nothing else is another.
    """
    since = shop.control_plane.mark()
    before = shop.stored()
    assert 20 == shop.router.shift(shop.target, Split(canary=20)).canary
    between = shop.stored()
    assert 20 == shop.router.shift(shop.target, Split(canary=20)).canary
    after = shop.stored()
    assert 0 == shop.router.reset(shop.target).canary

    assert between == after
    assert before != after
    assert before == shop.stored()
    assert ["patch", "patch"] == shop.writes(since)


@pytest.mark.parametrize("shop", sorted(set(SHAPES) & set(RULES)), indirect=True)
def test_the_server_takes_matched_requests_and_the_way_home(shop: Shop) -> None:
    """
    Schema and strict validation; a new router finds what another one left, and takes it away.
    """
    order = MATCHED
    before = shop.stored()
    assert shop.router.shift(shop.target, order).shows(order)
    more = evolve(order, canary=100)
    assert shop.router.shift(shop.target, more).shows(more)
    again = plugins.router(PROXIES[shop.name].codec.name)(shop.router.cluster)
    assert again.current(shop.target).shows(more)
    observed = again.reset(shop.target)

    assert (0, False) == (observed.canary, observed.matched)
    assert before == shop.stored()
    assert not again.reset(shop.target).matched


@pytest.mark.parametrize("shop", sorted(set(SHAPES) & set(MIRRORS)), indirect=True)
def test_the_server_takes_a_mirror_and_its_end(shop: Shop) -> None:
    """
    Written, changed, and gone without a trace.
    """
    before = shop.stored()
    for percent in (10, 25):
        assert percent == shop.router.shift(shop.target, Split(canary=5, mirror=percent)).mirror
    assert shop.router.reset(shop.target).mirror is None

    assert before == shop.stored()


@every
def test_a_writer_in_between_is_noticed_and_kept(shop: Shop) -> None:
    """
    M-118: the second try rests on what somebody else wrote.
    """
    shop.router.current(shop.target)
    api = shop.control_plane.api
    for one in shop.made:
        api.patch(shop.path(one), {"metadata": {"labels": {"by": "somebody"}}})
    observed = shop.router.shift(shop.target, Split(canary=30))

    assert 30 == observed.canary
    assert {"somebody"} == {one["metadata"]["labels"]["by"] for one in shop.stored()}


@every
def test_a_dry_run_of_the_server_stores_nothing(shop: Shop) -> None:
    """
    M-128: the write passes all that the server checks.
    """
    before = shop.stored()
    codec = PROXIES[shop.name].codec
    objects = [shop.control_plane.api.get(shop.path(one)) for one in shop.made]
    for one in codec.write(objects, shop.target, Split(canary=20)):
        path = next(shop.path(it) for it in shop.made if it["kind"] == one.ref.kind)
        shop.control_plane.api.patch(f"{path}?dryRun=All", list(one.patch), kind="json")

    assert before == shop.stored()


@pytest.mark.parametrize("name", ["contour", "gloo", "kuma", "traefik"])
def test_a_managed_release_makes_its_object_and_gives_it_back(
    name: str, control_plane: ControlPlane, cluster: KubernetesCluster, namespace: str
) -> None:
    """
    With an owner; on the way out it goes on with the apex, and a new release takes it up.
    """
    control_plane.install(name)
    api = control_plane.api
    slices = endpoints("web-primary", True)
    slices.update(addressType="IPv4", ports=[{"name": "http", "port": 8080}])
    slices["endpoints"][0]["addresses"] = ["10.99.9.9"]
    slices["metadata"]["namespace"] = namespace
    api.apply(slices)
    owner = api.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "owner", "namespace": namespace},
        }
    )
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "owner",
        "uid": owner["metadata"]["uid"],
    }
    target, spec = evolve(TARGET, namespace=namespace), ServiceSpec(name="web", port=80)
    router = plugins.router(name)(cluster)
    router.establish(target, spec, reference)
    assert 0 == router.current(target).canary
    made = PROXIES[name].codec.make(target, spec)
    path = api.path(made["apiVersion"], made["kind"], namespace, "web")
    assert [reference] == api.get(path)["metadata"]["ownerReferences"]
    handed = router.hand_back(target, spec)
    left = api.get(path)
    router.establish(target, spec, reference)

    assert (f"{made['kind']} {namespace}/web",) == handed.kept
    assert made["spec"] != left["spec"]
    assert 0 == router.current(target).canary


def test_a_foreign_route_of_the_name_of_ours_is_left_alone(
    control_plane: ControlPlane, cluster: KubernetesCluster, namespace: str
) -> None:
    """
    M-112: a match needs the name, and a reset deletes nothing of it.
    """
    control_plane.install("apisix")
    api = control_plane.api
    (base,) = PROXIES["apisix"].made(100, 0, None)
    foreign = copy.deepcopy(base)
    foreign["metadata"]["name"] = "web-progressive-match"
    for one in (base, foreign):
        one["metadata"].pop("resourceVersion")
        one["metadata"]["namespace"] = namespace
    foreign["spec"]["http"][0]["backends"] = [{"serviceName": "other", "servicePort": 80}]
    api.apply(base)
    api.apply(foreign)
    target = evolve(TARGET, namespace=namespace)
    router = plugins.router("apisix")(cluster)
    with pytest.raises(NotOwned):
        router.shift(target, MATCHED)
    assert not router.reset(target).matched

    found = api.get(api.path(base["apiVersion"], base["kind"], namespace, "web-progressive-match"))
    assert foreign["spec"] == found["spec"]


@pytest.mark.parametrize("shop", ["contour"], indirect=True)
def test_a_refusal_of_contour_is_not_accepted(shop: Shop) -> None:
    """
    M-109: at once, with its words; what it says of an older generation is waited out.
    """
    (proxy,) = shop.made

    def speak(generation: int, status: str) -> None:
        about = {"observedGeneration": generation, "lastTransitionTime": "2026-01-01T00:00:00Z"}
        condition = {"type": "Valid", "status": status, "reason": "x", "message": "no", **about}
        _report(
            shop.control_plane,
            proxy,
            {"currentStatus": "x", "description": "web-canary is gone", "conditions": [condition]},
        )

    def refuse(_: float) -> None:
        speak(2, "False")

    speak(1, "True")
    router = ContourRouter(shop.router.cluster, patience=timedelta(seconds=5), pause=refuse)
    with pytest.raises(NotAccepted, match="web-canary is gone"):
        router.shift(shop.target, Split(canary=20))

    assert 20 == shop.router.current(shop.target).canary


@pytest.mark.parametrize("shop", ["knative"], indirect=True)
def test_knative_has_taken_over_what_its_status_repeats(shop: Shop) -> None:
    """
    M-115: neither the word of an older generation nor other percents, and then both.
    """
    (service,) = shop.made
    assert isinstance(shop.router, KnativeRouter)

    def speak(generation: int, canary: int, ready: str = "True") -> None:
        sides = {"web-primary": 100 - canary, "web-canary": canary}
        told = {
            "observedGeneration": generation,
            "latestReadyRevisionName": "web-canary",
            "conditions": [{"type": "Ready", "status": ready, "reason": "x", "message": "no"}],
            "traffic": [{"revisionName": name, "percent": it} for name, it in sides.items()],
        }
        _report(shop.control_plane, service, told)

    def asked() -> StandingKind:
        return shop.router.accepted(shop.target, patience=timedelta(seconds=1)).kind

    shop.router.shift(shop.target, Split(canary=20))
    generation = shop.control_plane.api.get(shop.path(service))["metadata"]["generation"]
    found = []
    for told in ((generation - 1, 20), (generation, 0), (generation, 20)):
        speak(*told)
        found.append(asked())
    speak(generation, 20, "False")

    assert [StandingKind.UNVERIFIED, StandingKind.UNVERIFIED, StandingKind.ACCEPTED] == found
    with pytest.raises(NotAccepted, match="no"):
        asked()


def test_a_side_that_no_backend_is_called_for_is_named(
    control_plane: ControlPlane, cluster: KubernetesCluster, namespace: str
) -> None:
    """
    A RouteGroup names its backends twice, and the names need not be those of the services.
    """
    control_plane.install("skipper")
    (group,) = PROXIES["skipper-route-group"].made(100, 0, None)
    group["metadata"].pop("resourceVersion")
    group["metadata"]["namespace"] = namespace
    control_plane.api.apply(group)
    target = evolve(TARGET, namespace=namespace)
    router = SkipperRouter(cluster)
    with pytest.raises(DestinationNotFound, match="nobody"):
        router.shift(evolve(target, primary="nobody"), Split(canary=20))

    assert 0 == router.current(target).canary
