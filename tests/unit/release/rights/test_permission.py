"""The question for rights, before a run writes anything."""

from __future__ import annotations

import logging

import pytest
import yaml
from tests.unit.documents.classic import classic, document_of
from tests.unit.release.deployed import DEPLOYMENT, deployed

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._adapters.cluster.reviews import missing
from progressive._kube.rights import Right
from progressive._release.rights.permission import require_rights
from progressive.errors import ClusterError, ErrorKind

REVIEWS = "selfsubjectrulesreviews"


def question(cluster: MemoryCluster, **images: str) -> None:
    document = document_of(classic())
    require_rights(document, document.target, cluster, images)


def test_a_driver_with_all_rights_asks_once() -> None:
    """
    Requests are budgeted, and nothing but the question is asked.
    """
    cluster = deployed()
    cluster.calls.clear()
    question(cluster)

    assert [("create", f"/apis/authorization.k8s.io/v1/{REVIEWS}")] == cluster.calls


@pytest.mark.parametrize(
    ("verb", "plural"),
    [("patch", "virtualservices"), ("create", "leases"), ("list", "endpointslices")],
)
def test_a_right_that_this_run_needs_is_asked_for_before_anything_is_written(
    verb: str, plural: str
) -> None:
    """
    The message is pasted into a Role.
    """
    cluster = deployed()
    cluster.deny(verb, plural)
    before = cluster.objects()
    with pytest.raises(ClusterError) as refused:
        question(cluster)
    rules = yaml.safe_load(str(refused.value).partition("rules:\n")[2])

    assert ErrorKind.FORBIDDEN is refused.value.kind
    assert f"{verb} {plural}" in str(refused.value).splitlines()[0]
    assert [(verb, plural)] == [(one["verbs"][0], one["resources"][0]) for one in rules]
    assert before == cluster.objects()


@pytest.mark.parametrize(
    ("verb", "plural"),
    [
        ("create", "deployments"),
        ("create", "virtualservices"),
        ("list", "scaledobjects"),
        ("create", "events"),
    ],
)
def test_a_right_that_this_run_does_not_need_stops_nobody(verb: str, plural: str) -> None:
    """
    A Role that was cut for later releases has no rights of a first deploy.
    """
    cluster = deployed()
    cluster.deny(verb, plural)
    question(cluster)

    fresh = MemoryCluster([DEPLOYMENT])
    fresh.deny("create", "deployments")
    with pytest.raises(ClusterError):
        question(fresh)


def test_an_image_makes_a_release_of_an_unchanged_target() -> None:
    """
    What the run needs is judged with the image that it will set.
    """
    image = DEPLOYMENT["spec"]["template"]["spec"]["containers"][0]["image"]
    cluster = deployed(image=image)
    cluster.deny("create", "controllerrevisions")
    question(cluster)

    with pytest.raises(ClusterError):
        question(cluster, **{"my-app": "registry.example.com/my-app:9"})


@pytest.mark.parametrize(
    ("error", "times"),
    [
        (ClusterError("not served", ErrorKind.NOT_FOUND, None, 404), None),
        (ClusterError("forbidden", ErrorKind.FORBIDDEN, None, 403), None),
        (ClusterError("away", ErrorKind.UNAVAILABLE, None, 0, "NotSent"), None),
    ],
)
def test_a_review_that_cannot_be_had_blocks_nobody(
    error: ClusterError, times: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The question is a service; the release is the work.
    """
    cluster = deployed()
    cluster.fail(error, path=REVIEWS, times=times)
    with caplog.at_level(logging.WARNING, logger="progressive"):
        question(cluster)

    assert ["it is not known whether all rights are there"] == [
        one.getMessage().partition(": ")[0].partition(" ")[2] for one in caplog.records
    ]


def test_a_busy_server_is_asked_again() -> None:
    """
    One 503 must not switch the question off.
    """
    cluster, waited = deployed(), list[float]()
    cluster.deny("patch", "virtualservices")
    cluster.fail(ClusterError("busy", ErrorKind.UNAVAILABLE, None, 503), path=REVIEWS, times=2)
    right = Right(
        namespace="shop", group="networking.istio.io", resource="virtualservices", verb="patch"
    )
    found = missing(cluster, [right], namespace="shop", pause=waited.append)

    assert (right,) == found
    assert 2 == len(waited)


def test_single_questions_are_bounded_and_spared_for_who_may_do_everything() -> None:
    """
    A webhook authorizer lists no rules, and its users are often administrators.
    """
    many = [
        Right(namespace="shop", group="", resource="configmaps", verb="get", name=f"n{number}")
        for number in range(100)
    ]
    cluster = MemoryCluster()
    cluster.deny("patch", "nothing")
    assert () == missing(cluster, many, namespace="shop")

    assert len(cluster.calls) <= 62
    assert all("reviews" in path for _, path in cluster.calls)
