"""Makes checks of `spec.analysis.metrics` and of the MetricTemplates that it refers to.

Floor 3, pure. Asked by `canary.py`. A metric of Flagger may ask up to three things at once (a
built-in name, an inline query and a template); each is evaluated, so each becomes a check.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from attrs import evolve, frozen

from progressive._documents.addresses import fault_of_address
from progressive._documents.durations import duration_text
from progressive._documents.findings import Findings, Rule
from progressive._documents.flagger.fields import BUILTIN_METRICS, METRIC_TEMPLATE
from progressive._documents.shapes import nearest
from progressive._documents.sources import Found, Place, Sources
from progressive._model.checks import Builtin, MetricCheck
from progressive._model.template import faults, fill, places, uses

PATH = "spec.analysis.metrics"


@frozen(kw_only=True)
class Around:
    """
    What metrics take from the rest of their document.

    Attributes:
        interval: How long a weight is held; None: not known.
        namespace: Of the document.
        words: What stands in places that never change in a run: name, ingress, route.
    """

    interval: timedelta | None
    namespace: str
    words: Mapping[str, str]


@frozen(kw_only=True)
class _Bounds:
    at_least: float | None = None
    at_most: float | None = None


@frozen(kw_only=True)
class _Asked:
    """One question of a metric; `suffix` tells its check from the metric's other ones."""

    builtin: Builtin | None = None
    query: str | None = None
    address: str | None = None
    suffix: str = ""


def read_checks(
    metrics: Mapping[int, Mapping[str, Any]],
    around: Around,
    sources: Sources,
    findings: Findings,
) -> tuple[MetricCheck, ...]:
    """The checks, in document order; the faults of those that are left out have been told."""
    checks: list[MetricCheck] = []
    for index, metric in metrics.items():
        path = f"{PATH}[{index}]"
        for check in _checks(metric, path, around, sources, findings):
            checks.append(_told_apart(check, checks, path, findings))
    return tuple(checks)


def _checks(
    metric: Mapping[str, Any], path: str, around: Around, sources: Sources, findings: Findings
) -> Iterator[MetricCheck]:
    asked = list(_questions(metric, path, around, sources, findings))
    bounds = _bounds(metric, path, findings)
    window = metric.get("interval", timedelta(minutes=1))
    if window < timedelta(seconds=1):
        findings.error(f"{path}.interval", "is shorter than a second; metrics cannot tell")
    looks_back = any(one.builtin is not None or uses(one.query or "", "interval") for one in asked)
    if looks_back and around.interval is not None and window > around.interval:
        words = (
            f"window {duration_text(window)} > interval {duration_text(around.interval)}: the "
            f"first round of a weight looks back {around.interval.total_seconds():g} s"
        )
        findings.warn(f"{path}.interval", words, Rule.WINDOW)
    if bounds is None or findings.broken(path):
        return
    for one in asked:
        yield MetricCheck(
            name=f"{metric['name']}{one.suffix}",
            query=one.query,
            builtin=one.builtin,
            at_least=bounds.at_least,
            at_most=bounds.at_most,
            window=window,
            address=one.address,
            variables=metric.get("templateVariables", {}) if one.query else {},
        )


def _questions(
    metric: Mapping[str, Any], path: str, around: Around, sources: Sources, findings: Findings
) -> Iterator[_Asked]:
    builtin = Builtin(metric["name"]) if metric.get("name") in BUILTIN_METRICS else None
    alone = True
    if builtin is not None:
        alone = False
        yield _Asked(builtin=builtin)
    if "query" in metric:
        variables = metric.get("templateVariables", {})
        for fault in _template_faults(metric["query"], variables):
            findings.error(f"{path}.query", fault)
        yield _Asked(query=fill(metric["query"], around.words), suffix="" if alone else " (query)")
        alone = False
    if "templateRef" in metric:
        at = Place(path=f"{path}.templateRef", namespace=around.namespace, findings=findings)
        found = sources.find("MetricTemplate", METRIC_TEMPLATE, metric["templateRef"], at)
        if found is not None and (asked := _of_template(found, metric, path, around, findings)):
            yield _Asked(
                query=asked.query, address=asked.address, suffix="" if alone else " (template)"
            )
        alone = False
    if alone and not findings.broken(path):
        hint = nearest(metric.get("name", ""), BUILTIN_METRICS)
        words = f"nothing is asked: give it a query or a templateRef, or a built-in name{hint}"
        findings.error(f"{path}.name", words, Rule.MISSING)


