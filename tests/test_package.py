"""What importing the package does not do, checked in a fresh interpreter."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import qthermo_jax as qj


def in_a_fresh_interpreter(code: str) -> str:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return run.stdout.strip()


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


def test_the_tables_of_the_readme_are_those_of_the_code() -> None:
    top = Path(__file__).parents[1]
    spec = importlib.util.spec_from_file_location("tables", top / "docs" / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    text = (top / "README.md").read_text(encoding="utf-8")
    assert tables.with_tables(text) == text, "python docs/tables.py"
