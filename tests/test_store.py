"""Results on disk: they open, resume, and are never wrong or half written, whatever happens."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

import qthermo_jax as qj
from datasets import tile_files_of, values_of
from qthermo_jax.steady import Status, bytes_per_point
from qthermo_jax.sweeping import SpecError, SpecWarning, StoreError, Sweep, run_to_file
from qthermo_jax.sweeping.compute import engine
from qthermo_jax.sweeping.execute import this_host
from qthermo_jax.sweeping.execute.planning import make_plan
from qthermo_jax.sweeping.plan.model import find_model
from qthermo_jax.sweeping.spec.reading import parse_spec
from qthermo_jax.sweeping.store import layout, store
from qthermo_jax.sweeping.store.contents import names_in
from qthermo_jax.sweeping.store.files import alone, merge
from qthermo_jax.sweeping.store.tile_files import TileFiles, read_tile_file

THREE_LEVELS = bytes_per_point(qj.models.lambda_system(), qj.Method.POPULATIONS)
T = [0.1, 0.2, 0.3, 0.5, 0.8, 1.3]
SIX: dict[str, Any] = {"axes": {"T_2": T}, "memory": 2 * THREE_LEVELS}


def swept(out: Path, **changed: Any) -> xr.Dataset:
    """Six points of the Lambda system in three tiles."""
    with qj.sweep("lambda_system", **{**SIX, **changed}, out=out) as data:
        return data.load()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "result.h5"


@pytest.fixture
def whole(tmp_path: Path) -> xr.Dataset:
    """The same sweep undisturbed."""
    return swept(tmp_path / "undisturbed.h5")


@pytest.fixture
def solved(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Where the tiles that are solved begin."""
    starts: list[int] = []
    solve = engine.Engine.solve

    def recorded(self: engine.Engine, boxes: Any) -> Iterator[Any]:
        for box, tile in solve(self, boxes):
            starts.append(box[0].start)
            yield box, tile

    monkeypatch.setattr(engine.Engine, "solve", recorded)
    return starts


