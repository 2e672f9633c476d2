"""[refine]: grids that are finer where a formula bends, against functions in closed form."""

import hashlib

import jax.numpy as jnp
import numpy as np
import pytest
from click.testing import CliRunner

import qthermo_jax as qj
from qthermo_jax.cli import app
from qthermo_jax.sweeping import SpecError, SpecWarning, Store, Sweep, run_to_file
from qthermo_jax.sweeping.errors import Interrupted
from qthermo_jax.sweeping.execute.planning import make_plan
from qthermo_jax.sweeping.execute.this_host import ThisHost
from qthermo_jax.sweeping.plan.model import find_model
from qthermo_jax.sweeping.spec.declared import Spec
from qthermo_jax.sweeping.store.files import Integrity, integrity_of

UNIT = {"start": 0.0, "stop": 1.0, "num": 9}
TOLERANCE = 0.01


def plane(x: float = 0.0, y: float = 0.0, T: float = 1.0) -> qj.OpenSystem:
    """Two levels that know nothing of x and y: formulas of these alone are functions from textbooks."""
    flip = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    return qj.OpenSystem(jnp.diag(jnp.array([0.0, 1.0])), [qj.Bath(flip, T, qj.Ohmic(0.1))])


def ridged(x: float = 0.0, y: float = 0.0, T: float = 0.5) -> qj.OpenSystem:
    """Two levels whose distance has a narrow ridge along y = x^2."""
    flip = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    H = jnp.diag(jnp.array([0.0, 1.0 - 0.5 / (1.0 + ((y - x**2) / 0.05) ** 2)]))
    return qj.OpenSystem(H, [qj.Bath(flip, T, qj.Ohmic(0.1))])


def population(x, y, T=0.5):
    """Of the upper level in equilibrium."""
    return 1.0 / (np.exp((1.0 - 0.5 / (1.0 + ((y - x**2) / 0.05) ** 2)) / T) + 1.0)


def half(T: float = 1.0, limit: float = 0.0) -> qj.OpenSystem:
    """Two levels whose bath has no density, a status, below the limit of T."""
    flip = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    return qj.OpenSystem(jnp.diag(jnp.array([0.0, 1.0])), [qj.Bath(flip, T - limit, qj.Ohmic(0.1))])


@pytest.mark.long
def test_a_formula_of_parameters_alone():
    axes = {"x": UNIT}
    found = qj.sweep(
        plane,
        axes=axes,
        observables=["level_populations"],
        refine={"formula": "1/(1 + ((x - 0.3)/0.02)**2)", "tolerance": TOLERANCE, "levels": 6},
    )
    bent = found.x[(found.interpolated == 0) & (abs(found.x - 0.3) < 0.05)]
    flat = found.x[(found.interpolated == 0) & (abs(found.x - 0.3) > 0.25)]
    assert np.diff(bent).max() < 0.005
    assert np.diff(flat).min() > 0.03
    assert (found.method == 0).equals(found.interpolated == 1)


@pytest.mark.slow
def test_a_ridge_is_that_of_the_plain_sweep_where_it_was_computed_and_near_it_elsewhere():
    asked = {"formula": "level_populations['2']", "tolerance": 1e-3, "levels": 4}
    settings = {"observables": ["level_populations", "heat_currents"]}
    with pytest.warns(SpecWarning, match="bends by more than the tolerance"):
        found = qj.sweep(ridged, axes={"x": UNIT, "y": UNIT}, refine=asked, **settings)
    plain = qj.sweep(ridged, axes={"x": found.x.values, "y": found.y.values}, **settings)
    computed = found.interpolated == 0
    for name in ("level_populations", "heat_currents"):
        np.testing.assert_allclose(
            found[name].where(computed), plain[name].where(computed), rtol=1e-13, atol=1e-16
        )
    upper = found.level_populations.sel(level="2")
    error = abs(upper - population(found.x, found.y))
    assert float(error.max()) <= 1e-3
    assert float(error.where(computed).max()) <= 1e-14
    assert float(computed.mean()) < 0.4
    assert found.level_populations.attrs["largest_surplus"] <= 1e-3
    assert (found.status == 0).all()
    picture = found.qthermo.plot("level_populations", select={"level": "2"})
    told = f"{int(computed.sum())} of {computed.size} points computed, the others interpolated"
    assert told in picture.get_supxlabel().replace("\n", " ")
    # The sum of both populations is linear, and so is its interpolation.
    np.testing.assert_allclose(found.level_populations.sum("level"), 1.0, atol=1e-14)


