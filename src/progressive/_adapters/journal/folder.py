"""Keeps journals and locks in a folder, for targets without a cluster.

Floor 4: files, and POSIX `flock`. A journal is replaced whole and atomically; a lock is freed by
the kernel when its process ends, however it ends. Not for folders that machines share.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from progressive._adapters.journal.archive import name_of
from progressive._adapters.journal.stores import version_of
from progressive._log import log
from progressive._model.traffic import Target
from progressive._redaction import redacted
from progressive.errors import Busy, ErrorKind, LeaseLost, LockError, StoreConflict, StoreError
from progressive.ports import RUNS_KEPT, Hold, Kept, Saved, Tell

_PATIENCE, _HURRY = 10.0, 1.0
"""Seconds that a save waits for another save of the same journal."""


class FileStore:
    """
    A `Store` in a folder: one JSON file for each target, and a folder of its own for what was
    before: one file for each run, which holds its journal as it was.

    Args:
        folder: Made when it is first needed.

    Raises:
        StoreError: A file cannot be read or written, or holds no journal; names the path.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)

    def load(self, target: Target) -> Saved | None:
        """The journal; None: there is none."""
        found = self._read(target)
        if found is None:
            return None
        sequence, text = found
        return Saved(text=text, version=version_of(sequence, text))

    def save(
        self, target: Target, text: str, expected: str | None, *, urgent: bool = False
    ) -> str:
        """
        Replace the journal and return its new version.

        Args:
            expected: Version that is replaced; None: there was no journal.
            urgent: Wait for another save for a second at most.

        Raises:
            StoreConflict: Another journal stands there.
            StoreError: The file cannot be read or written.
        """
        path = self._path(target)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with _alone(path.with_suffix(".saving"), _HURRY if urgent else _PATIENCE):
                found = self._read(target)
                present = None if found is None else version_of(*found)
                if present not in (None, expected):
                    raise StoreConflict(
                        f"the journal of {target} in {path} was saved by another driver "
                        f"(version {present}, expected {expected or 'none'})"
                    )
                number = (expected or "").partition("-")[0]
                sequence = (int(number) if number.isdecimal() else 0) + 1
                document = {
                    "schema": 1,
                    "target": str(target),
                    "saves": sequence,
                    "journal": text,
                }
                _replace(path, json.dumps(document, indent=1))
        except OSError as error:
            raise StoreError(
                f"the journal of {target} cannot be saved in {path}: {error.strerror or error}"
            ) from error
        return version_of(sequence, text)

    def keep(self, target: Target, run: str, text: str) -> None:
        """
        Put the journal of a run that is over aside; an eleventh drops the oldest.

        Raises:
            StoreError: The file cannot be written.
        """
        path = self._history(target) / f"{name_of(run)}.json"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, text)
            others = sorted(one for one in path.parent.glob("*.json") if one != path)
            for old in others[: 1 - RUNS_KEPT]:
                old.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"the history of {target} cannot be written in {path.parent}: "
                f"{error.strerror or error}"
            ) from error

    def kept(self, target: Target) -> tuple[Kept, ...]:
        """The journals that were put aside, newest first; a file that cannot be read is none."""
        found = []
        for path in sorted(self._history(target).glob("*.json"), reverse=True):
            try:
                text = path.read_text(encoding="utf-8", errors="replace")
            except OSError as error:
                log.warning("%s cannot be read: %s", path, error.strerror or error)
                continue
            found.append(Kept(run=path.stem, text=text))
        return tuple(found)

    def _path(self, target: Target) -> Path:
        return self._folder / f"{_file_name(target)}.json"

    def _history(self, target: Target) -> Path:
        return self._folder / f"{_file_name(target)}.history"

    def _read(self, target: Target) -> tuple[int, str] | None:
        path = self._path(target)
        try:
            document: Any = json.loads(path.read_text(encoding="utf-8"))
            sequence, text = document["saves"], document["journal"]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(
                f"the journal of {target} in {path} cannot be read: {error.strerror or error}"
            ) from error
        except (ValueError, KeyError, TypeError) as garbage:
            raise _no_journal(path, target) from garbage
        if not isinstance(sequence, int) or not isinstance(text, str):
            raise _no_journal(path, target)
        return sequence, text


