"""A report as text for people: the outcome first, then what led to it.

Floor 5.
"""

from __future__ import annotations

from collections.abc import Sequence

from progressive._model.report import Report


def report_text(report: Report, *, weights: Sequence[int] | None = None) -> str:
    """The report in at most 100 columns."""
    outcome = report.outcome or _unfinished(report)
    reason = f" ({report.reason})" if report.reason else ""
    lines = [f"{report.target}: {outcome}{reason}"]
    lines += [f"  {line}" for line in report.message.splitlines()]
    lines.append("")
    facts = [
        ("run", report.run_id),
        ("revision", report.revision or ""),
        ("driven by", report.holder),
        ("duration", f"{report.duration.total_seconds():.0f} s" if report.started else ""),
        ("weights", " ".join(map(str, report.weights if weights is None else weights))),
        ("traffic", _traffic(report)),
    ]
    lines += [f"  {name:11} {value}" for name, value in facts if value]
    if report.rounds:
        lines += ["", f"  {'after':>7} {'weight':>6}  {'verdict':12} checks"]
        started = report.started
        for one in report.rounds:
            seconds = 0.0 if started is None else (one.at - started).total_seconds()
            said = "; ".join(verdict.explanation for verdict in one.checks) or "none"
            lines.append(f"  {seconds:6.0f}s {one.weight:6}  {one.verdict:12} {said}")
    if any(report.trimmed.values()):
        dropped = ", ".join(f"{count} {what}" for what, count in report.trimmed.items() if count)
        lines.append(f"  (older ones are not listed: {dropped})")
    return "\n".join(lines)


def _unfinished(report: Report) -> str:
    if not report.run_id:
        return "no run yet"
    return "running" if report.holder else "interrupted, nobody drives it"


def _traffic(report: Report) -> str:
    """Where the users are; nothing is known of it before a run."""
    if not report.run_id:
        return ""
    if report.final.weight == 0:
        return "all on the primary"
    if report.final.weight == report.total:
        return "all on the canary"
    return f"{report.final.weight} of {report.total} on the canary"


def repair_text(report: Report, file: str) -> str:
    """What to do when a run left the traffic split; empty when it did not."""
    if report.split_restored:
        return ""
    weight = f"{report.final.weight} of {report.total}"
    if report.outcome is None and report.holder:
        return (
            f"{report.target}: the canary has {weight} of the traffic, and {report.holder} drives "
            f"it on; 'progressive abort {file}' sends the traffic home."
        )
    return (
        f"{report.target}: the canary may still have {weight} of the traffic. To repair it: "
        f"'progressive run {file}' goes on, 'progressive abort {file}' sends the traffic home."
    )