@pytest.mark.long
def test_a_logarithmic_axis_is_halved_in_the_logarithm():
    """p_2 = 1/(e^{1/T} + 1) over two decades."""
    axis = {"start": 0.1, "stop": 10.0, "num": 5, "spacing": "log"}
    asked = {"formula": "level_populations['2']", "tolerance": 2e-3, "levels": 6}
    found = qj.sweep(plane, axes={"T": axis}, observables=["level_populations"], refine=asked)
    ratios = found["T"].values[1:] / found["T"].values[:-1]
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-12)
    exact = 1 / (np.exp(1 / found["T"]) + 1)
    assert float(abs(found.level_populations.sel(level="2") - exact).max()) <= 2e-3
    assert int(found.interpolated.sum()) > 0


@pytest.mark.long
def test_beside_a_point_without_a_state_nothing_is_interpolated():
    asked = {"formula": "level_populations['2']", "tolerance": 0.01, "levels": 6}
    axes = {"T": [0.0, 1.0, 2.0, 4.0]}
    found = qj.sweep(
        half, axes=axes, parameters={"limit": 0.7}, observables=["level_populations"], refine=asked
    )
    np.testing.assert_array_equal(found.status == 0, found["T"] >= 0.7)
    assert found.level_populations.isnull().all("level").equals(found.status != 0)
    assert (
        int(found.interpolated.where(found.status != 0).sum()) > 0
    )  # flagged ones are interpolated too
    plain = qj.sweep(
        half,
        axes={"T": found["T"].values},
        parameters={"limit": 0.7},
        observables=["level_populations"],
    )
    np.testing.assert_array_equal(found.status, plain.status)


@pytest.mark.long
def test_derivatives_and_units_come_along():
    asked = {"formula": "level_populations['2']", "tolerance": 1e-3, "levels": 6}
    found = qj.sweep(
        plane,
        axes={"T": {"start": 50.0, "stop": 500.0, "num": 5}},
        observables=["level_populations"],
        derivatives=["T"],
        energy_unit="GHz",
        units={"T": "mK"},
        refine=asked,
    )
    assert found["T"].attrs["units"] == "mK"
    T = found["T"] * 1e-3 * 1.380649e-23 / 6.62607015e-34 / 1e9  # k_B T / h in GHz
    exact = 1 / (np.exp(1 / T) + 1)
    assert float(abs(found.level_populations.sel(level="2") - exact).max()) <= 1e-3
    slope = found["d_level_populations_d_T"].sel(level="2").where(found.interpolated == 0)
    np.testing.assert_allclose(
        slope.dropna("T"), (exact * (1 - exact) / T**2)[~slope.isnull()], rtol=1e-9
    )


@qj.observable(qj.Quantity("whether the upper level has much", "", 0, values=("little", "much")))
def much(system, state):
    return jnp.where(state.populations[1] > 0.3, 1.0, 0.0)


@pytest.mark.long
def test_what_has_a_few_values_is_not_interpolated():
    """p_2 = 0.3 at T = 1/log(7/3)."""
    axis = {"T": {"start": 0.2, "stop": 4.2, "num": 5}}
    settings = {"axes": axis, "observables": [much, "level_populations"]}
    bend = {"formula": "exp(-((T - 4)/0.3)**2)", "tolerance": 0.01, "levels": 6}
    elsewhere = qj.sweep(plane, refine=bend, **settings)
    with pytest.warns(SpecWarning, match="up to 1, inside 1 of the finest cells"):
        there = qj.sweep(plane, refine=bend | {"formula": "much"}, **settings)
    for found, missing in ((elsewhere, True), (there, False)):
        known = ~found.much.isnull()
        np.testing.assert_array_equal(
            found.much.where(known, drop=True), (found["T"] > 1 / np.log(7 / 3))[known]
        )
        assert bool(known[found.interpolated == 0].all())
        assert bool((~known).any()) == missing
        assert "largest_surplus" not in found.much.attrs


