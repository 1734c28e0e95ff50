"""The real parts do what every other test takes for granted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import requests
import yaml
from tests.real.stage.backends import deployment, rolled_out
from tests.realparts.api import ApiError, Document
from tests.realparts.control_plane import ControlPlane
from tests.realparts.process import wait_for
from tests.realparts.prometheus import Prometheus

pytestmark = pytest.mark.real


def test_a_deployment_rolls_out(control_plane: ControlPlane, namespace: str) -> None:
    """
    Everything that waits for readiness rests on the controllers and kwok doing their part.
    """
    api = control_plane.api
    path = api.path_of(api.create(deployment(namespace, "web")))

    api.wait(path, rolled_out, "the first roll-out")
    api.patch(
        path,
        {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:2"}]}}}},
        kind="strategic",
    )
    found = api.wait(path, rolled_out, "the second roll-out")

    assert 2 == found["metadata"]["generation"]


def test_a_pod_can_be_kept_from_becoming_ready(
    control_plane: ControlPlane, namespace: str
) -> None:
    """
    A release must meet its deadline when the new version never comes up.
    """
    api = control_plane.api
    stuck = api.path_of(api.create(deployment(namespace, "stuck", never_ready="true")))
    fine = api.path_of(api.create(deployment(namespace, "fine", never_ready="false")))

    api.wait(stuck, lambda found: found["status"].get("updatedReplicas") == 2, "the pods made")
    api.wait(fine, rolled_out, "the other deployment")

    assert 0 == api.get(stuck)["status"].get("readyReplicas", 0)


def test_requests_are_counted_by_user_verb_and_resource(
    control_plane: ControlPlane, namespace: str
) -> None:
    """
    The benchmark of requests per release reads these counts.
    """
    progressive, other = control_plane.user("progressive"), control_plane.user("other")
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    mark = control_plane.mark()

    progressive.post(path, {"metadata": {"name": "one"}})
    progressive.get(f"{path}/one")
    progressive.get(f"{path}/one")
    other.get(f"{path}/one")
    with progressive.session.get(
        f"{control_plane.server}{path}", params={"watch": "1", "timeoutSeconds": "1"}, timeout=10
    ) as watch:
        assert watch.content

    assert {
        ("create", "configmaps"): 1,
        ("get", "configmaps"): 2,
        ("watch", "configmaps"): 1,
    } == control_plane.requests("progressive", since=mark)
    assert {("get", "configmaps"): 1} == control_plane.requests("other", since=mark)
    assert not control_plane.requests("progressive", since=mark, namespace="elsewhere")
    assert not control_plane.requests("progressive", since=control_plane.mark())


def test_a_paused_api_server_is_silent_and_comes_back(control_plane: ControlPlane) -> None:
    """
    A server that hangs is another bad day than one that refuses; both must be had.
    """
    address = f"{control_plane.server}/version"

    with control_plane.paused(), pytest.raises(requests.Timeout):
        control_plane.api.session.get(address, timeout=0.5)

    assert 200 == control_plane.api.call("GET", "/version").status_code


def test_a_restarted_api_server_keeps_its_address_and_its_objects(
    control_plane: ControlPlane, namespace: str
) -> None:
    """
    An upgrade of the API server in the middle of a release looks like this.
    """
    api = control_plane.api
    before = api.create(deployment(namespace, "web"))
    api.wait(api.path_of(before), rolled_out, "the roll-out before")

    control_plane.stop_api_server()
    with pytest.raises(requests.ConnectionError):
        api.call("GET", "/version")
    control_plane.start_api_server()
    after = api.get(api.path_of(before))
    again = api.path_of(api.create(deployment(namespace, "later")))
    api.wait(again, rolled_out, "a roll-out after", seconds=60)

    assert before["metadata"]["uid"] == after["metadata"]["uid"]


def test_an_expired_watch_is_refused(control_plane: ControlPlane, namespace: str) -> None:
    """
    A watch that slept too long gets 410 and must list again; without this nobody would see it.
    """
    api = control_plane.api
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    version = api.get(path)["metadata"]["resourceVersion"]

    control_plane.expire_watches()
    with api.session.get(
        f"{control_plane.server}{path}",
        params={"watch": "1", "resourceVersion": version, "timeoutSeconds": "5"},
        timeout=10,
    ) as watch:
        told = watch.text

    assert '"code":410' in told


def test_a_user_may_do_what_a_test_grants_and_nothing_else(
    control_plane: ControlPlane, namespace: str
) -> None:
    """
    RBAC is the real one, so a forbidden write is refused in the server's own words.
    """
    restricted = control_plane.user("restricted")
    pods = f"/api/v1/namespaces/{namespace}/pods"
    with pytest.raises(ApiError, match='User "restricted" cannot list resource "pods"'):
        restricted.get(pods)

    control_plane.grant(
        "restricted", namespace, [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    )

    assert [] == control_plane.api.wait(pods, lambda found: True, "the list")["items"]
    assert "PodList" == restricted.wait(pods, bool, "the grant seen")["kind"]
    with pytest.raises(ApiError, match="forbidden"):
        restricted.delete(pods)


def test_a_kubeconfig_is_what_kubectl_reads(control_plane: ControlPlane, namespace: str) -> None:
    """
    Our own reader of kubeconfig files is tried against these.
    """
    for embedded in (False, True):
        file = control_plane.kubeconfig("other", namespace=namespace, embedded=embedded)
        told = yaml.safe_load(file.read_text())
        context = told["contexts"][0]["context"]

        assert "other" == told["current-context"] == context["user"]
        assert namespace == context["namespace"]
        assert control_plane.server == told["clusters"][0]["cluster"]["server"]
        assert 0o600 == file.stat().st_mode & 0o777


def test_documents_of_istio_and_flagger_are_validated(
    control_plane: ControlPlane, namespace: str
) -> None:
    """
    With the schemas in the server a wrong field is refused as in any cluster.
    """
    api = control_plane.api
    definitions = api.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")["items"]
    served = {(one["spec"]["group"], one["spec"]["names"]["kind"]) for one in definitions}
    route: Document = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"hosts": ["web"], "http": [{"route": [{"destination": {"host": "web"}}]}]},
    }
    api.apply(route)
    route["spec"]["http"][0]["routes"] = []

    assert {
        ("flagger.app", "Canary"),
        ("flagger.app", "MetricTemplate"),
        ("flagger.app", "AlertProvider"),
        ("keda.sh", "ScaledObject"),
        ("networking.istio.io", "VirtualService"),
    } <= served
    with pytest.raises(ApiError, match="routes"):
        api.apply(route)


def test_a_version_is_told_as_a_release(control_plane: ControlPlane) -> None:
    """
    Clients that read the server's version must be able to.
    """
    assert control_plane.api.get("/version")["gitVersion"].startswith("v1.")


def test_prometheus_scrapes_what_a_test_names(prometheus: Prometheus) -> None:
    """
    Tests of queries write their own counters and read them through the real PromQL.
    """
    with served('orders_total{shop="north"} 3\n') as target:
        prometheus.scrape("orders", [target], labels={"team": "a"})
        prometheus.wait('orders_total{shop="north",team="a"}', lambda value: value == 3)
        prometheus.wait("count_over_time(orders_total[1m])", lambda value: value >= 3)
        prometheus.forget("orders")
        wait_for(lambda: not prometheus.query("orders_total"), "the series stale")


def test_prometheus_can_hang_and_can_be_gone(prometheus: Prometheus) -> None:
    """
    Both are told apart from an empty answer, and what was counted before survives.
    """
    address = f"{prometheus.url}/api/v1/query?query=1"

    with prometheus.paused(), pytest.raises(requests.Timeout):
        requests.get(address, timeout=0.5)
    prometheus.kill()
    with pytest.raises(requests.ConnectionError):
        requests.get(address, timeout=5)
    prometheus.start()

    assert [({}, 1.0)] == prometheus.query("vector(1)")
    with pytest.raises(ValueError, match="parse error"):
        prometheus.query("(")


@contextmanager
def served(text: str) -> Iterator[str]:
    """An address (`host:port`) where Prometheus finds this text."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_no_part_outlives_its_parent(tmp_path: Path) -> None:
    """
    A test run that is killed must not leave an API server behind on the machine.
    """
    script = """
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from tests.realparts.process import Process
part = Process("part", ["sleep", "600"], logs=Path(sys.argv[1]))
part.start()
print(part.pid, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, tmp_path],
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        part = Path("/proc") / parent.stdout.readline().strip()
        wait_for(lambda: (part / "comm").read_text() == "sleep\n", "the part begun")
        parent.kill()

    wait_for(lambda: not part.exists() or "Z" in _state(part), "the part gone")


def _state(process: Path) -> str:
    return (process / "stat").read_text().rpartition(")")[2].split()[0]
