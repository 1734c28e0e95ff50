"""Finds the Ingress of the primary and the one of the canary, and makes the latter.

Floor 3, pure. Asked by `codec.py`. A main Ingress sends paths to the primary; its canary is the
Ingress with the canary annotation that sends the same paths to the canary's Service.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from attrs import evolve, frozen

from progressive._mesh.access import inner, mapping, sequence, text
from progressive._mesh.builtin import named, of_kind
from progressive._mesh.codec import Manifest, ObjectKind, namespace_of, ref_of
from progressive._mesh.nginx.annotations import is_canary, notes, require_texts
from progressive._model.traffic import RouteRef, Target
from progressive.errors import AmbiguousRoute, DestinationNotFound, RouteNotFound

KIND = ObjectKind(group="networking.k8s.io", kind="Ingress", plural="ingresses", versions=("v1",))

CLASS = "kubernetes.io/ingress.class"
"""The older way to name the controller; `spec.ingressClassName` is the newer one."""

OWN_LABEL = ("app.kubernetes.io/managed-by", "progressive")


@frozen(kw_only=True)
class Path:
    """
    One path of one rule of an Ingress.

    Attributes:
        host: Empty: any host.
        path: Such as ``/``; None: the default backend of the Ingress, for what no rule takes.
        service: The Service that it goes to.
        rule: Which rule of the Ingress, from 0; None: none.
    """

    host: str
    path: str | None
    service: str
    rule: int | None

    @property
    def place(self) -> tuple[str, str | None]:
        """What requests it takes."""
        return self.host, self.path

    def __str__(self) -> str:
        return f"{self.host or '*'}{self.path or ' (default backend)'}"


@frozen(kw_only=True)
class Pair:
    """
    The two Ingresses that share the traffic of some paths.

    Attributes:
        main: The one of the primary.
        paths: Those of its paths that go to the primary and are steered.
        canary: The one of the canary; None: not made yet.
        name: Name that the canary Ingress has, or gets.
        taken: The Ingress of somebody else that has this name; None: it is free.
    """

    main: Manifest
    paths: tuple[Path, ...]
    canary: Manifest | None = None
    name: str = ""
    taken: Manifest | None = None


def paths_of(ingress: Manifest) -> Iterator[Path]:
    """All paths of an Ingress that go to a Service."""
    if service := _service(inner(ingress, "spec", "defaultBackend")):
        yield Path(host="", path=None, service=service, rule=None)
    for index, rule in enumerate(sequence(inner(ingress, "spec", "rules"))):
        host = text(inner(rule, "host"))
        for one in sequence(inner(rule, "http", "paths")):
            if service := _service(inner(one, "backend")):
                path = text(inner(one, "path")) or "/"
                yield Path(host=host, path=path, service=service, rule=index)


def _service(backend: object) -> str:
    return text(inner(backend, "service", "name"))


def primaries(target: Target) -> frozenset[str]:
    """
    The Services by which a main Ingress may mean the primary.

    In a release that a Canary of Flagger describes the Ingress names the apex, which selects the
    pods of the primary.
    """
    return frozenset({target.primary, *([target.service] if target.owner_names else [])})


def find(objects: Sequence[Manifest], target: Target, prefix: str) -> tuple[Pair, ...]:
    """
    The pairs that a release steers: one for each `routes` entry, else the only one.

    Raises:
        RouteNotFound: There is no main Ingress, or an entry names none.
        DestinationNotFound: It does not hold the primary, or the canary Ingress not the canary.
        AmbiguousRoute: Several could be meant.
        InvalidRequest: The annotations of one are no texts.
    """
    known = of_kind(objects, KIND, target)
    mains = [one for one in known if not is_canary(one, prefix)]
    if target.routes:
        found = [_named(mains, entry, target) for entry in target.routes]
    else:
        found = [_only(mains, target)]
    merged: dict[int, tuple[Manifest, dict[tuple[str, str | None], Path]]] = {}
    for main, paths in found:
        require_texts(main, target)
        merged.setdefault(id(main), (main, {}))[1].update({one.place: one for one in paths})
    return tuple(
        _with_canary(Pair(main=main, paths=tuple(paths.values())), known, target, prefix)
        for main, paths in merged.values()
    )


def _to_primary(main: Manifest, target: Target) -> list[Path]:
    return [one for one in paths_of(main) if one.service in primaries(target)]


def _only(mains: Sequence[Manifest], target: Target) -> tuple[Manifest, list[Path]]:
    meant = [(one, paths) for one in mains if (paths := _to_primary(one, target))]
    if len(meant) > 1:
        names = ", ".join(named(one) for one, _ in meant)
        raise AmbiguousRoute(
            f"{len(meant)} Ingresses of namespace {target.namespace} send traffic to "
            f"{target.primary}: {names}; name those that are meant in spec.traffic.routes"
        )
    if meant:
        return meant[0]
    ours = {target.service, target.canary}
    for one in mains:
        if any(path.service in ours for path in paths_of(one)):
            raise _lacks_primary(one, target)
    names = ", ".join(named(one) for one in mains)
    raise RouteNotFound(
        f"no Ingress of namespace {target.namespace} sends traffic to {target.primary}"
        + (f" (looked at {names})" if names else "")
    )


def _named(
    mains: Sequence[Manifest], entry: RouteRef, target: Target
) -> tuple[Manifest, list[Path]]:
    where = f"{entry.namespace or target.namespace}/{entry.name}"
    main = next((one for one in mains if _is_entry(one, entry, target)), None)
    if main is None:
        raise RouteNotFound(
            f"{entry.kind or KIND.kind} {where} does not exist, or is a canary itself; name the "
            f"Ingress that sends traffic to {target.primary}"
        )
    paths = _to_primary(main, target)
    if not paths:
        raise _lacks_primary(main, target)
    if entry.rule is not None:
        paths = [one for one in paths if entry.rule in (one.rule, one.host)]
        if not paths:
            raise RouteNotFound(
                f"{ref_of(main, target)} has no rule {entry.rule!r} that sends traffic to "
                f"{target.primary}; rules are counted from 0, or named by their host"
            )
    return main, paths


def _is_entry(ingress: Manifest, entry: RouteRef, target: Target) -> bool:
    group = (entry.api_version or "").rpartition("/")[0]
    return (
        entry.kind in (None, KIND.kind)
        and group in ("", KIND.group)
        and (entry.namespace or target.namespace) == target.namespace
        and named(ingress) == entry.name
    )


def _lacks_primary(ingress: Manifest, target: Target) -> DestinationNotFound:
    require_texts(ingress, target)
    return DestinationNotFound(
        f"{ref_of(ingress, target)} has no path to {target.primary} (primary); let the paths "
        "that are to be shared go there"
    )


# the canary


def _with_canary(pair: Pair, known: Sequence[Manifest], target: Target, prefix: str) -> Pair:
    """The pair with its canary Ingress: the one on the same paths, else the one of that name."""
    name = f"{named(pair.main)}-canary"  # as Flagger calls it
    places = {one.place for one in pair.paths}
    called = next((one for one in known if named(one) == name), None)
    meant = [
        one for one in known if is_canary(one, prefix) and places & places_to(one, target.canary)
    ]
    if called in meant:
        meant = [one for one in meant if one is called]
    if len(meant) > 1:
        names = ", ".join(named(one) for one in meant)
        raise AmbiguousRoute(
            f"{len(meant)} canary Ingresses share paths with {ref_of(pair.main, target)}: "
            f"{names}; ingress-nginx follows one of them alone: delete the others"
        )
    if meant or called is None:
        found = meant[0] if meant else None
        if found is not None:
            require_texts(found, target)
        return evolve(pair, canary=found, name=name if found is None else named(found))
    require_texts(called, target)
    return _called(pair, called, target, prefix)


def _called(pair: Pair, called: Manifest, target: Target, prefix: str) -> Pair:
    """The pair where an Ingress of its canary's name is on none of its paths."""
    others = {one.service for one in paths_of(called)} - {target.canary}
    if not is_canary(called, prefix):
        return evolve(pair, name=named(called), taken=called)
    if is_ours(called) and others:
        # of another release on other paths of the same main Ingress
        return evolve(pair, name=f"{named(pair.main)}-{target.canary}")
    raise DestinationNotFound(
        f"{ref_of(called, target)} shares no path to {target.canary} (canary) with "
        f"{ref_of(pair.main, target)}; give it the paths that go to {target.primary}, or delete "
        "it to have it made"
    )


