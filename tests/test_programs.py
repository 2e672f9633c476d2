"""Compiled programs are made once, serve what differs in numbers alone, and nothing else."""

import logging
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from jax.experimental.compilation_cache import compilation_cache

import qthermo_jax as qj
from qthermo_jax import cache
from qthermo_jax.sweeping.compute import kept
from qthermo_jax.sweeping.execute.planning import make_plan
from qthermo_jax.sweeping.plan.fingerprint import fingerprint
from qthermo_jax.sweeping.plan.model import find_model
from qthermo_jax.sweeping.spec.reading import parse_spec


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for programs, and none in memory."""
    monkeypatch.setenv("QTHERMO_CACHE_DIR", str(tmp_path / "programs"))
    forget()
    return tmp_path / "programs"


@pytest.fixture
def compiled_here() -> Iterator[None]:
    """JAX's own cache is off: what it loads instead of compiling is not kept in ours."""
    jax.config.update("jax_enable_compilation_cache", False)
    compilation_cache.reset_cache()
    yield
    jax.config.update("jax_enable_compilation_cache", True)
    compilation_cache.reset_cache()


def forget() -> None:
    """As in a new process."""
    kept.Kept.forget()
    cache._told.cache_clear()  # noqa: SLF001 - it says things once a process


@pytest.fixture
def compilations(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], int]]:
    """How many programs XLA has compiled, by JAX's own log."""
    caplog.set_level(logging.WARNING)
    with jax.log_compiles(True):
        yield lambda: sum("Finished XLA compilation" in record.message for record in caplog.records)


def two_level(T: float, omega: float = 1.0, rate: float = 0.1) -> qj.OpenSystem:
    H = omega * jnp.diag(jnp.array([0.0, 1.0]))
    flip = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    return qj.OpenSystem(H, [qj.Bath(flip, T, qj.Flat(rate)), qj.Bath(flip, 0.5, qj.Flat(0.2))])


def swept(model: Any = two_level, T: Any = (0.3, 0.4, 0.7), **given: Any) -> xr.Dataset:
    return qj.sweep(model, axes={"T": T}, observables=["level_populations", "heat_currents"], **given)


def expected(T: np.ndarray, omega: float = 1.0, rate: float = 0.1) -> np.ndarray:
    """Current into the second bath, in closed form."""
    up = rate / np.expm1(omega / T) + 0.2 / np.expm1(omega / 0.5)
    down = rate / -np.expm1(-omega / T) + 0.2 / -np.expm1(-omega / 0.5)
    excited = up / (up + down)
    return omega * 0.2 * (excited / -np.expm1(-omega / 0.5) - (1 - excited) / np.expm1(omega / 0.5))


def test_sweeps_with_other_numbers_make_no_program(
    own_cache: Path, compilations: Callable[[], int]
) -> None:
    swept()
    made = compilations()
    random = np.random.default_rng(0)
    for n in range(100):
        T = random.uniform(0.1, 2.0, 1 + n % 16)
        omega, rate = random.uniform(0.5, 2.0, 2)
        data = swept(T=T, parameters={"omega": omega, "rate": rate})
        if n == 0:
            made = compilations()  # fixed parameters are given now
        np.testing.assert_allclose(data.heat_currents[:, 1], expected(T, omega, rate), rtol=1e-10)
    assert compilations() == made


@pytest.mark.long
def test_another_process_loads_what_one_compiled(
    own_cache: Path, compiled_here: None, compilations: Callable[[], int]
) -> None:
    model = closed_over(0.2718)
    cold = swept(model)
    made = compilations()
    assert made
    in_memory = swept(model)
    forget()
    from_disk = swept(model)
    assert compilations() == made
    for name in cold.variables:
        np.testing.assert_array_equal(in_memory[name], cold[name])
        np.testing.assert_array_equal(from_disk[name], cold[name])


