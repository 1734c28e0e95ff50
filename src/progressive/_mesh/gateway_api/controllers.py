"""What some implementations of the Gateway API cannot carry out, though the API can say it.

Floor 3, pure. Which one it is, is known once it has written a status. Only where it would hurt:
users would get errors, or something else would be moved than was ordered. Asked by `layout.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from progressive._mesh.access import inner, mapping, sequence, text
from progressive._mesh.rules.layout import Rule
from progressive._model.traffic import Split, Target
from progressive.errors import InvalidWeight, Unsupported


@frozen(kw_only=True)
class Limits:
    """
    What an implementation takes.

    Attributes:
        called: Its name.
        mirror: Whether it copies requests.
        parts: Whether it copies a part of them; False: always all.
        largest: Largest sum of weights; None: that of the API.
    """

    called: str
    mirror: bool = True
    parts: bool = True
    largest: int | None = None


KNOWN: Mapping[str, Limits] = {
    # measured in tests/real: it copies every request, whatever the percentage
    "projectcontour.io/gateway-controller": Limits(called="Contour", parts=False),
    # measured in tests/real: it answers every request of such a rule with 500
    "traefik.io/gateway-controller": Limits(called="Traefik", mirror=False),
    # its controller cannot convert such a route, and keeps the routing from before
    "linkerd.io/policy-controller": Limits(called="Linkerd", mirror=False),
    # the API of VPC Lattice: a weight is 0 to 999
    "application-networking.k8s.aws/gateway-api-controller": Limits(
        called="AWS VPC Lattice", largest=999
    ),
}
"""By `controllerName`."""


def refuse_beyond(rule: Rule, target: Target, split: Split) -> None:
    """
    Do nothing when every implementation that follows a route can carry an order out.

    Raises:
        Unsupported, InvalidWeight: One is known that cannot.
    """
    for entry in sequence(inner(rule.manifest, "status", "parents")):
        limits = KNOWN.get(text(mapping(entry).get("controllerName")))
        if limits is not None:
            _refuse(limits, rule, target, split)


def _refuse(limits: Limits, rule: Rule, target: Target, split: Split) -> None:
    who = f"{rule.called(target)} is followed by {limits.called}, which"
    if split.mirror is not None and not limits.mirror:
        raise Unsupported(f"{who} cannot mirror; leave spec.traffic.mirror out")
    if split.mirror is not None and split.mirror != 100 and not limits.parts:
        raise Unsupported(
            f"{who} mirrors every request, whatever percentage is asked for; "
            "write spec.traffic.mirror: 100 if the canary can take them, or leave it out"
        )
    if limits.largest is not None and split.total > limits.largest:
        raise InvalidWeight(
            f"{who} takes weights up to {limits.largest}; a total of {split.total} is above it"
        )
