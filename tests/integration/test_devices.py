"""Several local devices share each tile: the numbers are those of one."""

import os
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import qthermo_jax as qj


def pair(omega, T):
    """Two atoms on one bath: at omega = 1 it drives their coherence."""
    H = jnp.diag(jnp.array([0.0, 1.0, 0.0])) + omega * jnp.diag(jnp.array([0.0, 0.0, 1.0]))
    S = jnp.array([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    baths = [qj.Bath(S, T, qj.Flat(1.0)), qj.Bath(S, 0.7, qj.Ohmic(0.3))]
    return qj.OpenSystem(H, baths, sectors=[[0], [1], [2]])


def write_sweeps(folder: Path) -> None:
    """One whose tiles end in the middle of both axes, one that needs two solvers, one point."""
    qj.sweep(
        "chain",
        axes={"g": [0.2, 0.4, 1.3], "T_L": [0.2, 0.3, 0.5, 0.6, 0.9]},
        parameters={"sites": 3},
        observables=["site_populations"],
        derivatives=["T_L", "g"],
        memory=10_000,
        out=folder / "chain.h5",
    )
    qj.sweep(pair, axes={"omega": [0.5, 0.9, 1.0], "T": [0.3, 0.5]}, out=folder / "pair.h5")
    qj.sweep("lambda_system", axes={}, out=folder / "point.h5")


@pytest.mark.long
@pytest.mark.timeout(300)
def test_four_devices_give_the_numbers_of_one(tmp_path: Path) -> None:
    """Four virtual ones."""
    one, four = tmp_path / "one", tmp_path / "four"
    write_sweeps(one)
    script = f"""
        import sys, jax; sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path; from test_devices import write_sweeps
        assert jax.local_device_count() == 4; write_sweeps(Path({str(four)!r}))
    """
    subprocess.run(
        [sys.executable, "-c", "\n".join(line.strip() for line in script.splitlines())],
        env={
            **os.environ,
            "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=4",
        },
        check=True,
        timeout=200,
    )
    for name in ("chain", "pair", "point"):
        expected = xr.load_dataset(one / f"{name}.h5", engine="h5netcdf")
        found = xr.load_dataset(four / f"{name}.h5", engine="h5netcdf")
        for variable in expected.data_vars:
            np.testing.assert_allclose(
                found[variable], expected[variable], rtol=1e-13, atol=1e-16, err_msg=str(variable)
            )
        if name == "pair":
            assert {*np.unique(found.method)} == {qj.Method.POPULATIONS, qj.Method.SECULAR_BLOCK}
