"""`qthermo explain`: what a sweep would compute, what a GPU is given, and whether that comes true."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from processes import SPEC


@pytest.fixture(autouse=True)
def spec(folder):
    (folder / "spec.toml").write_text(SPEC)


def test_explain_computes_nothing(folder, qthermo):
    code, out, _ = qthermo("explain", "spec.toml")
    assert code == 0
    for words in (
        "Unbalance",
        "omega_1 = 1.0",
        "T_2: 4 values",
        "heat_currents",
        "dense",
        "results/spec.h5",
    ):
        assert words in out
    assert list(folder.iterdir()) == [folder / "spec.toml"]


@pytest.mark.long
def test_explain_says_what_a_gpu_would_be_given(folder, qthermo):
    code, out, _ = qthermo("explain", "spec.toml", "--platform", "cuda")
    assert code == 0
    lines = {" ".join(line.split()) for line in out.splitlines()}
    assert {
        "devices 1 (cuda)",
        "program populations: 4 points in a call",
        "host callbacks none",
        "32-bit products none",
    } <= lines
    assert any("cusolver_syevd_ffi" in line for line in lines)
    assert list(folder.iterdir()) == [folder / "spec.toml"]


@pytest.mark.long
def test_explain_says_where_a_gpu_would_wait_for_the_host(folder, qthermo):
    (folder / "calls.py").write_text(
        """
import jax
import numpy as np
from qthermo_jax import models

def called(T):
    return models.lambda_system(T_1=jax.pure_callback(np.abs, jax.ShapeDtypeStruct((), T.dtype), T,
                                                      vmap_method="broadcast_all"))
"""
    )
    (folder / "calls.toml").write_text('model = "calls.py:called"\naxes.T = [0.5, 0.7]')
    _, out, _ = qthermo("explain", "calls.toml", "--platform", "cuda")
    assert "1; JAX lowers it for no platform but that of this machine" in out


def test_compiling_for_a_gpu_says_what_to_install(folder, qthermo):
    if find_spec("jax_cuda13_plugin"):
        pytest.skip("it is installed here")
    code, out, err = qthermo("explain", "spec.toml", "--compile", "h100")
    assert (code, out) == (2, "")
    assert err == 'qthermo: --compile h100: no jax_cuda13_plugin: pip install "qthermo_jax[cuda]"\n'
    code, _, err = qthermo("explain", "spec.toml", "--compile", "h100", "--platform", "cpu")
    assert code == 2
    assert "--compile h100 takes --platform cuda" in err


EXPLAINED = """
import json
from pathlib import Path
import jax
from benchmarks import memory
from qthermo_jax.sweeping import Store, run_to_file, sweep_from_file
from qthermo_jax.sweeping.compute.engine import Engine
from qthermo_jax.sweeping.store.layout import bytes_on_disk

compiled = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, *_, **__: compiled.append(event) if event.endswith("backend_compile_duration") else 0
)
job = sweep_from_file(Path("spec.toml"))
engine = Engine(job.plan)
told = engine.bytes_on_device
programs = len(compiled)
memory.forget_peak()
before = memory.resident()
list(engine.solve([next(job.plan.tiling.boxes)]))
happened = memory.peak() - before
run_to_file(job, Store(Path("r.h5"), job.plan))
print(json.dumps({
    "memory": [told, happened],
    "disk": [bytes_on_disk(job.plan), Path("r.h5").stat().st_size],
    "programs": programs,
}))
"""


@pytest.mark.long
def test_what_explain_predicts_comes_true(folder):
    (folder / "spec.toml").write_text(
        """
        model = "chain"
        observables = ["site_populations"]
        parameters.sites = 4
        axes.g = { start = 0.1, stop = 1.3, num = 20 }
        axes.T_L = { start = 0.3, stop = 0.8, num = 50 }
        solver.method = "dense"
        """
    )
    run = subprocess.run(
        [sys.executable, "-c", EXPLAINED],
        env={
            **os.environ,
            "MALLOC_MMAP_THRESHOLD_": "65536",  # what is given back shows at once
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found = json.loads(run.stdout)
    for told, happened in (found["memory"], found["disk"]):
        assert 0.75 * happened < told < 1.25 * happened, found
    assert found["programs"] == 1
