"""What is made of an answer: of a refusal, of a broken one, and of one by another server."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.cluster_contract import refused
from tests.unit.adapters.cluster.api_server import FINE, GUARD, MAP, Reply, Server, status

from progressive.clusters import KubernetesCluster
from progressive.errors import ClusterError, ErrorKind


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
