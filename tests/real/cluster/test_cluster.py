"""The Kubernetes adapter, journals, Leases and decisions on a real API server."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.contract.cluster_contract import (
    ClusterContract,
    config_map,
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
    Told,
    target,
)
from tests.realparts.control_plane import ControlPlane
from tests.realparts.process import wait_for

from progressive._adapters.cluster.environment import find
from progressive._adapters.cluster.link import Link
from progressive._adapters.cluster.retry import Policy
from progressive._model.events import DriverLost
from progressive.clusters import KubernetesCluster
from progressive.errors import Busy, ErrorKind, LockError
from progressive.ports import Inbox, Lock, Store
from progressive.stores import ConfigMapInbox, ConfigMapStore, LeaseLock

pytestmark = pytest.mark.real

QUICK = timedelta(milliseconds=100)


@pytest.fixture
def cluster(control_plane: ControlPlane) -> Iterator[KubernetesCluster]:
    found = KubernetesCluster.from_environment(control_plane.kubeconfig())
    yield found
    found.close()


@pytest.fixture
def place(namespace: str) -> str:
    return namespace


def hasty(control_plane: ControlPlane, user: str = "progressive") -> KubernetesCluster:
    """A cluster whose time-outs are those of a test, on a machine that does much else."""
    policy = Policy(attempts=2, seconds=1.0, connect=3.0, read=3.0, write=3.0)
    return KubernetesCluster(Link(find(control_plane.kubeconfig(user))), policy=policy)


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


def test_unknown_field_is_refused_by_name(cluster: KubernetesCluster, place: str) -> None:
    """Without strict validation it would vanish, and the write would look done."""
    cluster.create(routes(place), route("web"))
    add = {"op": "add", "path": "/spec/http/0/wieght", "value": 1}
    error = refused(lambda: cluster.json_patch(routes(place, "web"), [add]))

    assert (ErrorKind.INVALID, 422) == (error.kind, error.status)
    assert 'unknown field "spec.http[0].wieght"' in str(error)


def test_invalid_object_behind_a_test_is_no_conflict(
    cluster: KubernetesCluster, place: str
) -> None:
    """Both are 422; reading again would never help here."""
    made = cluster.create(routes(place), route("web"))
    patch = [
        {
            "op": "test",
            "path": "/metadata/resourceVersion",
            "value": made["metadata"]["resourceVersion"],
        },
        {"op": "add", "path": "/spec/http/0/route/0/weight", "value": "many"},
    ]
    error = refused(lambda: cluster.json_patch(routes(place, "web"), patch))

    assert ErrorKind.INVALID is error.kind
    assert "spec.http[0].route[0].weight" in str(error)


def test_a_text_fits_its_test_whatever_is_in_it(cluster: KubernetesCluster, place: str) -> None:
    """The server compares texts as they are written; Traefik's rules are full of ``&&``."""
    told = 'Host(`a`) && <é> \u2028 \U0001f600 \t \x1f \x7f "\\\\/'
    about = route("web")
    about["metadata"]["annotations"] = {"note": told}
    cluster.create(routes(place), about)
    path = "/metadata/annotations/note"
    patch = [
        {"op": "test", "path": path, "value": told},
        {"op": "replace", "path": path, "value": f"{told}!"},
    ]
    answer = cluster.json_patch(routes(place, "web"), patch)

    assert f"{told}!" == answer["metadata"]["annotations"]["note"]


def test_secret_in_a_refused_object_is_not_told(cluster: KubernetesCluster, place: str) -> None:
    """The server quotes the whole object; it ends up in reports and logs."""
    hidden = route("web")
    hidden["metadata"]["annotations"] = {"note": "hunter2"}
    cluster.create(routes(place), hidden)
    add = {"op": "add", "path": "/spec/wrong", "value": 1}
    error = refused(lambda: cluster.json_patch(routes(place, "web"), [add]))

    assert 'unknown field "spec.wrong"' in str(error)
    assert "hunter2" not in str(error)


def test_forbidden_user_is_told_verb_resource_and_namespace(
    control_plane: ControlPlane, place: str
) -> None:
    """So that a right can be asked for."""
    cluster = KubernetesCluster.from_environment(control_plane.kubeconfig("forbidden"))
    error = refused(lambda: cluster.get(routes(place, "web")))

    assert (ErrorKind.FORBIDDEN, 403) == (error.kind, error.status)
    assert 'User "forbidden" cannot get resource "virtualservices"' in str(error)
    assert f'in the namespace "{place}"' in str(error)


