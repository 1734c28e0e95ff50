"""What is sent, what is sent twice, and what is made of the answers: against a small server."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from progressive._adapters.cluster.environment import find
from progressive._adapters.cluster.link import Link
from progressive._adapters.cluster.retry import Policy
from progressive.clusters import KubernetesCluster
from progressive.errors import ClusterError, ErrorKind

MAP = "/api/v1/namespaces/shop/configmaps/web"
GUARD = {"op": "test", "path": "/metadata/resourceVersion", "value": "1"}
LOST = None
"""An answer that never comes: the connection is closed instead."""

Reply = tuple[int, dict[str, str], Any] | None


def status(code: int, reason: str, message: str, **details: Any) -> Reply:
    body = {"kind": "Status", "reason": reason, "message": message, "details": details}
    return code, {}, body


BUSY: Reply = (429, {"Retry-After": "3"}, {"kind": "Status", "message": "too many requests"})
BROKEN = status(503, "ServiceUnavailable", "etcd has no leader")
FINE: Reply = (200, {}, {"kind": "ConfigMap", "metadata": {"name": "web"}})


class Server:
    """Answers what a test tells it to, in order, and remembers what was asked."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def answer(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size)) if size else None
                outer.asked.append((self.command, self.path, dict(self.headers), body))
                reply = outer.replies.pop(0) if outer.replies else FINE
                if reply is None:
                    self.close_connection = True
                    return
                code, headers, told = reply
                text = told.encode() if isinstance(told, str) else json.dumps(told).encode()
                self.send_response(code)
                for name, value in {**headers, "Content-Length": str(len(text))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(10)


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.close()


@pytest.fixture
def slept() -> list[float]:
    return []


Make = Callable[[str], KubernetesCluster]


@pytest.fixture
def make(tmp_path: Path, slept: list[float]) -> Iterator[Make]:
    made: list[KubernetesCluster] = []

    def build(url: str) -> KubernetesCluster:
        document = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
            "clusters": [{"name": "c", "cluster": {"server": url}}],
            "users": [{"name": "c", "user": {"token": "hunter2"}}],
        }
        (tmp_path / "config").write_text(yaml.safe_dump(document))
        policy = Policy(sleep=slept.append)
        made.append(KubernetesCluster(Link(find(tmp_path / "config")), policy=policy))
        return made[-1]

    yield build
    for cluster in made:
        cluster.close()


@pytest.fixture
def cluster(server: Server, make: Make) -> KubernetesCluster:
    return make(server.url)


def refused(call: Callable[[], object]) -> ClusterError:
    with pytest.raises(ClusterError) as caught:
        call()
    return caught.value


def test_writes_name_their_writer_and_are_strict(
    server: Server, cluster: KubernetesCluster
) -> None:
    """An unknown field must be refused, and drift needs a name."""
    cluster.json_patch(MAP, [GUARD])
    cluster.merge_patch(MAP, {"data": {}})
    cluster.create("/api/v1/namespaces/shop/configmaps", {"metadata": {"name": "web"}})
    cluster.replace(MAP, {"metadata": {"resourceVersion": "1"}})
    cluster.get(MAP)

    asked = [(method, headers.get("Content-Type")) for method, _, headers, _ in server.asked]
    assert [
        ("PATCH", "application/json-patch+json"),
        ("PATCH", "application/merge-patch+json"),
        ("POST", "application/json"),
        ("PUT", "application/json"),
        ("GET", None),
    ] == asked
    query = "?fieldManager=progressive&fieldValidation=Strict"
    assert all(path.endswith(query) for _, path, _, _ in server.asked[:4])
    assert MAP == server.asked[4][1]
    assert "Bearer hunter2" == server.asked[4][2]["Authorization"]


def test_wait_that_was_asked_for_is_kept(
    server: Server, cluster: KubernetesCluster, slept: list[float]
) -> None:
    """429 says when to come again, and nothing was done: a write may, too."""
    server.replies = [BUSY, FINE, BUSY, FINE]
    cluster.get(MAP)
    cluster.merge_patch(MAP, {"data": {}})

    assert [3.0, 3.0] == slept
    assert 4 == len(server.asked)


def test_reads_give_up_after_some_attempts(
    server: Server, cluster: KubernetesCluster, slept: list[float]
) -> None:
    """The machine above repeats too."""
    server.replies = [BROKEN] * 9
    error = refused(lambda: cluster.get(MAP))

    assert (ErrorKind.UNAVAILABLE, 503) == (error.kind, error.status)
    assert "etcd has no leader" == str(error)
    assert 4 == len(server.asked)
    assert all(0 <= pause <= 2 for pause in slept)


