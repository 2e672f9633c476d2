"""Sweeps on clusters of real worker processes: whatever dies, the data are those of a plain run."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, nullcontext
from pathlib import Path
from typing import Any

import dask
import jax
import pytest
import xarray as xr

import qthermo_jax as qj
from processes import QTHERMO, TOP, in_a_fresh_interpreter, until
from qthermo_jax import cli
from qthermo_jax.models import chain
from qthermo_jax.steady import Status
from qthermo_jax.sweeping import Interrupted, SpecError, Store, Sweep, run_to_file, sweep_from_file
from qthermo_jax.sweeping.execute import cluster
from qthermo_jax.sweeping.execute.cluster import connect
from qthermo_jax.sweeping.execute.cluster import driver as driver_module
from qthermo_jax.sweeping.execute.this_host import THIS_HOST

SPEC = """
model = "chain"
observables = ["mean_position", "heat_currents"]
parameters.sites = 3
[axes]
g = { start = 0.1, stop = 1.3, num = 60 }
T_L = { start = 0.1, stop = 0.9, num = 2 }
"""
MEMORY = 3000  # bytes: a tile for each g
OWN_SPEC = """
model = "{}"
observables = ["mean_position"]
axes.g = [0.2, 0.3, 0.4]
axes.T_L = [0.1, 0.9]
"""
OWN_MODEL = """
from qthermo_jax.models import chain

def own(g, T_L):
    return chain(sites=3, g=g, T_L=T_L, T_R=0.25)
"""
# At one coupling it takes the process along that computes it.
FATAL_MODEL = """
import os, signal
import jax
import numpy as np
from qthermo_jax.models import chain

def fatal(g):
    if abs(g - 0.3) < 1e-3:
        os.kill(os.getpid(), signal.SIGKILL)
    return np.float64(g)

def own(g, T_L):
    g = jax.pure_callback(fatal, jax.ShapeDtypeStruct((), "float64"), g, vmap_method="sequential")
    return chain(sites=3, g=g, T_L=T_L)
"""
# Notes a job and starts it, or says what is wrong with it.
SBATCH = """
if [ "$1" = --test-only ]; then
    ! grep -q nowhere || { echo "sbatch: error: invalid partition: nowhere" >&2; exit 1; }
    exit