class FileLock:
    """
    A `Lock` in a folder: one locked file for each target.

    Args:
        folder: Made when it is first needed.
        identity: Who drives, in words; default: host and process.
    """

    def __init__(self, folder: str | os.PathLike[str], *, identity: str | None = None) -> None:
        self._folder = Path(folder)
        us = f"process {os.getpid()} on {socket.gethostname()}"
        self._identity = redacted(identity or us)

    def acquire(self, target: Target, run: str, tell: Tell) -> Hold:
        """
        Take the target; it cannot be taken from a process that lives, so `tell` is never called.

        Raises:
            Busy: Another run holds it.
            LockError: The file cannot be written.
        """
        import fcntl

        path = self._path(target)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _unlockable(target, path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise Busy(f"{target} is held by {_lock_in(path)[1]} ({path})") from None
        except OSError as error:
            os.close(descriptor)
            raise _unlockable(target, path, error) from error
        hold = _FileHold(descriptor, path, target, f"{run} by {self._identity}")
        try:
            hold.outgrow(_lock_in(path)[0])
        except LockError:
            hold.close()
            raise
        return hold

    def holder(self, target: Target) -> str | None:
        """Who holds it; None: nobody."""
        import fcntl

        path = self._path(target)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unlockable(target, path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _lock_in(path)[1]
        finally:
            os.close(descriptor)
        return None

    def _path(self, target: Target) -> Path:
        return self._folder / f"{_file_name(target)}.lock"


class _FileHold:
    def __init__(self, descriptor: int, path: Path, target: Target, words: str) -> None:
        self._descriptor: int | None = descriptor
        self._path, self._target, self._words = path, target, words
        self.epoch = 0

    def outgrow(self, epoch: int) -> None:
        """
        Be a later taking than that one.

        Raises:
            LeaseLost: Another driver locks the file that is there now.
            LockError: The file cannot be written.
        """
        if self.epoch > epoch or self._descriptor is None:
            return
        self.confirm()
        text = f"{epoch + 1}\n{self._words}".encode()
        try:
            # written over rather than emptied first: a crash in between keeps the number
            os.pwrite(self._descriptor, text, 0)
            os.ftruncate(self._descriptor, len(text))
        except OSError as error:
            raise _unlockable(self._target, self._path, error) from error
        self.epoch = epoch + 1

    def confirm(self) -> None:
        """
        A living process keeps the file, unless somebody removed it and another one made it anew.

        Raises:
            LeaseLost: Another driver locks the file that is there now.
        """
        if self._descriptor is None:
            return
        try:
            there = os.stat(self._path)
        except OSError:
            return  # nobody has made it anew
        if not os.path.samestat(there, os.fstat(self._descriptor)):
            words = _lock_in(self._path)[1]
            raise LeaseLost(f"{self._target} is held by {words} ({self._path})")

    def renew(self) -> None:
        """Nothing to renew: the kernel knows that the process lives."""

    def close(self) -> None:
        """Free the target; safe to call twice."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _file_name(target: Target) -> str:
    return f"{quote(target.namespace, safe='')}.{quote(target.service, safe='')}"


@contextlib.contextmanager
def _alone(path: Path, seconds: float) -> Iterator[None]:
    import fcntl

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        until = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise TimeoutError(f"{path} stays locked by another process") from None
                time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, text: str) -> None:
    # a crash leaves the old file or the new one, never half of one
    descriptor, written = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(written, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(written)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _lock_in(path: Path) -> tuple[int, str]:
    """Number of the last taking (0: of an older version, or none yet), and who took, in words."""
    text = ""
    with contextlib.suppress(OSError):
        text = path.read_text(encoding="utf-8", errors="replace")
    number, _, words = text.partition("\n")
    if not number.isdecimal():
        number, words = "0", text
    return int(number), words.strip() or "another process"


def _no_journal(path: Path, target: Target) -> StoreError:
    return StoreError(
        f"{path} holds no journal of {target}: it was written by another program or is damaged. "
        "Look at the route by hand, then move the file away to start anew",
        ErrorKind.INVALID,
    )


def _unlockable(target: Target, path: Path, error: OSError) -> LockError:
    return LockError(f"{target} cannot be locked by {path}: {error.strerror or error}")
