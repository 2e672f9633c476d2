"""The package in a fresh interpreter: what importing it loads and changes, and 32 bit."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import qthermo_jax as qj
from problems import lambda_populations, occupation
from processes import in_a_fresh_interpreter


def test_importing_brings_no_file_format_no_picture_and_no_spec() -> None:
    code = (
        "import sys, qthermo_jax\n"
        "heavy = {'xarray', 'h5py', 'h5netcdf', 'matplotlib', 'pydantic', 'click', 'rich', 'diffrax',\n"
        "         'qutip', 'bokeh'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    assert in_a_fresh_interpreter(code) == "[]"


def test_the_commands_and_their_options_are_there_without_jax() -> None:
    code = (
        "import sys, qthermo_jax.cli as cli\n"
        "cli.app(['run', '--help'], standalone_mode=False)\n"
        "heavy = {'jax', 'numpy', 'xarray', 'h5py', 'matplotlib', 'pydantic', 'rich', 'dask'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    told = in_a_fresh_interpreter(code)
    assert "Run the sweeps SPEC" in told
    assert told.endswith("[]")


@pytest.mark.long
@pytest.mark.usefixtures("folder")
def test_a_run_to_a_file_loads_what_it_needs_and_nothing_else() -> None:
    Path("spec.toml").write_text('model = "chain"\naxes.g = [0.1, 0.2]\nparameters.sites = 3\n')
    code = (
        "import sys, qthermo_jax.cli as cli\n"
        "cli.app(['run', 'spec.toml'], standalone_mode=False)\n"
        "heavy = {'xarray', 'pandas', 'dask', 'matplotlib', 'contourpy', 'optimistix', 'lineax',\n"
        "         'diffrax', 'scipy.constants', 'scipy.optimize'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    assert in_a_fresh_interpreter(code).splitlines()[-1] == "[]"


def test_the_package_runs_as_the_command_does() -> None:
    command = [sys.executable, "-m", "qthermo_jax", "--version"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert run.stdout == f"qthermo, version {qj.__version__}\n"


def test_importing_changes_no_jax_configuration() -> None:
    code = (
        "import jax\n"
        "before = dict(jax.config.values)\n"
        "import qthermo_jax\n"
        "print({k: v for k, v in jax.config.values.items() if before.get(k) != v})"
    )
    assert in_a_fresh_interpreter(code) == "{}"


def test_every_public_name_is_there() -> None:
    for name in qj.__all__:
        # A module of the same name, imported by somebody, would hide it.
        assert isinstance(getattr(qj, name), ModuleType) == (name in {"models", "operators", "theory"})


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(qj, "thermophoresis")


@pytest.mark.slow
def test_opening_a_result_loads_no_matplotlib() -> None:
    code = (
        "import sys, qthermo_jax, xarray\n"
        "qthermo_jax.sweep; xarray.Dataset.qthermo\n"
        "print('matplotlib' in sys.modules)"
    )
    assert in_a_fresh_interpreter(code) == "False"


def test_without_qutip_nothing_else_breaks() -> None:
    code = (
        "import sys\n"
        "sys.modules['qutip'] = None\n"
        "import numpy as np, qthermo_jax as qj\n"
        "sigma_x = np.array([[0.0, 1.0], [1.0, 0.0]])\n"
        "print(qj.OpenSystem(np.diag([0.0, 1.0]), qj.Bath(sigma_x, 0.5, qj.Flat(1.0))).dimension)"
    )
    assert in_a_fresh_interpreter(code) == "2"


SINGLE_PRECISION = """
import warnings
import qthermo_jax as qj
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    states = [qj.steadystate(qj.models.lambda_system(T_1=T)) for T in (0.6, 0.7)]
print([str(w.message)[:31] for w in caught if "qthermo_jax" in str(w.message)])
print(states[0].rho.dtype, [int(state.status) for state in states])
print(*states[0].rho.diagonal().real.tolist())
"""


@pytest.mark.long
def test_a_direct_call_in_32_bit_works_and_warns_once() -> None:
    warned, kind, populations = in_a_fresh_interpreter(SINGLE_PRECISION).splitlines()
    assert warned == "['qthermo_jax computes in 32 bit ']"
    assert kind == "complex64 [0, 0]"
    expected = lambda_populations(occupation(1.0, 0.6), occupation(1.0, 0.5))
    np.testing.assert_allclose([float(p) for p in populations.split()], expected, atol=1e-5)


@pytest.mark.long
def test_another_process_finds_the_same_digest_of_a_model(tmp_path: Path) -> None:
    """Python hashes texts and sets of them in another order in each process."""
    (tmp_path / "helper.py").write_text("T = 0.5\nNAMES = {'a', 'b', 'c'}\n")
    (tmp_path / "mine.py").write_text(
        "import helper\n"
        "from qthermo_jax.models import chain\n"
        "def own(g):\n"
        "    assert helper.NAMES\n"
        "    return chain(sites=2, g=g, T_L=helper.T, T_R=0.25)\n"
    )
    code = (
        "from pathlib import Path\n"
        "import mine\n"
        "from qthermo_jax.sweeping.plan.model import find_model\n"
        "print(find_model(mine.own, Path()).digest)"
    )
    path = f"{tmp_path}:{Path(qj.__file__).parents[1]}"
    first, second = (
        in_a_fresh_interpreter(code, PYTHONPATH=path, PYTHONHASHSEED=seed) for seed in ("1", "2")
    )
    assert first == second != ""
