"""From the apex to the router that steers it: a VirtualService, and the provider that it names.

Floor 3, pure. Asked by `codec.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from progressive._mesh.access import inner, text
from progressive._mesh.app_mesh.layout import VIRTUAL_ROUTER
from progressive._mesh.app_mesh.nodes import GROUP, VERSIONS
from progressive._mesh.codec import Manifest, ObjectKind, namespace_of, ref_of
from progressive._mesh.hosts import qualified
from progressive._model.traffic import RouteRef, Target
from progressive.errors import AmbiguousRoute, RouteNotFound

VIRTUAL_SERVICE = ObjectKind(
    group=GROUP, kind="VirtualService", plural="virtualservices", versions=VERSIONS
)


def router_of_apex(objects: Sequence[Manifest], target: Target) -> Manifest:
    """
    The VirtualRouter that the VirtualService of the apex names.

    Raises:
        RouteNotFound: One of the two does not exist, or the service has no router.
        AmbiguousRoute: Several VirtualServices stand for the apex.
    """
    return router_of(_apex(objects, target), objects, target)


def followed(objects: Sequence[Manifest], target: Target) -> Target:
    """
    The target with routers in place of the VirtualServices that its `routes` entries name.

    Raises:
        RouteNotFound: Such a VirtualService does not exist, or has no router.
    """
    entries = []
    for entry in target.routes:
        if _names_service(entry):
            where = entry.namespace or target.namespace
            service = _named(objects, VIRTUAL_SERVICE, where, entry.name, target)
            if service is None:
                raise RouteNotFound(f"VirtualService {where}/{entry.name} does not exist")
            ref = ref_of(router_of(service, objects, target), target)
            entry = evolve(entry, kind=ref.kind, namespace=ref.namespace, name=ref.name)
        entries.append(entry)
    return evolve(target, routes=tuple(entries)) if entries else target


def router_of(service: Manifest, objects: Sequence[Manifest], target: Target) -> Manifest:
    """
    The VirtualRouter that a VirtualService names, by name or by ARN.

    Raises:
        RouteNotFound: It does not exist, or the provider is a node: that has no weights.
    """
    ref = ref_of(service, target)
    provider = inner(service, "spec", "provider", "virtualRouter")
    arn = text(inner(provider, "virtualRouterARN"))
    name = text(inner(provider, "virtualRouterRef", "name"))
    if arn:
        called = f"VirtualRouter {arn}"
        found = next(
            (
                one
                for one in objects
                if VIRTUAL_ROUTER.holds(one) and inner(one, "status", "virtualRouterARN") == arn
            ),
            None,
        )
    elif name:
        given = text(inner(provider, "virtualRouterRef", "namespace"))
        namespace = given or ref.namespace
        called = f"VirtualRouter {namespace}/{name}"
        found = _named(objects, VIRTUAL_ROUTER, namespace, name, target)
    else:
        node = "a virtual node" if inner(service, "spec", "provider", "virtualNode") else "nothing"
        raise RouteNotFound(
            f"the provider of {ref} is {node}, which has no weights; give it a VirtualRouter with "
            f"{target.primary} and {target.canary}"
        )
    if found is None:
        raise RouteNotFound(
            f"{called}, which {ref} names, does not exist in namespace {target.namespace}; one "
            "of another namespace has to be named in spec.traffic.routes"
        )
    return found


def _names_service(entry: RouteRef) -> bool:
    """Whether a `routes` entry names a VirtualService."""
    group = (entry.api_version or f"{GROUP}/").rpartition("/")[0]
    return (entry.kind, group) == (VIRTUAL_SERVICE.kind, GROUP)


def _apex(objects: Sequence[Manifest], target: Target) -> Manifest:
    named = _named(objects, VIRTUAL_SERVICE, target.namespace, target.service, target)
    if named is not None:
        return named
    found = [one for one in objects if _stands_for_apex(one, target)]
    if len(found) > 1:
        names = ", ".join(str(ref_of(one, target)) for one in found)
        raise AmbiguousRoute(
            f"{names} all have the AWS name of {target}; name one in spec.traffic.routes"
        )
    if not found:
        raise RouteNotFound(
            f"VirtualService {target} does not exist, and none of namespace {target.namespace} "
            f"has the AWS name of service {target.service}"
        )
    return found[0]


def _stands_for_apex(manifest: Manifest, target: Target) -> bool:
    """Whether the AWS name of a VirtualService, which clients call, is the apex."""
    if not VIRTUAL_SERVICE.holds(manifest) or namespace_of(manifest, target) != target.namespace:
        return False
    host = text(inner(manifest, "spec", "awsName"))
    short = f"{target.service}.{target.namespace}"
    return host == short or qualified(host, target.namespace) == qualified(
        target.service, target.namespace
    )


def _named(
    objects: Sequence[Manifest], kind: ObjectKind, namespace: str, name: str, target: Target
) -> Manifest | None:
    for one in objects:
        place = (namespace_of(one, target), inner(one, "metadata", "name"))
        if kind.holds(one) and place == (namespace, name):
            return one
    return None