class Elsewhere(ThisHost):
    writes_elsewhere = True


def test_a_cluster_does_not_refine(tmp_path):
    asked = {"formula": "x", "tolerance": 0.1}
    with pytest.raises(SpecError, match=r"^refine: the sweep cannot be run on a cluster$"):
        qj.sweep(plane, axes={"x": [0.0, 1.0]}, refine=asked, out=tmp_path / "x.h5", workers=Elsewhere())


@pytest.mark.long
def test_a_result_is_replaced_as_a_whole_and_a_sweep_that_is_stopped_leaves_none(tmp_path):
    out = tmp_path / "map.h5"
    asked = {"formula": "level_populations['2']", "tolerance": 0.02, "levels": 3}
    settings = {"axes": {"T": [0.1, 1.0, 2.0]}, "observables": ["level_populations"], "refine": asked}
    first = qj.sweep(plane, out=out, **settings).load()
    memory = qj.sweep(plane, **settings)
    np.testing.assert_array_equal(first.level_populations, memory.level_populations)
    np.testing.assert_array_equal(first.interpolated, memory.interpolated)
    finer = settings | {"refine": asked | {"tolerance": 1e-3, "levels": 7}}
    with pytest.raises(SpecError, match="belongs to another spec"):
        qj.sweep(plane, out=out, **finer)
    second = qj.sweep(plane, out=out, overwrite=True, **finer)
    assert second.sizes["T"] > first.sizes["T"]
    assert integrity_of(out) is Integrity.INTACT
    second.close()
    out.unlink()
    own = {"model": "tests.test_refine:plane", **finer}
    plan = make_plan(Spec.model_validate(own), find_model(plane, tmp_path))
    with pytest.raises(Interrupted, match=r"finished tiles are kept in .*map\.h5\.parts-"):
        run_to_file(Sweep(plan, "", plane, tmp_path), Store(out, plan), stop=lambda: True)
    assert not out.exists()


def interrupted(job, out, after, **options):
    """Run to a file, stopped after a number of parts; how many points were solved, and were there."""
    asked, points = iter(range(100)), {False: 0, True: 0}

    def watch(done):
        points[done.earlier] += done.points

    with pytest.raises(Interrupted):
        run_to_file(job, Store(out, job.plan, **options), watch, lambda: next(asked) >= after)
    return points


@pytest.mark.long
def test_an_interrupted_sweep_goes_on_to_the_same_bits(tmp_path):
    """Whether it stopped once or after each part, lost a part, or replaces another result."""
    given = {
        "model": "tests.test_refine:ridged",
        "axes": {"x": UNIT, "y": UNIT},
        "observables": ["level_populations", "heat_currents"],
        "derivatives": ["T"],
        "refine": {"formula": "level_populations['2']", "tolerance": 0.02, "levels": 4},
    }
    model = find_model(ridged, tmp_path, given["observables"])
    plan = make_plan(Spec.model_validate(given), model, memory=1 << 16)  # several parts a batch
    job, out = Sweep(plan, "", ridged, tmp_path), tmp_path / "map.h5"
    run_to_file(job, Store(tmp_path / "whole.h5", plan))
    whole = qj.open_result(tmp_path / "whole.h5").load()
    solved = 0
    for already in range(3):
        points = interrupted(job, out, already)
        assert points[True] == solved
        solved += points[False]
    parts = sorted(Store(out, plan).tile_files.folder.glob("*.h5"))
    assert len(parts) == 6
    parts[0].write_bytes(parts[0].read_bytes()[:-9])
    again = {False: 0, True: 0}

    def watch(done):
        again[done.earlier] += done.points

    run_to_file(job, Store(out, plan), watch)
    assert sum(again.values()) == int((whole.interpolated == 0).sum())
    assert 0 < again[True] < solved
    with qj.open_result(out) as found:
        assert found.identical(whole.assign_attrs(found.attrs))
    assert [path.name for path in tmp_path.glob("*.parts-*")] == []
    # What is replaced stays until then, and nothing is taken over from it.
    points = interrupted(job, out, 1, overwrite=True)
    assert points[True] == 0
    assert integrity_of(out) is Integrity.INTACT
    run_to_file(job, Store(out, plan))
    with qj.open_result(out) as found:
        assert found.identical(whole.assign_attrs(found.attrs))
    assert [path.name for path in tmp_path.glob("*.parts-*")] == []


