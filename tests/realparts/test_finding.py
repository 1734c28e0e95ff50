"""A part is found where people expect it, and a missing one says how to get it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.realparts import parts
from tests.realparts.parts import Part, PartMissing, find, part


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing on PATH, nothing built before; the folder that `KUBEBUILDER_ASSETS` names."""
    for variable, folder in (("PATH", "bin"), ("XDG_CACHE_HOME", "cache")):
        monkeypatch.setenv(variable, str(tmp_path / folder))
    assets = tmp_path / "assets"
    assets.mkdir()
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    return assets


def program(file: Path, version: str) -> Path:
    file.write_text(f"#!/bin/sh\necho 'Version: {version}'\n")
    file.chmod(0o755)
    return file


def test_a_missing_part_says_how_to_get_it(bare_machine: Path) -> None:
    """
    It is never skipped: a test that silently does not run proves nothing for ever.
    """
    with pytest.raises(PartMissing, match=r"'etcd' is missing.*install the Go toolchain.*on PATH"):
        part("etcd")


def test_a_part_that_is_installed_is_used_unless_it_is_too_old(bare_machine: Path) -> None:
    """
    Debian's etcd 3.4 starts, and then starves every watch of the API server.
    """
    old = program(bare_machine / "etcd", "3.4.23")
    found_old = find("etcd")
    new = program(old, "3.6.1")

    assert found_old is None
    assert new == find("etcd")


def test_a_program_that_does_not_run_is_passed_over(bare_machine: Path) -> None:
    """
    Such as one of another architecture, in a cache that was carried over.
    """
    (bare_machine / "etcd").write_bytes(b"\x7fELF nothing")
    (bare_machine / "etcd").chmod(0o755)

    assert find("etcd") is None


def test_a_kept_part_is_built_again_when_anything_beside_its_versions_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Files that are laid over a module are part of the program as its versions are.
    """
    monkeypatch.setattr(parts, "GO_MODULES", tmp_path)
    over = tmp_path / "some" / "_overlay" / "list.go"
    over.parent.mkdir(parents=True)
    over.write_text("package list")
    wanted = Part(name="some", module="some", package="example.org/some")
    before = wanted.key()
    over.write_text("package list // shorter")

    assert before != wanted.key()
