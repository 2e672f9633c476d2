"""What later processes of the same user load instead of making it again: `qthermo cache` tells of it.

A folder in the user's cache holds one file for each thing. Whatever is wrong with a file, the thing is
made and the file replaced; whatever is wrong with the folder, nothing is kept and the log says so.
Loading such a file may run code: a folder that others can write is not used, nor a file that others own.
"""

import hashlib
import logging
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from platformdirs import user_cache_path

_LOG = logging.getLogger("qthermo_jax")

# The folder, for another than the user's; empty: nothing is kept on the disk.
VARIABLE = "QTHERMO_CACHE_DIR"

# The files beyond this are removed, the least recently used ones first.
MOST_BYTES = 500_000_000

_MAGIC = b"qthermo_jax 1\n"
_DIGEST = hashlib.sha256().digest_size
_SUFFIX, _UNFINISHED = ".kept", ".part"

# Seconds after which nobody writes an unfinished file any more.
_GIVEN_UP = 3600


def folder() -> Path | None:
    """Where files are kept, whether it is there or not; None if nothing is to be kept."""
    given = os.environ.get(VARIABLE)
    if given is not None:
        return Path(given) if given else None
    return user_cache_path("qthermo_jax") / "programs"


def read(name: str) -> bytes | None:
    """What is kept under a name; None if that is nothing, or not what was written."""
    path = _path(name)
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            if not _ours(os.fstat(file.fileno())):
                return None
            data = file.read()
        os.utime(path)
    except OSError:
        return None
    start = len(_MAGIC) + _DIGEST
    content = data[start:]
    whole = data[:start] == _MAGIC + hashlib.sha256(content).digest()
    return content if whole else None


def write(name: str, content: bytes) -> None:
    """Keep something under a name. Several processes may do so at a time."""
    path = _path(name)
    if path is None:
        return
    try:
        handle, unfinished = tempfile.mkstemp(_UNFINISHED, dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + hashlib.sha256(content).digest() + content)
            Path(unfinished).replace(path)
        except BaseException:
            Path(unfinished).unlink(missing_ok=True)
            raise
        _make_room(path.parent)
    except OSError as error:
        _told(f"compiled programs cannot be kept in {path.parent}: {error.strerror}")


def kept() -> tuple[int, int]:
    """Number of the files and their bytes together."""
    where = folder()
    sizes = [size for _, size, _ in _files(where)] if where else []
    return len(sizes), sum(sizes)


def clear() -> None:
    """Remove all files."""
    where = folder()
    for path, _, _ in _files(where) if where else ():
        path.unlink(missing_ok=True)


def _path(name: str) -> Path | None:
    """The file of a name in a folder that is there and the user's alone."""
    where = folder()
    if where is None:
        return None
    try:
        where.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = where.stat()
    except OSError as error:
        _told(f"compiled programs cannot be kept in {where}: {error.strerror}")
        return None
    if not _ours(found):
        _told(f"compiled programs are not kept in {where}: others may write there")
        return None
    return where / f"{name}{_SUFFIX}"


def _ours(found: os.stat_result) -> bool:
    """Whether nobody else can have written it."""
    if os.name != "posix":
        return True
    return found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _files(where: Path) -> Iterator[tuple[Path, int, float]]:
    """The files of the folder, their bytes and when they were used last."""
    with suppress(OSError):
        for path in where.iterdir():
            if path.suffix in (_SUFFIX, _UNFINISHED):
                with suppress(OSError):  # another process may remove it
                    found = path.stat()
                    yield path, found.st_size, found.st_mtime


def _make_room(where: Path) -> None:
    total = 0
    for path, size, used in sorted(_files(where), key=lambda file: -file[2]):
        total += size
        given_up = path.suffix == _UNFINISHED and used < time.time() - _GIVEN_UP
        if total > MOST_BYTES or given_up:
            path.unlink(missing_ok=True)


@lru_cache
def _told(message: str) -> None:
    """Log it, once a process."""
    _LOG.warning(message)