def stop_after(tiles: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail when so many tiles are solved."""
    solve = engine.Engine.solve

    def stops(self: engine.Engine, boxes: Any) -> Iterator[Any]:
        for count, done in enumerate(solve(self, boxes)):
            if count == tiles:
                raise KeyboardInterrupt
            yield done

    monkeypatch.setattr(engine.Engine, "solve", stops)


@pytest.fixture
def interrupted(out: Path) -> Path:
    """An output of which one tile of three is there."""
    with pytest.MonkeyPatch.context() as patched:
        stop_after(1, patched)
        with pytest.raises(KeyboardInterrupt):
            swept(out)
    return out


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


class TestSymbolicLink:
    @pytest.mark.parametrize("there", [True, False], ids=["to a file", "to nothing yet"])
    def test_it_is_written_through(self, tmp_path: Path, whole: xr.Dataset, there: bool) -> None:
        target, link = tmp_path / "disk" / "data.h5", tmp_path / "link.h5"
        target.parent.mkdir()
        if there:
            swept(target, axes={"T_2": T[:2]})
        link.symlink_to("disk/data.h5")
        xr.testing.assert_equal(swept(link, extend=there), whole)
        assert link.is_symlink()
        xr.testing.assert_equal(values_of(target), whole)
        assert not list(tmp_path.glob("link.h5.*"))

    def test_a_view_is_merged_through_it(
        self, tmp_path: Path, whole: xr.Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(store, "LARGEST_COPY", 0)
        link = tmp_path / "link.h5"
        (tmp_path / "disk").mkdir()
        link.symlink_to("disk/data.h5")
        swept(link)
        merge(link)
        assert link.is_symlink()
        xr.testing.assert_equal(values_of(link), whole)

    def test_one_that_leads_to_itself_is_bad_input(self, tmp_path: Path) -> None:
        link = tmp_path / "link.h5"
        link.symlink_to("link.h5")
        with pytest.raises(SpecError, match="leads nowhere"):
            swept(link)


class TestDisk:
    def test_the_final_copy_is_on_the_disk_before_a_part_is_removed(
        self, out: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done: list[str] = []
        sync, remove = os.fsync, store.remove_tile_files

        def noted(handle: int) -> None:
            done.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
            sync(handle)

        def removed(folder: Path) -> None:
            done.append("removed")
            remove(folder)

        monkeypatch.setattr(os, "fsync", noted)
        monkeypatch.setattr("qthermo_jax.sweeping.store.files.remove_tile_files", removed)
        swept(out)
        before = done[: done.index("removed")]
        assert before[-1] == str(out.parent)
        assert Path(before[-2]).name.startswith(".result.h5.unfinished")

    def test_room_is_asked_for_parts_and_copy(
        self, out: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        spec = parse_spec({"model": "lambda_system", "axes": SIX["axes"]}, "here")
        plan = make_plan(spec, find_model("lambda_system", Path()), SIX["memory"])
        assert store.room_for(plan) == 2 * layout.bytes_on_disk(plan)
        assert store.room_for(plan, there=plan.points) == layout.bytes_on_disk(plan)
        free = store.shutil.disk_usage(out.parent)._replace(free=layout.bytes_on_disk(plan) + 1)
        monkeypatch.setattr(store.shutil, "disk_usage", lambda _: free)
        with pytest.warns(SpecWarning, match="bytes of disk"):
            swept(out)
        assert "bytes more until it is finished" in caplog.text
        monkeypatch.setattr(store, "LARGEST_COPY", 0)
        assert store.room_for(plan) == layout.bytes_on_disk(plan)


class TestOthers:
    @pytest.mark.parametrize("name", ["50%.h5", "a%b.h5", "a%%.h5"])
    def test_a_percent_sign_is_a_letter_like_any_other(
        self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: xr.Dataset
    ) -> None:
        monkeypatch.setattr(store, "LARGEST_COPY", 0)
        xr.testing.assert_equal(swept(tmp_path / name), whole)
        merge(tmp_path / name)
        xr.testing.assert_equal(values_of(tmp_path / name), whole)

    def test_a_folder_is_bad_input(self, tmp_path: Path) -> None:
        with pytest.raises(SpecError, match="is a folder; --out takes the name of a file"):
            swept(tmp_path)

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="stands for a full disk")
    def test_a_log_on_a_full_disk_ends_no_sweep(self, out: Path, whole: xr.Dataset) -> None:
        out.with_name(f"{out.name}.log").symlink_to("/dev/full")
        xr.testing.assert_equal(swept(out), whole)

    def test_another_programs_hdf5_has_no_names_of_ours(self, out: Path) -> None:
        with h5py.File(out, "w") as file:
            file["numbers"] = np.zeros(3)
        assert names_in(out) == []

    def test_a_file_of_another_spec_is_left_alone(self, out: Path) -> None:
        swept(out)
        before = out.read_bytes()
        with pytest.raises(SpecError, match="belongs to another spec"):
            swept(out, axes={"T_2": [0.2]})
        assert out.read_bytes() == before

    def test_an_old_result_stays_until_the_new_one_is_complete(self, out: Path) -> None:
        swept(out)
        before = out.read_bytes()
        with pytest.MonkeyPatch.context() as patched:
            stop_after(1, patched)
            with pytest.raises(KeyboardInterrupt):
                swept(out, axes={"T_2": T[::-1]}, overwrite=True)
        assert out.read_bytes() == before
        assert swept(out, axes={"T_2": T[::-1]}, overwrite=True).T_2.values.tolist() == T[::-1]

    def test_a_file_that_is_no_hdf5_is_left_alone(self, out: Path) -> None:
        out.write_text("my thesis")
        with pytest.raises(SpecError, match="not HDF5"):
            swept(out)
        assert out.read_text() == "my thesis"

    def test_a_bad_spec_touches_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(SpecError, match=r"axes\.T_3"):
            swept(tmp_path / "sub" / "r.h5", axes={"T_3": [0.2]}, overwrite=True)
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_cannot_be_made_is_said(self, out: Path) -> None:
        out.write_text("a file")
        with pytest.raises(SpecError, match=r"result\.h5: cannot be made"):
            swept(out / "r.h5")