@pytest.mark.long
def test_what_jax_has_loaded_is_not_saved(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JAX's cache holds the program, ours does not: the next process has to find a program that runs."""
    cold = swept(parameters={"omega": 1.5})
    for name in ("second", "third"):
        monkeypatch.setenv("QTHERMO_CACHE_DIR", str(tmp_path / name))
        for _ in range(2):
            forget()
            again = swept(parameters={"omega": 1.5})
            np.testing.assert_array_equal(again.heat_currents, cold.heat_currents)


@pytest.mark.long
def test_a_program_that_calls_lapack_is_loaded(own_cache: Path, compiled_here: None) -> None:
    asked = {"axes": {"g": [0.2, 0.4]}, "parameters": {"sites": 2}, "observables": ["site_populations"]}
    cold = qj.sweep("chain", **asked)
    assert programs_in(own_cache)
    forget()
    xr.testing.assert_identical(qj.sweep("chain", **asked).drop_attrs(), cold.drop_attrs())


@pytest.mark.long
@pytest.mark.parametrize("points", [1, 7, 200, 5000])
def test_a_batch_of_any_length_has_the_numbers_of_its_points(own_cache: Path, points: int) -> None:
    T = np.linspace(0.1, 2.0, points)
    np.testing.assert_allclose(swept(T=T).heat_currents[:, 1], expected(T), rtol=1e-9, atol=1e-12)


# --- what a program is known by

BASE = {
    "model": "chain",
    "axes": {"g": [0.2, 0.4], "T_L": [0.3, 0.5]},
    "parameters": {"sites": 3, "T_R": 0.4},
    "observables": ["site_populations"],
}

OTHERS = {
    "structure": {"parameters": {"sites": 2, "T_R": 0.4}},
    "a choice": {"parameters": {"sites": 3, "T_R": 0.4, "spectrum": "ohmic"}},
    "a default is given": {"parameters": {"sites": 3, "T_R": 0.4, "rate": 1.0}},
    "observables": {"observables": ["heat_currents"]},
    "more observables": {"observables": ["site_populations", "heat_currents"]},
    "derivatives": {"derivatives": ["T_L"]},
    "another derivative": {"derivatives": ["g"]},
    "derivatives by baths": {"derivatives": ["temperatures"]},
    "method": {"solver": {"method": "dense"}},
    "equation": {"solver": {"generator": "redfield"}},
    "cut-off": {"solver": {"secular_tol": 0.1}},
    "another cut-off": {"solver": {"secular_tol": 0.2}},
    "precision": {"solver": {"precision": "float32"}},
    "results": {"output": {"precision": "float32"}},
    "axes in another order": {"axes": {"T_L": [0.3, 0.5], "g": [0.2, 0.4]}},
    "axes together": {"axes": {"both": {"g": [0.2, 0.4], "T_L": [0.3, 0.5]}}},
    "model": {
        "model": "lambda_system",
        "axes": {"T_1": [0.2, 0.4], "T_2": [0.3, 0.5]},
        "parameters": {},
        "observables": ["level_populations"],
    },
    "evolution": {
        "evolution": {"initial": "e_1"},
        "parameters": {"sites": 3, "T_R": 0.4, "time": 1.0},
    },
    "another start": {
        "evolution": {"initial": "e_2"},
        "parameters": {"sites": 3, "T_R": 0.4, "time": 1.0},
    },
    "capacity": {
        "evolution": {"initial": "e_1", "heat_capacity": 2.0},
        "parameters": {"sites": 3, "T_R": 0.4, "time": 1.0},
    },
}


def statics_of(**changed: Any) -> dict[str, Any]:
    spec = parse_spec({**BASE, **changed}, "here")
    return make_plan(spec, find_model(spec.model, Path())).statics


def test_whatever_shapes_a_program_is_a_part_of_its_key() -> None:
    keys = {name: kept.digest(statics_of(**changed)) for name, changed in OTHERS.items()}
    keys["base"] = kept.digest(statics_of())
    assert len(set(keys.values())) == len(keys)


def test_numbers_are_no_part_of_it() -> None:
    other = statics_of(
        axes={"g": [0.7, 0.9, 1.1], "T_L": [2.0]}, parameters={"sites": 3, "T_R": 9.0}, title="other"
    )
    assert other == statics_of()


def test_a_configuration_of_jax_is_a_part_of_it(
    own_cache: Path, compilations: Callable[[], int]
) -> None:
    swept()
    made = compilations()
    with jax.debug_nans(True):
        swept()
    assert compilations() > made


SCALE = [1.0]


class Common:
    rate = 0.1


class Settings(Common):
    pass


def scaled(T: float) -> qj.OpenSystem:
    return two_level(T, rate=SCALE[0] * Settings.rate)


@pytest.mark.long
def test_what_a_function_finds_in_memory_is_a_part_of_its_model(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    T = np.array([0.3, 0.4, 0.7])
    np.testing.assert_allclose(swept(scaled).heat_currents[:, 1], expected(T), rtol=1e-10)
    monkeypatch.setattr(sys.modules[__name__], "SCALE", [3.0])
    np.testing.assert_allclose(swept(scaled).heat_currents[:, 1], expected(T, rate=0.3), rtol=1e-10)
    monkeypatch.setattr(Common, "rate", 0.2)
    np.testing.assert_allclose(swept(scaled).heat_currents[:, 1], expected(T, rate=0.6), rtol=1e-10)


def closed_over(rate: float) -> Callable[[float], qj.OpenSystem]:
    def model(T: float) -> qj.OpenSystem:
        return two_level(T, rate=rate)

    return model


@pytest.mark.long
def test_what_a_closure_holds_is_a_part_of_its_model(own_cache: Path) -> None:
    T = np.array([0.3, 0.4, 0.7])
    for rate in (0.1, 0.4, 0.1):
        found = swept(closed_over(rate)).heat_currents[:, 1]
        np.testing.assert_allclose(found, expected(T, rate=rate), rtol=1e-10)


def test_an_object_of_which_nothing_is_known_is_like_no_other() -> None:
    class Odd:
        def __reduce_ex__(self, _: object) -> Any:
            raise TypeError

    odd = Odd()

    def model(T: float) -> Any:
        return odd, T

    assert fingerprint(model, now=True) != fingerprint(model, now=True)
    assert fingerprint(model) == fingerprint(model)


MODEL = """
import jax.numpy as jnp
import qthermo_jax as qj
from helper import RATE

def model(T: float):
    flip = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    H = jnp.diag(jnp.array([0.0, 1.0]))
    return qj.OpenSystem(H, [qj.Bath(flip, T, qj.Flat(RATE)), qj.Bath(flip, 0.5, qj.Flat(0.2))])
"""


@pytest.mark.long
def test_a_models_file_and_its_helpers_are_a_part_of_it(
    folder: Path, own_cache: Path, compilations: Callable[[], int]
) -> None:
    (folder / "m.py").write_text(MODEL)
    T = np.array([0.3, 0.4, 0.7])
    made = set()
    for rate in (0.1, 0.3, 0.1):
        (folder / "helper.py").write_text(f"RATE = {rate}\n")
        found = swept("m.py:model").heat_currents[:, 1]
        np.testing.assert_allclose(found, expected(T, rate=rate), rtol=1e-10)
        made.add(compilations())
    assert len(made) == 2  # the third one is the first one


# --- files of the cache


def programs_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name.startswith("program-")}


@pytest.mark.long
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: data[:-10] + bytes(10),
        lambda data: b"another program's file, or an older version's",
    ],
    ids=["cut", "empty", "changed", "foreign"],
)
def test_a_damaged_file_is_replaced(
    own_cache: Path, compiled_here: None, damage: Callable[[bytes], bytes]
) -> None:
    whole = swept()
    programs = programs_in(own_cache)
    assert programs
    files = {path: path.read_bytes() for path in own_cache.iterdir()}
    for path, data in files.items():
        path.write_bytes(damage(data))
    forget()
    np.testing.assert_array_equal(swept().heat_currents, whole.heat_currents)
    forget()
    assert all(cache.read(path.stem) is not None for path in files)
    assert programs_in(own_cache) == programs