def test_wait_that_is_too_long_is_not_begun(server: Server, cluster: KubernetesCluster) -> None:
    """The caller learns how long it would be."""
    server.replies = [(429, {"Retry-After": "30"}, {})]
    error = refused(lambda: cluster.get(MAP))

    assert (30.0, 1) == (error.retry_after, len(server.asked))


@pytest.mark.parametrize("trouble", [LOST, BROKEN], ids=["lost", "503"])
def test_write_without_a_guard_is_not_sent_twice(
    server: Server, cluster: KubernetesCluster, trouble: Reply
) -> None:
    """It may have taken effect, and the world may have moved since."""
    server.replies = [trouble, FINE]
    error = refused(lambda: cluster.merge_patch(MAP, {"data": {}}))

    assert ErrorKind.UNAVAILABLE is error.kind
    assert 1 == len(server.asked)


@pytest.mark.parametrize("trouble", [LOST, BROKEN], ids=["lost", "503"])
def test_guarded_write_is_sent_again(
    server: Server, cluster: KubernetesCluster, trouble: Reply
) -> None:
    """If the first one arrived, the second one is a conflict, and the caller reads again."""
    server.replies = [trouble, FINE, trouble, FINE, trouble, FINE, trouble, FINE]
    cluster.json_patch(MAP, [GUARD])
    cluster.merge_patch(MAP, {"metadata": {"resourceVersion": "1"}})
    cluster.replace(MAP, {"metadata": {"resourceVersion": "1"}})
    cluster.delete(MAP)

    assert 8 == len(server.asked)


def test_creation_whose_answer_was_lost_exists_then(
    server: Server, cluster: KubernetesCluster
) -> None:
    """The caller reads it and sees whose it is."""
    there = status(409, "AlreadyExists", 'configmaps "web" already exists')
    server.replies = [LOST, there]
    body = {"metadata": {"name": "web"}}
    error = refused(lambda: cluster.create("/api/v1/namespaces/shop/configmaps", body))

    assert (ErrorKind.CONFLICT, "AlreadyExists") == (error.kind, error.reason)
    assert 2 == len(server.asked)


def test_creation_under_a_generated_name_is_not_sent_twice(
    server: Server, cluster: KubernetesCluster
) -> None:
    """There would be two."""
    server.replies = [LOST, FINE]
    body = {"metadata": {"generateName": "web-"}}
    refused(lambda: cluster.create("/api/v1/namespaces/shop/configmaps", body))

    assert 1 == len(server.asked)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (status(409, "Conflict", "the object has been modified"), ErrorKind.CONFLICT),
        (status(422, "Invalid", "is invalid", causes=[{"field": "spec"}]), ErrorKind.INVALID),
        (status(400, "BadRequest", "no"), ErrorKind.INVALID),
        (status(403, "Forbidden", "no"), ErrorKind.FORBIDDEN),
        (status(404, "NotFound", "no"), ErrorKind.NOT_FOUND),
        (status(415, "UnsupportedMediaType", "no"), ErrorKind.INVALID),
    ],
)
def test_refusal_is_told_at_once(
    server: Server, cluster: KubernetesCluster, reply: Reply, kind: ErrorKind
) -> None:
    """No repetition helps, or only after reading again."""
    server.replies = [reply]
    error = refused(lambda: cluster.json_patch(MAP, [GUARD]))

    assert (kind, 1) == (error.kind, len(server.asked))


@pytest.mark.parametrize("code", [400, 403, 404, 409, 422])
@pytest.mark.parametrize(
    "words",
    [
        'admission webhook "v" denied the request: the smoke test failed',
        "web is forbidden: ValidatingAdmissionPolicy 'v' with binding 'b' denied request: Friday",
    ],
)
def test_denial_of_admission_is_no_conflict_and_no_missing_right(
    server: Server, cluster: KubernetesCluster, code: int, words: str
) -> None:
    """
    M-122: it may come with any status, and in words that a failed `test` has as well.
    """
    server.replies = [status(code, "Whatever", words)]
    with pytest.raises(ClusterError, match="denied") as told:
        cluster.json_patch(MAP, [GUARD])

    assert ErrorKind.INVALID is told.value.kind
    assert 1 == len(server.asked)


