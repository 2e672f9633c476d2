"""A result that is computed anew: the old one stays until the new one is complete."""

from pathlib import Path

import pytest
import xarray as xr

from datasets import tile_files_of
from qthermo_jax.sweeping import SpecError
from qthermo_jax.sweeping.store import store
from qthermo_jax.sweeping.store.files import merge
from six_points import T, stop_after, swept


class TestOverwrite:
    def test_everything_is_computed_anew(
        self, out: Path, solved: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for largest in (store.LARGEST_COPY, 0, 0):  # a copy, a view, and a view in place of a view
            monkeypatch.setattr(store, "LARGEST_COPY", largest)
            for _ in range(2):
                solved.clear()
                swept(out, overwrite=True)
                assert solved == [0, 2, 4]
        assert len(list(out.parent.glob("*.parts-*"))) == 1
        solved.clear()
        swept(out)
        assert solved == []

    def test_what_an_extension_holds_is_computed_anew(self, out: Path, solved: list[int]) -> None:
        swept(out, axes={"T_2": T[:3]})
        swept(out, extend=True)
        solved.clear()
        swept(out, overwrite=True)
        assert solved == [0, 2, 4]

    def test_interrupted_it_goes_on_without_being_told_again(
        self, out: Path, solved: list[int], whole: xr.Dataset
    ) -> None:
        swept(out, axes={"T_2": T[::-1]})
        with pytest.MonkeyPatch.context() as patched:
            stop_after(1, patched)
            with pytest.raises(KeyboardInterrupt):
                swept(out, overwrite=True)
        solved.clear()
        xr.testing.assert_equal(swept(out), whole)
        assert solved == [2, 4]

    def test_interrupted_its_parts_outlive_a_merge(
        self, out: Path, solved: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        swept(out)
        with monkeypatch.context() as patched:
            stop_after(2, patched)
            with pytest.raises(KeyboardInterrupt):
                swept(out, overwrite=True)
        with pytest.raises(SpecError, match="holds its numbers itself already"):
            merge(out)
        solved.clear()
        swept(out)
        assert len(solved) == 1

    def test_another_sweeps_parts_are_said_and_removed(
        self, interrupted: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        mine = interrupted.with_name("result.h5.parts-of-mine")
        mine.mkdir()
        (old,) = {tile_file.parent for tile_file in tile_files_of(interrupted)}
        interrupted.unlink()
        swept(interrupted, axes={"T_2": T[::-1]})
        assert f"{old}: left by another spec" in caplog.text
        assert not old.exists()
        assert mine.exists()

    def test_the_parts_of_what_is_replaced_go_with_it(self, interrupted: Path) -> None:
        swept(interrupted, axes={"T_2": T[::-1]}, overwrite=True)
        assert not tile_files_of(interrupted)