def places_to(ingress: Manifest, service: str) -> set[tuple[str, str | None]]:
    """What requests an Ingress sends to a Service."""
    return {one.place for one in paths_of(ingress) if one.service == service}


def uncovered(pair: Pair, target: Target) -> list[Path]:
    """Paths of the primary that the canary Ingress does not share."""
    shared = set() if pair.canary is None else places_to(pair.canary, target.canary)
    return [one for one in pair.paths if one.place not in shared]


def canaries(objects: Sequence[Manifest], target: Target, prefix: str) -> list[Manifest]:
    """Every canary Ingress of the release, for a way home on which the main one may be gone."""
    known = of_kind(objects, KIND, target)
    return [one for one in known if is_canary(one, prefix) and places_to(one, target.canary)]


def rivals(
    objects: Sequence[Manifest], places: set[tuple[str, str | None]], target: Target, prefix: str
) -> Iterator[Manifest]:
    """Canary Ingresses of others on the same paths: the controller follows one alone."""
    for one in of_kind(objects, KIND, target):
        shared = places & {path.place for path in paths_of(one)}
        if shared and is_canary(one, prefix) and not places_to(one, target.canary):
            yield one


def is_ours(ingress: Manifest) -> bool:
    """Whether this project made it."""
    key, value = OWN_LABEL
    return bool(inner(ingress, "metadata", "labels", key) == value)