def test_answer_that_was_cut_off_is_no_answer(server: Server, cluster: KubernetesCluster) -> None:
    """
    A connection that breaks in the head of an answer reads as success without a body.
    """
    server.replies = [(200, {}, ""), FINE, (200, {}, "")]
    found = cluster.get(MAP)
    error = refused(lambda: cluster.merge_patch(MAP, {"data": {}}))

    assert "ConfigMap" == found["kind"]
    assert (ErrorKind.UNAVAILABLE, "AnswerLost") == (error.kind, error.reason)
    assert "cut off" in str(error)


@pytest.mark.parametrize("told", [{"status": "ok"}, ["login"], "<html>log in</html>"])
def test_answer_of_another_server_is_no_object(
    server: Server, cluster: KubernetesCluster, told: Any
) -> None:
    """
    A gateway that answers 200 for everything must not be taken for an empty cluster.
    """
    server.replies = [(200, {}, told)] * 4
    error = refused(lambda: cluster.get(MAP))

    assert (ErrorKind.UNAVAILABLE, 4) == (error.kind, len(server.asked))


@pytest.mark.parametrize("code", [409, 410])
def test_conflict_of_a_read_is_asked_again(
    server: Server, cluster: KubernetesCluster, code: int
) -> None:
    """
    A read without a resource version conflicts with nothing, and nothing of it can be gone.
    """
    server.replies = [status(code, "", "what"), FINE]
    found = cluster.get(MAP)

    assert ("ConfigMap", 2) == (found["kind"], len(server.asked))


def test_answer_of_something_between_is_quoted(server: Server, cluster: KubernetesCluster) -> None:
    """A load balancer speaks HTML."""
    server.replies = [(404, {}, "<html>no  backend</html>")]
    error = refused(lambda: cluster.get(MAP))

    assert f"GET {MAP} was answered 404: <html>no backend</html>" == str(error)


