"""The managed Deployment, with a real API server and the real Deployment controller."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.realparts.api import ApiError, Document
from tests.realparts.control_plane import ControlPlane
from tests.realparts.process import wait_for

from progressive._adapters.cluster.client import KubernetesCluster
from progressive._adapters.workload import DeploymentWorkload
from progressive._model.events import Event, Readiness, TargetMoved
from progressive._model.release import Managed, ServiceSpec
from progressive._model.traffic import Side, Target
from progressive.errors import ClusterError, ErrorKind, ForeignController, SpecError

pytestmark = [pytest.mark.real, pytest.mark.apart]

MANAGED = Managed(name="web", service=ServiceSpec(name="web", port=80, target_port="http"))
RIGHTS: list[Document] = [
    {
        "apiGroups": ["apps"],
        "resources": ["deployments"],
        "verbs": ["get", "list", "watch", "create", "patch"],
    },
    {
        "apiGroups": ["apps"],
        "resources": ["controllerrevisions"],
        "verbs": ["get", "list", "create", "delete"],
    },
    {"apiGroups": [""], "resources": ["services"], "verbs": ["get", "create", "patch"]},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": ["list"]},
]
"""All that a managed Deployment needs; more is asked for only to recognise Flagger and KEDA."""


class Shop:
    """One namespace with one target."""

    def __init__(self, control_plane: ControlPlane, namespace: str, user: str) -> None:
        self.api = control_plane.api
        config = control_plane.kubeconfig(user, namespace=namespace)
        self.cluster = KubernetesCluster.from_environment(config)
        self.namespace = namespace
        self.target = Target(
            namespace=namespace, service="web", primary="web-primary", canary="web-canary", port=80
        )
        self.workload = DeploymentWorkload(self.cluster, MANAGED)

    def path(self, name: str) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{name}"

    def read(self, name: str = "web") -> Document:
        return self.api.get(self.path(name))

    def deploy(self, *, annotations: Document | None = None, **spec: Any) -> None:
        """Create the target, as a team would write it."""
        pod: Document = {
            "containers": [{"name": "web", "image": "web:1", "ports": [{"containerPort": 8080}]}]
        }
        pod["containers"][0]["ports"][0]["name"] = "http"
        self.api.create(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "web", "namespace": self.namespace},
                "spec": {
                    "replicas": 2,
                    "selector": {"matchLabels": {"app": "web"}},
                    "template": {
                        "metadata": {"labels": {"app": "web"}, "annotations": annotations or {}},
                        "spec": {**pod, **spec.pop("pod", {})},
                    },
                    **spec,
                },
            }
        )

    def patch(self, spec: Document, name: str = "web") -> None:
        self.api.patch(self.path(name), {"spec": spec}, kind="strategic")

    def image(self, image: str, name: str = "web") -> None:
        self.patch(_pods({"containers": [{"name": "web", "image": image}]}), name)

    def image_of(self, name: str) -> str:
        return str(self.read(name)["spec"]["template"]["spec"]["containers"][0]["image"])

    def ready(self, side: Side, seconds: float = 90) -> Readiness:
        return self.workload.readiness(self.target, side, _in(seconds)).readiness

    def first_deploy(self) -> None:
        """As a run does it."""
        self.workload.prepare(self.target)
        assert Readiness.READY is self.ready(Side.PRIMARY)
        self.workload.point(self.target)
        self.workload.scale(self.target, up=False)
        self.workload.mark(self.target)


def _pods(spec: Document) -> Document:
    return {"template": {"spec": spec}}


def _complete_at_zero(found: Document) -> bool:
    status, generation = found["status"], found["metadata"]["generation"]
    reasons = {one["type"]: one["reason"] for one in status.get("conditions", [])}
    return (generation, "NewReplicaSetAvailable") == (
        status.get("observedGeneration"),
        reasons.get("Progressing"),
    )


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.fixture
def shop(control_plane: ControlPlane, namespace: str) -> Iterator[Shop]:
    """With all rights."""
    found = Shop(control_plane, namespace, "progressive")
    yield found
    found.cluster.close()


@pytest.fixture
def modest(control_plane: ControlPlane, namespace: str) -> Iterator[Shop]:
    """With the rights that `RIGHTS` lists and no other."""
    control_plane.grant("restricted", namespace, RIGHTS)
    found = Shop(control_plane, namespace, "restricted")
    yield found
    found.cluster.close()


@pytest.fixture
def powerless(control_plane: ControlPlane, namespace: str) -> Iterator[Shop]:
    """Without any right."""
    found = Shop(control_plane, namespace, "forbidden")
    yield found
    found.cluster.close()


NEAR: Document = {
    "topologyKey": "kubernetes.io/hostname",
    "labelSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]},
}


def test_what_a_first_deploy_makes_is_accepted_and_rolls_out(
    control_plane: ControlPlane, namespace: str, shop: Shop
) -> None:
    """
    Strict validation refuses every field that the schema does not know.

    The second time nothing is written, though the server has filled in its defaults.
    """
    service = ServiceSpec(
        name="web",
        port=80,
        target_port="http",
        app_protocol="http",
        port_discovery=True,
        traffic_distribution="PreferClose",
        metadata={"apex": {"labels": {"team": "a"}, "annotations": {"x": "y"}}},
    )
    shop.workload = DeploymentWorkload(shop.cluster, Managed(name="web", service=service))
    spread = {"maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway", **NEAR}
    preferred = {"weight": 1, "podAffinityTerm": NEAR}
    apart = {"preferredDuringSchedulingIgnoredDuringExecution": [preferred]}
    shop.deploy(
        minReadySeconds=0,
        strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
        pod={
            "topologySpreadConstraints": [spread],
            "affinity": {"podAntiAffinity": apart},
        },
    )

    shop.first_deploy()
    mark = control_plane.mark()
    shop.first_deploy()

    asked = control_plane.requests("progressive", since=mark, namespace=namespace)
    assert {"get", "list", "watch"} >= {verb for verb, _ in asked}
    primary = shop.read("web-primary")
    assert {"app": "web-primary"} == primary["spec"]["template"]["metadata"]["labels"]
    (found,) = primary["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert ["web-primary"] == found["labelSelector"]["matchExpressions"][0]["values"]
    for name, selected in (("web", "web-primary"), ("web-canary", "web")):
        made = shop.api.read("v1", "Service", namespace, name)
        assert {"app": selected} == made["spec"]["selector"]
        assert "PreferClose" == made["spec"]["trafficDistribution"]
    situation = shop.workload.situation(shop.target)
    assert situation.revision == situation.promoted
    assert 0 == shop.read()["spec"]["replicas"]


def test_the_analysed_template_is_promoted_while_the_target_moves_on(modest: Shop) -> None:
    """
    Detected, scaled up, moved on, and promoted is what was analysed; with the least rights.
    """
    shop, workload = modest, modest.workload
    shop.deploy()
    shop.first_deploy()
    shop.image("web:2")
    analysed = workload.situation(shop.target)
    assert analysed.revision != analysed.promoted

    workload.scale(shop.target, up=True)
    assert Readiness.READY is shop.ready(Side.CANARY)
    assert 2 == shop.read()["spec"]["replicas"]
    shop.image("web:3")
    generation = shop.read("web-primary")["metadata"]["generation"]
    workload.promote(shop.target, analysed.revision)
    workload.promote(shop.target, analysed.revision)

    assert Readiness.READY is shop.ready(Side.PRIMARY)
    assert "web:2" == shop.image_of("web-primary")
    assert generation + 1 == shop.read("web-primary")["metadata"]["generation"]
    after = workload.situation(shop.target)
    assert analysed.revision == after.promoted != after.revision


def test_pods_that_were_scaled_up_and_never_get_ready_are_waited_for(shop: Shop) -> None:
    """
    Kubernetes never calls this stuck: its deadline is that of a rollout, and the new template was
    rolled out at zero replicas. So a run has a deadline of its own (L3).
    """
    shop.deploy(progressDeadlineSeconds=1)
    shop.first_deploy()
    shop.api.patch(
        shop.path("web"),
        {"spec": {"template": {"metadata": {"annotations": {"tests/never-ready": "true"}}}}},
    )
    shop.api.wait(shop.path("web"), _complete_at_zero, "the new template rolled out at zero")
    shop.workload.scale(shop.target, up=True)

    found = shop.workload.readiness(shop.target, Side.CANARY, _in(3))

    assert Readiness.WAITING is found.readiness
    assert "web: 0 of 2 replicas are available" == found.message


def test_a_rollout_whose_deadline_passes_is_stuck_and_going_back_is_not(shop: Shop) -> None:
    """
    The condition of the rollout that failed stands for a moment while the next one begins.
    """
    shop.deploy(progressDeadlineSeconds=1)
    shop.first_deploy()
    good = shop.workload.situation(shop.target).revision
    shop.workload.scale(shop.target, up=True)
    shop.api.patch(
        shop.path("web"),
        {"spec": {"template": {"metadata": {"annotations": {"tests/never-ready": "true"}}}}},
    )
    bad = shop.workload.situation(shop.target).revision
    shop.workload.promote(shop.target, bad)
    stuck = shop.workload.readiness(shop.target, Side.PRIMARY, _in(30))

    shop.workload.promote(shop.target, good)

    assert Readiness.STUCK is stuck.readiness
    assert "timed out progressing" in stuck.message
    assert Readiness.READY is shop.ready(Side.PRIMARY)


AUTOSCALER: Document = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "maxReplicas": 4,
    },
}
KEDA: Document = {
    "apiVersion": "keda.sh/v1alpha1",
    "kind": "ScaledObject",
    "spec": {
        "scaleTargetRef": {"name": "web"},
        "triggers": [{"type": "cron", "metadata": {"timezone": "UTC"}}],
    },
}


@pytest.mark.parametrize("scaler", [AUTOSCALER, KEDA], ids=lambda one: one["kind"])
def test_an_autoscaler_of_the_target_is_refused(shop: Shop, scaler: Document) -> None:
    """Its words name it."""
    shop.deploy()
    shop.api.create({**scaler, "metadata": {"name": "scaler", "namespace": shop.namespace}})

    with pytest.raises(ClusterError, match=f"{scaler['kind']} {shop.namespace}/scaler") as caught:
        shop.workload.situation(shop.target)

    assert ErrorKind.INVALID is caught.value.kind


def test_a_canary_is_refused_until_it_is_suspended_and_then_owns_what_is_made(shop: Shop) -> None:
    """The words say how to suspend it (L21)."""
    shop.deploy()
    canary = shop.api.create(
        {
            "apiVersion": "flagger.app/v1beta1",
            "kind": "Canary",
            "metadata": {"name": "web", "namespace": shop.namespace},
            "spec": {
                "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "service": {"port": 80},
                "analysis": {"interval": "30s", "threshold": 1, "stepWeight": 10},
            },
        }
    )
    with pytest.raises(ForeignController, match=r"kubectl -n .* patch canary web --type merge"):
        shop.workload.situation(shop.target)

    shop.api.patch(shop.api.path_of(canary), {"spec": {"suspend": True}})
    shop.first_deploy()

    (owner,) = shop.read("web-primary")["metadata"]["ownerReferences"]
    assert ("Canary", canary["metadata"]["uid"]) == (owner["kind"], owner["uid"])


def test_what_is_made_goes_with_the_target(shop: Shop) -> None:
    """The garbage collector takes the owner references for good."""
    shop.deploy()
    shop.first_deploy()
    shop.workload.scale(shop.target, up=True)

    shop.api.delete(shop.path("web"))

    shop.api.wait_gone(shop.path("web-primary"))
    kept = f"/apis/apps/v1/namespaces/{shop.namespace}/controllerrevisions"
    wait_for(lambda: not shop.api.get(kept)["items"], "the kept templates gone")
    with pytest.raises(ApiError):
        shop.api.read("v1", "Service", shop.namespace, "web-canary")


def test_an_image_is_set_and_told(shop: Shop) -> None:
    """An unknown container changes nothing."""
    shop.deploy()
    before = shop.workload.situation(shop.target).revision
    told: queue.Queue[Event] = queue.Queue()
    watch = shop.workload.watch(shop.target, told.put)

    with pytest.raises(SpecError, match="no container 'app'; it has web"):
        shop.workload.set_images(shop.target, {"web": "web:2", "app": "web:2"})
    assert shop.workload.set_images(shop.target, {"web": "web:2"})
    assert not shop.workload.set_images(shop.target, {"web": "web:2"})
    # a machine that is busy may tell first that the pods of before are not ready yet
    moved = next(one for one in iter(lambda: told.get(timeout=20), None) if _is_move(one))
    watch.close()

    assert "web:2" == shop.image_of("web")
    assert isinstance(moved, TargetMoved)
    assert before != moved.revision == shop.workload.situation(shop.target).revision


def _is_move(event: Event) -> bool:
    return isinstance(event, TargetMoved)


def test_a_revision_is_the_same_whoever_writes_the_object(shop: Shop) -> None:
    """
    Another client sends other empty fields, and the server stores other bytes: no new revision.
    """
    shop.deploy()
    before = shop.workload.situation(shop.target).revision
    assert Readiness.READY is shop.ready(Side.CANARY)  # then nobody else writes
    found = shop.read()
    found["spec"]["template"]["metadata"]["creationTimestamp"] = None
    found["spec"]["template"]["spec"]["initContainers"] = []
    found["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {}}
    found["metadata"]["labels"] = {"a": "b"}

    shop.api.put(shop.path("web"), found)

    assert before == shop.workload.situation(shop.target).revision


def test_a_user_without_rights_reads_the_servers_words(powerless: Shop) -> None:
    """Who may not read the target is told so, not that there is none."""
    powerless.deploy()

    with pytest.raises(ClusterError, match='cannot get resource "deployments"') as caught:
        powerless.workload.situation(powerless.target)

    assert ErrorKind.FORBIDDEN is caught.value.kind
