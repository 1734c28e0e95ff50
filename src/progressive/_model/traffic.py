"""Where traffic goes: the address, the order to a router, and what was read back.

Floor 2. A `Split` is one whole order; reading back cannot recover a match, so what is read is
another type, `Observed`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import cast

from attrs import evolve, field, frozen, validators

from progressive._model.kinds import require_kinds, sequence
from progressive._model.value import Value
from progressive.errors import SpecError

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
"""What names of headers and cookies look like, whole (RFC 9110, `token`; RFC 6265)."""


class Side(StrEnum):
    """The two copies of a workload."""

    PRIMARY = "primary"
    CANARY = "canary"


def _name(instance: object, attribute: object, value: str) -> None:
    if not value or not isinstance(value, str):
        raise SpecError(getattr(attribute, "name", "name"), "must be a name, not empty")


@frozen(kw_only=True, eq=False, repr=False)
class RouteRef(Value):
    """
    One rule of one routing object, named by the user.

    Attributes:
        name: Name of the object.
        kind: Such as ``VirtualService``.
        api_version: Such as ``networking.istio.io/v1``.
        namespace: None means the namespace of the target.
        rule: A name (text) or an index (number, from 0); None: found by its destinations.
        protocol: ``http``, ``tcp``, ``tls`` or ``grpc``; None: found by its destinations.
    """

    name: str = field(validator=_name)
    kind: str | None = None
    api_version: str | None = None
    namespace: str | None = None
    rule: str | int | None = None
    protocol: str | None = None

    def __attrs_post_init__(self) -> None:
        require_kinds(self)


@frozen(kw_only=True, eq=False, repr=False)
class Subsets(Value):
    """
    The sides as subsets of one host, as Istio knows them.

    Attributes:
        primary, canary: Names of subsets, different ones.

    Raises:
        SpecError: A name is empty, or both are the same.
    """

    primary: str = field(validator=_name)
    canary: str = field(validator=_name)

    def __attrs_post_init__(self) -> None:
        require_kinds(self, "subsets.")
        if self.primary == self.canary:
            raise SpecError("subsets.canary", f"both subsets are {self.canary!r}")


@frozen(kw_only=True, eq=False, repr=False)
class Bounds(Value):
    """
    Canary weights that a router must refuse to leave.

    Attributes:
        min, max: Inclusive, in parts of the split's total, 0 <= min <= max.

    Raises:
        SpecError: A bound is outside its range.
    """

    min: int = 0
    max: int = 100

    def __attrs_post_init__(self) -> None:
        require_kinds(self, "bounds.")
        if not 0 <= self.min <= self.max:
            raise SpecError("bounds", f"{self.min} to {self.max} is no range of weights")


def _routes(value: Iterable[RouteRef]) -> tuple[RouteRef, ...]:
    return cast("tuple[RouteRef, ...]", sequence(value))


def _names(value: Iterable[str]) -> tuple[str, ...]:
    return cast("tuple[str, ...]", sequence(value))


@frozen(kw_only=True, eq=False, repr=False)
class Target(Value):
    """
    The address of a release: which services share the traffic of which apex.

    Attributes:
        namespace: Namespace of the services.
        service: The apex service, the one that users call.
        primary: Service of the stable copy.
        canary: Service of the new version.
        port: Port of the services, 1 to 65535; None where the mesh needs none.
        primary_workload: Name of the workload behind `primary`; default: the service's name.
        canary_workload: Name of the workload behind `canary`; default: the service's name.
        routes: Rules to steer; empty: found by their destinations.
        subsets: The sides are subsets of the apex's host; None: services of their own.
        bounds: Canary weights that a router refuses to leave; None: 0 to the total.
        owner_names: Names of flagger.app Canaries that describe this very release; routing
            objects that they own are taken over, those of other Canaries are refused.

    Raises:
        SpecError: A name is empty, or the port is outside its range.
    """

    namespace: str = field(validator=_name)
    service: str = field(validator=_name)
    primary: str = field(validator=_name)
    canary: str = field(validator=_name)
    port: int | None = None
    primary_workload: str | None = None
    canary_workload: str | None = None
    routes: tuple[RouteRef, ...] = field(default=(), converter=_routes)
    subsets: Subsets | None = None
    bounds: Bounds | None = None
    owner_names: tuple[str, ...] = field(default=(), converter=_names)

    def __attrs_post_init__(self) -> None:
        require_kinds(self)
        if self.port is not None and not 1 <= self.port <= 65535:
            raise SpecError("port", f"{self.port} is not a port (1 to 65535)")
        if self.primary == self.canary:
            raise SpecError("canary", f"primary and canary are both {self.canary!r}")

    def on(self, side: Side) -> str:
        """The service of one side."""
        return self.primary if side is Side.PRIMARY else self.canary

    def workload(self, side: Side) -> str:
        """The workload behind one side; the name that mesh metrics carry."""
        if side is Side.PRIMARY:
            return self.primary_workload or self.primary
        return self.canary_workload or self.canary

    def __str__(self) -> str:
        return f"{self.namespace}/{self.service}"


@frozen(kw_only=True, eq=False, repr=False)
class TextMatch(Value):
    """
    A condition on one text; exactly one of the three is set.

    Raises:
        SpecError: None or several are set.
    """

    exact: str | None = None
    prefix: str | None = None
    regex: str | None = None

    def __attrs_post_init__(self) -> None:
        require_kinds(self, "match.")
        given = [v for v in (self.exact, self.prefix, self.regex) if v is not None]
        if len(given) != 1:
            raise SpecError("match", "exactly one of exact, prefix and regex must be given")


def _frozen_mapping(value: Mapping[str, TextMatch]) -> Mapping[str, TextMatch]:
    return dict(value) if isinstance(value, Mapping) else value


@frozen(kw_only=True, eq=False, repr=False)
class Match(Value):
    """
    Which requests go to the canary in an A/B release: all conditions must hold.

    Attributes:
        headers, cookies, query: Name → condition.
    """

    headers: Mapping[str, TextMatch] = field(factory=dict, converter=_frozen_mapping, hash=False)
    cookies: Mapping[str, TextMatch] = field(factory=dict, converter=_frozen_mapping, hash=False)
    query: Mapping[str, TextMatch] = field(factory=dict, converter=_frozen_mapping, hash=False)

    def __attrs_post_init__(self) -> None:
        require_kinds(self, "match.")


@frozen(kw_only=True, eq=False, repr=False)
class Sticky(Value):
    """
    A user who saw the canary stays with it.

    Attributes:
        cookie: Name of the cookie.
        max_age: How long; one second or more.
        primary_cookie: Name of another cookie, for users who saw the primary: they stay there
            until the weight changes. None: each of their requests is split anew, so that sooner
            or later nearly all users are on the canary.

    Raises:
        SpecError: A name is none of a cookie, or both are the same; or the time is too short.
    """

    cookie: str = field(validator=_name)
    max_age: timedelta = timedelta(days=1)
    primary_cookie: str | None = None

    def __attrs_post_init__(self) -> None:
        require_kinds(self, "sticky.")
        if self.max_age < timedelta(seconds=1):
            raise SpecError("sticky.max_age", f"{self.max_age} is shorter than a second")
        for key, name in (("cookie", self.cookie), ("primary_cookie", self.primary_cookie)):
            if name is not None and not re.fullmatch(TOKEN, name):
                raise SpecError(f"sticky.{key}", f"{name!r} is no name of a cookie")
        if self.primary_cookie == self.cookie:
            raise SpecError(
                "sticky.primary_cookie", "must be another name than that of the canary's cookie"
            )


def _matches(value: Iterable[Match]) -> tuple[Match, ...]:
    return cast("tuple[Match, ...]", sequence(value))


@frozen(kw_only=True, eq=False, repr=False)
class Split(Value):
    """
    One whole order to a router; what it lacks is removed.

    Attributes:
        canary: Weight of the canary, 0 to `total`.
        total: Sum of both weights, 1 or more; 100 makes weights percent.
        mirror: Percent of the primary's requests copied to the canary, 0 < m <= 100; None: none.
        match: Only requests that fit one of these go by the weight; empty: all requests do.
        sticky: None: every request is split anew.

    Raises:
        SpecError: A number is outside its range.
    """

    canary: int
    total: int = 100
    mirror: float | None = None
    match: tuple[Match, ...] = field(default=(), converter=_matches)
    sticky: Sticky | None = None

    def __attrs_post_init__(self) -> None:
        require_kinds(self)
        if self.total < 1:
            raise SpecError("total", f"{self.total} is below 1")
        if not 0 <= self.canary <= self.total:
            raise SpecError("canary", f"weight {self.canary} is outside 0 to {self.total}")
        if self.mirror is not None and not 0 < self.mirror <= 100:
            raise SpecError("mirror", f"{self.mirror} is outside 0 to 100 percent")

    @property
    def primary(self) -> int:
        """Weight of the primary, before third destinations are taken off."""
        return self.total - self.canary


@frozen(kw_only=True, eq=False, repr=False)
class Pods(Value):
    """
    A share that is made of pods: so many of the canary among all that share the traffic.

    Attributes:
        canary: Those of the canary, 0 to `total`.
        total: All of them, 1 or more.
    """

    canary: int
    total: int

    @staticmethod
    def nearest(canary: int, whole: int, pods: int) -> int:
        """
        How many of `pods` come nearest to the share `canary` of `whole`; a half counts up.

        A share that is not 0 has one pod at least, and one that is not all leaves one: with two
        pods or more a side that shall have traffic has it.
        """
        near = (2 * canary * pods + whole) // (2 * whole)
        least = 1 if canary > 0 else 0
        most = pods if canary == whole else pods - 1
        return max(min(near, most), least)


@frozen(kw_only=True, eq=False, repr=False)
class Observed(Value):
    """
    What a router found when it looked.

    Attributes:
        canary: Weight of the canary, in parts of `total`.
        total: 1 or more.
        mirror: Percent that is mirrored; None: no mirror.
        matched: Whether a rule of ours for matched requests stands.
        pods: Where the share is made of pods: how many are asked for. Such a share is coarse,
            and follows its order when the pods are ready; `as_ordered` goes by these.
        inside: Weight and total inside that rule, for a release with a match, whose weight is
            there and nowhere else (R6); None: not told apart from the above.
        writer: Field manager of the last write to the weights, where the API tells.
        warnings: What the caller should know, as ``Type: text`` lines.
    """

    canary: int
    total: int = 100
    mirror: float | None = None
    matched: bool = False
    inside: tuple[int, int] | None = field(default=None, repr=False)
    pods: Pods | None = field(default=None, repr=False, eq=False)
    writer: str | None = field(default=None, repr=False, eq=False)
    warnings: tuple[str, ...] = field(default=(), repr=False, eq=False)

    def told_apart(self) -> Observed:
        """
        The same from a codec, which knows every managed rule.

        Where one stands (a cookie's) and none is for matched requests, none of those goes to the
        canary.
        """
        if not self.matched or self.inside is not None:
            return self
        return evolve(self, inside=(0, self.total))

    def within(self, split: Split) -> Observed:
        """The same as a release with this order sees it: with a match, inside the managed rule."""
        if not split.match:
            return self
        if not self.matched:
            return evolve(self, canary=0, total=split.total)
        if self.inside is None:
            return self
        return evolve(self, canary=self.inside[0], total=self.inside[1])

    def as_ordered(self, canary: int, total: int) -> bool:
        """Whether what stands is what an order of `canary` parts of `total` leads to."""
        if self.pods is not None:
            return self.pods.canary == Pods.nearest(canary, total, self.pods.total)
        return self.canary * total == canary * self.total

    def shows(self, split: Split) -> bool:
        """Whether this is `split`, as far as reading back can tell; proportions count."""
        seen = self.within(split)
        # at weight 0 nobody is matched or kept, with or without a rule that says so
        ruled = seen.matched == bool(split.match or split.sticky)
        idle = split.canary == 0 and bool(split.match or split.sticky)
        return (
            seen.as_ordered(split.canary, split.total)
            and (seen.mirror or None) == (split.mirror or None)
            and (ruled or idle)
        )


@frozen(kw_only=True, eq=False, repr=False)
class Capabilities(Value):
    """
    What a router can express; asked before anything is written.

    Attributes:
        weights: A share for the canary.
        match: Matched requests only (A/B).
        mirror: Copies of requests.
        sticky: Session stickiness.
        max_total: Largest sum of weights that the mesh takes.
        dialect: Which built-in queries fit, such as ``istio``; None: none, so a built-in check
            is refused.
        settle: How long after a write the data plane may still follow the old split.
    """

    weights: bool = False
    match: bool = False
    mirror: bool = False
    sticky: bool = False
    max_total: int = field(default=100, validator=validators.ge(1))
    dialect: str | None = None
    settle: timedelta = timedelta(0)
