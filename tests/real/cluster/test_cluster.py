"""The Kubernetes adapter, journals, Leases and decisions on a real API server."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from datetime import timedelta

import pytest
from tests.contract.cluster_contract import (
    ClusterContract,
    maps,
    refused,
    route,
    routes,
    take,
)
from tests.contract.places_contract import (
    InboxContract,
    LockContract,
    StoreContract,
    target,
)
from tests.realparts.control_plane import ControlPlane
from tests.realparts.process import wait_for

from progressive.clusters import KubernetesCluster
from progressive.errors import ErrorKind
from progressive.ports import Inbox, Lock, Store
from progressive.stores import ConfigMapInbox, ConfigMapStore, LeaseLock

pytestmark = pytest.mark.real

QUICK = timedelta(milliseconds=100)


@pytest.fixture
def place(namespace: str) -> str:
    return namespace


class TestKubernetesCluster(ClusterContract):
    """The promises of every cluster."""


class TestConfigMapStore(StoreContract):
    """The journal in a real ConfigMap."""

    @pytest.fixture
    def store(self, cluster: KubernetesCluster) -> Store:
        return cluster.store()

    @pytest.fixture
    def other_store(self, control_plane: ControlPlane) -> Store:
        return ConfigMapStore(KubernetesCluster.from_environment(control_plane.kubeconfig()))


class TestLeaseLock(LockContract):
    """A real Lease."""

    @pytest.fixture
    def lock(self, cluster: KubernetesCluster) -> Lock:
        return LeaseLock(cluster, renew_every=QUICK)

    @pytest.fixture
    def other_lock(self, control_plane: ControlPlane) -> Lock:
        other = KubernetesCluster.from_environment(control_plane.kubeconfig("other"))
        return LeaseLock(other, renew_every=QUICK)


class TestConfigMapInbox(InboxContract):
    """Decisions in a real ConfigMap."""

    @pytest.fixture
    def inbox(self, cluster: KubernetesCluster) -> Inbox:
        return cluster.inbox()

    @pytest.fixture
    def other_inbox(self, control_plane: ControlPlane) -> Inbox:
        return ConfigMapInbox(KubernetesCluster.from_environment(control_plane.kubeconfig()))


# words


def test_unknown_field_is_refused_by_name(cluster: KubernetesCluster, namespace: str) -> None:
    """Without strict validation it would vanish, and the write would look done."""
    cluster.create(routes(namespace), route("web"))
    add = {"op": "add", "path": "/spec/http/0/wieght", "value": 1}
    error = refused(lambda: cluster.json_patch(routes(namespace, "web"), [add]))

    assert (ErrorKind.INVALID, 422) == (error.kind, error.status)
    assert 'unknown field "spec.http[0].wieght"' in str(error)


def test_invalid_object_behind_a_test_is_no_conflict(
    cluster: KubernetesCluster, namespace: str
) -> None:
    """Both are 422; reading again would never help here."""
    made = cluster.create(routes(namespace), route("web"))
    patch = [
        {
            "op": "test",
            "path": "/metadata/resourceVersion",
            "value": made["metadata"]["resourceVersion"],
        },
        {"op": "add", "path": "/spec/http/0/route/0/weight", "value": "many"},
    ]
    error = refused(lambda: cluster.json_patch(routes(namespace, "web"), patch))

    assert ErrorKind.INVALID is error.kind
    assert "spec.http[0].route[0].weight" in str(error)


def test_a_text_fits_its_test_whatever_is_in_it(
    cluster: KubernetesCluster, namespace: str
) -> None:
    """The server compares texts as they are written; Traefik's rules are full of ``&&``."""
    told = 'Host(`a`) && <é> \u2028 \U0001f600 \t \x1f \x7f "\\\\/'
    about = route("web")
    about["metadata"]["annotations"] = {"note": told}
    cluster.create(routes(namespace), about)
    path = "/metadata/annotations/note"
    patch = [
        {"op": "test", "path": path, "value": told},
        {"op": "replace", "path": path, "value": f"{told}!"},
    ]
    answer = cluster.json_patch(routes(namespace, "web"), patch)

    assert f"{told}!" == answer["metadata"]["annotations"]["note"]


