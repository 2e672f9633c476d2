"""`qthermo export`: what others read is what the file holds, and nothing is overwritten unasked."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import qthermo_jax as qj
from datasets import two_baths
from qthermo_jax.export import table
from qthermo_jax.results.blocks import blocks_of
from qthermo_jax.sweeping import SpecWarning

READERS = ("csv", "parquet", "zarr")


@pytest.fixture
def file(folder: Path) -> Path:
    """A result with two flagged points of nine, made by hand."""
    data = two_baths()
    data["status"].attrs = {
        "flag_values": np.array([0, 4], "int8"),
        "flag_meanings": "ok not_unique",
        "long_name": "status",
    }
    data.to_netcdf(folder / "made.h5", engine="h5netcdf")
    return folder / "made.h5"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_a_csv_has_a_row_for_each_point_and_a_column_for_each_entry(file, qthermo):
    code, out, _ = qthermo("export", file, "--csv")
    assert code == 0
    assert (
        out == f"{file.with_suffix('.csv')}: 9 rows of 8 columns, described in made.csv-metadata.json\n"
    )
    rows = rows_of(file.with_suffix(".csv"))
    columns = ["g", "T", "heat_currents[bath=1]", "heat_currents[bath=2]", "position"]
    assert list(rows[0]) == [*columns, "status", "status.name", "method"]
    assert len(rows) == 9
    for row in rows:
        g, T = float(row["g"]), float(row["T"])
        flagged = (g, T) == (0.2, 3.0)
        assert row["status.name"] == ("not_unique" if flagged else "ok")
        assert int(row["status"]) == (4 if flagged else 0)
        expected = np.nan if flagged else 10 * g + T
        np.testing.assert_equal(float(row["heat_currents[bath=1]"]), expected)
        np.testing.assert_equal(float(row["heat_currents[bath=2]"]), -expected)


def test_the_description_of_a_csv_names_units(file, qthermo):
    assert qthermo("export", file, "--csv")[0] == 0
    told = json.loads(Path("made.csv-metadata.json").read_text())
    assert (told["url"], told["dc:title"]) == ("made.csv", "Two <baths>")
    columns = {column["titles"]: column for column in told["tableSchema"]["columns"]}
    assert list(columns) == list(rows_of(Path("made.csv"))[0])
    current = columns["heat_currents[bath=2]"]
    assert (current["dc:description"], current["schema:unitText"]) == ("heat current", "h^2")
    assert columns["g"]["schema:unitText"] == "h"


@pytest.mark.parametrize("most", [1, 4, 1000])
def test_the_size_of_the_blocks_changes_nothing(file, qthermo, monkeypatch, most):
    assert qthermo("export", file, "--csv", "--out", "whole.csv")[0] == 0
    monkeypatch.setattr(table, "points_of", lambda _: most)
    assert qthermo("export", file, "--csv", "--out", "parts.csv")[0] == 0
    assert Path("parts.csv").read_bytes() == Path("whole.csv").read_bytes()


@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5), (2, 3, 4), (4, 0)])
@pytest.mark.parametrize("most", [1, 2, 5, 12, 100])
def test_blocks_cover_each_point_once_in_order(shape, most):
    numbers = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    sizes = {f"axis{k}": size for k, size in enumerate(shape)}
    parts = [numbers[tuple(box[dim] for dim in sizes)].ravel() for box in blocks_of(sizes, most)]
    assert all(part.size <= most for part in parts)
    np.testing.assert_array_equal(np.concatenate([*parts, np.empty(0, int)]), numbers.ravel())


def test_a_parquet_keeps_types_units_and_attributes(file, qthermo):
    parquet = pytest.importorskip("pyarrow.parquet")
    assert qthermo("export", file, "--parquet")[0] == 0
    found = parquet.read_table("made.parquet")
    assert found.schema.metadata[b"title"] == b"Two <baths>"
    assert found.schema.field("heat_currents[bath=1]").metadata[b"units"] == b"h^2"
    assert str(found.schema.field("status").type) == "int8"
    with xr.open_dataset(file, engine="h5netcdf") as data:
        for number in (1, 2):
            column = found[f"heat_currents[bath={number}]"].to_numpy()
            np.testing.assert_array_equal(column, data.heat_currents.sel(bath=number).values.ravel())


def test_a_zarr_store_is_the_result(file, qthermo, monkeypatch):
    pytest.importorskip("zarr")
    monkeypatch.setattr("qthermo_jax.export.to_zarr.points_of", lambda _: 2)
    assert qthermo("export", file, "--zarr")[0] == 0
    with xr.open_dataset(file, engine="h5netcdf") as data, xr.open_zarr("made.zarr") as found:
        xr.testing.assert_identical(found.load(), data.load())
        assert found.attrs == data.attrs


@pytest.mark.long
def test_a_sweep_survives(folder, qthermo):
    with pytest.warns(SpecWarning, match="below 0"):
        qj.sweep(
            "lambda_system",
            axes={"T_2": [0.2, 0.5, -1.0]},
            parameters={"T_1": 0.5},
            observables=["level_populations", "unbalance"],
            derivatives=["T_2"],
            out=folder / "real.h5",
        ).close()
    assert qthermo("export", "real.h5", "--csv")[0] == 0
    rows = rows_of(folder / "real.csv")
    assert [row["status.name"] for row in rows] == ["ok", "ok", "parameter_out_of_range"]
    assert [row["method.name"] for row in rows][:2] == ["populations"] * 2
    with xr.open_dataset("real.h5", engine="h5netcdf") as data:
        for level in data.level.values:
            column = [float(row[f"level_populations[level={level}]"]) for row in rows]
            np.testing.assert_array_equal(column, data.level_populations.sel(level=level))


def test_nothing_is_overwritten_unasked(file, qthermo):
    Path("made.csv").write_text("mine")
    code, _, err = qthermo("export", file, "--csv")
    assert (code, err) == (2, f"qthermo: {file.with_suffix('.csv')}: exists; --overwrite replaces it\n")
    assert Path("made.csv").read_text() == "mine"
    assert qthermo("export", file, "--csv", "--overwrite")[0] == 0
    assert len(rows_of(Path("made.csv"))) == 9


def test_a_folder_is_replaced_only_by_a_store_and_only_if_it_is_one(file, qthermo):
    pytest.importorskip("zarr")
    Path("papers").mkdir()
    Path("papers", "thesis.txt").write_text("mine")
    for kind in READERS:
        code, _, err = qthermo("export", file, f"--{kind}", "--out", "papers", "--overwrite")
        assert code == 2
        assert err.startswith("qthermo: --out papers: is a folder")
    assert Path("papers", "thesis.txt").read_text() == "mine"
    for _ in range(2):
        assert qthermo("export", file, "--zarr", "--out", "store.zarr", "--overwrite")[0] == 0
    code, _, err = qthermo("export", file, "--zarr", "--out", "store.zarr")
    assert (code, err) == (2, "qthermo: store.zarr: exists; --overwrite replaces it\n")


def test_errors_of_users_are_one_line_and_leave_nothing(file, qthermo):
    before = sorted(Path.cwd().iterdir())
    Path("notes.txt").write_text("no result")
    for arguments, words in (
        ((file,), "takes one of --csv, --parquet, --zarr"),
        ((file, "--csv", "--zarr"), "takes one of --csv, --parquet, --zarr"),
        (("none.h5", "--csv"), "none.h5: no such file"),
        (("notes.txt", "--csv"), "notes.txt: not a result of a sweep"),
        ((file, "--csv", "--out", file, "--overwrite"), "is the result itself"),
        ((file, "--csv", "--out", "notes.txt/a.csv"), "cannot be written"),
    ):
        code, out, err = qthermo("export", *arguments)
        assert (code, out) == (2, "")
        assert words in err
        assert err.count("\n") == 1
    Path("notes.txt").unlink()
    assert sorted(Path.cwd().iterdir()) == before


@pytest.mark.parametrize(("kind", "package"), [("parquet", "pyarrow"), ("zarr", "zarr")])
def test_what_is_missing_is_named(file, qthermo, monkeypatch, kind, package):
    monkeypatch.setattr("qthermo_jax.cli.exporting.find_spec", lambda _: None)
    code, _, err = qthermo("export", file, f"--{kind}")
    assert (code, err) == (2, f'qthermo: --{kind}: no {package}: pip install "qthermo_jax[export]"\n')


@pytest.mark.long
def test_a_file_that_was_altered_is_not_passed_on(folder, qthermo):
    qj.sweep("lambda_system", axes={"T_2": [0.2]}, parameters={"T_1": 0.5}, out="real.h5").close()
    image = bytearray(Path("real.h5").read_bytes())
    image[len(image) // 2] ^= 1
    Path("real.h5").write_bytes(image)
    code, _, err = qthermo("export", "real.h5", "--csv")
    assert code == 2
    assert "was altered" in err
    assert not Path("real.csv").exists()
