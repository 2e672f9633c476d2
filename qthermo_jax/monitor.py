"""A running sweep on the terminal: a bar, or a plain line now and then where none can move."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from qthermo_jax.steady import Status
from qthermo_jax.sweeping.execute.progress import Watcher
from qthermo_jax.sweeping.schedule.report import TileReport

_SECONDS_BETWEEN_LINES = 5.0


class Tally:
    """What of a sweep is done.

    Args:
        total: number of points; None where nobody knows it before the end.

    Attributes:
        points: finished, those of earlier runs included.
        solved: finished by this run.
        statuses: how many points have which status.
        failures: why tiles were given up.
    """

    def __init__(self, total: int | None) -> None:
        self.total = total
        self.points = 0
        self.solved = 0
        self.statuses: Counter[int] = Counter()
        self.failures: list[str] = []
        self._start = time.monotonic()

    def add(self, done: TileReport) -> None:
        """Count what is done."""
        if done.failure is not None:
            self.failures.append(done.failure)
            return
        self.points += done.points
        self.solved += 0 if done.earlier else done.points
        self.statuses += done.statuses

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._start

    @property
    def speed(self) -> float:
        """Points per second of this run."""
        return self.solved / max(self.seconds, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """At this speed; None before the first tile, and where the number of points is not known."""
        if self.total is None or not self.solved:
            return None
        return (self.total - self.points) / self.speed

    @property
    def remarks(self) -> str:
        """Speed, and how many points are flagged and how many tiles failed, if any."""
        flagged = sum(n for code, n in self.statuses.items() if code != Status.OK)
        words = [f"{self.speed:.3g} points/s"]
        words += [f"{flagged} flagged"] * bool(flagged)
        words += [f"tiles failed: {len(self.failures)}"] * bool(self.failures)
        return ", ".join(words)


@contextmanager
def watched(title: str, tally: Tally) -> Iterator[Watcher]:
    """Show a tally while it grows."""
    show = _bar(title, tally) if sys.stderr.isatty() else _lines(title, tally)
    with show as shown:

        def watch(done: TileReport) -> None:
            tally.add(done)
            shown()

        yield watch


@contextmanager
def _bar(title: str, tally: Tally) -> Iterator[Callable[[], None]]:
    # Only a terminal shows it: no other run has to load it.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    last = (TimeRemainingColumn(), TextColumn("{task.fields[remarks]}"))
    with Progress(*columns, *last, console=console, transient=True) as bar:
        task = bar.add_task(title, total=tally.total, remarks="")
        yield lambda: bar.update(task, completed=tally.points, remarks=tally.remarks)


@contextmanager
def _lines(title: str, tally: Tally) -> Iterator[Callable[[], None]]:
    spoke = time.monotonic()

    def line() -> None:
        nonlocal spoke
        if time.monotonic() - spoke < _SECONDS_BETWEEN_LINES:
            return
        spoke = time.monotonic()
        left = "" if tally.seconds_left is None else f", {tally.seconds_left:.0f} s left"
        done = (
            f"{tally.points} points"
            if tally.total is None
            else f"{tally.points} of {tally.total} points"
        )
        click.echo(f"{title}: {done}, {tally.remarks}{left}", err=True)

    yield line
