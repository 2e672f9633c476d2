"""Where commands put what they make of a result: over nothing unasked, and whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def check_target(
    target: Path,
    file: Path,
    overwrite: bool,
    *,
    store: bool = False,
    option: str = "--out",
    what: str = "the result",
) -> None:
    """Whether something made from `file` may take this place.

    Args:
        store: whether it is a folder that replaces a Zarr store.
        option: that named the place.
        what: the file is.

    Raises:
        SpecError: something is there that is not to be replaced.
    """
    from qthermo_jax.export.to_zarr import is_store
    from qthermo_jax.sweeping.errors import SpecError

    if target.exists() and file.exists() and target.samefile(file):
        raise SpecError(f"{option} {target}: is {what} itself")
    if target.is_dir() and not (store and is_store(target)):
        raise SpecError(f"{option} {target}: is a folder{' that is no Zarr store' * store}")
    if target.exists() and not overwrite:
        raise SpecError(f"{target}: exists; --overwrite replaces it")


@contextmanager
def put_in_place(target: Path, option: str = "--out") -> Iterator[Path]:
    """A path beside `target` to write to, a file or a folder; it takes its place when all is written.

    Args:
        option: that named it.

    Raises:
        SpecError: it cannot be written; what was there is kept.
    """
    from qthermo_jax.sweeping.errors import SpecError

    beside = target.with_name(f".{target.name}.unfinished-{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        if target.is_dir() or beside.is_dir():  # a folder is not replaced by renaming
            _remove(target)
        beside.replace(target)
    except OSError as error:
        raise SpecError(f"{option} {target}: cannot be written: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            _remove(beside)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