@pytest.mark.long
def test_parts_at_other_points_are_not_taken_over(tmp_path):
    """A part says at which points it was computed: one of that number for others is computed anew."""
    asked = {"formula": "level_populations['2']", "tolerance": 0.02, "levels": 2}
    settings = {"axes": {"T": [0.1, 1.0, 2.0]}, "observables": ["level_populations"], "refine": asked}
    own = {"model": "tests.test_refine:plane", **settings}
    plan = make_plan(Spec.model_validate(own), find_model(plane, tmp_path))
    job, out = Sweep(plan, "", plane, tmp_path), tmp_path / "map.h5"
    interrupted(job, out, 0)
    tile_files = Store(out, plan).tile_files
    box = (slice(0, 3),)
    kept = tile_files.read(box).arrays
    wrong = {name: values[::-1].copy() for name, values in kept.items()}
    tile_files.write(box, wrong, "another")
    run_to_file(job, Store(out, plan))
    with qj.open_result(out) as found:
        expected = 1 / (np.exp(1 / found["T"]) + 1)
        computed = found.level_populations.sel(level="2").where(found.interpolated == 0)
        np.testing.assert_allclose(computed.dropna("T"), expected.where(computed.notnull(), drop=True))


SPEC = """model = "lambda_system"
observables = ["unbalance"]
[axes]
T_1 = { start = 0.1, stop = 1.0, num = 6 }
T_2 = { start = 0.1, stop = 1.0, num = 6 }
[refine]
formula = "unbalance"
tolerance = 0.02
levels = 3
"""


@pytest.mark.long
def test_a_spec_makes_a_file_that_everything_reads(tmp_path):
    spec, out = tmp_path / "map.toml", tmp_path / "map.h5"
    spec.write_text(SPEC)
    page = tmp_path / "page.html"
    table = tmp_path / "table.csv"
    picture = tmp_path / "map.png"
    for arguments, told in (
        (["check", str(spec)], "refined to up to 1681 (41 x 41)"),
        (["explain", str(spec)], "refined to up to 1681 (41 x 41)"),
        (["run", str(spec), "--out", str(out)], "state found"),
        (["run", str(spec), "--out", str(out)], "finished already"),
        (["info", str(out)], "intact"),
        (["report", str(out), "--out", str(page)], ""),
        (["export", str(out), "--csv", "--out", str(table)], ""),
        (["plot", str(out), "--out", str(picture)], ""),
    ):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        assert told in result.output
    written = hashlib.sha256(out.read_bytes()).hexdigest()
    with qj.open_result(out) as found:
        assert found.attrs["refine"].startswith("unbalance, tolerance 0.02: ")
        assert found.interpolated.attrs["flag_meanings"] == "computed interpolated"
        axes = {name: found[name].values for name in ("T_1", "T_2")}
        again = qj.sweep("lambda_system", axes=axes, observables=["unbalance"])
        assert float(abs(found.unbalance - again.unbalance).max()) <= 0.02
    # Another spec of the same model does not take over what is interpolated.
    spec.write_text(SPEC.replace("num = 6", "num = 11"))
    result = CliRunner().invoke(app, ["run", str(spec), "--out", str(out), "--extend"])
    assert "belongs to another spec" in str(result.exception)
    assert hashlib.sha256(out.read_bytes()).hexdigest() == written


