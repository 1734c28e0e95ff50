"""A router of one's own: a proxy that reads its weights from a file of JSON.

Any object with these methods is a router. `progressive.testing.RouterContract` says whether it
keeps the promises of one; `tests/docs/test_examples.py` runs it on this very class.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path

from progressive import (
    Capabilities,
    Cause,
    MetricCheck,
    Observed,
    Plan,
    Question,
    Report,
    RouteNotFound,
    Runner,
    Sample,
    Split,
    Target,
    Unsupported,
)
from progressive.stores import FileLock, FileStore

TARGET = Target(namespace="shop", service="web", primary="v1", canary="v2")
PLAN = Plan(
    weights=(10, 50),
    interval=timedelta(milliseconds=20),
    checks=(MetricCheck(name="depth", query="depth of the queue", at_most=100.0),),
)


class FileRouter:
    """Keeps the split of each target in a JSON file."""

    capabilities = Capabilities(weights=True, max_total=100)

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def current(self, target: Target) -> Observed:
        """Read the split; no file is an error, never weight 0."""
        try:
            stored = json.loads(self.file(target).read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise RouteNotFound(f"{self.file(target)} does not exist") from error
        return Observed(canary=stored["canary"], total=stored["total"])

    def shift(self, target: Target, split: Split) -> Observed:
        """Write one whole order; what cannot be expressed is refused before that."""
        if split.match or split.mirror or split.sticky:
            raise Unsupported("this proxy knows weights only")
        if split.total > self.capabilities.max_total:
            raise Unsupported(f"a total of {split.total} is above 100")
        if not self.current(target).shows(split):
            self.write(target, canary=split.canary, total=split.total)
        return self.current(target)

    def reset(self, target: Target) -> Observed:
        """All traffic to the primary."""
        return self.shift(target, Split(canary=0))

    def write(self, target: Target, *, canary: int, total: int = 100) -> None:
        """Replace the file as a whole, so that the proxy never reads half of one."""
        fresh = self.file(target).with_suffix(".new")
        fresh.write_text(json.dumps({"canary": canary, "total": total}), encoding="utf-8")
        fresh.replace(self.file(target))

    def file(self, target: Target) -> Path:
        """Where the split of a target is kept."""
        return self._folder / f"{target.namespace}-{target.service}.json"


class QueueDepth:
    """A provider of one's own: any object with this method is one."""

    def __init__(self, depths: dict[str, float]) -> None:
        self._depths = depths

    def sample(self, question: Question) -> Sample:
        """Silence is a sample without a value, never an exception."""
        service = question.target.canary if question.target is not None else ""
        depth = self._depths.get(service)
        if depth is None:
            return Sample(cause=Cause.EMPTY, detail=f"no queue of {service}")
        return Sample(value=depth, query=question.check.query or "")


def main(folder: Path) -> Report:
    """Release with both; journal and lock are files, so another process could resume."""
    router = FileRouter(folder)
    router.write(TARGET, canary=0)
    runner = Runner(
        router, QueueDepth({"v2": 7.0}), store=FileStore(folder), lock=FileLock(folder)
    )
    report = runner.run(PLAN, TARGET)
    print(report.outcome, report.weights)
    return report


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