def test_what_a_server_quotes_of_us_or_of_an_object_is_not_told(
    server: Server, cluster: KubernetesCluster
) -> None:
    """A webhook may quote the whole object, of which a patch names little; a proxy our token."""
    env = [{"name": "DSN", "value": "swordfish"}, {"name": "MODE", "value": "production"}]
    spec = {"template": {"spec": {"containers": [{"name": "web", "env": env}]}}}
    server.replies = [
        (200, {}, {"kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}),
        status(403, "Forbidden", 'denied "web": swordfish is no DSN in production'),
        (502, {}, "<html>Authorization: hunter2</html>"),
        status(422, "Invalid", "DSN first-time is bad"),
    ]
    fresh = {"spec": {"env": [{"name": "DSN", "value": "first-time"}]}}
    cluster.get(MAP)
    denied = refused(lambda: cluster.merge_patch(MAP, {"spec": {"replicas": 2}}))
    between = refused(lambda: cluster.merge_patch(MAP, {}))
    invalid = refused(lambda: cluster.merge_patch(MAP, fresh))

    assert 'denied "web": … is no DSN in production' == str(denied)
    assert "hunter2" not in str(between) and "502" in str(between)
    assert "DSN … is bad" == str(invalid)


def test_answer_that_is_no_json_is_not_chained(server: Server, cluster: KubernetesCluster) -> None:
    """The parser's error holds all of it, and so do workers that pickle a chain."""
    server.replies = [(200, {}, "swordfish " * 200)] * 4
    error = refused(lambda: cluster.get(MAP))

    assert "no object of Kubernetes" in str(error)
    assert (None, None) == (error.__cause__, error.__context__)


def test_urgent_cluster_tries_once(server: Server, cluster: KubernetesCluster) -> None:
    """The way home waits for nothing."""
    server.replies = [BUSY, FINE]
    refused(lambda: cluster.urgent().get(MAP))

    assert 1 == len(server.asked)


def test_refused_connection_is_repeated_and_named(make: Make, slept: list[float]) -> None:
    """Nothing was sent, so even an unguarded write may be tried again."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        cluster = make(url)
        error = refused(lambda: cluster.merge_patch(MAP, {"data": {}}))

    assert (ErrorKind.UNAVAILABLE, 0, 3) == (error.kind, error.status, len(slept))
    assert f"{url} cannot be reached: " in str(error)
    assert "Connection refused" in str(error)
    assert "HTTPConnection" not in str(error)


def test_name_that_does_not_resolve_is_said_so(make: Make) -> None:
    """The commonest fault of a laptop outside its company's network."""
    error = refused(lambda: make("http://nowhere.invalid:80").urgent().get(MAP))

    assert ErrorKind.UNAVAILABLE is error.kind
    assert "the name in http://nowhere.invalid:80 cannot be resolved" in str(error)


def test_watch_goes_on_where_it_was(server: Server, cluster: KubernetesCluster) -> None:
    """A bookmark moves it forward; an expired version is listed again; nothing is told twice."""

    def at(version: str, name: str = "a") -> dict[str, Any]:
        return {"metadata": {"name": name, "namespace": "shop", "resourceVersion": version}}

    def listing(version: str, *items: dict[str, Any]) -> Reply:
        meta = {"resourceVersion": version}
        told = {"kind": "ConfigMapList", "apiVersion": "v1", "metadata": meta, "items": items}
        return 200, {}, told

    def stream(*events: tuple[str, dict[str, Any]]) -> Reply:
        lines = [json.dumps({"type": kind, "object": one}) for kind, one in events]
        return 200, {}, "\n".join(lines) + "\n"

    gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
    server.replies = [
        listing("10", at("5"), at("6", "b")),
        stream(("MODIFIED", at("11")), ("BOOKMARK", {"metadata": {"resourceVersion": "15"}})),
        LOST,
        stream(("ERROR", gone)),
        listing("30", at("11"), at("29", "c")),
        stream(("DELETED", at("31", "c"))),
    ]
    watch = cluster.watch("/api/v1/namespaces/shop/configmaps", labels="app=web")
    told = [next(watch) for _ in range(7)]
    watch.close()

    assert [
        ("ADDED", "a"),
        ("ADDED", "b"),
        ("SYNCED", ""),
        ("MODIFIED", "a"),
        ("DELETED", "b"),
        ("ADDED", "c"),
        ("DELETED", "c"),
    ] == [(kind, one["metadata"]["name"] if one else "") for kind, one in told]
    assert ("v1", "ConfigMap") == (told[0][1]["apiVersion"], told[0][1]["kind"])
    versions = [
        p.partition("resourceVersion=")[2].partition("&")[0] for _, p, _, _ in server.asked
    ]
    assert ["", "10", "15", "15", "", "30"] == versions[:6]
    assert all("labelSelector=app%3Dweb" in path for _, path, _, _ in server.asked)


def test_watch_asks_for_no_more_than_is_awaited(
    server: Server, cluster: KubernetesCluster
) -> None:
    """One list answers most askings; and what is known already needs no list."""
    path = "/api/v1/namespaces/shop/configmaps"
    known = {"metadata": {"name": "a", "namespace": "shop", "resourceVersion": "5"}}
    kept = {"kind": "ConfigMapList", "metadata": {"resourceVersion": "10"}, "items": [known]}
    server.replies = [
        (200, {}, kept),
        (200, {}, json.dumps({"type": "DELETED", "object": known}) + "\n"),
    ]
    listed = cluster.watch(path, name="a")
    kinds = [next(listed)[0], next(listed)[0]]
    listed.close()
    asked_for_list = [one for _, one, _, _ in server.asked]

    followed = cluster.watch(path, name="a", known=known)
    told = [next(followed)[0] for _ in range(3)]
    followed.close()
    asked_for_stream = [one for _, one, _, _ in server.asked][1:]

    assert ["ADDED", "SYNCED"] == kinds
    assert [False] == ["watch=true" in one for one in asked_for_list]
    assert ["ADDED", "SYNCED", "DELETED"] == told
    assert "watch=true&resourceVersion=5&" in asked_for_stream[0]


def test_watch_that_is_refused_never_begins(server: Server, cluster: KubernetesCluster) -> None:
    """A right that is missing does not come by waiting."""
    server.replies = [status(403, "Forbidden", "you may not")]
    error = refused(lambda: cluster.watch("/api/v1/namespaces/shop/configmaps"))

    assert (ErrorKind.FORBIDDEN, "you may not") == (error.kind, str(error))


def test_watch_that_is_refused_later_ends_with_the_refusal(
    server: Server, cluster: KubernetesCluster
) -> None:
    """The right was taken away; the follower must learn that it sees nothing any more."""
    server.replies = [
        (200, {}, {"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {}, "items": []}),
        status(403, "Forbidden", "not any more"),
    ]
    watch = cluster.watch("/api/v1/namespaces/shop/configmaps")
    first = next(watch)
    error = refused(lambda: next(watch))

    assert ("SYNCED", {}) == first
    assert "not any more" == str(error)
    assert [] == list(watch)
