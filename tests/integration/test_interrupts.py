"""Ctrl-C twice: the command leaves at once, whatever it is at, and what was finished is kept."""

import signal
import subprocess
import sys
import time

import pytest

from processes import until
from qthermo_jax.sweeping.store.tile_files import read_tile_file

SPEC = """
model = "chain"
observables = ["mean_position"]
parameters.sites = 4
axes.g = { start = 0.1, stop = 1.3, num = 400 }
"""
# What takes long stands in for what does: the first line says that it began. `busy` holds the thread in
# compiled code, where no handler of Python's runs; a tile that waits for 100 s is one that is solved.
START = """
import ctypes, time
from qthermo_jax.cli import main
from qthermo_jax.sweeping.execute import cluster
from qthermo_jax.sweeping.compute import engine
from qthermo_jax.sweeping.store import tile_files

def busy(*_, **__):
    print("busy", flush=True)
    ctypes.CDLL(None).usleep(ctypes.c_uint(100_000_000))
    for _ in range(100):
        time.sleep(1)
"""
COMPILING = "engine.Engine._program = property(busy)"
SOLVING = """
solved = engine.Engine._run
def run(self, program, box, corners):
    return solved(self, program, box, corners) if box[0].start < 100 else busy()
engine.Engine._run = run
"""
WRITING = """
wrote = tile_files.TileFiles.write
def write(self, box, arrays, device):
    return wrote(self, box, arrays, device) if box[0].start < 100 else busy()
tile_files.TileFiles.write = write
"""
PLANNING = """
from qthermo_jax.sweeping.execute import checking
checking.make_plan = busy
"""


@pytest.fixture
def folder(folder):
    (folder / "spec.toml").write_text(SPEC)
    return folder


def started(patch, *arguments):
    command = [sys.executable, "-c", f"{START}\n{patch}\nmain()", "run", "spec.toml", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("patch", [COMPILING, SOLVING, WRITING], ids=["compiles", "solves", "writes"])
def test_the_second_one_leaves_at_once(folder, patch, number):
    with started(patch, "--memory", "0.00001") as process:
        try:
            assert process.stdout.readline() == "busy\n"
            process.send_signal(number)
            # Lines about its progress may come before.
            lines = iter(process.stderr.readline, "")
            assert any(line.startswith("stopping after the tiles in flight") for line in lines)
            process.send_signal(number)
            _, told = process.communicate(timeout=20)  # what it is at would take 100 s
        finally:
            process.kill()
    assert process.returncode == 130, told
    assert told.splitlines()[-1].startswith(
        "qthermo: interrupted; finished tiles are kept in results/spec.h5.parts-"
    )
    assert "Traceback" not in told
    # What is there is whole, and another run goes on from it.
    kept = list(folder.glob("results/spec.h5.parts-*/*.h5"))
    assert bool(kept) == (patch is not COMPILING)
    assert all("status" in read_tile_file(tile_file).arrays for tile_file in kept)


@pytest.mark.long
def test_before_a_sweep_there_is_nothing_to_finish(folder):
    with started(PLANNING) as process:
        try:
            assert process.stdout.readline() == "busy\n"
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)  # the first one may leave already
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 130, told
    assert "Traceback" not in told
    assert not (folder / "results" / "spec.h5").exists()


@pytest.mark.slow
def test_on_workers_of_dask_the_second_one_leaves_at_once_too(folder):
    # A driver that waits for a tile: its workers end with it.
    with started("", "--cluster", "local:1", "--memory", "0.00001") as process:
        try:
            until(lambda: list(folder.glob("results/*.parts*/*.h5")))
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 130, told
    assert "Traceback" not in told
    assert all(
        "status" in read_tile_file(tile_file).arrays
        for tile_file in folder.glob("results/*.parts*/*.h5")
    )
