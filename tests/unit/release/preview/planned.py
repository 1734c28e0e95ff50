"""Plans on a cluster in memory, and what is looked for in their answers."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from tests.unit.documents.classic import classic, read
from tests.unit.release.deployed import DEPLOYMENT, Answer, router

from progressive._adapters.cluster.memory import MemoryCluster
from progressive._release.known import cluster_lookup
from progressive._release.preview.plan import plan


def deployment(**spec: Any) -> Answer:
    found = deepcopy(DEPLOYMENT)
    found["spec"] |= spec
    return found


def plan_of(*objects: Answer, document: Answer | None = None, **options: Any) -> Answer:
    cluster = MemoryCluster(objects)
    before = cluster.objects()
    reading = read(document or classic(), lookup=cluster_lookup(cluster), **options)
    answer = plan(reading, cluster, make_router=router)
    assert before == cluster.objects(), "a plan writes nothing"
    json.dumps(answer, allow_nan=False)
    return answer


def names(answer: Answer) -> list[tuple[str, str]]:
    return [(one["kind"], one["metadata"]["name"]) for one in answer["creates"]]


def patched(answer: Answer) -> list[tuple[str, str]]:
    return [(one["ref"]["kind"], one["ref"]["name"]) for one in answer["patches"]]


def errors(answer: Answer) -> list[tuple[str, str]]:
    return [(p["path"], p["message"]) for p in answer["problems"] if p["severity"] == "error"]


def allowed(answer: Answer, resource: str) -> set[str]:
    return {v for rule in answer["rbac"] if resource in rule["resources"] for v in rule["verbs"]}
