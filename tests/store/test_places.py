"""Where a result may stand: links, names, full disks, and files of others."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from datasets import values_of
from qthermo_jax.sweeping import SpecError, SpecWarning
from qthermo_jax.sweeping.execute.planning import make_plan
from qthermo_jax.sweeping.plan.model import find_model
from qthermo_jax.sweeping.spec.reading import parse_spec
from qthermo_jax.sweeping.store import layout, store
from qthermo_jax.sweeping.store.contents import names_in
from qthermo_jax.sweeping.store.files import merge
from six_points import SIX, T, stop_after, swept


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