def test_lease_that_may_not_be_read_is_refused_with_words(
    control_plane: ControlPlane, place: str
) -> None:
    """Rights are missing, not a driver busy."""
    cluster = KubernetesCluster.from_environment(control_plane.kubeconfig("forbidden"))
    with pytest.raises(LockError) as caught:
        cluster.lock().acquire(target(place), "run", Told())

    assert ErrorKind.FORBIDDEN is caught.value.kind
    assert "leases.coordination.k8s.io" in str(caught.value)


def test_rehearsal_stores_nothing(cluster: KubernetesCluster, place: str) -> None:
    """`route --dry-run` asks the server and leaves no trace."""
    cluster.create(routes(place), route("web"))
    after = cluster.rehearsal().merge_patch(
        routes(place, "web"), {"metadata": {"labels": {"a": "b"}}}
    )
    cluster.rehearsal().delete(routes(place, "web"))

    assert {"a": "b"} == after["metadata"]["labels"]
    assert "labels" not in cluster.get(routes(place, "web"))["metadata"]


# credentials

PLUGIN = """
    #!{python}
    import json, os, pathlib, sys
    calls = pathlib.Path({folder!r}, "calls")
    calls.write_text(calls.read_text() + "x" if calls.exists() else "x")
    token = pathlib.Path({folder!r}, "token").read_text()
    assert json.loads(os.environ["KUBERNETES_EXEC_INFO"])["kind"] == "ExecCredential"
    print(json.dumps({{
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {{"token": token}},
    }}))
"""


class Plugin:
    """A credential plugin that counts its calls and gives the token of a file."""

    def __init__(self, folder: Path, control_plane: ControlPlane) -> None:
        self.folder = folder
        script = folder / "plugin"
        text = textwrap.dedent(PLUGIN).strip().format(python=sys.executable, folder=str(folder))
        script.write_text(text)
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        config = yaml.safe_load(control_plane.kubeconfig().read_text())
        config["users"][0]["user"] = {
            "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin"}
        }
        self.kubeconfig = folder / "config.yaml"
        self.kubeconfig.write_text(yaml.safe_dump(config))

    def give(self, token: str) -> None:
        (self.folder / "token").write_text(token)

    @property
    def calls(self) -> int:
        return len((self.folder / "calls").read_text())


def test_refused_token_is_renewed_once(
    tmp_path: Path, control_plane: ControlPlane, place: str
) -> None:
    """Tokens of clouds live for minutes, releases for hours."""
    plugin = Plugin(tmp_path, control_plane)
    plugin.give("expired")
    cluster = KubernetesCluster.from_environment(plugin.kubeconfig)
    plugin.give(control_plane.token("progressive"))
    cluster.create(maps(place), config_map("web"))
    renewed = plugin.calls
    cluster.get(maps(place, "web"))

    assert 2 == renewed
    assert 2 == plugin.calls


