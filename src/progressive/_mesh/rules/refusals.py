"""What every mesh refuses before it plans: features, totals and bounds.

Floor 3, pure. Asked by `codec.py`, and by codecs whose objects hold no rules.
"""

from __future__ import annotations

from collections.abc import Mapping

from progressive._mesh.rules.layout import Rule
from progressive._model.traffic import Capabilities, Split, Target
from progressive.errors import InvalidWeight, Unsupported


def refuse_features(
    features: Capabilities, router: str, rule: Rule, target: Target, split: Split
) -> None:
    """
    Do nothing when a kind, and the protocol of a rule, can express what an order asks for.

    Raises:
        Unsupported: They cannot.
    """
    if target.subsets is not None and not rule.layout.subsets:
        raise Unsupported(
            f"{rule.called(target)}: the router {router} knows no subsets, only services; name "
            "the service of each side, and leave spec.traffic.subsets out"
        )
    plain = rule.protocol in ("tcp", "tls")
    asked = (
        ("match", bool(split.match), features.match),
        ("mirror", split.mirror is not None, features.mirror),
        ("stickiness", split.sticky is not None, features.sticky),
    )
    for what, is_asked, can in asked:
        if is_asked and plain:
            raise Unsupported(
                f"{rule.called(target)}: a rule for {rule.protocol} sees no requests, so {what} "
                "is not possible"
            )
        if is_asked and not can:
            raise Unsupported(
                f"{rule.called(target)}: {what} cannot be expressed by the router {router} here; "
                f"leave spec.traffic.{'sticky' if what == 'stickiness' else what} out"
            )


def refuse_always(target: Target, asked: Mapping[str, bool], why: str) -> None:
    """
    Do nothing when an order asks for nothing of what a mesh can never express.

    Args:
        asked: What, such as ``mirror`` → whether the order has it.
        why: Why the mesh cannot do it, and what can be done instead.

    Raises:
        Unsupported: The first that is asked for.
    """
    for what, is_asked in asked.items():
        if is_asked:
            raise Unsupported(f"{target}: {what} is not possible: {why}")


def refuse_weight(features: Capabilities, target: Target, split: Split) -> None:
    """
    Do nothing when the mesh can hold the total and the release allows the weight.

    Raises:
        InvalidWeight: One of the two is not so.
    """
    if split.total > features.max_total:
        raise InvalidWeight(
            f"{target}: a total of {split.total} is above {features.max_total}, "
            "the most that this mesh takes"
        )
    bounds = target.bounds
    if bounds is not None and not bounds.min <= split.canary <= bounds.max:
        raise InvalidWeight(
            f"{target}: weight {split.canary} is outside the bounds of the release, "
            f"{bounds.min} to {bounds.max}"
        )
