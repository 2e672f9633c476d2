"""A tile in parts on the cores of a CPU: the same numbers."""

import numpy as np
import pytest
import xarray as xr

import qthermo_jax as qj
from qthermo_jax.sweeping.schedule import thread_chunks
from qthermo_jax.sweeping.schedule.tiling import make_tiling


@pytest.fixture
def three_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_chunks, "_cores", lambda: 3)
    monkeypatch.setattr(thread_chunks, "_WORTHWHILE", 2)


@pytest.mark.parametrize("shape", [(7,), (2, 5), (4, 3, 2)])
@pytest.mark.usefixtures("three_cores")
def test_the_parts_cover_each_tile_once(shape: tuple[int, ...]) -> None:
    tiling = make_tiling(shape, range(len(shape)), points=10, chunk=4, devices=1)
    cut = thread_chunks.thread_chunks_of(tiling, on_cpu=True)
    assert cut.number == min(3, np.prod(tiling.tile) // 2)
    grid = np.arange(np.prod(shape)).reshape(shape)
    for box in tiling.boxes:
        chunks = list(cut.chunks(box))
        assert 1 <= len(chunks) <= 3
        assert all(
            s.stop - s.start <= n for chunk in chunks for s, n in zip(chunk, cut.shape, strict=True)
        )
        # As the engine gives them: of one shape, with something else beyond the edge.
        padded = []
        for chunk in chunks:
            missing = np.subtract(cut.shape, grid[chunk].shape)
            padded.append({"x": np.pad(grid[chunk], [(0, n) for n in missing])})
        joined = cut.joined(box, padded)["x"]
        np.testing.assert_array_equal(joined, grid[box])


def swept(g: list[float]) -> xr.Dataset:
    return qj.sweep(
        "chain",
        axes={"g": g, "T_L": np.linspace(0.2, 0.9, 7)},
        parameters={"sites": 2},
        observables=["site_populations", "heat_currents"],
    )


@pytest.mark.parametrize("g", [[0.2], [0.2, 0.4]], ids=["one H", "batches of H"])
def test_a_sweep_in_three_threads_has_the_numbers_of_one(
    g: list[float], request: pytest.FixtureRequest
) -> None:
    one = swept(g)
    request.getfixturevalue("three_cores")
    three = swept(g)
    for name, expected in one.variables.items():
        np.testing.assert_allclose(three[name], expected, rtol=1e-12, atol=1e-15, err_msg=name)