fi
cp "$1" "$1.job"  # the original is removed at once
setsid bash "$1.job" >"$1.log" 2>&1 &
echo $! | tee -a submitted
"""
WORDS = ["run", "spec.toml", "--out", "r.h5", "--memory", str(MEMORY / 2**30), "--cluster"]
SLURM = TOP / "docs" / "slurm"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "spec.toml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    """The same sweep without a cluster."""
    with chdir(tmp_path_factory.mktemp("plain")):
        Path("spec.toml").write_text(SPEC)
        return swept(None)


def planned() -> Sweep:
    return sweep_from_file(Path("spec.toml"), MEMORY, devices=1)


def swept(where: str | None, out: str = "r.h5", job: Sweep | None = None, **told: Any) -> xr.Dataset:
    """The sweep with this process as the driver."""
    job = job or planned()
    with nullcontext(THIS_HOST) if where is None else cluster.solving_on(where) as executor:
        run_to_file(job, Store(Path(out), job.plan), executor=executor, **told)
    return values(out)


def values(out: str = "r.h5") -> xr.Dataset:
    with xr.open_dataset(out, engine="h5netcdf") as data:
        return data.load()


def tile_files() -> list[Path]:
    return sorted(Path().glob("r.h5.parts-*/*.h5"))


def driver(where: str) -> subprocess.Popen[str]:
    """The sweep with a process of its own as the driver, which leads a group as on a terminal."""
    command = [*QTHERMO, *WORDS, where]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


def wait_for_a_part(process: subprocess.Popen[str]) -> None:
    until(lambda: tile_files() or process.poll() is not None)
    assert process.poll() is None, process.communicate()


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """The processes that a driver started with --cluster local:N."""
    lists = Path(f"/proc/{process.pid}/task").glob("*/children")
    started = [pid for found in lists for pid in found.read_text().split()]
    return [int(pid) for pid in started if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]


@pytest.fixture
def qthermo(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[[str], tuple[int, str]]]:
    """The command line in this process: exit code and standard error."""

    def call(where: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["qthermo", *WORDS, where])
        with pytest.raises(SystemExit) as left:
            cli.main()
        assert isinstance(left.value.code, int)
        return left.value.code, capsys.readouterr().err

    before = jax.config.values["jax_platforms"]
    yield call
    jax.config.update("jax_platforms", before)


class Dask:
    """A scheduler and its workers, each in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workers: list[subprocess.Popen[bytes]] = []
        known = folder / "scheduler.json"
        here = ["--host", "127.0.0.1", "--port", "0"]
        self.scheduler = self._started("scheduler", *here, "--scheduler-file", str(known))
        until(lambda: known.exists() and known.stat().st_size > 0)
        self.address = json.loads(known.read_text())["address"]

    def _started(self, role: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{role}", "--no-dashboard", *options]
        with (self.folder / f"{role}.log").open("a") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)

    def have_workers(self, number: int) -> None:
        """Start those that are missing: nothing else starts a worker again that died."""
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        options = ["--no-nanny", "--nthreads", "1", "--local-directory", str(self.folder)]
        while len(self.workers) < number:
            self.workers.append(self._started("worker", self.address, *options))

    def stop_workers(self) -> None:
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            worker.wait()


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    running = Dask(tmp_path_factory.mktemp("dask"))
    yield running
    running.stop_workers()
    running.scheduler.terminate()
    running.scheduler.wait()


@pytest.fixture
def two_workers(scheduler: Dask) -> Dask:
    scheduler.have_workers(2)
    return scheduler


