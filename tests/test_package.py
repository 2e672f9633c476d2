"""What importing the package does not do, checked in a fresh interpreter."""

import importlib.util
import subprocess
import sys
from pathlib import Path

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
        assert hasattr(qj, name), name


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
