"""Resident memory of a `progressive run` that waits, and which models of the client it holds.

Read from /proc while the run holds its first weight; the modules by asking the same command in a
process that stops at the same place.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.shop import Parts, Shop, deployed

_MODULES = """
import atexit, sys
def tell():
    counts = [sum(name.startswith(one + ".") for name in sys.modules) for one in sys.argv_counted]
    print("MODULES", len(sys.modules), *counts, file=sys.stderr)
sys.argv_counted = ("kubernetes.client.models", "kubernetes.client.api")
atexit.register(tell)
sys.argv[0] = "progressive"
from progressive.__main__ import main
main()
"""


def measure(parts: Parts, *, small: bool = False) -> list[Figure]:
    """All figures; about 15 s."""
    with deployed(parts, interval="30s") as shop:
        resident, proportional = _waiting(shop)
        modules, models, apis = _modules(shop)
    client = _alone("import kubernetes.client")
    typed = _alone("import kubernetes.client; kubernetes.client.AppsV1Api()")
    return [
        Figure(
            what="resident memory of a waiting `progressive run`",
            measured=f"{resident:.0f} MiB (proportional share: {proportional:.0f} MiB)",
            beside=f"`import kubernetes.client` alone: {client:.0f} MiB; with `AppsV1Api()`: "
            f"{typed:.0f} MiB",
            budget="< 80 MiB",
        ),
        Figure(
            what="typed models of the client loaded by a whole run",
            measured=f"{models} (and {apis} of its typed interfaces; {modules} modules in all)",
            budget="0",
        ),
    ]


def mebibytes(process: int, key: str, file: str = "status") -> float:
    """A figure of /proc, such as ``VmRSS`` of ``status`` or ``Pss`` of ``smaps_rollup``."""
    for line in Path(f"/proc/{process}/{file}").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == key:
            return int(rest.split()[0]) / 1024
    raise KeyError(key)


def _waiting(shop: Shop) -> tuple[float, float]:
    running = shop.start("--image", "my-app=my-app:2")
    running.wait_for("step weight=10")
    process = running.process.pid
    found = mebibytes(process, "VmRSS"), mebibytes(process, "Pss", "smaps_rollup")
    running.process.terminate()
    running.end()
    return found


def _modules(shop: Shop) -> tuple[int, int, int]:
    running = shop.start("--image", "my-app=my-app:3", program=["-c", _MODULES])
    running.wait_for("step weight=10")
    running.process.terminate()
    running.process.wait(60)
    running.end()
    (told,) = (line for line in running.lines if line.startswith("MODULES"))
    modules, models, apis = map(int, told.split()[1:])
    return modules, models, apis


def _alone(statement: str) -> float:
    """Memory of an interpreter after a statement, in MiB."""
    program = f"{statement}\nfrom benchmarks.memory import mebibytes\nimport os\n"
    program += "print(mebibytes(os.getpid(), 'VmRSS'))"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip
    return float(done.stdout)
