"""What an implementation of the Gateway API says of itself, in the status of its GatewayClass.

Floor 3, pure. Asked by the adapter before a mirror is written: of the parts of the API that an
implementation may leave out, a mirror is the one whose lack does harm, as errors for users or as
more copies than were ordered. What is known of an implementation that says nothing, or something
else, is in `controllers.py`.
"""

from __future__ import annotations

from progressive._mesh.access import inner, mapping, sequence, text
from progressive._mesh.codec import Manifest, namespace_of
from progressive._mesh.gateway_api.kinds import GROUP
from progressive._model.traffic import Target
from progressive.errors import Unsupported

MIRROR = "HTTPRouteRequestMirror"
PERCENTAGE = "HTTPRouteRequestPercentageMirror"


def gateways_of(route: Manifest, target: Target) -> tuple[tuple[str, str], ...]:
    """Namespace and name of each Gateway that a route has as a parent; a mesh's has none."""
    found = []
    for one in map(mapping, sequence(inner(route, "spec", "parentRefs"))):
        kind = (one.get("group", GROUP), one.get("kind", "Gateway"))
        if kind == (GROUP, "Gateway") and text(one.get("name")):
            namespace = text(one.get("namespace")) or namespace_of(route, target)
            found.append((namespace, text(one.get("name"))))
    return tuple(dict.fromkeys(found))


def published(gateway_class: Manifest) -> frozenset[str]:
    """The features that a class names; none: it says nothing of itself."""
    listed = sequence(inner(gateway_class, "status", "supportedFeatures"))
    # before release 1.2 of the API they were plain texts
    names = (text(mapping(one).get("name")) or text(one) for one in listed)
    return frozenset(filter(None, names))


def require_mirror(features: frozenset[str], percent: float, *, called: str) -> None:
    """
    Refuse a mirror that an implementation does not name among what it can.

    Args:
        features: What it publishes; empty: nothing is known, so nothing is refused.
        percent: Of the requests that are to be copied.
        called: Who the implementation is, for the words.

    Raises:
        Unsupported: It publishes its features, and this one is not among them.
    """
    wanted = [MIRROR] if percent >= 100 else [MIRROR, PERCENTAGE]
    missing = [one for one in wanted if features and one not in features]
    if missing:
        raise Unsupported(
            f"{called} does not have {missing[0]} among its features, so it cannot mirror "
            f"{percent:g} percent of the requests; leave the mirror out"
            + ("" if MIRROR in missing else ", or mirror all of them (100)")
        )
