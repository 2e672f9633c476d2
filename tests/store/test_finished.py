"""A result that is complete: it opens like any file, and stays what it is."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

import qthermo_jax as qj
from datasets import tile_files_of, values_of
from qthermo_jax.steady import Status
from qthermo_jax.sweeping import SpecError, StoreError, Sweep, run_to_file
from qthermo_jax.sweeping.execute import this_host
from qthermo_jax.sweeping.execute.planning import make_plan
from qthermo_jax.sweeping.plan.model import find_model
from qthermo_jax.sweeping.spec.reading import parse_spec
from qthermo_jax.sweeping.store import store
from qthermo_jax.sweeping.store.files import alone, merge
from six_points import SIX, T, swept


class TestFinished:
    @pytest.mark.long
    def test_it_opens_in_xarray_and_equals_the_result_in_memory(self, tmp_path: Path) -> None:
        out = tmp_path / "new folder" / "result.h5"
        parameters = {"sites": 3, "T_R": 0.2}
        grid: dict[str, Any] = {"axes": {"g": [0.3, 0.8], "T_L": [0.3, 0.5]}, "parameters": parameters}
        in_memory = qj.sweep("chain", **grid)
        qj.sweep("chain", **grid, out=out).close()
        data = values_of(out)
        xr.testing.assert_equal(data, in_memory)
        for name in data.variables:
            np.testing.assert_equal(data[name].attrs, in_memory[name].attrs)
        assert json.loads(data.attrs["spec"])["parameters"] == parameters
        assert len(data.attrs["spec_sha256"]) == 64
        assert data.attrs["method"] == "auto"
        kept = {file.name for file in out.parent.iterdir()}
        assert kept == {"result.h5", "result.h5.log", ".result.h5.lock"}

    @pytest.mark.long
    def test_every_axis_of_every_dataset_has_a_dimension_scale(self, out: Path) -> None:
        axes = {"bias": {"T_1": [0.5, 0.6], "T_2": [0.1, 0.2]}}
        qj.sweep("lambda_system", axes=axes, observables=["level_populations"], out=out).close()
        with h5py.File(out) as file:
            for name, dataset in file.items():
                assert not dataset.is_virtual
                if not dataset.is_scale:
                    assert all(len(dim) == 1 for dim in dataset.dims), name
            assert file["bias"].is_scale
            assert file["level"].is_scale

    def test_parameters_that_move_together_come_back_as_coordinates(self, out: Path) -> None:
        axes = {"bias": {"T_1": [0.5, 0.6], "T_2": [0.1, 0.2]}}
        with qj.sweep("lambda_system", axes=axes, out=out) as data:
            assert set(data.coords) == {"bias", "T_1", "T_2"}
            xr.testing.assert_equal(data.load(), qj.sweep("lambda_system", axes=axes))

    def test_without_axes_it_is_one_point(self, out: Path) -> None:
        data = swept(out, axes={})
        assert data.sizes == {}
        xr.testing.assert_equal(data, qj.sweep("lambda_system", axes={}))

    def test_run_again_it_computes_nothing(self, out: Path, solved: list[int]) -> None:
        first = swept(out)
        assert sorted(solved) == [0, 2, 4]
        xr.testing.assert_identical(swept(out), first)
        assert len(solved) == 3

    def test_the_device_is_the_one_that_solved(self, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(this_host, "device_name", lambda: "gpu: of a worker")
        assert swept(out).attrs["device"] == "gpu: of a worker"

    def test_what_another_process_finished_meanwhile_is_not_computed_again(
        self, out: Path, solved: list[int]
    ) -> None:
        spec = parse_spec({"model": "lambda_system", "axes": SIX["axes"]}, "here")
        plan = make_plan(spec, find_model("lambda_system", Path()), SIX["memory"])
        job = Sweep(plan, "", "lambda_system", Path())
        early, late = store.Store(out, plan), store.Store(out, plan)
        run_to_file(job, early)
        solved.clear()
        run_to_file(job, late)
        assert solved == []

    def test_parts_that_a_killed_process_had_not_removed_yet_go_the_next_time(
        self, out: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patched:
            patched.setattr("qthermo_jax.sweeping.store.files.shutil.rmtree", lambda *_, **__: None)
            swept(out)
        assert len(tile_files_of(out)) == 3
        swept(out)
        assert tile_files_of(out) == []

    def test_results_are_kept_in_half_the_size_if_told(self, out: Path, whole: xr.Dataset) -> None:
        data = swept(out, stored="float32")
        assert data.unbalance.dtype == np.float32
        np.testing.assert_array_equal(data.unbalance, whole.unbalance.astype(np.float32))


class TestView:
    """Results above the limit stay views of their parts."""

    @pytest.fixture(autouse=True)
    def no_copies(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(store, "LARGEST_COPY", 0)

    def test_it_opens_like_a_copy_from_anywhere(
        self, out: Path, whole: xr.Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        swept(out)
        assert len(tile_files_of(out)) == 3
        with h5py.File(out) as file:
            assert file["unbalance"].is_virtual
        monkeypatch.chdir("/")
        data = values_of(out)
        xr.testing.assert_equal(data, whole)
        for name in data.variables:
            np.testing.assert_equal(data[name].attrs, whole[name].attrs)

    def test_it_is_finished(self, out: Path, solved: list[int]) -> None:
        swept(out)
        swept(out)
        assert len(solved) == 3

    @pytest.mark.parametrize("given", ["below/r.h5", "link/r.h5", "../here/below/r.h5"])
    def test_its_parts_stay_however_its_path_is_given(
        self,
        given: str,
        tmp_path: Path,
        whole: xr.Dataset,
        monkeypatch: pytest.MonkeyPatch,
        solved: list[int],
    ) -> None:
        folder = tmp_path / "here"
        (folder / "below").mkdir(parents=True)
        (folder / "link").symlink_to("below")
        monkeypatch.chdir(folder)
        for path in (Path(given), folder / "below" / "r.h5", Path(given)):
            swept(path)
            xr.testing.assert_equal(values_of(path), whole)
        assert len(solved) == 3

    def test_extended_it_keeps_the_parts_of_its_blocks(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        swept(Path("r.h5"), axes={"T_2": T[:4]})
        longer = swept(Path("r.h5"), extend=True)
        assert longer.status.values.tolist() == [Status.OK] * len(T)

    def test_merged_it_holds_its_numbers_itself(self, out: Path, whole: xr.Dataset) -> None:
        swept(out)
        merge(out)
        xr.testing.assert_equal(values_of(out), whole)
        assert tile_files_of(out) == []
        with h5py.File(out) as file:
            assert not file["unbalance"].is_virtual
            assert all(len(dim) == 1 for dim in file["unbalance"].dims)
        with pytest.raises(SpecError, match="already"):
            merge(out)

    def test_while_somebody_writes_it_is_not_merged(self, out: Path) -> None:
        swept(out)
        with alone(out), pytest.raises(SpecError, match="another process is writing it"):
            merge(out)
        merge(out)

    def test_a_part_that_was_altered_is_not_merged(self, out: Path, whole: xr.Dataset) -> None:
        swept(out)
        altered = tile_files_of(out)[1]
        with h5py.File(altered, "r+") as file:
            file["unbalance"][0] = 0.0
        with pytest.raises(StoreError, match=r"altered; delete it and run the sweep again"):
            merge(out)
        altered.unlink()
        swept(out)
        merge(out)
        xr.testing.assert_equal(values_of(out), whole)