def test_many_threads_renew_a_token_once(
    tmp_path: Path, control_plane: ControlPlane, place: str
) -> None:
    """A plugin may ask a person to log in."""
    plugin = Plugin(tmp_path, control_plane)
    plugin.give("expired")
    cluster = KubernetesCluster.from_environment(plugin.kubeconfig)
    plugin.give(control_plane.token("progressive"))
    done: list[dict[str, Any]] = []
    threads = [
        threading.Thread(target=lambda: done.append(cluster.get(maps(place)))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert 6 == len(done)
    assert 2 == plugin.calls


def test_token_that_stays_refused_is_forbidden(
    tmp_path: Path, control_plane: ControlPlane, place: str
) -> None:
    """Renewed once and not for ever; the token is in no text."""
    plugin = Plugin(tmp_path, control_plane)
    plugin.give("hunter2")
    cluster = KubernetesCluster.from_environment(plugin.kubeconfig)
    error = refused(lambda: cluster.get(maps(place)))

    assert (ErrorKind.FORBIDDEN, 401, 2) == (error.kind, error.status, plugin.calls)
    assert "does not accept the credentials" in str(error)
    assert "hunter2" not in repr((error, error.__cause__, cluster))


def test_token_file_is_read_again(tmp_path: Path, control_plane: ControlPlane, place: str) -> None:
    """Projected service account tokens are replaced in place."""
    config = yaml.safe_load(control_plane.kubeconfig().read_text())
    config["users"][0]["user"] = {"tokenFile": "token"}
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    (tmp_path / "token").write_text("expired")
    cluster = KubernetesCluster.from_environment(tmp_path / "config")
    (tmp_path / "token").write_text(control_plane.token("progressive"))

    assert "items" in cluster.get(maps(place))


def test_untrusted_certificate_is_said_so(
    tmp_path: Path, control_plane: ControlPlane, place: str
) -> None:
    """The commonest fault of a new kubeconfig; trying again would not help."""
    config = yaml.safe_load(control_plane.kubeconfig().read_text())
    del config["clusters"][0]["cluster"]["certificate-authority"]
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    cluster = KubernetesCluster.from_environment(tmp_path / "config")
    error = refused(lambda: cluster.get(maps(place)))

    assert (ErrorKind.UNAVAILABLE, 0) == (error.kind, error.status)
    assert f"the certificate of {control_plane.server} is not trusted" in str(error)


# bad days


def test_silent_server_is_a_time_out(control_plane: ControlPlane, place: str) -> None:
    """A paused server accepts connections and never answers."""
    cluster = hasty(control_plane)
    cluster.get(maps(place))
    with control_plane.paused():
        error = refused(lambda: cluster.get(maps(place)))
        urgent = refused(lambda: cluster.urgent().merge_patch(maps(place, "x"), {"data": {}}))

    assert ErrorKind.UNAVAILABLE is error.kind
    assert f"{control_plane.server} gave no answer in time" == str(error)
    assert ErrorKind.UNAVAILABLE is urgent.kind


def test_requests_go_on_after_a_restart(
    cluster: KubernetesCluster, control_plane: ControlPlane, place: str
) -> None:
    """Connections that were kept open are dead by then."""
    cluster.create(maps(place), config_map("web"))
    control_plane.restart_api_server()

    assert "web" == cluster.get(maps(place, "web"))["metadata"]["name"]
    assert {"a": "1"} == cluster.merge_patch(maps(place, "web"), {"data": {"a": "1"}})["data"]


def test_watch_goes_on_after_a_restart(
    cluster: KubernetesCluster, control_plane: ControlPlane, place: str
) -> None:
    """What happened meanwhile is told, what was told is not told again."""
    cluster.create(routes(place), route("a"))
    stream = cluster.watch(routes(place))
    first = take(stream, 2)
    control_plane.restart_api_server()
    cluster.create(routes(place), route("b"))
    cluster.delete(routes(place, "a"))
    then = take(stream, 2)
    stream.close()

    assert [("ADDED", "a"), ("SYNCED", "")] == first
    assert {("ADDED", "b"), ("DELETED", "a")} == set(then)


def test_watch_survives_a_forgotten_version(
    cluster: KubernetesCluster, control_plane: ControlPlane, place: str
) -> None:
    """410 Gone: list again, and find out what vanished."""
    cluster.create(routes(place), route("a"))
    cluster.create(routes(place), route("b"))
    stream = cluster.watch(routes(place))
    first = take(stream, 3)
    control_plane.stop_api_server()
    control_plane.start_api_server()
    cluster.delete(routes(place, "a"))
    cluster.create(routes(place), route("c"))
    control_plane.expire_watches()
    then = take(stream, 2)
    stream.close()

    assert ("SYNCED", "") == first[-1]
    assert {("DELETED", "a"), ("ADDED", "c")} == set(then)


def test_closing_wakes_a_watch_of_a_silent_server(
    cluster: KubernetesCluster, control_plane: ControlPlane, place: str
) -> None:
    """Nothing may hold up a signal, least of all a server that is away."""
    stream = cluster.watch(routes(place))
    take(stream, 1)
    thread = threading.Thread(target=lambda: list(stream))
    thread.start()
    with control_plane.paused():
        stream.close()
        thread.join(5)
        alive = thread.is_alive()

    assert not alive


# one driver

DRIVER = """
    import sys, threading
    from progressive.clusters import KubernetesCluster
    from progressive.stores import LeaseLock
    from tests.contract.places_contract import Told, target
    cluster = KubernetesCluster.from_environment(sys.argv[1])
    hold = LeaseLock(cluster).acquire(target(sys.argv[2]), "run-1", Told())
    print("held", hold.epoch, flush=True)
    threading.Event().wait()
"""


@pytest.fixture
def killed_driver(control_plane: ControlPlane, place: str) -> int:
    """A driver in a process of its own took the target and was killed; its epoch."""
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(DRIVER), str(control_plane.kubeconfig()), place],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    with child.stdout:
        word, epoch = child.stdout.readline().split()
    assert "held" == word
    child.kill()
    child.wait(30)
    return int(epoch)


def test_killed_driver_of_this_machine_frees_the_target_at_once(
    cluster: KubernetesCluster, place: str, killed_driver: int
) -> None:
    """A build that is started again need not wait for the Lease to end."""
    lock = LeaseLock(cluster, monotonic=_stopped)
    assert lock.holder(target(place)) is None
    hold = lock.acquire(target(place), "run-2", Told())
    hold.close()

    assert killed_driver + 1 == hold.epoch


def test_silent_driver_of_another_machine_is_taken_over_in_time(
    cluster: KubernetesCluster, place: str, killed_driver: int
) -> None:
    """Nothing can be known of its process, so its Lease must stand still for its duration."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/{place}/leases/progressive-web"
    note = "progressive.dev/holder"
    told = json.loads(cluster.get(path)["metadata"]["annotations"][note])
    elsewhere = json.dumps({**told, "host": "elsewhere"})
    cluster.merge_patch(
        path,
        {"metadata": {"annotations": {note: elsewhere}}, "spec": {"leaseDurationSeconds": 1}},
    )
    hold = LeaseLock(cluster).acquire(target(place), "run-2", Told())
    hold.close()

    assert killed_driver + 1 == hold.epoch


def test_living_driver_keeps_its_target_through_a_restart(
    cluster: KubernetesCluster, control_plane: ControlPlane, place: str
) -> None:
    """The API server's absence is nobody's death."""
    told = Told()
    hold = LeaseLock(cluster, renew_every=QUICK).acquire(target(place), "run-1", told)
    control_plane.restart_api_server()
    other = KubernetesCluster.from_environment(control_plane.kubeconfig("other"))
    with pytest.raises(Busy) as caught:
        other.lock().acquire(target(place), "run-2", Told())
    hold.close()

    assert "run-1" in str(caught.value)
    assert [] == told.events


def test_driver_that_was_replaced_is_told(
    cluster: KubernetesCluster, control_plane: ControlPlane, place: str
) -> None:
    """It must stop without touching traffic."""
    told = Told()
    hold = LeaseLock(cluster, renew_every=QUICK).acquire(target(place), "run-1", told)
    path = f"/apis/coordination.k8s.io/v1/namespaces/{place}/leases/progressive-web"
    control_plane.user("other").patch(
        path,
        {
            "metadata": {"annotations": {"progressive.dev/holder": None}},
            "spec": {"holderIdentity": "somebody else"},
        },
    )
    wait_for(lambda: told.events, "the loss is told")
    hold.close()

    assert [DriverLost] == [type(one) for one in told.events]
    assert "somebody else" in getattr(told.events[0], "message", "")
    assert "somebody else" == cluster.get(path)["spec"]["holderIdentity"]


def test_label_on_the_journal_is_no_conflict(
    cluster: KubernetesCluster, control_plane: ControlPlane, place: str
) -> None:
    """Cost and ownership tools label everything in a cluster."""
    store = cluster.store()
    first = store.save(target(place), "a", None)
    path = maps(place, "progressive-web")
    control_plane.user("other").patch(path, {"metadata": {"labels": {"cost": "7"}}})
    second = store.save(target(place), "b", first)
    saved = store.load(target(place))

    assert saved is not None and ("b", second) == (saved.text, saved.version)
    assert "7" == cluster.get(path)["metadata"]["labels"]["cost"]


def test_memory_stays_small_and_typed_models_are_never_loaded(
    control_plane: ControlPlane, place: str
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
        [sys.executable, "-c", textwrap.dedent(code), str(control_plane.kubeconfig()), place],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    models, mebibytes = map(int, done.stdout.split())

    assert 0 == models
    assert mebibytes < 80


def test_no_request_is_made_while_a_watch_waits(
    cluster: KubernetesCluster, control_plane: ControlPlane, place: str
) -> None:
    """A watch instead of polling: one list, one stream."""
    # a server that began anew has a list asked again until it knows the kind
    wait_for(lambda: control_plane.api.call("GET", routes(place)).ok, "a server that knows routes")
    begun = control_plane.mark()
    stream = cluster.watch(routes(place))
    take(stream, 1)
    cluster.create(routes(place), route("a"))
    take(stream, 1)
    counted = control_plane.requests("progressive", since=begun, namespace=place)
    stream.close()

    assert {"list": 1, "watch": 1, "create": 1} == {
        verb: number for (verb, kind), number in counted.items() if kind == "virtualservices"
    }


def _stopped() -> float:
    return 0.0