def _of_template(
    found: Found, metric: Mapping[str, Any], path: str, around: Around, findings: Findings
) -> _Asked | None:
    provider, query = found.spec.get("provider", {}), found.spec.get("query")
    if query is None or "type" not in provider:
        return None  # the template's own document was told to lack it
    reference = f"{path}.templateRef"
    if provider["type"] != "prometheus":
        words = f"metrics from {provider['type']} are not available yet; prometheus is"
        findings.error(reference, words, Rule.UNSUPPORTED)
    if "secretRef" in provider:
        words = (
            "credentials from a Secret are not supported yet; take secretRef out, and set "
            "PROGRESSIVE_METRICS_TOKEN (or …_USERNAME and …_PASSWORD) where the release runs"
        )
        found.error("spec.provider.secretRef", words, Rule.UNSUPPORTED)
    address = provider.get("address")
    if address is None:
        words = "is missing: the metrics server of the run is asked (Flagger would refuse)"
        found.warn("spec.provider.address", words, Rule.MISSING)
    elif (fault := fault_of_address(address)) is not None:
        found.error("spec.provider.address", fault, Rule.VALUE)
        address = None
    _warn_of_settings(provider, found)
    for fault in faults(query):
        found.error("spec.query", fault, Rule.VALUE)
    for fault in _missing_variables(query, metric.get("templateVariables", {})):
        findings.error(f"{path}.templateVariables", fault, Rule.MISSING)
    return _Asked(query=fill(query, around.words), address=address)


def _warn_of_settings(provider: Mapping[str, Any], found: Found) -> None:
    settings = {
        "headers": "are not sent with this template's queries; give them to the metrics "
        "provider of the run (PrometheusMetrics(headers=…))",
        "region": "is of no use to prometheus",
    }
    for name, words in settings.items():
        if provider.get(name):
            found.warn(f"spec.provider.{name}", words)
    if provider.get("insecureSkipVerify"):
        words = "certificates are verified all the same; name their CA in PROGRESSIVE_METRICS_CA"
        found.warn("spec.provider.insecureSkipVerify", words)


def _template_faults(query: str, variables: Mapping[str, str]) -> tuple[str, ...]:
    return (*faults(query), *_missing_variables(query, variables))


def _missing_variables(query: str, variables: Mapping[str, str]) -> tuple[str, ...]:
    needed = {word.removeprefix("variables.") for word in places(query) if "variables." in word}
    return tuple(
        f"the query needs the variable {name}; add it to templateVariables"
        for name in sorted(needed - variables.keys())
    )


def _bounds(metric: Mapping[str, Any], path: str, findings: Findings) -> _Bounds | None:
    at = f"{path}.thresholdRange"
    threshold = metric.get("threshold")
    success_rate = metric.get("name") == Builtin.SUCCESS_RATE
    if findings.broken(at) or findings.broken(f"{path}.threshold"):
        return None
    if (given := metric.get("thresholdRange")) is not None:
        if threshold is not None:
            findings.warn(f"{path}.threshold", "has no effect beside thresholdRange")
        bounds = _Bounds(at_least=given.get("min"), at_most=given.get("max"))
    elif threshold is not None:
        side = "min" if success_rate else "max"
        words = f"is the old form; write thresholdRange: {{{side}: {threshold:g}}}"
        findings.warn(f"{path}.threshold", words, Rule.DEPRECATED)
        bounds = _Bounds(at_least=threshold) if success_rate else _Bounds(at_most=threshold)
    else:
        bounds = _Bounds()
    return _meant(bounds, at, success_rate, findings)


def _meant(bounds: _Bounds, at: str, success_rate: bool, findings: Findings) -> _Bounds | None:
    low, high = bounds.at_least, bounds.at_most
    if low is None and high is None:
        words = "no bound is given, so nothing could ever fail; write min, max or both"
        findings.error(at, words, Rule.BOUND)
        return None
    if low is not None and high is not None and low > high:
        words = f"min {low:g} is above max {high:g}, so nothing could ever pass"
        findings.error(at, words, Rule.BOUND)
        return None
    if not success_rate:
        return bounds
    if low is not None and low > 100:
        words = f"min {low:g} is above 100 percent, so nothing could ever pass"
        findings.error(at, words, Rule.BOUND)
        return None
    for name, bound in (("min", low), ("max", high)):
        if bound is not None and 0 < bound <= 1:
            words = (
                f"{name} {bound:g} means {bound:g} percent, for the success rate is counted in "
                f"percent; if a share was meant, write {bound * 100:g}"
            )
            findings.warn(at, words, Rule.BOUND)
    return bounds


def _told_apart(
    check: MetricCheck, others: list[MetricCheck], path: str, findings: Findings
) -> MetricCheck:
    taken = {one.name for one in others}
    if check.name not in taken:
        return check
    number = next(n for n in range(2, len(taken) + 3) if f"{check.name} #{n}" not in taken)
    name = f"{check.name} #{number}"
    words = f"is there twice; reports call this one {name!r}"
    findings.warn(f"{path}.name", words, Rule.CONTRADICTION)
    return evolve(check, name=name)