@pytest.mark.parametrize(
    ("axes", "refine", "line"),
    [
        ({"x": [0.0]}, {}, "refine: takes axes of two values or more, and axes.x has one"),
        ({}, {}, "refine: takes one axis or two, got 0"),
        ({"x": [0.0, 2.0, 1.0]}, {}, "refine: takes axes in order, and axes.x is in none"),
        ({"x": [0.0, 1.0, 1.0]}, {}, "refine: takes axes in order, and axes.x is in none"),
        ({"x": {"x": [0.0, 1.0]}}, {}, "refine: takes axes of one parameter each"),
        ({"x": [0.0, 1.0]}, {"formula": "z"}, "refine.formula: unknown name 'z'"),
        ({"x": [0.0, 1.0]}, {"formula": "x +"}, "refine.formula: 'x +' is no formula"),
        ({"x": [0.0, 1.0]}, {"tolerance": 0.0}, "refine.tolerance: takes more than 0.0, got 0.0"),
        ({"x": [0.0, 1.0]}, {"levels": 11}, "refine.levels: takes at most 10, got 11"),
        ({"x": [0.0, 1.0]}, {"tolerence": 0.1}, "did you mean 'tolerance'?"),
        ({"x": UNIT, "y": UNIT}, {"levels": 10}, "refine.levels: lead to a grid of 6.7e+07 points"),
    ],
)
def test_what_cannot_be_refined_is_told_in_one_line(axes, refine, line):
    asked = {"formula": "x", "tolerance": 0.1} | refine
    with pytest.raises(SpecError) as caught:
        qj.sweep(plane, axes=axes, refine=asked, observables=["level_populations"])
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_spec_has_one_of_refine_root_and_optimise():
    asked = {"formula": "x", "tolerance": 0.1}
    with pytest.raises(SpecError, match=r"^refine: a spec takes \[refine\] or \[root\]$"):
        qj.sweep(plane, axes={"x": [0.0, 1.0]}, refine=asked, root={"formula": "x"})


def test_a_spec_without_a_refine_does_not_mention_it():
    given = {"model": "maser", "axes": {"omega_c": [1.0, 2.0]}}
    assert "refine" not in Spec.model_validate(given).model_dump()


@qj.observable(qj.Quantity("regime", "", 0, values=("a", "b", "c")))
def regime(system, state):
    """0, 1 from x = 0.4, 2 from 0.6, and 0 again from 2.3, where x is told by the bath's temperature."""
    x = (system.baths[0].T[0] - 0.5) / 0.1
    return jnp.where(x < 0.4, 0.0, jnp.where(x < 0.6, 1.0, jnp.where(x < 2.3, 2.0, 0.0)))


@pytest.mark.long
def test_points_go_to_every_boundary_of_a_formula_of_few_values():
    """Between 0 and 2 lies 1, which is their mean."""

    def told_by_its_bath(x: float = 0.0) -> qj.OpenSystem:
        flip = jnp.array([[0.0, 1.0], [1.0, 0.0]])
        return qj.OpenSystem(
            jnp.diag(jnp.array([0.0, 1.0])), [qj.Bath(flip, 0.5 + 0.1 * x, qj.Ohmic(0.1))]
        )

    refine = {"formula": "regime", "tolerance": 0.1, "levels": 6}
    with pytest.warns(SpecWarning, match="up to 1, inside 3 of the finest cells"):
        found = qj.sweep(
            told_by_its_bath, axes={"x": [0.0, 1.0, 2.0, 3.0]}, observables=[regime], refine=refine
        )
    x, codes = found.x.values, found.regime.values
    exact = np.where(x < 0.4, 0, np.where(x < 0.6, 1, np.where(x < 2.3, 2, 0)))
    there = np.isfinite(codes)
    np.testing.assert_array_equal(codes[there], exact[there])
    # Nothing is left out but between the points beside a boundary.
    for boundary in (0.4, 0.6, 2.3):
        assert np.abs(x[found.interpolated == 0] - boundary).min() <= 1 / 64
    assert there.all()
