"""Journals and locks in a folder: crashes, garbage, and other processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from tests.contract.places_contract import Told, target

from progressive.errors import Busy, ErrorKind, LockError, StoreError
from progressive.stores import FileLock, FileStore

WEB = target("shop")


@pytest.mark.parametrize("text", ["", '{"saves": 1, "jour', "[]", '{"saves": "1", "journal": 2}'])
def test_damaged_file_is_named_and_never_overwritten(tmp_path: Path, text: str) -> None:
    """Traffic may be split; to start anew silently would forget it."""
    path = tmp_path / "shop.web.json"
    path.write_text(text)
    store = FileStore(tmp_path)
    with pytest.raises(StoreError) as read:
        store.load(WEB)
    with pytest.raises(StoreError):
        store.save(WEB, "new", None)

    assert ErrorKind.INVALID is read.value.kind
    assert f"{path} holds no journal of shop/web" in str(read.value)
    assert "move the file away" in str(read.value)
    assert text == path.read_text()


def test_save_that_fails_leaves_the_old_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk in the middle of a release."""
    store = FileStore(tmp_path)
    first = store.save(WEB, "old", None)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device"):
        store.save(WEB, "new", first)
    monkeypatch.undo()
    saved = store.load(WEB)

    assert saved is not None and ("old", first) == (saved.text, saved.version)
    assert ["shop.web.json", "shop.web.saving"] == sorted(os.listdir(tmp_path))


def test_deleted_journal_is_written_again(tmp_path: Path) -> None:
    """Its run still drives."""
    store = FileStore(tmp_path)
    first = store.save(WEB, "a", None)
    (tmp_path / "shop.web.json").unlink()
    second = store.save(WEB, "b", first)
    saved = store.load(WEB)

    assert saved is not None and ("b", second) == (saved.text, saved.version)


def test_file_says_whose_journal_it_is(tmp_path: Path) -> None:
    """For whoever finds it."""
    FileStore(tmp_path).save(WEB, "text", None)

    assert {"schema": 1, "target": "shop/web", "saves": 1, "journal": "text"} == json.loads(
        (tmp_path / "shop.web.json").read_text()
    )


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """Where a file is in the way."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be saved in"):
        FileStore(tmp_path / "file").save(WEB, "a", None)
    with pytest.raises(LockError, match="cannot be locked by"):
        FileLock(tmp_path / "file").acquire(WEB, "run", Told())


def test_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    """The kernel frees it, however the process ended."""
    code = """
        import sys
        from progressive.stores import FileLock
        from tests.contract.places_contract import Told, target
        hold = FileLock(sys.argv[1], identity="ann").acquire(target("shop"), "run-1", Told())
        print("held", flush=True)
        input()
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert "held\n" == child.stdout.readline()
    lock = FileLock(tmp_path)
    with pytest.raises(Busy, match="run-1 by ann"):
        lock.acquire(WEB, "run-2", Told())
    holder = lock.holder(WEB)
    child.kill()
    child.communicate()
    after = lock.holder(WEB)
    lock.acquire(WEB, "run-2", Told()).close()

    assert ("run-1 by ann", None) == (holder, after)