@pytest.mark.long
def test_a_sound_file_of_something_else_is_replaced(own_cache: Path, compiled_here: None) -> None:
    whole = swept()
    assert programs_in(own_cache)
    for path in own_cache.iterdir():
        cache.write(path.stem, pickle.dumps((False, "no executable")))
    forget()
    np.testing.assert_array_equal(swept().heat_currents, whole.heat_currents)


@pytest.mark.skipif(os.name != "posix", reason="who may write what is POSIX's")
def test_a_folder_that_others_can_write_is_not_used(
    own_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own_cache.mkdir()
    own_cache.chmod(0o777)
    swept()
    assert not list(own_cache.iterdir())
    assert "others may write there" in caplog.text


def test_a_folder_that_cannot_be_made_is_a_note(
    tmp_path: Path, own_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own_cache.write_text("a file is in the way")
    np.testing.assert_allclose(
        swept().heat_currents[:, 1], expected(np.array([0.3, 0.4, 0.7])), rtol=1e-10
    )
    assert caplog.text.count("cannot be kept") == 1


@pytest.mark.long
def test_a_full_disk_is_a_note(
    own_cache: Path,
    compiled_here: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.os, "fdopen", full)
    swept()
    assert "No space left on device" in caplog.text
    assert not list(own_cache.iterdir())


def test_nothing_is_kept_where_the_folder_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QTHERMO_CACHE_DIR", "")
    forget()
    swept()
    assert cache.kept() == (0, 0)


def test_the_least_recently_used_files_go_first(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n, name in enumerate(["a", "b", "c"]):
        cache.write(name, bytes(1000))
        os.utime(own_cache / f"{name}.kept", (n, n))
    assert cache.read("a")  # is used now
    monkeypatch.setattr(cache, "MOST_BYTES", 3 * 1000)
    cache.write("d", bytes(1000))
    assert [name for name in "abcd" if cache.read(name)] == ["a", "d"]
    assert cache.kept()[0] == 2


def test_the_command_tells_and_clears(own_cache: Path, qthermo: Callable[..., Any]) -> None:
    cache.write("a", bytes(1000))
    assert qthermo("cache") == (0, f"{own_cache}: 1 file, 1.05 kB\n", "")
    assert qthermo("cache", "--clear") == (0, f"{own_cache}: 1 file, 1.05 kB removed\n", "")
    assert qthermo("cache") == (0, f"{own_cache}: 0 files, 0 B\n", "")


# --- the memory of a process


def test_a_process_keeps_a_bounded_number_of_things() -> None:
    made = []
    few: kept.Kept[int] = kept.Kept("number", 3)

    def thing(n: int) -> int:
        return few.get({"n": n}, lambda: made.append(n) or n)

    for n in (1, 2, 3, 1, 4, 1, 2):
        assert thing(n) == n
    assert made == [1, 2, 3, 4, 2]


def test_a_basis_its_transitions_and_a_gibbs_state_are_one_program_each(
    compilations: Callable[[], int],
) -> None:
    S = np.eye(11, k=1) + np.eye(11, k=-1)
    H = np.diag(np.arange(11.0) ** 2) + S
    system = qj.OpenSystem(H, [qj.Bath(S, 0.5, qj.Flat(1.0))])
    before = compilations()
    system.transitions(system.eigenbasis())
    qj.gibbs_state(H, 0.5)
    assert compilations() - before <= 3
