"""Works a routing write out on the documents of a file; nothing is asked of any cluster.

Floor 5. The router of the document acts on a cluster in memory that holds just these documents,
so what is shown is what the router would write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from attrs import evolve

from progressive import plugins
from progressive._adapters.cluster.address import address_of
from progressive._adapters.cluster.memory import MemoryCluster
from progressive._adapters.mesh.router import MeshRouter
from progressive._adapters.mesh.writes import Written
from progressive._model.release import Traffic
from progressive._release.route.answer import Manifest, Routed, routed
from progressive._release.route.order import Order, split_of
from progressive.errors import InvalidRequest, PluginError, Unsupported


def route_offline(
    traffic: Traffic, objects: Sequence[Mapping[str, Any]], order: Order, *, namespace: str
) -> Routed:
    """
    What the order does to these objects.

    Args:
        objects: Documents of the file; not changed.
        namespace: Of documents and of a release that name none.

    Raises:
        RouterError: The order is refused.
    """
    target = traffic.target
    if traffic.namespace is None:
        target = evolve(target, namespace=namespace)
    cluster = MemoryCluster(deepcopy(list(objects)), namespace=namespace, exact=True)
    writes: list[Written] = []
    router = _router(traffic.router, cluster)
    router.on_write(writes.append)
    wanted = traffic.wanted
    if order.weight is not None:
        observed = router.shift(target, split_of(traffic, order.weight))
    elif order.reset:
        observed = router.reset(target, total=wanted.total)
    else:
        observed = router.current(target, total=wanted.total)
    left = _as_they_stand(objects, writes, namespace)
    return routed(observed, wanted, writes=writes, objects=left)


def _router(name: str, cluster: MemoryCluster) -> MeshRouter:
    try:
        router = plugins.router(name)(cluster=cluster, offline=True)
    except PluginError as error:
        raise InvalidRequest(str(error)) from error
    except TypeError as error:
        words = f"the router {name} cannot be worked out on a file ({error})"
        raise Unsupported(f"{words}; leave --objects out") from error
    if not isinstance(router, MeshRouter):
        words = f"the router {name} does not route by objects of a cluster"
        raise Unsupported(f"{words}; leave --objects out")
    return router


def _as_they_stand(
    objects: Iterable[Manifest], writes: Iterable[Written], namespace: str
) -> list[Manifest]:
    """The documents in the order of the file, changed or deleted as it was written, then new."""
    changed: dict[Any, Manifest | None] = {}
    for one in writes:
        written = one.after or one.before or {}
        changed[address_of(written, namespace=namespace).key] = one.after
    left: list[Manifest] = []
    for document in objects:
        key = address_of(document, namespace=namespace).key
        after = changed.pop(key) if key in changed else document
        if after is not None:
            left.append(after)
    return [*left, *(one for one in changed.values() if one is not None)]