class TestScheduler:
    """--cluster tcp://host:port"""

    def test_without_workers_it_waits_and_says_so(
        self,
        folder: Path,
        scheduler: Dask,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        scheduler.stop_workers()
        monkeypatch.setattr(driver_module, "_SECONDS_BETWEEN_LINES", 0.5)
        with pytest.raises(Interrupted):
            swept(scheduler.address, stop=lambda: "there are no workers" in caplog.text)

    @pytest.mark.long
    def test_a_driver_that_dies_is_started_again_and_a_worker_that_dies_is_not_missed(
        self, plain: xr.Dataset, two_workers: Dask
    ) -> None:
        process = driver(two_workers.address)
        wait_for_a_part(process)
        process.kill()
        process.communicate()
        assert len(tile_files()) < 60
        tiles = []

        def watch(done: object) -> None:
            tiles.append(done)
            if len(tiles) == 10:
                two_workers.workers[0].kill()

        xr.testing.assert_equal(swept(two_workers.address, watch=watch), plain)
        assert two_workers.workers[0].wait() == -signal.SIGKILL

    @pytest.mark.long
    def test_told_to_stop_it_finishes_the_tiles_in_flight(self, folder: Path, two_workers: Dask) -> None:
        tiles: list[object] = []
        with pytest.raises(Interrupted):
            swept(two_workers.address, watch=tiles.append, stop=lambda: len(tiles) > 5)
        _, *solved = tiles  # the first is what was there before
        assert len(tile_files()) == len(solved) < 10

    @pytest.mark.long
    def test_a_tile_that_fails_three_times_is_named_and_the_rest_goes_on(
        self,
        folder: Path,
        two_workers: Dask,
        qthermo: Callable[[str], tuple[int, str]],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        repaired = folder / "repaired"
        fails = FATAL_MODEL.replace("os.kill(os.getpid(), signal.SIGKILL)", "raise ValueError('broken')")
        fails = fails.replace("< 1e-3", f"< 1e-3 and not os.path.exists({str(repaired)!r})")
        (folder / "own.py").write_text(fails)
        (folder / "spec.toml").write_text(OWN_SPEC.format("own.py:own"))
        code, err = qthermo(two_workers.address)
        assert code == 1
        assert caplog.text.count("it is tried again") == 2
        assert "1 of 3 tiles failed, the first one tile g 0.3, T_L 0.1 ... 0.9: " in err
        assert (values().status != Status.OK).values.sum() == 2
        repaired.touch()
        assert (swept(two_workers.address).status == Status.OK).all()

    @pytest.mark.long
    def test_a_folder_in_a_parts_place_is_in_nobodys_way(
        self, plain: xr.Dataset, two_workers: Dask
    ) -> None:
        plan = planned().plan
        _, box, *_ = plan.tiling.boxes
        Store(Path("r.h5"), plan).tile_files.path(box).mkdir(parents=True)
        xr.testing.assert_equal(swept(two_workers.address), plain)

    @pytest.mark.long
    def test_a_helper_that_changed_since_the_plan_was_made_is_refused(
        self, folder: Path, two_workers: Dask
    ) -> None:
        (folder / "numbers_.py").write_text("T_R = 0.25\n")
        own = OWN_MODEL.replace("0.25", "numbers_.T_R").replace("\nfrom", "\nimport numbers_\nfrom")
        (folder / "own.py").write_text(own)
        (folder / "spec.toml").write_text(OWN_SPEC.format("own.py:own"))
        job = planned()
        found = []
        for temperature in (0.35, 0.45):  # workers have the first one in memory when the second comes
            (folder / "numbers_.py").write_text(f"T_R = {temperature}\n")
            found.append(swept(two_workers.address, f"{temperature}.h5"))
            xr.testing.assert_equal(found[-1], swept(None, f"plain {temperature}.h5"))
        assert (found[0].mean_position != found[1].mean_position).all()
        with pytest.raises(SpecError, match="a module that it imports or the version"):
            swept(two_workers.address, job=job)

    @pytest.mark.long
    def test_a_source_that_changed_since_the_plan_was_made_is_refused(
        self, folder: Path, two_workers: Dask
    ) -> None:
        (folder / "own.py").write_text(OWN_MODEL)
        (folder / "spec.toml").write_text(OWN_SPEC.format("own.py:own"))
        job = planned()
        (folder / "own.py").write_text(OWN_MODEL.replace("0.25", "0.125"))
        with pytest.raises(SpecError, match=r"on a worker, tcp://.*: the source of model own.py:own, a"):
            swept(two_workers.address, job=job)

    @pytest.mark.slow
    def test_a_module_that_changed_since_a_worker_imported_it_is_imported_again(
        self, folder: Path, two_workers: Dask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        module = two_workers.folder / "own_module.py"
        monkeypatch.syspath_prepend(module.parent)
        (folder / "spec.toml").write_text(OWN_SPEC.format("own_module:own"))
        module.write_text(OWN_MODEL)
        first = swept(two_workers.address, "first.h5")
        monkeypatch.delitem(sys.modules, "own_module")
        module.write_text(OWN_MODEL.replace("0.25", "0.125"))
        second = swept(two_workers.address, "second.h5")
        xr.testing.assert_equal(second, swept(None, "plain.h5"))
        assert (second.mean_position != first.mean_position).all()


class TestThisMachine:
    """--cluster local:N"""

    @pytest.mark.slow
    def test_a_worker_that_dies_is_started_again(self, plain: xr.Dataset) -> None:
        process = driver("local:2")
        wait_for_a_part(process)
        os.kill(workers_of(process)[0], signal.SIGKILL)
        _, err = process.communicate(timeout=90)
        assert process.returncode == 0, err
        xr.testing.assert_equal(values(), plain)

    @pytest.mark.slow
    def test_python_has_it_too(self, plain: xr.Dataset) -> None:
        grid = {"g": plain.g.values[:2], "T_L": plain.T_L.values}
        asked: dict[str, Any] = {"axes": grid, "parameters": {"sites": 3}, "memory": MEMORY}
        asked |= {"observables": ["mean_position", "heat_currents"]}
        with cluster.solving_on("local:1") as workers:
            found = qj.sweep(chain, **asked, out="r.h5", workers=workers)
            with pytest.raises(SpecError, match="say where with out"):
                qj.sweep(chain, **asked, workers=workers)
        for name in asked["observables"]:
            xr.testing.assert_equal(found[name], plain[name][:2])

    @pytest.mark.slow
    def test_ctrl_c_ends_it_in_order_and_takes_the_workers_along(self, plain: xr.Dataset) -> None:
        process = driver("local:2")
        wait_for_a_part(process)
        workers = workers_of(process)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=90)
        assert process.returncode == 130, err
        first, last = err.splitlines()
        assert first.startswith("stopping after the tiles in flight")
        assert last.startswith("qthermo: interrupted; finished tiles are kept")
        assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
        xr.testing.assert_equal(swept(None), plain)

    @pytest.mark.slow
    def test_a_tile_that_kills_three_workers_is_given_up(self, folder: Path) -> None:
        (folder / "own.py").write_text(FATAL_MODEL)
        (folder / "spec.toml").write_text(OWN_SPEC.format("own.py:own"))
        process = driver("local:2")
        _, err = process.communicate(timeout=120)
        assert process.returncode == 1
        told = "tile g 0.3, T_L 0.1 ... 0.9: the worker died while it was at it"
        assert err.count(f"{told}; it is tried again") == 2
        assert f"1 of 3 tiles failed, the first one {told}" in err
        assert (values().status == Status.OK).all("T_L").values.tolist() == [True, False, True]

    def test_each_worker_has_a_gpu_of_its_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connect, "COUNT_GPUS", "print(2)")
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        assert cluster.environments(1) == [{"CUDA_VISIBLE_DEVICES": "0"}]
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
        found = cluster.environments(2)
        assert found == [{"CUDA_VISIBLE_DEVICES": "3"}, {"CUDA_VISIBLE_DEVICES": "5"}]
        with pytest.raises(SpecError, match="local:3: one worker a GPU, and there are 2"):
            cluster.environments(3)


def program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


class TestSlurm:
    """--cluster slurm:N, and the batch scripts, with stand-ins for SLURM's programs."""

    @pytest.fixture
    def submitted(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        """Where the jobs are listed; a job is a process that leads a group."""
        program(folder / "bin" / "sbatch", SBATCH)
        program(folder / "bin" / "scancel", 'kill -- "-$1"')
        monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
        described = {"cores": 1, "memory": "2GB", "interface": "lo", "job-extra-directives": []}
        options = {f"jobqueue.slurm.{key}": value for key, value in described.items()}
        options["jobqueue.slurm.scheduler-options"] = {"dashboard_address": "127.0.0.1:0"}
        with dask.config.set(options):
            yield folder / "submitted"

    @pytest.mark.slow
    def test_a_job_that_ends_too_early_is_submitted_again(
        self, plain: xr.Dataset, submitted: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connect, "_LOST_AFTER", "100ms")
        tiles: list[object] = []
        killed = []

        def watch(done: object) -> None:
            tiles.append(done)
            if len(tiles) == 5:
                killed.append(submitted.read_text().split()[0])
                os.killpg(int(killed[0]), signal.SIGKILL)
            if len(tiles) == 20:
                until(lambda: len(submitted.read_text().split()) == 3)

        xr.testing.assert_equal(swept("slurm:2", watch=watch), plain)
        for job in submitted.read_text().split():
            until(lambda job=job: not Path(f"/proc/{job}").exists())

    def test_a_job_that_slurm_refuses_is_bad_input(self, submitted: Path) -> None:
        with (
            dask.config.set({"jobqueue.slurm.queue": "nowhere"}),
            pytest.raises(SpecError, match="slurm: sbatch: error: invalid partition: nowhere"),
        ):
            swept("slurm:1")
        assert not tile_files()

    def test_jobs_that_nobody_described_are_bad_input(self, submitted: Path) -> None:
        with (
            dask.config.set({"jobqueue.slurm.cores": None}),
            pytest.raises(SpecError, match=r"jobqueue\.yaml does not say 'cores'"),
        ):
            swept("slurm:1")

    def test_without_slurm_it_says_so(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(folder))
        with pytest.raises(SpecError, match="there is no sbatch here"):
            swept("slurm:1")

    @pytest.mark.parametrize("name", ["one-node.sh", "many-nodes.sh"])
    def test_batch_scripts_are_well_formed(self, name: str) -> None:
        run = subprocess.run(["bash", "-n", SLURM / name], capture_output=True, text=True, check=False)
        assert (run.returncode, run.stderr) == (0, "")

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["one-node.sh", "many-nodes.sh"])
    def test_batch_scripts_run_a_sweep(self, plain: xr.Dataset, name: str) -> None:
        programs = Path("bin").absolute()
        program(programs / "qthermo", f'exec {shlex.join(QTHERMO)} "$@"')
        program(programs / "dask", f'exec {sys.executable} -m dask "$@"')
        program(programs / "srun", 'until [ "$1" = dask ]; do shift; done; "$@" & "$@"')
        program(programs / "hostname", "echo 127.0.0.1")
        given = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_GPUS_ON_NODE": "2", "SLURM_CPUS_PER_TASK": "1"}
        job = subprocess.Popen(
            ["bash", SLURM / name, "spec.toml", "r.h5"],
            env={**os.environ, **given, "PATH": f"{programs}:{os.environ['PATH']}"},
            start_new_session=True,
        )
        try:
            assert job.wait(timeout=120) == 0
        finally:
            os.killpg(job.pid, signal.SIGKILL)
        xr.testing.assert_equal(values(), plain)


class TestBadInput:
    @pytest.mark.parametrize(
        ("where", "words"),
        [
            ("local:0", "takes local:N or slurm:N"),
            ("local:x", "takes local:N"),
            ("local", "takes local:N"),
            ("slurm", "takes local:N"),
            ("ftp://x", "got 'ftp://x'"),
            ("tcp://x", "tcp://scheduler:port"),
            ("tcp://127.0.0.1:9", "no scheduler answers there"),
        ],
    )
    def test_it_is_one_line_and_exit_code_2(
        self, folder: Path, qthermo: Callable[[str], tuple[int, str]], where: str, words: str
    ) -> None:
        with dask.config.set({"distributed.comm.timeouts.connect": "200ms"}):
            code, err = qthermo(where)
        assert code == 2
        assert err.startswith("qthermo: --cluster")
        assert err.count("\n") == 1
        assert words in err
        assert list(folder.iterdir()) == [folder / "spec.toml"]

    def test_without_the_extra_it_says_what_to_install(
        self,
        folder: Path,
        qthermo: Callable[[str], tuple[int, str]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setitem(sys.modules, "distributed", None)
        for name in [
            name for name in sys.modules if name.startswith("qthermo_jax.sweeping.execute.cluster")
        ]:
            monkeypatch.delitem(sys.modules, name)
        code, err = qthermo("local:2")
        assert code == 2
        assert err == 'qthermo: --cluster: no distributed: pip install "qthermo_jax[cluster]"\n'


@pytest.mark.long
def test_dask_is_loaded_by_those_alone_who_ask_for_it() -> None:
    code = "import sys, qthermo_jax.sweeping.execute.entry, qthermo_jax.cli.explaining\n"
    assert in_a_fresh_interpreter(f"{code}print('dask' in sys.modules)") == "False"
    code = "import sys, qthermo_jax as qj; qj.sweep('chain', axes={'g': [0.1, 0.2]})\n"
    assert in_a_fresh_interpreter(f"{code}print('dask' in sys.modules)") == "False"
