"""Processes killed at every file operation of a run: the next run ends in the undisturbed numbers.

A copy of this process (a fork) runs the sweep, and dies at the n-th operation that changes the folder:
each stage is reached, in a few hundredths of a second. What it would compute is known: no JAX runs.
"""

import os
import shutil
import signal
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from attack.sweeps import Solver, job_of, run
from datasets import values_of
from qthermo_jax.cli.interrupts import Interrupts
from qthermo_jax.cli.running import run_one
from qthermo_jax.steady import Status
from qthermo_jax.sweeping import SpecError, Store, StoreError
from qthermo_jax.sweeping.execute.this_host import THIS_HOST
from qthermo_jax.sweeping.store import store
from qthermo_jax.sweeping.store.files import merge
from qthermo_jax.sweeping.store.tile_files import read_tile_file

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

# Operations that change a folder, as Python tells of them before it does them.
CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate"}

# What a copy of this process ends with if it fails in another way than by being stopped.
FAILED = 255

LONGER = (0.1, 0.15, 0.2, 0.3, 0.5, 0.8, 1.0, 1.3)


@dataclass(frozen=True)
class Stage:
    """What is run, and after what.

    Attributes:
        before: puts the folder into its state.
        job: what runs then.
        how: the options of the store.
        merges: whether the result is merged after that.
        view: whether results stay views.
    """

    before: Callable[[Path], object] = lambda _: None
    job: dict[str, Any] | None = None
    how: dict[str, Any] | None = None
    merges: bool = False
    view: bool = False

    def go(self, out: Path, **how: Any) -> None:
        """Run it in this process."""
        if self.merges:
            merge(out)
        else:
            run(job_of(**self.job or {}), out, **how)


STAGES = {
    "fresh": Stage(),
    "a point": Stage(job={"T_2": ()}),
    "resumed": Stage(lambda out: run(job_of(), out, tiles=1)),
    "other tiles": Stage(lambda out: run(job_of(), out, tiles=2), job={"points": 3}),
    "view": Stage(view=True),
    "merge": Stage(lambda out: run(job_of(), out), merges=True, view=True),
    "extended": Stage(lambda out: run(job_of(), out), {"T_2": LONGER}, {"extend": True}),
    "view extended": Stage(lambda out: run(job_of(), out), {"T_2": LONGER}, {"extend": True}, view=True),
    "overwritten": Stage(lambda out: run(job_of(T_2=LONGER), out), how={"overwrite": True}),
    "view overwritten": Stage(lambda out: run(job_of(), out), how={"overwrite": True}, view=True),
}