def test_secret_in_a_refused_object_is_not_told(
    cluster: KubernetesCluster, namespace: str
) -> None:
    """The server quotes the whole object; it ends up in reports and logs."""
    hidden = route("web")
    hidden["metadata"]["annotations"] = {"note": "hunter2"}
    cluster.create(routes(namespace), hidden)
    add = {"op": "add", "path": "/spec/wrong", "value": 1}
    error = refused(lambda: cluster.json_patch(routes(namespace, "web"), [add]))

    assert 'unknown field "spec.wrong"' in str(error)
    assert "hunter2" not in str(error)


def test_forbidden_user_is_told_verb_resource_and_namespace(
    control_plane: ControlPlane, namespace: str
) -> None:
    """So that a right can be asked for."""
    cluster = KubernetesCluster.from_environment(control_plane.kubeconfig("forbidden"))
    error = refused(lambda: cluster.get(routes(namespace, "web")))

    assert (ErrorKind.FORBIDDEN, 403) == (error.kind, error.status)
    assert 'User "forbidden" cannot get resource "virtualservices"' in str(error)
    assert f'in the namespace "{namespace}"' in str(error)


def test_rehearsal_stores_nothing(cluster: KubernetesCluster, namespace: str) -> None:
    """`route --dry-run` asks the server and leaves no trace."""
    cluster.create(routes(namespace), route("web"))
    after = cluster.rehearsal().merge_patch(
        routes(namespace, "web"), {"metadata": {"labels": {"a": "b"}}}
    )
    cluster.rehearsal().delete(routes(namespace, "web"))

    assert {"a": "b"} == after["metadata"]["labels"]
    assert "labels" not in cluster.get(routes(namespace, "web"))["metadata"]


def test_label_on_the_journal_is_no_conflict(
    cluster: KubernetesCluster, control_plane: ControlPlane, namespace: str
) -> None:
    """Cost and ownership tools label everything in a cluster."""
    store = cluster.store()
    first = store.save(target(namespace), "a", None)
    path = maps(namespace, "progressive-web")
    control_plane.user("other").patch(path, {"metadata": {"labels": {"cost": "7"}}})
    second = store.save(target(namespace), "b", first)
    saved = store.load(target(namespace))

    assert saved is not None and ("b", second) == (saved.text, saved.version)
    assert "7" == cluster.get(path)["metadata"]["labels"]["cost"]


def test_memory_stays_small_and_typed_models_are_never_loaded(
    control_plane: ControlPlane, namespace: str
) -> None:
    """They double the memory of a waiting run (style reference, section 2)."""
    code = r"""
        import re, sys
        from progressive.clusters import KubernetesCluster
        assert "kubernetes" not in sys.modules
        cluster = KubernetesCluster.from_environment(sys.argv[1])
        cluster.get(f"/api/v1/namespaces/{sys.argv[2]}/configmaps")
        cluster.served("apps", "deployments")
        stream = cluster.watch(f"/api/v1/namespaces/{sys.argv[2]}/configmaps")
        next(stream); stream.close()
        print(sum(name.startswith("kubernetes.client.models.") for name in sys.modules))
        # ru_maxrss would be the parent's: a process begins as a copy of it
        peak = re.search(r"VmHWM:\s+(\d+) kB", open("/proc/self/status").read())
        print(int(peak[1]) // 1024)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(control_plane.kubeconfig()), namespace],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    models, mebibytes = map(int, done.stdout.split())

    assert 0 == models
    assert mebibytes < 80


def test_no_request_is_made_while_a_watch_waits(
    cluster: KubernetesCluster, control_plane: ControlPlane, namespace: str
) -> None:
    """A watch instead of polling: one list, one stream."""
    # a server that began anew has a list asked again until it knows the kind
    wait_for(
        lambda: control_plane.api.call("GET", routes(namespace)).ok, "a server that knows routes"
    )
    begun = control_plane.mark()
    stream = cluster.watch(routes(namespace))
    take(stream, 1)
    cluster.create(routes(namespace), route("a"))
    take(stream, 1)
    counted = control_plane.requests("progressive", since=begun, namespace=namespace)
    stream.close()

    assert {"list": 1, "watch": 1, "create": 1} == {
        verb: number for (verb, kind), number in counted.items() if kind == "virtualservices"
    }
