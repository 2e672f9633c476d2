"""What a running sweep tells about itself: to whoever watches, and to a log beside its output."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from qthermo_jax.sweeping.schedule.report import TileReport

Watcher = Callable[[TileReport], None]


def nobody(done: TileReport) -> None:
    """Watches nothing."""


class _Log(logging.FileHandler):
    """A log that ends no sweep where the disk is full: the sweep says so itself."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Say nothing."""


@contextlib.contextmanager
def logged(output: Path) -> Iterator[logging.Logger]:
    """A log beside the output, to which every run adds, and whatever the package says meanwhile."""
    log = logging.getLogger("qthermo_jax")
    level = log.level
    handler = _Log(output.with_name(f"{output.name}.log"), encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield log
    finally:
        log.setLevel(level)
        log.removeHandler(handler)
        with contextlib.suppress(OSError):
            handler.close()
