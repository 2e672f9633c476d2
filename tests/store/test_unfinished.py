"""A result of which parts are there: it goes on from them, and takes none that is wrong."""

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

import qthermo_jax as qj
from datasets import tile_files_of, values_of
from qthermo_jax.steady import Status
from qthermo_jax.sweeping import SpecError
from qthermo_jax.sweeping.store import store
from qthermo_jax.sweeping.store.files import merge
from qthermo_jax.sweeping.store.tile_files import TileFiles, read_tile_file
from six_points import THREE_LEVELS, T, stop_after, swept


class TestUnfinished:
    def test_it_shows_what_is_there_and_nan_elsewhere(
        self, interrupted: Path, whole: xr.Dataset
    ) -> None:
        data = values_of(interrupted)
        there = data.status.values == Status.OK
        assert there.tolist() == [True] * 2 + [False] * 4
        assert (data.status[~there] == Status.PENDING).all()
        np.testing.assert_array_equal(data.unbalance[there], whole.unbalance[there])
        assert np.isnan(data.unbalance[~there]).all()
        assert data.attrs["finished"] == 0
        np.testing.assert_array_equal(data.T_2, T)

    def test_it_goes_on_from_what_is_there(
        self, interrupted: Path, whole: xr.Dataset, solved: list[int]
    ) -> None:
        xr.testing.assert_equal(swept(interrupted), whole)
        assert solved == [2, 4]

    def test_it_is_not_merged(self, interrupted: Path) -> None:
        with pytest.raises(SpecError, match="not finished"):
            merge(interrupted)

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda tile_file: os.truncate(tile_file, tile_file.stat().st_size // 2),
            lambda tile_file: tile_file.write_bytes(b""),
            lambda tile_file: tile_file.write_text("my thesis"),
        ],
        ids=["cut short", "empty", "foreign"],
    )
    def test_a_spoilt_part_is_computed_again(
        self, interrupted: Path, whole: xr.Dataset, solved: list[int], spoil: Callable[[Path], None]
    ) -> None:
        spoil(*tile_files_of(interrupted))
        xr.testing.assert_equal(swept(interrupted), whole)
        assert solved == [0, 2, 4]

    def test_an_altered_number_is_found_out(
        self, interrupted: Path, whole: xr.Dataset, solved: list[int]
    ) -> None:
        (tile_file,) = tile_files_of(interrupted)
        with h5py.File(tile_file, "r+") as file:
            file["unbalance"][0] *= 1.0 + 1e-15
        xr.testing.assert_equal(swept(interrupted), whole)
        assert solved == [0, 2, 4]

    def test_a_part_of_another_sweep_is_not_taken(self, interrupted: Path, whole: xr.Dataset) -> None:
        (tile_file,) = tile_files_of(interrupted)
        arrays = read_tile_file(tile_file).arrays
        TileFiles(tile_file.parent, "another").write(
            (slice(0, 2),), {n: 0 * v for n, v in arrays.items()}, "cpu"
        )
        xr.testing.assert_equal(swept(interrupted), whole)

    def test_what_a_killed_writer_left_is_removed(self, interrupted: Path) -> None:
        left = tile_files_of(interrupted)[0].with_name(".000000002.h5.unfinished-host-1")
        left.write_text("half")
        with pytest.MonkeyPatch.context() as patched:
            stop_after(1, patched)
            with pytest.raises(KeyboardInterrupt):
                swept(interrupted)
        assert not left.exists()

    def test_the_log_keeps_what_happened(self, interrupted: Path) -> None:
        swept(interrupted)
        lines = interrupted.with_name("result.h5.log").read_text().splitlines()
        words = ["3 of 3 tiles missing", "stopped: KeyboardInterrupt"]
        words += ["2 of 3 tiles missing", "2 points solved", "2 points solved", "finished"]
        assert len(lines) == len(words)
        assert all(word in line for word, line in zip(words, lines, strict=True)), lines


class TestOtherTiles:
    """How a grid is cut is no part of what is computed."""

    FINER = THREE_LEVELS
    COARSER = 4 * THREE_LEVELS

    @pytest.mark.parametrize("memory", [FINER, COARSER], ids=["finer", "coarser"])
    def test_finished_points_are_kept(
        self, interrupted: Path, whole: xr.Dataset, solved: list[int], memory: int
    ) -> None:
        """The points 0 and 1 are there; a tile that has a point besides is computed as a whole."""
        xr.testing.assert_allclose(swept(interrupted, memory=memory), whole, rtol=1e-14)
        assert solved == ([2, 3, 4, 5] if memory == self.FINER else [0, 4])
        assert tile_files_of(interrupted) == []

    @pytest.mark.long
    def test_whatever_cut_them_they_are_joined_in_a_plane(
        self, out: Path, monkeypatch: pytest.MonkeyPatch, solved: list[int]
    ) -> None:
        axes = {"T_1": [0.3, 0.5, 0.7], "T_2": [0.1, 0.2, 0.3, 0.4, 0.6]}
        expected = qj.sweep("lambda_system", axes=axes)
        for points, tiles in ((2, 3), (4, 1)):
            with pytest.MonkeyPatch.context() as patched:
                stop_after(tiles, patched)
                with pytest.raises(KeyboardInterrupt):
                    swept(out, axes=axes, memory=points * THREE_LEVELS)
            data = values_of(out)
            there = data.status == Status.OK
            assert there.any()
            xr.testing.assert_allclose(data.where(there), expected.where(there), rtol=1e-14)
        monkeypatch.setattr(store, "LARGEST_COPY", 0)
        xr.testing.assert_allclose(swept(out, axes=axes, memory=THREE_LEVELS), expected, rtol=1e-14)
        merge(out)
        xr.testing.assert_allclose(values_of(out), expected, rtol=1e-14)

    def test_neither_tiles_nor_the_package_s_version_are_part_of_the_identity(
        self, interrupted: Path, solved: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in ("version", "sweeping.store.layout"):
            monkeypatch.setattr(f"qthermo_jax.{module}.__version__", "0.1.99")
        swept(interrupted)
        assert solved == [2, 4]

    def test_a_version_of_other_numbers_is_another_sweep(
        self, out: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        swept(out)
        monkeypatch.setattr("qthermo_jax.sweeping.plan.record.RESULTS_VERSION", 2)
        with pytest.raises(SpecError, match="another spec or model version"):
            swept(out)
