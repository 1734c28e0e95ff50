"""Which router a document asks for, and what that router could ever do.

Floor 3, pure: names and facts, no router is loaded. `flagger/canary.py` and `native.py` ask.
Source of the facts: the feature matrix of the meshes themselves; what a mesh cannot express is
refused at the field that asks for it, whether or not its router is built yet.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from attrs import frozen

from progressive._documents.findings import Findings, Rule
from progressive._documents.shapes import nearest


@frozen(kw_only=True)
class Abilities:
    """
    What the mesh behind a router can express.

    Attributes:
        shares: A share of the traffic of a managed release; without it all moves at once.
        match, mirror, sticky: As in `Capabilities`.
    """

    shares: bool = True
    match: bool = False
    mirror: bool = False
    sticky: bool = False


ABILITIES = {
    "istio": Abilities(match=True, mirror=True, sticky=True),
    "gateway-api": Abilities(match=True, mirror=True, sticky=True),
    "linkerd": Abilities(match=True, sticky=True),
    "smi": Abilities(),
    "app-mesh": Abilities(match=True),
    "nginx": Abilities(match=True),
    "contour": Abilities(match=True, mirror=True),
    "traefik": Abilities(match=True, mirror=True, sticky=True),
    "kuma": Abilities(match=True, mirror=True),
    "gloo": Abilities(match=True, mirror=True),
    "skipper": Abilities(match=True),
    "apisix": Abilities(match=True),
    "knative": Abilities(),
    "kubernetes": Abilities(shares=False),
}

BUILT = frozenset(ABILITIES)
"""Routers of this version that steer a Kubernetes service."""

ROUTE_FIELDS = {"nginx": "ingressRef"}
"""Router → the field of a Canary's spec that names its routing object."""

PROVIDERS = {
    **{name: name for name in ABILITIES},
    "gatewayapi:v1": "gateway-api",
    "gatewayapi:v1beta1": "gateway-api",
    "appmesh": "app-mesh",
    "appmesh:v1beta2": "app-mesh",
    "osm": "smi",
    "smi:v1alpha1": "smi",
    "smi:v1alpha2": "smi",
    "smi:v1alpha3": "smi",
}
"""What documents write → the name of the router."""

_WORDS = {
    "match": "match requests",
    "mirror": "mirror requests",
    "sticky": "keep users with a side",
}

_GONE = {
    "appmesh:v1beta1": "App Mesh's v1beta1 is served by no controller any more; write appmesh",
}
"""What documents once wrote → why it cannot be had."""

_OF_FLAGGER = {"linkerd": "smi"}
"""The provider by which Flagger means a TrafficSplit; Linkerd's own routes are its gatewayapi."""


def flaggers_router(provider: str | None) -> str:
    """What a Canary means by its provider; Istio where it names none."""
    return _OF_FLAGGER.get(provider or "", provider or "istio")


def router_named(
    written: str, path: str, findings: Findings, *, built: Collection[str] = BUILT
) -> str | None:
    """
    The router that `written` means; None after an error at `path`.

    Args:
        built: Routers that can be had: those of this version, and those of plugins.
    """
    if written in _GONE:
        findings.error(path, _GONE[written], Rule.UNSUPPORTED)
        return None
    router = PROVIDERS.get(written, written)
    if router in built:
        return router
    can = ", ".join(sorted(built))
    if router in ABILITIES:
        findings.error(
            path, f"the router {router} is not available yet; there is {can}", Rule.UNSUPPORTED
        )
        return None
    shown = written if len(written) <= 40 else f"{written[:40]}…"
    hint = nearest(written, {*PROVIDERS, *built}) or f"; there is {can}"
    findings.error(path, f'there is no router "{shown}"{hint}', Rule.UNKNOWN)
    return None


def abilities_of(written: str) -> Abilities:
    """What could ever be expressed; everything, where that is not known here."""
    everything = Abilities(match=True, mirror=True, sticky=True)
    return ABILITIES.get(PROVIDERS.get(written, written), everything)


def refuse_impossible(written: str, asked: Mapping[str, str], findings: Findings) -> None:
    """
    A fault at each field that asks for what the mesh behind a router cannot express.

    Args:
        asked: `match`, `mirror` or `sticky` → the path of the field that asks for it.
    """
    able = abilities_of(written)
    for what, path in asked.items():
        if not getattr(able, what):
            words = f"the router {written} cannot {_WORDS[what]}"
            findings.error(path, words, Rule.UNSUPPORTED)
