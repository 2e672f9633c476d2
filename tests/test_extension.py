"""An extended result has the numbers of a sweep from scratch, and only what it lacked is solved."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import qthermo_jax as qj
from qthermo_jax.sweeping import SpecError
from qthermo_jax.sweeping.compute import engine
from qthermo_jax.sweeping.store import store
from qthermo_jax.sweeping.store.extension import _runs

GRID: dict[str, Any] = {
    "axes": {"g": [0.3, 0.8], "T_L": [0.3, 0.5, 0.7]},
    "parameters": {"sites": 2, "T_R": 0.2},
    "observables": ["mean_position"],
}
REFINED = {"g": [0.3, 0.8], "T_L": [0.3, 0.4, 0.5, 0.6, 0.7]}
LONGER = {"g": [0.1, 0.3, 0.8, 1.3], "T_L": [0.2, 0.3, 0.5, 0.7]}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "result.h5"


@pytest.fixture
def solved(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, tuple[str, ...]]]:
    """How many points each tile that is solved has, and of which observables."""
    found: list[tuple[int, tuple[str, ...]]] = []
    solve = engine.Engine.solve

    def recorded(self: engine.Engine, boxes: Any) -> Iterator[Any]:
        for box, tile in solve(self, boxes):
            found.append((tile["status"].size, tuple(self._plan.outputs)))
            yield box, tile

    monkeypatch.setattr(engine.Engine, "solve", recorded)
    return found


def swept(out: Path | None, **changed: Any) -> xr.Dataset:
    with qj.sweep("chain", **{**GRID, **changed}, out=out) as data:
        return data.load()


@pytest.mark.long
@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"axes": REFINED}, [(4, 1)]),
        pytest.param({"axes": LONGER}, [(8, 1), (2, 1)], marks=pytest.mark.slow),
        ({"axes": {"g": [0.8], "T_L": [0.7, 0.3]}}, []),
        ({"observables": ["mean_position", "heat_currents"]}, [(6, 1)]),
        ({"axes": REFINED, "observables": ["heat_currents", "mean_position"]}, [(6, 1), (4, 2)]),
        ({"derivatives": ["T_R"]}, [(6, 1)]),
        ({"axes": {"g": [0.4], "T_L": [0.3]}}, [(1, 1)]),
    ],
    ids=["refined", "longer", "fewer", "observable", "both", "derivative", "nothing in common"],
)
def test_only_what_is_missing_is_solved(
    out: Path, solved: list[Any], changed: dict[str, Any], expected: list[tuple[int, int]]
) -> None:
    from_scratch = swept(None, **changed)
    swept(out)
    solved.clear()
    extended = swept(out, **changed, extend=True)
    assert [(points, len(names)) for points, names in solved] == expected
    assert list(extended.dims) == list(from_scratch.dims)
    xr.testing.assert_allclose(extended, from_scratch, rtol=1e-12, atol=1e-15)
    for name in from_scratch.variables:
        np.testing.assert_equal(extended[name].attrs, from_scratch[name].attrs)
    solved.clear()
    xr.testing.assert_identical(swept(out, **changed), extended)
    assert solved == []
    left = {file.name for file in out.parent.iterdir()}
    assert left == {"result.h5", "result.h5.log", ".result.h5.lock"}


@pytest.mark.long
def test_values_that_move_together_are_matched_together(out: Path, solved: list[Any]) -> None:
    def bias(T_1: list[float], T_2: list[float]) -> dict[str, Any]:
        return {"axes": {"bias": {"T_1": T_1, "T_2": T_2}}, "out": out}

    qj.sweep("lambda_system", **bias([0.5, 0.6], [0.1, 0.2])).close()
    solved.clear()
    with qj.sweep("lambda_system", **bias([0.5, 0.5, 0.6], [0.1, 0.2, 0.2]), extend=True) as data:
        assert [points for points, _ in solved] == [1]
        np.testing.assert_array_equal(data.bias, [0, 1, 2])
        alone = qj.sweep("lambda_system", axes={"T_2": [0.2]}, parameters={"T_1": 0.5})
        np.testing.assert_allclose(data.unbalance[1], alone.unbalance[0], rtol=1e-13)


@pytest.mark.long
def test_a_view_can_be_extended_and_takes_its_parts_along(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LARGEST_COPY", 0)
    swept(out)
    extended = swept(out, axes=REFINED, extend=True)
    xr.testing.assert_allclose(extended, swept(None, axes=REFINED), rtol=1e-12, atol=1e-15)
    assert {file.name for file in out.parent.iterdir() if file.is_dir()} == set()


def test_interrupted_it_leaves_the_old_result_and_goes_on(out: Path, solved: list[Any]) -> None:
    old = swept(out)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store.Store, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            swept(out, axes=LONGER, extend=True)
    xr.testing.assert_identical(swept(out), old)
    solved.clear()
    swept(out, axes=LONGER, extend=True)
    assert solved == []


def test_without_being_told_nothing_is_extended(out: Path) -> None:
    old = swept(out)
    with pytest.raises(SpecError, match=r"another spec of the same model and parameters; --extend"):
        swept(out, axes=LONGER)
    xr.testing.assert_identical(swept(out), old)


@pytest.mark.parametrize(
    "changed",
    [
        {"parameters": {"sites": 2, "T_R": 0.3}},
        {"method": "dense"},
        {"stored": "float32"},
        {"axes": {"T_L": [0.3], "g": [0.3]}, "parameters": {"sites": 2}},
    ],
    ids=["parameter", "method", "precision", "default"],
)
def test_other_physics_is_never_mixed_in(out: Path, changed: dict[str, Any]) -> None:
    swept(out)
    with pytest.raises(SpecError, match="another spec or model version"):
        swept(out, **changed, extend=True)


@pytest.mark.long
def test_another_initial_state_is_other_physics(out: Path) -> None:
    def evolved(initial: str) -> None:
        asked: dict[str, Any] = {"axes": {"time": [0.0, 1.0]}, "evolution": {"initial": initial}}
        qj.sweep("lambda_system", **asked, out=out, extend=True).close()

    evolved("1")
    with pytest.raises(SpecError, match="another spec or model version"):
        evolved("2")


@given(st.sets(st.integers(0, 60), min_size=1).map(sorted), st.integers(1, 20))
def test_runs_cover_every_position_once_and_in_order(positions: list[int], longest: int) -> None:
    along = np.array(positions)
    runs = list(_runs(along, longest))
    grid = np.concatenate([np.arange(100)[run] for run, _ in runs])
    np.testing.assert_array_equal(grid, along)
    np.testing.assert_array_equal(np.concatenate([along[own] for _, own in runs]), along)
    assert all(own.stop - own.start <= longest for _, own in runs)


@pytest.mark.long
def test_what_is_added_brings_its_notes_along(out: Path) -> None:
    """Near equilibrium the third cumulant is not known, as its point says; the currents are."""
    asked: dict[str, Any] = {
        "axes": {"T_c": [0.9, 1.0 - 1e-6]},
        "parameters": {"T_h": 1.0, "T_w": 1.0},
        "method": "populations",
    }
    with qj.sweep("three_level_refrigerator", **asked, observables=["heat_currents"], out=out) as data:
        assert data.note.values.tolist() == [0, 0]
    both = ["heat_currents", "current_cumulants"]
    with qj.sweep("three_level_refrigerator", **asked, observables=both, out=out, extend=True) as data:
        assert data.note.values.tolist() == [0, qj.Note.CURRENTS_CANCEL]
        assert np.isnan(data.current_cumulants.values[1, 2]).all()
