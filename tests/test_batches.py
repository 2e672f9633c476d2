"""How a tile is cut into chunks and batches, and that it does not change a number."""

import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import qthermo_jax as qj
from qthermo_jax.sweeping.schedule import batches
from qthermo_jax.sweeping.schedule.tiling import make_tiling


@pytest.fixture
def three_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_cores", lambda: 3)
    monkeypatch.setattr(batches, "_WORTHWHILE", 2)
    monkeypatch.setattr(batches, "_MOST_CHUNKS", 2)


@given(
    st.lists(st.integers(1, 40), max_size=3).map(tuple),
    st.integers(1, 200),
    st.none() | st.integers(1, 64),
    st.integers(1, 3),
    st.randoms(use_true_random=False),
)
def test_the_chunks_of_the_batches_cover_each_tile_once(shape, points, chunk, devices, random) -> None:
    order = list(range(len(shape)))
    random.shuffle(order)
    tiling = make_tiling(shape, order, points, chunk, devices)
    cut = batches.Batches(tiling, chunks=random.choice([1, 2]), at_once=random.choice([1, 3]))
    grid = np.arange(math.prod(shape)).reshape(shape)
    found = np.full(shape, -1)
    for box in tiling.boxes:
        solved = []
        for corners in cut.of(box):
            assert 1 <= len(corners) <= cut.size
            for corner in corners:
                sides = zip(corner, tiling.chunk, box, strict=True)
                index = [np.minimum(np.arange(n) + start, side.stop - 1) for start, n, side in sides]
                solved.append(grid[np.ix_(*index)])
        found[box] = tiling.joined(box, np.stack(solved))
    np.testing.assert_array_equal(found, grid)
    assert math.prod(tiling.tile) <= max(1, points) * devices or chunk is None
    assert chunk is None or math.prod(tiling.chunk) <= chunk


@pytest.mark.parametrize(
    ("one", "other"), [((7,), (9,)), ((300, 300), (310, 290)), ((1000,), (1020,)), ((20, 3), (20, 4))]
)
def test_grids_of_like_sizes_have_chunks_of_one_shape(one, other) -> None:
    chunks = {make_tiling(shape, range(len(shape)), 10**6, 128, 1).chunk for shape in (one, other)}
    assert len(chunks) == 1


def swept(g: list[float]) -> xr.Dataset:
    return qj.sweep(
        "chain",
        axes={"g": g, "T_L": np.linspace(0.2, 0.9, 7)},
        parameters={"sites": 2},
        observables=["site_populations", "heat_currents"],
    )


@pytest.mark.long
@pytest.mark.parametrize("g", [[0.2], [0.2, 0.4]], ids=["one H", "batches of H"])
def test_a_sweep_in_three_threads_has_the_numbers_of_one(
    g: list[float], request: pytest.FixtureRequest
) -> None:
    one = swept(g)
    request.getfixturevalue("three_cores")
    three = swept(g)
    for name, expected in one.variables.items():
        np.testing.assert_allclose(three[name], expected, rtol=1e-12, atol=1e-15, err_msg=name)
