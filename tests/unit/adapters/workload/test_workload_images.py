"""Images, warnings, and kinds that are refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.unit.adapters.workload.world import (
    MANAGED,
    SHOP,
    V1,
    V2,
    WEB,
    put,
    target,
    world,
)
from tests.unit.kube.manifests import template

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._adapters.workload import DeploymentWorkload
from progressive._kube.workload.revision import revision_of
from progressive._model.release import Managed
from progressive.errors import SpecError


def test_an_image_is_set_once() -> None:
    """``progressive run --image web=web:2``."""
    cluster, workload = world(target(V1))

    assert workload.set_images(SHOP, {"web": "web:2"})
    assert not workload.set_images(SHOP, {"web": "web:2"})

    assert "web:2" == cluster.get(WEB)["spec"]["template"]["spec"]["containers"][0]["image"]
    assert 1 == len(cluster.log)


def test_an_unknown_container_is_refused_before_anything_is_written() -> None:
    """Also beside a known one."""
    cluster, workload = world(target(V1))

    with pytest.raises(SpecError, match="no container 'wbe'; it has web"):
        workload.set_images(SHOP, {"web": "web:2", "wbe": "web:2"})

    assert [] == cluster.log


def test_an_image_that_was_set_meanwhile_is_looked_at_again() -> None:
    """The patch tests what it replaces."""
    cluster, workload = world(target(V1))
    cluster.on(lambda: put(cluster, target(template(image="web:3"))), verb="patch")

    workload.set_images(SHOP, {"web": "web:2"})

    assert revision_of(target(V2)) == revision_of(cluster.get(WEB))


def test_warnings_are_those_of_the_target() -> None:
    """The drain is the plan's."""
    workload = world(target(V1))[1]

    assert () == workload.warnings(SHOP)
    (warning,) = workload.warnings(SHOP, drain=timedelta(minutes=5))
    assert "less than the 300 s of the drain" in warning


def test_other_kinds_of_targets_are_refused() -> None:
    """A DaemonSet has no replicas to scale."""
    with pytest.raises(SpecError, match="DaemonSet of apps/v1 is not supported yet"):
        DeploymentWorkload(
            MemoryCluster(), Managed(name="web", kind="DaemonSet", service=MANAGED.service)
        )
