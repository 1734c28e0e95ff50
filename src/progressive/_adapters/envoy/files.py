"""Reads route files, and replaces one in a single step.

Floor 4. Envoy follows a file by the rename that ends each replacement (inotify `IN_MOVED_TO`),
so a file is never written in place: readers see the old document or the new one, whole.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from progressive.errors import Conflict, ErrorKind, InvalidRequest, RouteNotFound, RouterError

PATIENCE = 5.0
"""Seconds to wait for another process of ours; it needs the folder for milliseconds."""

SUFFIXES = (".json", ".yaml", ".yml")


class Overtaken(Conflict):
    """Somebody else wrote the file since it was read; nothing was written."""


@frozen(kw_only=True)
class Found:
    """
    A file as it was read.

    Attributes:
        path: Where.
        text: Its text; line ends as they are.
    """

    path: Path
    text: str


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """
    The folder for this process and thread alone, among those that ask for it too.

    The folder itself is locked, so nothing is left in it. Where the file system knows no locks
    the work goes on without.

    Raises:
        Conflict: Another one does not leave it within `PATIENCE`.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise RouteNotFound(f"no folder {folder}: {error.strerror}") from error
    try:
        deadline = time.monotonic() + PATIENCE
        while not _locked(handle):
            if time.monotonic() > deadline:
                raise Conflict(f"another process holds {folder}")
            time.sleep(0.01)
        yield
    finally:
        os.close(handle)  # which frees the lock


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def read_all(place: Path) -> tuple[Found, ...]:
    """
    The file, or the route files of the folder in the order of their names.

    Raises:
        RouteNotFound: There is no such file, or no route file in the folder.
        RouterError: It cannot be read.
    """
    if place.is_dir():
        paths = sorted(
            one
            for one in place.iterdir()
            if one.suffix in SUFFIXES and not one.name.startswith(".") and one.is_file()
        )
        if not paths:
            raise RouteNotFound(f"no route file ({', '.join(SUFFIXES)}) in {place}")
    else:
        paths = [place]
    return tuple(read(one) for one in paths)


def read(path: Path) -> Found:
    """
    One file.

    Raises:
        RouteNotFound: It is not there.
        InvalidRequest: It is not UTF-8.
        RouterError: It cannot be read.
    """
    try:
        return Found(path=path, text=path.read_bytes().decode())
    except FileNotFoundError as error:
        raise RouteNotFound(f"no route file {path}") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path} is not UTF-8: {error}") from error
    except OSError as error:
        raise _refused(path, "read", error) from error


def replace(found: Found, text: str) -> Found:
    """
    The file with another text; owner and permissions stay.

    Raises:
        Overtaken: Somebody else wrote since it was read; nothing was written.
        InvalidRequest: It is a symbolic link, whose folder Envoy watches in vain.
        RouterError: It cannot be written.
    """
    path = found.path
    if path.is_symlink():
        raise InvalidRequest(
            f"{path} is a symbolic link: a rename over it would cut the link, and behind it "
            "Envoy would not notice; give the router the real file"
        )
    try:
        fresh = _written_beside(path, text)
        try:
            if read(path) != found:
                raise Overtaken(f"{path} was changed by somebody else")
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
        _flush(path.parent)
    except OSError as error:
        raise _refused(path, "written", error) from error
    return Found(path=path, text=text)


def _written_beside(path: Path, text: str) -> Path:
    # a name that no route folder is read by, here or in a folder that Envoy lists
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            status = path.stat()
            os.fchmod(file.fileno(), status.st_mode & 0o7777)
            with contextlib.suppress(PermissionError):
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refused(path: Path, what: str, error: OSError) -> RouterError:
    kinds = {PermissionError: ErrorKind.FORBIDDEN, FileNotFoundError: ErrorKind.NOT_FOUND}
    kind = kinds.get(type(error), ErrorKind.UNAVAILABLE)
    return RouterError(f"{path} cannot be {what}: {error.strerror or error}", kind)
