"""Files that are damaged at random: never a traceback, never a wrong number, nothing good is lost."""

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from attack.sweeps import Solver, job_of, run
from datasets import values_of
from qthermo_jax.sweeping import SpecError, Store, StoreError
from qthermo_jax.sweeping.store import store
from qthermo_jax.sweeping.store.files import Integrity, integrity_with_tile_files, merge
from qthermo_jax.sweeping.store.tile_files import TileFiles

FLIPS = [50, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])]

# How often the sweep is run to its end; after each flip the damage is found.
RUNS = 5
Qthermo = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def whole(solver: Solver, tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    """The result undisturbed."""
    out = tmp_path_factory.mktemp("whole") / "r.h5"
    run(job_of(), out)
    return values_of(out)


class Scene:
    """A folder that is put back as it was before each attack."""

    def __init__(self, folder: Path) -> None:
        self.out = folder / "now" / "r.h5"
        self._before = folder / "before"
        self.out.parent.mkdir()

    def keep(self) -> None:
        shutil.copytree(self.out.parent, self._before)

    def restore(self) -> None:
        shutil.rmtree(self.out.parent)
        shutil.copytree(self._before, self.out.parent)

    @property
    def tile_files(self) -> list[Path]:
        return sorted(self.out.parent.glob("*.parts-*/*.h5"))


@pytest.fixture
def interrupted(solver: Solver, tmp_path: Path) -> Scene:
    """Two tiles of three are there."""
    scene = Scene(tmp_path)
    run(job_of(), scene.out, tiles=2)
    assert len(scene.tile_files) == 2
    scene.keep()
    return scene


@pytest.fixture
def finished(solver: Solver, tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    run(job_of(), scene.out)
    scene.keep()
    return scene


@pytest.fixture
def view(solver: Solver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A finished result that shows its parts."""
    monkeypatch.setattr(store, "LARGEST_COPY", 0)
    scene = Scene(tmp_path)
    run(job_of(), scene.out)
    scene.keep()
    return scene


def refuses(scene: Scene) -> bool:
    """Whether a run refuses what is there, in one line, or makes it anew."""
    try:
        return not Store(scene.out, job_of().plan).finished
    except SpecError as refused:
        told = str(refused)
    return "\n" not in told and "--overwrite" in told


def flip(file: Path, rng: np.random.Generator) -> None:
    """One bit of a file, anywhere."""
    image = bytearray(file.read_bytes())
    image[rng.integers(len(image))] ^= 1 << int(rng.integers(8))
    file.write_bytes(image)


def assert_goes_on(scene: Scene, solver: Solver, whole: xr.Dataset, lost: set[int]) -> None:
    """Run again: the numbers are right, and only what was lost or lacking is computed."""
    solver.tiles.clear()
    run(job_of(), scene.out)
    assert set(solver.tiles) == {(start,) for start in lost}
    assert len(solver.tiles) == len(lost)
    xr.testing.assert_equal(values_of(scene.out), whole)


@pytest.mark.parametrize("flips", FLIPS)
def test_a_bit_of_a_part(interrupted: Scene, solver: Solver, whole: xr.Dataset, flips: int) -> None:
    rng = np.random.default_rng(flips)
    for number in range(flips):
        interrupted.restore()
        position = int(rng.integers(2))
        flip(interrupted.tile_files[position], rng)
        missing, there = Store(interrupted.out, job_of().plan).tile_files.survey(
            job_of().plan.tiling.boxes
        )
        assert [box[0].start for box in missing] == [2 * position, 4]
        assert there.points == 2
        if number % (flips // RUNS) == 0:
            assert_goes_on(interrupted, solver, whole, {2 * position, 4})


@pytest.mark.parametrize("flips", FLIPS)
def test_a_bit_of_a_finished_result(
    finished: Scene, solver: Solver, whole: xr.Dataset, qthermo: Qthermo, flips: int
) -> None:
    rng = np.random.default_rng(flips)
    for number in range(flips):
        finished.restore()
        flip(finished.out, rng)
        for how in ({}, {"extend": True}):
            with pytest.raises(SpecError, match=r"was altered since .* --overwrite") as refused:
                run(job_of(T_2=(0.1, 0.2, 0.4)) if how else job_of(), finished.out, **how)
            assert "\n" not in str(refused.value)
        if number % (flips // RUNS) == 0:
            code, told, err = qthermo("info", finished.out)
            assert (code, err.count("\n")) in ((0, 0), (2, 1)), err
            assert "was altered since it was written" in told + err
            solver.tiles.clear()
            run(job_of(), finished.out, overwrite=True)
            assert len(solver.tiles) == 3
            xr.testing.assert_equal(values_of(finished.out), whole)


@pytest.mark.long
@pytest.mark.parametrize("flips", FLIPS)
def test_a_bit_of_a_view_or_its_parts(
    view: Scene, solver: Solver, whole: xr.Dataset, qthermo: Qthermo, flips: int
) -> None:
    rng = np.random.default_rng(flips)
    for number in range(flips):
        view.restore()
        position = int(rng.integers(4))
        flip([*view.tile_files, view.out][position], rng)
        with pytest.raises((StoreError, SpecError)) as refused:
            merge(view.out)
        assert "\n" not in str(refused.value)
        assert integrity_with_tile_files(view.out) is not Integrity.INTACT
        if position == 3:
            assert refuses(view)
            view.out.unlink()
        if number % (flips // RUNS) == 0:
            assert_goes_on(view, solver, whole, {2 * position} if position < 3 else set())


@pytest.mark.parametrize("flips", FLIPS)
def test_a_bit_of_the_view_of_an_unfinished_result(
    interrupted: Scene, solver: Solver, whole: xr.Dataset, flips: int
) -> None:
    rng = np.random.default_rng(flips)
    for number in range(flips):
        interrupted.restore()
        flip(interrupted.out, rng)
        assert refuses(interrupted)
        interrupted.out.unlink()
        if number % (flips // RUNS) == 0:
            assert_goes_on(interrupted, solver, whole, {4})


def _other_hdf5(tile_file: Path, _: Path) -> None:
    with h5py.File(tile_file, "w") as file:
        file["status"] = np.zeros(2, "i1")


def _exchange(tile_file: Path, other: Path) -> None:
    aside = tile_file.with_name("aside")
    tile_file.rename(aside)
    other.rename(tile_file)
    aside.rename(other)


def _link_to_nothing(tile_file: Path, _: Path) -> None:
    tile_file.unlink()
    tile_file.symlink_to("nowhere")


def _folder(tile_file: Path, _: Path) -> None:
    tile_file.unlink()
    tile_file.mkdir()
    (tile_file / "thesis.txt").write_text("mine")


ATTACKS: dict[str, tuple[Callable[[Path, Path], object], set[int]]] = {
    "empty": (lambda tile_file, _: tile_file.write_bytes(b""), {0}),
    "gone": (lambda tile_file, _: tile_file.unlink(), {0}),
    "zeros": (lambda tile_file, _: tile_file.write_bytes(bytes(tile_file.stat().st_size)), {0}),
    "half": (
        lambda tile_file, _: tile_file.write_bytes(
            tile_file.read_bytes()[: tile_file.stat().st_size // 2]
        ),
        {0},
    ),
    "a byte less": (lambda tile_file, _: tile_file.write_bytes(tile_file.read_bytes()[:-1]), {0}),
    "a byte more": (lambda tile_file, _: tile_file.write_bytes(tile_file.read_bytes() + b"x"), {0}),
    "twice": (lambda tile_file, _: tile_file.write_bytes(tile_file.read_bytes() * 2), {0}),
    "another tile": (lambda tile_file, other: shutil.copyfile(other, tile_file), {0}),
    "exchanged": (_exchange, {0, 2}),
    "other HDF5": (_other_hdf5, {0}),
    "view": (lambda tile_file, _: shutil.copyfile(tile_file.parents[1] / "r.h5", tile_file), {0}),
    "folder": (_folder, {0}),
    "link": (_link_to_nothing, {0}),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_something_else_in_a_parts_place(
    interrupted: Scene, solver: Solver, whole: xr.Dataset, attack: str
) -> None:
    strike, lost = ATTACKS[attack]
    strike(*interrupted.tile_files)
    assert_goes_on(interrupted, solver, whole, lost | {4})


def test_a_part_of_another_sweep_with_a_checksum_of_its_own(
    interrupted: Scene, solver: Solver, whole: xr.Dataset
) -> None:
    box = (slice(0, 2),)
    folder, digest = interrupted.tile_files[0].parent, job_of().plan.digest
    arrays = TileFiles(folder, digest).read(box).arrays
    TileFiles(folder, "another").write(box, {name: 0 * values for name, values in arrays.items()}, "cpu")
    assert_goes_on(interrupted, solver, whole, {0, 4})


@pytest.mark.parametrize(
    "alter",
    [
        lambda out: out.write_bytes(out.read_bytes()[:-1]),
        lambda out: out.write_bytes(out.read_bytes()[: out.stat().st_size // 2]),
        lambda out: out.write_bytes(out.read_bytes() + b"x"),
        lambda out: h5py.File(out, "r+").attrs.update({"title": "mine"}),
        lambda out: xr.Dataset({"mine": ("z", [1.0])}).to_netcdf(out, mode="a", engine="h5netcdf"),
    ],
    ids=["a byte less", "half", "a byte more", "an attribute", "appended by xarray"],
)
def test_a_finished_result_that_was_altered(
    finished: Scene, solver: Solver, alter: Callable[[Path], object]
) -> None:
    alter(finished.out)
    with pytest.raises(SpecError, match=r"--overwrite"):
        run(job_of(), finished.out)
    assert integrity_with_tile_files(finished.out) is not Integrity.INTACT
    run(job_of(), finished.out, overwrite=True)
    assert integrity_with_tile_files(finished.out) is Integrity.INTACT


def test_a_result_without_a_checksum_counts_as_finished_and_says_so(
    finished: Scene, solver: Solver, qthermo: Qthermo
) -> None:
    with h5py.File(finished.out, "r+") as file:  # as an older version wrote it
        del file.attrs["has_checksum"]
    solver.tiles.clear()
    found = Store(finished.out, job_of().plan)
    assert (found.finished, found.unchecked) == (True, True)
    run(job_of(), finished.out)
    assert solver.tiles == []
    _, told, _ = qthermo("info", finished.out)
    assert "written by an older version" in told