def main_ingress(target: Target) -> dict[str, Any]:
    """A main Ingress as short as it can be: everything goes to the primary."""
    service = {"name": target.primary, "port": {"number": target.port or 80}}
    return {
        "apiVersion": f"{KIND.group}/{KIND.versions[0]}",
        "kind": KIND.kind,
        "metadata": {"name": target.service, "namespace": target.namespace},
        "spec": {"defaultBackend": {"service": service}},
    }


def made(pair: Pair, target: Target, said: Mapping[str, str]) -> dict[str, Any]:
    """
    The canary Ingress of a main one: its steered paths alone, its class and its TLS.

    Args:
        said: The canary annotations, with their prefix. The controller ignores all others there,
            and takes those of the main Ingress.
    """
    spec = mapping(pair.main.get("spec"))
    places = {one.place for one in pair.paths}
    annotations = {CLASS: notes(pair.main)[CLASS]} if CLASS in notes(pair.main) else {}
    body: dict[str, Any] = {}
    if given := text(spec.get("ingressClassName")):
        body["ingressClassName"] = given
    if secured := sequence(spec.get("tls")):
        body["tls"] = deepcopy(list(secured))
    if ("", None) in places:
        body["defaultBackend"] = _moved(mapping(spec.get("defaultBackend")), target)
    rules = [
        rule
        for one in map(mapping, sequence(spec.get("rules")))
        if (rule := _shared(one, places, target)) is not None
    ]
    if rules:
        body["rules"] = rules
    return {
        "apiVersion": str(pair.main.get("apiVersion")),
        "kind": KIND.kind,
        "metadata": {
            "name": pair.name,
            "namespace": namespace_of(pair.main, target),
            "labels": dict([OWN_LABEL]),
            "annotations": {**annotations, **said},
        },
        "spec": body,
    }


def _shared(
    rule: Mapping[str, Any], places: set[tuple[str, str | None]], target: Target
) -> dict[str, Any] | None:
    host = text(rule.get("host"))
    paths = [
        {**deepcopy(dict(one)), "backend": _moved(mapping(one.get("backend")), target)}
        for one in map(mapping, sequence(inner(rule, "http", "paths")))
        if _service(one.get("backend")) in primaries(target)
        and (host, text(one.get("path")) or "/") in places
    ]
    if not paths:
        return None
    return {**({"host": host} if host else {}), "http": {"paths": paths}}


def _moved(backend: Mapping[str, Any], target: Target) -> dict[str, Any]:
    return {"service": {**deepcopy(dict(mapping(backend.get("service")))), "name": target.canary}}
