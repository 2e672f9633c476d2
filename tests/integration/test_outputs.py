"""Outputs of whole runs: killed, two at once, on a full disk, in a folder that cannot be written."""

import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from datasets import tile_files_of, values_of
from processes import QTHERMO, until
from qthermo_jax.steady import Status

SPEC = """
model = "lambda_system"
[axes]
T_1 = { start = 0.1, stop = 1.3, num = 40 }
T_2 = { start = 0.1, stop = 0.9, num = 10 }
"""
RUN = [*QTHERMO, "run", "spec.toml", "--out", "result.h5", "--memory", "0.000003"]


@pytest.fixture
def folder(folder: Path) -> Path:
    (folder / "spec.toml").write_text(SPEC)
    return folder


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(RUN, cwd=folder, stderr=subprocess.PIPE, text=True)


def wait_for_a_part(process: subprocess.Popen[str], folder: Path) -> None:
    until(lambda: tile_files_of(folder / "result.h5") or process.poll() is not None)
    assert process.poll() is None, process.communicate()


@pytest.mark.long
@pytest.mark.parametrize("times", [2, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.timeout(1200)
def test_killed_again_and_again_it_ends_in_the_same_numbers(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, times: int
) -> None:
    rng = np.random.default_rng(times)
    undisturbed = tmp_path_factory.mktemp("undisturbed")
    (undisturbed / "spec.toml").write_text(SPEC)
    begun = time.monotonic()
    start(undisturbed).communicate(timeout=120)
    lasts = time.monotonic() - begun
    expected = values_of(undisturbed / "result.h5")
    result, killed = folder / "result.h5", 0
    while killed < times:
        process = start(folder)
        time.sleep(rng.uniform(0, lasts))
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        if result.exists():
            there = values_of(result)
            finished = there.status == Status.OK
            xr.testing.assert_equal(there.where(finished), expected.where(finished))
        if process.returncode == 0:
            result.unlink()
    start(folder).communicate(timeout=120)
    xr.testing.assert_equal(values_of(result), expected)
    assert tile_files_of(result) == []


@pytest.mark.long
def test_a_second_process_on_the_same_output_is_refused(folder: Path) -> None:
    first = start(folder)
    try:
        wait_for_a_part(first, folder)
        first.send_signal(signal.SIGSTOP)
        second = start(folder)
        _, err = second.communicate(timeout=60)
        assert second.returncode == 2
        assert err == "qthermo: result.h5: another process is writing it\n"
    finally:
        first.send_signal(signal.SIGCONT)
        first.send_signal(signal.SIGTERM)
        _, err = first.communicate(timeout=60)
    assert first.returncode == 130, err


@pytest.mark.long
def test_a_full_disk_is_one_line_and_nothing_is_lost(folder: Path) -> None:
    """A limit of the size of files stands in for the disk: the system call fails alike."""
    limited = ["bash", "-c", f"ulimit -f 20; exec {shlex.join(RUN)}"]
    process = subprocess.Popen(limited, cwd=folder, stderr=subprocess.PIPE, text=True)
    _, err = process.communicate(timeout=90)
    assert process.returncode == 1, err
    assert err.count("\n") == 1
    assert "result.h5" in err
    assert "cannot be written: File too large; what was finished is kept" in err
    start(folder).communicate(timeout=90)
    assert (values_of(folder / "result.h5").status == Status.OK).all()


# Root may write anywhere: it gives that up once everything that it needs is imported.
AS_NOBODY = """
import contextlib, os, sys
from qthermo_jax.cli import main

sys.argv = ["qthermo", "run", "spec.toml"]
with contextlib.suppress(SystemExit):
    main()
os.chmod("results", 0o555)
if os.getuid() == 0:
    os.setresuid(65534, 65534, 65534)
sys.argv += ["--out", "results/another.h5"]
main()
"""


@pytest.mark.long
def test_a_folder_that_cannot_be_written_is_one_line() -> None:
    with tempfile.TemporaryDirectory() as name:  # one that others may enter
        Path(name).chmod(0o755)
        (Path(name) / "spec.toml").write_text(SPEC)
        command = [sys.executable, "-c", AS_NOBODY]
        process = subprocess.Popen(command, cwd=name, stderr=subprocess.PIPE, text=True)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert err.endswith("qthermo: results: cannot be written\n")
