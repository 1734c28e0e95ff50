"""Reads the documents of a file whole: which of them is the release, and every fault at once.

Floor 3, pure; the way into this room. `flagger/canary.py` and `native.py` read the two kinds of
release. Documents come from `files.py`, or from anywhere else as plain mappings.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from attrs import evolve, field, frozen

from progressive._documents.findings import Findings, Rule
from progressive._documents.flagger.canary import Settings, read_canary
from progressive._documents.flagger.fields import ALERT_PROVIDER, METRIC_TEMPLATE
from progressive._documents.flagger.traffic import read_traffic
from progressive._documents.native import read_release
from progressive._documents.routers import BUILT
from progressive._documents.shapes import described, nearest
from progressive._documents.sources import Beside, Lookup, Sources
from progressive._model.release import Document, Problem, Severity, Traffic

FLAGGER = "flagger.app/v1beta1"
NATIVE = "progressive.dev/v1"

_OURS = {
    "Canary": FLAGGER,
    "MetricTemplate": FLAGGER,
    "AlertProvider": FLAGGER,
    "Release": NATIVE,
}
_RELEASES = ("Canary", "Release")
_SHAPES = {"MetricTemplate": METRIC_TEMPLATE, "AlertProvider": ALERT_PROVIDER}


@frozen(kw_only=True)
class Reading:
    """
    What the documents say.

    Attributes:
        document: The release; None when there is an error, or only its traffic was read.
        traffic: What it says of traffic alone; None when there is an error, or all was read.
        problems: Errors first, then warnings; each with its path.
        kind: ``Canary`` or ``Release``; empty when no release was found.
        source: The documents as they were given, the release first.
    """

    document: Document | None = None
    traffic: Traffic | None = None
    problems: tuple[Problem, ...] = ()
    kind: str = ""
    source: tuple[Mapping[str, Any], ...] = field(default=(), repr=False, hash=False)

    @property
    def valid(self) -> bool:
        """Whether there is no error."""
        return not any(one.severity is Severity.ERROR for one in self.problems)


@frozen(kw_only=True)
class _Entry:
    """A document of a known kind; `index` is None in a file with one document."""

    kind: str
    index: int | None
    mapping: Mapping[str, Any]
    findings: Findings

    @property
    def name(self) -> str:
        return str(self._meta.get("name") or "")

    @property
    def namespace(self) -> str:
        return str(self._meta.get("namespace") or "")

    @property
    def _meta(self) -> Mapping[str, Any]:
        meta = self.mapping.get("metadata")
        return meta if isinstance(meta, Mapping) else {}


def read_documents(
    documents: Sequence[Mapping[str, Any]],
    *,
    name: str | None = None,
    router: str | None = None,
    lookup: Lookup | None = None,
    allow_no_checks: bool = False,
    metrics_server: str | None = None,
    namespace: str = "default",
    routers: Collection[str] = BUILT,
    traffic_alone: bool = False,
    homeward: bool = False,
) -> Reading:
    """
    Read one release and what it refers to; never raises on what the documents hold.

    Args:
        documents: All documents of a file, in order.
        name: `metadata.name` of the release, or ``NAMESPACE/NAME``; needed with several.
        router: Wins over the document's own.
        lookup: Finds MetricTemplates and AlertProviders in the cluster; None: there is none, so
            a reference that the file does not answer is an error. What it raises goes through.
        allow_no_checks: A release that cannot fail is meant.
        metrics_server: Address that counts where the document names none.
        namespace: Of documents that name none.
        routers: Names of routers that can be had, those of plugins included.
        traffic_alone: Only what is said of traffic is read, as for a routing command.
        homeward: Only the way home is wanted, which nothing that is wrong in the analysis may
            stop, nor a match, a mirror or stickiness that the mesh cannot express.
    """
    findings = Findings()
    entries = _entries(documents, findings)
    releases = [one for one in entries if one.kind in _RELEASES]
    release = _chosen(releases, name, namespace, findings)
    settings = Settings(
        router=router,
        routers=routers,
        metrics_server=metrics_server,
        allow_no_checks=allow_no_checks,
        namespace=namespace,
        homeward=homeward,
    )
    beside = {} if traffic_alone else _beside(entries, namespace, findings)
    sources = Sources(namespace=namespace, beside=beside, lookup=lookup)
    reading = Reading()
    if release is not None:
        reading = _read(release, settings, sources, traffic_alone)
        others = [one.mapping for one in entries if one is not release]
        reading = evolve(reading, kind=release.kind, source=(release.mapping, *others))
    elif not findings.failed:
        words = "holds no release: a Canary of flagger.app, or a Release of progressive.dev"
        findings.error("", words, Rule.MISSING)
    return _completed(reading, findings)


def _read(release: _Entry, settings: Settings, sources: Sources, traffic_alone: bool) -> Reading:
    if release.kind == "Canary" and traffic_alone:
        return Reading(traffic=read_traffic(release.mapping, settings, release.findings))
    if release.kind == "Canary":
        document = read_canary(release.mapping, settings, sources, release.findings)
        return Reading(document=document)
    traffic = read_release(release.mapping, settings, release.findings)
    if not traffic_alone:
        words = (
            "a Release says how traffic is routed, and no more yet: it serves `progressive "
            "route`; write a Canary of flagger.app/v1beta1 to release step by step"
        )
        release.findings.error("kind", words, Rule.UNSUPPORTED)
    return Reading(traffic=traffic)


def _completed(reading: Reading, findings: Findings) -> Reading:
    problems = findings.problems
    if findings.failed:
        return evolve(reading, document=None, traffic=None, problems=problems)
    document = reading.document
    if document is not None:
        document = evolve(document, problems=problems, source=reading.source)
    return evolve(reading, document=document, problems=problems)


def _entries(documents: Sequence[Any], findings: Findings) -> list[_Entry]:
    several = len(documents) > 1
    entries = []
    for index, mapping in enumerate(documents):
        here = findings.of(index if several else None)
        kind = _kind(mapping, here)
        if kind is not None:
            entries.append(
                _Entry(kind=kind, index=index if several else None, mapping=mapping, findings=here)
            )
    return entries


def _kind(mapping: object, findings: Findings) -> str | None:
    if not isinstance(mapping, Mapping):
        words = f"a document must be a mapping with apiVersion and kind, not {described(mapping)}"
        findings.error("", words)
        return None
    kind, version = mapping.get("kind"), mapping.get("apiVersion")
    for key, value in (("kind", kind), ("apiVersion", version)):
        if value is None:
            findings.error(key, "is missing, and must be given", Rule.MISSING)
        elif not isinstance(value, str):
            findings.error(key, f"{described(value)} where text belongs")
    if not isinstance(kind, str) or not isinstance(version, str):
        return None
    return _known_kind(kind, version, findings)


def _known_kind(kind: str, version: str, findings: Findings) -> str | None:
    group = version.partition("/")[0]
    if kind in _OURS:
        if version == _OURS[kind]:
            return kind
        if kind != "Release" or nearest(group, ("progressive.dev",)):
            words = f"a {kind} is of {_OURS[kind]}, not of {described(version)}"
            findings.error("apiVersion", words, Rule.UNKNOWN)
            return None
    hint = nearest(kind, _OURS)
    if hint or group in ("flagger.app", "progressive.dev"):
        known = ", ".join(f"{one} ({of})" for one, of in _OURS.items())
        findings.error("kind", f"{described(kind)} is not one of {known}{hint}", Rule.UNKNOWN)
    else:
        findings.warn(
            "kind", f"a {kind[:60]} of {version[:60]} is not read; it has no effect here"
        )
    return None


def _chosen(
    releases: Sequence[_Entry], name: str | None, namespace: str, findings: Findings
) -> _Entry | None:
    if not releases or (name is None and len(releases) == 1):
        return releases[0] if releases else None
    names = [one.name or "without a name" for one in releases]
    whole = [f"{one.namespace or namespace}/{one.name}" for one in releases]
    named = [one for one, of in zip(releases, whole, strict=True) if name in (one.name, of)]
    if len(named) == 1:
        return named[0]
    listed = ", ".join(names if len(set(names)) == len(names) else whole)
    if len(set(whole)) < len(whole):
        words = f"holds a release more than once ({listed}); leave one of each name"
    elif name is None or named:
        words = f"holds several releases ({listed}); say which one by its name (--name)"
    else:
        words = f"holds no release {name[:60]!r}{nearest(name, names)}; there is {listed}"
    findings.error("", words, Rule.CONTRADICTION if name is None else Rule.NOT_FOUND)
    return None


def _beside(
    entries: Sequence[_Entry], namespace: str, findings: Findings
) -> dict[tuple[str, str, str], Beside]:
    found: dict[tuple[str, str, str], Beside] = {}
    for one in entries:
        if (shape := _SHAPES.get(one.kind)) is None:
            continue
        clean = shape(one.mapping, "", one.findings)
        meta = clean.get("metadata", {})
        key = (one.kind, meta.get("namespace", namespace), meta.get("name", ""))
        if key in found:
            words = f"the {one.kind} {key[1]}/{key[2]} is in the file twice"
            one.findings.error("metadata.name", words, Rule.CONTRADICTION)
        found[key] = Beside(spec=clean.get("spec", {}), document=one.index)
    return found