class Killed:
    """A stage that is begun again and again in a folder of its own, by copies of this process."""

    def __init__(self, stage: Stage, solver: Solver, folder: Path) -> None:
        self.stage, self.solver = stage, solver
        self.out = folder / "now" / "r.h5"
        self._before = folder / "before"
        self.out.parent.mkdir()
        stage.before(self.out)
        shutil.copytree(self.out.parent, self._before)
        self.old = values_of(self.out) if self.out.exists() else None
        stage.go(self.out, **stage.how or {})
        self.expected = values_of(self.out)
        self.left = {path.name for path in self.out.parent.iterdir()}
        self.operations = self.begin(None, signal.SIGKILL)

    def begin(self, at: int | None, how: signal.Signals, *, twice: bool = False) -> int:
        """Run from the start in a copy of this process, which gets a signal before an operation.

        Returns: how many operations there were, at most 255, or the signal that it died of, negative.
        """
        shutil.rmtree(self.out.parent)
        shutil.copytree(self._before, self.out.parent)
        with warnings.catch_warnings(action="ignore"):  # a fork of several threads
            child = os.fork()
        if child == 0:
            self._in_child(at, how, twice=twice)
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)

    def _in_child(self, at: int | None, how: signal.Signals, *, twice: bool) -> None:
        count, folder = 0, str(self.out.parent)

        def hook(event: str, told: tuple[Any, ...]) -> None:
            nonlocal count
            writes = event == "open" and isinstance(told[2], int) and told[2] & (os.O_WRONLY | os.O_RDWR)
            if not writes and event not in CHANGES:
                return
            path = str(told[0])
            if path.startswith(folder) or not path.startswith("/"):
                count += 1
                if at is not None and (count == at + 1 or (twice and count == at + 2)):
                    os.kill(os.getpid(), how)

        code = FAILED
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            os.dup2(2, 1)
            sys.addaudithook(hook)
            if self.stage.merges:
                merge(self.out)
            else:
                job = job_of(**self.stage.job or {})
                kept = Store(self.out, job.plan, **self.stage.how or {})
                interrupts = Interrupts()
                with interrupts.listening():
                    run_one(Path("sweep.toml"), job, kept, THIS_HOST, interrupts)
            code = min(count, 254)
        except KeyboardInterrupt:
            code = 130
        except BaseException as error:  # noqa: BLE001 - whatever it is, this copy ends here
            code = 130 if type(error).__name__ == "Interrupted" else FAILED
        finally:
            os._exit(code)

    def check(self) -> None:
        """Nothing wrong is shown; the next run ends as the undisturbed one, and computes what lacks."""
        self._nothing_wrong_is_shown()
        kept = self._kept()
        self.solver.asked.clear()
        try:
            self.stage.go(self.out, **self._how_again())
        except SpecError as refused:  # killed before anything was begun, or after everything was
            told = str(refused)
            if self.stage.merges:
                assert "holds its numbers itself already" in told
            else:
                assert "belongs to another spec" in told
                self.stage.go(self.out, **self.stage.how or {})
        twice = kept & set(self.solver.asked)
        assert not twice, f"computed again: {twice}"
        xr.testing.assert_identical(_bare(values_of(self.out)), _bare(self.expected))
        found = {_plain(path.name) for path in self.out.parent.iterdir()}
        # The parts of a view that was extended may stay: they could be another run's, and are not lost.
        may_stay = {"r.h5.parts"} if self.stage.view and "extend" in (self.stage.how or {}) else set()
        assert found - may_stay == {_plain(name) for name in self.left} - may_stay

    def _how_again(self) -> dict[str, Any]:
        """What was interrupted goes on without --overwrite."""
        return {key: value for key, value in (self.stage.how or {}).items() if key != "overwrite"}

    def _kept(self) -> set[tuple[str, tuple[int, ...]]]:
        """Finished tiles, by sweep and corner, that the next run may take over."""
        found = set()
        for path in self.out.parent.rglob("*.h5"):
            try:
                tile_file = read_tile_file(path)
            except StoreError:
                continue
            if "overwrite" not in (self.stage.how or {}) or any(path.parent.glob("replaces*")):
                found.add((tile_file.sweep, tuple(side.start for side in tile_file.box)))
        return found

    def _nothing_wrong_is_shown(self) -> None:
        if not self.out.exists():
            return
        shown = values_of(self.out)
        right = [data for data in (self.expected, self.old) if data is not None]
        right = [data for data in right if data.sizes == shown.sizes]
        for name in ("unbalance", "status"):
            there = shown.status == Status.OK
            assert any(
                np.array_equal(shown[name].where(there), data[name].where(there), equal_nan=True)
                for data in right
            )


def _bare(data: xr.Dataset) -> xr.Dataset:
    """Without when it was made."""
    return data.assign_attrs(created="")


def _plain(name: str) -> str:
    """A folder of parts of an overwritten view has a number."""
    return name.partition(".parts-")[0] + ".parts" * (".parts-" in name)


@pytest.fixture(params=STAGES)
def killed(
    request: pytest.FixtureRequest, solver: Solver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Killed:
    stage = STAGES[request.param]
    if stage.view:
        monkeypatch.setattr(store, "LARGEST_COPY", 0)
    return Killed(stage, solver, tmp_path)


@pytest.mark.long
def test_killed_at_some_operations(killed: Killed) -> None:
    """One of each stage, another one for each."""
    assert 0 < killed.operations < 200
    at = int(np.random.default_rng(killed.operations).integers(killed.operations))
    assert killed.begin(at, signal.SIGKILL) == -signal.SIGKILL
    killed.check()


@pytest.mark.slow
def test_killed_at_every_operation(killed: Killed) -> None:
    for at in range(killed.operations):
        assert killed.begin(at, signal.SIGKILL) == -signal.SIGKILL
        killed.check()


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("twice", [False, True])
def test_told_to_stop_at_every_operation(killed: Killed, how: signal.Signals, twice: bool) -> None:
    if killed.stage.merges:
        pytest.skip("merging has no handler: the signal ends it as a kill does")
    for at in range(killed.operations):
        assert killed.begin(at, how, twice=twice) != FAILED
        killed.check()
