"""The sweep: every point equals the model solved alone, whatever the tiles; files resume and open."""

from pathlib import Path

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

import qthermo_jax as qj
from processes import in_a_fresh_interpreter
from qthermo_jax.steady import bytes_per_point
from qthermo_jax.sweeping import SpecWarning
from qthermo_jax.sweeping.compute.mapping import mapped
from qthermo_jax.sweeping.compute.point import point_function
from qthermo_jax.sweeping.execute.planning import make_plan
from qthermo_jax.sweeping.plan.model import find_model
from qthermo_jax.sweeping.schedule import tiling
from qthermo_jax.sweeping.spec.reading import parse_spec

G, T_L = [0.3, 0.8, 1.3], [0.3, 0.5]
TWO_AXES = {
    "axes": {"g": G, "T_L": T_L},
    "parameters": {"sites": 3, "T_R": 0.2},
    "observables": ["site_populations", "heat_currents", "mean_position"],
}


def memory_of(system: qj.OpenSystem) -> int:
    """What a tile takes for one point."""
    return bytes_per_point(system, qj.Method.POPULATIONS)


THREE_LEVELS = memory_of(qj.models.lambda_system())


@pytest.fixture(scope="module")
def two_axes():
    return qj.sweep("chain", **TWO_AXES)


@pytest.mark.long
def test_every_point_equals_the_model_solved_alone(two_axes):
    for i, g in enumerate(G):
        for j, T in enumerate(T_L):
            system = qj.models.chain(sites=3, g=g, T_L=T, T_R=0.2)
            state = qj.steadystate(system)
            for name in TWO_AXES["observables"]:
                expected = qj.observe(system, state, name)
                np.testing.assert_allclose(two_axes[name].values[i, j], expected, rtol=1e-12, atol=1e-16)


def test_names_coordinates_and_units(two_axes):
    data = qj.sweep("chain", **TWO_AXES, energy_unit="h")
    assert data.site_populations.dims == ("g", "T_L", "site")
    assert data.heat_currents.dims == ("g", "T_L", "bath")
    assert data.site.values.tolist() == [1, 2, 3]
    assert data.g.attrs == {
        "long_name": "tunnelling between neighbours",
        "symbol": "g",
        "units": "h",
    }
    assert data.heat_currents.attrs["units"] == "h^2"
    assert data.status.dtype == np.int8
    assert data.status.attrs["flag_meanings"].split()[:2] == ["pending", "ok"]
    assert (data.status == qj.Status.OK).all()


@pytest.mark.long
@pytest.mark.parametrize("points", [1, 2, 4, 5])
def test_tiles_do_not_change_a_number(two_axes, points):
    memory = points * memory_of(qj.models.chain(sites=3))
    tiled = qj.sweep("chain", **TWO_AXES, memory=memory)
    for name in two_axes.data_vars:
        np.testing.assert_allclose(tiled[name], two_axes[name], rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("points", [1, 2, 4, 6])
def test_tiles_cover_the_grid_once(points):
    spec = parse_spec({"model": "chain", **TWO_AXES}, "here")
    memory = points * memory_of(qj.models.chain(sites=3))
    plan = make_plan(spec, find_model("chain", Path()), memory)
    covered = np.zeros(plan.shape, int)
    for box in plan.tiling.boxes:
        covered[box] += 1
    assert (covered == 1).all()
    assert plan.tiling.number == len(list(plan.tiling.boxes))
    assert np.prod(plan.tiling.tile) <= points


@pytest.mark.parametrize(
    ("axes", "tile"),
    [
        (["g", "T_L"], (1, 4)),
        (["T_L", "g"], (4, 1)),
        (["T_L", "g", "rate"], (1, 1, 4)),
        (["h", "g"], (1, 4)),
        (["g", "both"], (1, 4)),
    ],
)
def test_tiles_are_long_where_H_stays(axes, tile):
    values = [0.1, 0.2, 0.3, 0.4, 0.5]
    columns = {"both": {"T_L": values, "rate": values}}
    spec = {"model": "chain", "axes": {name: columns.get(name, values) for name in axes}}
    spec["parameters"] = {"sites": 3, "T_R": 0.2}
    memory = 4 * memory_of(qj.models.chain(sites=3))
    plan = make_plan(parse_spec(spec, "here"), find_model("chain", Path()), memory)
    assert plan.tiling.tile == tile


def test_one_compilation_serves_all_tiles():
    traces = []

    def counted(T: float) -> qj.OpenSystem:
        traces.append(T)
        return qj.models.v_system(T_1=T)

    data = qj.sweep(
        counted, axes={"T": np.linspace(0.1, 1.0, 7)}, memory=2 * memory_of(qj.models.v_system())
    )
    assert data.sizes["T"] == 7
    # For its shapes, to see whether T moves H, to compare energies with T, to compile.
    assert len(traces) == 4


@pytest.mark.long
def test_what_does_not_depend_on_an_axis_is_not_computed_along_it():
    spec = parse_spec({"model": "chain", **TWO_AXES}, "here")
    plan = make_plan(spec, find_model("chain", Path()))
    columns = [axis.parameters for axis in plan.axes]
    with jax.enable_x64(True):
        program = jax.make_jaxpr(mapped(point_function(plan, "populations"), 2))(*columns, plan.numbers)
    shapes = [
        equation.invars[0].aval.shape
        for equation in _equations(program.jaxpr)
        if equation.primitive.name == "eigh"
    ]
    assert shapes == [(3, 1, 3, 3)]  # g, sectors of that size, 3 x 3: no temperature


@pytest.mark.long
def test_a_choice_that_depends_on_H_alone_takes_one_way_where_H_is_one():
    spec = parse_spec({"model": "chain", **TWO_AXES}, "here")
    plan = make_plan(spec, find_model("chain", Path()))
    g, T = (axis.parameters for axis in plan.axes)
    point = mapped(point_function(plan, "populations"), 2)

    def choices(g):
        with jax.enable_x64(True):
            program = jax.make_jaxpr(point)(g, T, plan.numbers)
        return sum(equation.primitive.name == "cond" for equation in _equations(program.jaxpr))

    one = {name: values[:1] for name, values in g.items()}
    assert choices(one) > choices(g)  # a choice at each of several H computes both ways


def _equations(jaxpr):
    for equation in jaxpr.eqns:
        yield equation
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from _equations(inner)


def test_parameters_that_move_together():
    hot, cold = [0.5, 0.6, 0.9], [0.1, 0.2, 0.3]
    data = qj.sweep("lambda_system", axes={"bias": {"T_1": hot, "T_2": cold}})
    assert data.unbalance.dims == ("bias",)
    n_1, n_2 = qj.n_thermal(1.0, np.array(hot)), qj.n_thermal(1.0, np.array(cold))
    np.testing.assert_allclose(data.unbalance, qj.theory.Delta_ss(n_1, n_2), rtol=1e-12)
    assert data.T_1.dims == data.T_2.dims == ("bias",)


@pytest.mark.long
def test_no_axes_is_one_point():
    data = qj.sweep("lambda_system", axes={}, parameters={"T_2": 0.0})
    assert data.unbalance.dims == ()
    assert data.unbalance.item() == 1.0


@pytest.mark.long
def test_a_flagged_point_is_nan_and_leaves_the_others_alone():
    axes = {"g": [0.0, 0.5], "T_R": [0.2, -0.1, np.nan]}
    with pytest.warns(SpecWarning, match="axes.T_R"):
        data = qj.sweep("chain", axes=axes, parameters={"sites": 3})
    unique, range_ = qj.Status.NOT_UNIQUE, qj.Status.PARAMETER_OUT_OF_RANGE
    assert data.status.values.tolist() == [[unique, range_, range_], [qj.Status.OK, range_, range_]]
    assert np.isnan(data.site_populations.values[data.status.values != 0]).all()
    alone = qj.sweep("chain", axes={}, parameters={"sites": 3, "g": 0.5, "T_R": 0.2})
    np.testing.assert_allclose(data.site_populations[1, 0], alone.site_populations, rtol=1e-12)


@pytest.mark.long
def test_a_users_function_with_defaults_and_no_annotations():
    def model(T, omega=1.5, levels=3):
        assert levels == 2
        H = np.diag([0.0, 1.0]) * omega
        return qj.OpenSystem(H, qj.Bath(np.array([[0, 1], [1, 0]]), T, qj.Flat(1.0)), labels=["g", "e"])

    data = qj.sweep(model, axes={"T": [0.5, 1.0]}, parameters={"levels": 2})
    excited = 1 / (1 + np.exp(1.5 / np.array([0.5, 1.0])))
    np.testing.assert_allclose(data.level_populations.sel(level="e"), excited, rtol=1e-12)


@pytest.mark.long
def test_arrays_of_parameters_can_be_held_fixed():
    h = [1.0, 1.2, 0.9]
    data = qj.sweep("chain", axes={"g": [0.4]}, parameters={"sites": 3, "h": np.array(h)})
    system = qj.models.chain(sites=3, h=np.array(h), g=0.4)
    expected = qj.site_populations(system, qj.steadystate(system))
    np.testing.assert_allclose(data.site_populations[0], expected, rtol=1e-12)


@pytest.mark.long
def test_64_bit_without_touching_the_callers_configuration():
    code = (
        "import jax, qthermo_jax as qj\n"
        "data = qj.sweep('lambda_system', axes={'T_2': [0.5]}, parameters={'T_1': 0.5})\n"
        "print(data.unbalance.dtype, abs(data.unbalance.item()) < 1e-15)\n"
        "print(jax.config.jax_enable_x64, jax.numpy.zeros(1).dtype)"
    )
    assert in_a_fresh_interpreter(code) == "float64 True\nFalse float32"


@pytest.mark.long
@pytest.mark.parametrize("chunk", [1, 4])
def test_chunks_do_not_change_a_number(two_axes, chunk, monkeypatch):
    monkeypatch.setattr(tiling, "_CHUNK", chunk)
    chunked = qj.sweep("chain", **TWO_AXES)
    for name in two_axes.data_vars:
        np.testing.assert_allclose(chunked[name], two_axes[name], rtol=1e-12, atol=1e-16)


def test_the_plan_solves_a_tile_in_chunks(monkeypatch):
    monkeypatch.setattr(tiling, "_CHUNK", 4)
    plan = make_plan(parse_spec({"model": "chain", **TWO_AXES}, "here"), find_model("chain", Path()))
    assert (plan.tiling.tile, plan.tiling.chunk) == ((3, 2), (2, 2))


# --- derivatives


def unbalance(T_1, T_2):
    n_1, n_2 = (1 / mpmath.expm1(1 / T) for T in (T_1, T_2))
    return (n_1 - n_2) / (n_1 + n_2 + 3 * n_1 * n_2)


@pytest.mark.long
def test_derivatives_of_the_lambda_system_are_those_of_equation_8():
    axes = {"T_1": [0.3, 0.8], "T_2": [0.5]}
    data = qj.sweep("lambda_system", axes=axes, derivatives=["T_2", "T_1", "omega_1", "temperatures"])
    for i, T in enumerate(axes["T_1"]):
        with mpmath.workdps(50):
            slopes = [float(mpmath.diff(unbalance, (T, 0.5), order)) for order in ((1, 0), (0, 1))]
        np.testing.assert_allclose(data.d_unbalance_d_T_1[i, 0], slopes[0], rtol=1e-11)
        np.testing.assert_allclose(data.d_unbalance_d_T_2[i, 0], slopes[1], rtol=1e-11)
        np.testing.assert_allclose(data.d_unbalance_d_temperatures[i, 0], slopes, rtol=1e-11)
        # n depends on omega/T alone: the slope by omega_1 at omega_1 = 1 is -T_1 times that by T_1,
        # although levels 1 and 2 cross there: no bath sees both.
        np.testing.assert_allclose(data.d_unbalance_d_omega_1[i, 0], -T * slopes[0], rtol=1e-11)
    assert data.d_unbalance_d_temperatures.dims == ("T_1", "T_2", "heated_bath")
    assert data.heated_bath.values.tolist() == [1, 2]
    assert (data.status_d_omega_1 == qj.Status.OK).all()


@pytest.mark.slow
def test_single_baths_of_a_chain_can_be_named():
    axes = {"g": [0.3, 0.9], "T_L": [0.6]}
    data = qj.sweep(
        "chain",
        axes=axes,
        parameters={"sites": 3, "T_R": 0.2},
        observables=["site_populations", "heat_currents"],
        derivatives=["T_3", "T_R", "g", "rate"],
        energy_unit="h",
    )
    for i, g in enumerate(axes["g"]):

        def at(g, T_3, rate, T_R=0.2):
            temperatures = np.array([0.6, (0.6 + T_R) / 2, T_R + T_3])
            system = qj.models.chain(sites=3, g=g, temperatures=temperatures, rate=rate)
            state = CHAIN(system)
            return np.asarray(qj.site_populations(system, state)), np.asarray(state.populations)

        here, step = (g, 0.0, 1.0), 1e-3
        for name, direction in {"g": (1, 0, 0), "T_3": (0, 1, 0), "rate": (0, 0, 1)}.items():
            shifted = [at(*np.add(here, n * step * np.array(direction)))[0] for n in (-2, -1, 1, 2)]
            slope = (shifted[0] - 8 * shifted[1] + 8 * shifted[2] - shifted[3]) / (12 * step)
            found = data[f"d_site_populations_d_{name}"].values[i, 0]
            np.testing.assert_allclose(found, slope, atol=1e-8)
    assert data.d_heat_currents_d_T_3.attrs["units"] == "h"
    assert data.d_site_populations_d_g.attrs["units"] == "h^-1"
    assert data.d_heat_currents_d_g.attrs["long_name"] == (
        "derivative of heat current into the bath by tunnelling between neighbours"
    )
    np.testing.assert_allclose(data.d_site_populations_d_T_R.sum("site"), 0.0, atol=1e-14)
    assert "status_d_T_3" not in data


CHAIN = jax.jit(qj.steadystate)


def crossing(omega, T):
    """At omega = 1 the upper levels cross and one bath drives both: a coherence between them appears."""
    S = np.zeros((3, 3))
    S[0, 1:] = S[1:, 0] = [1.0, 0.5]
    own = np.diag([1.0], 2) + np.diag([1.0], -2)
    baths = [qj.Bath(S, T, qj.Flat(1.0)), qj.Bath(own, 0.4, qj.Flat(1.0))]
    H = jnp.diag(jnp.array([0.0, 1.0, 0.0])) + omega * jnp.diag(jnp.array([0.0, 0.0, 1.0]))
    return qj.OpenSystem(H, baths, sectors=[(0,), (1,), (2,)])


@pytest.mark.long
def test_a_derivative_that_does_not_exist_is_flagged_and_leaves_the_rest_alone():
    axes = {"omega": [0.8, 1.0], "T": [0.5]}
    data = qj.sweep(crossing, axes=axes, observables=["heat_currents"], derivatives=["omega", "T"])
    assert (data.status == qj.Status.OK).all()
    assert data.status_d_omega.values.ravel().tolist() == [qj.Status.OK, qj.Status.NO_DERIVATIVE]
    assert (data.status_d_T == qj.Status.OK).all()
    assert data.d_heat_currents_d_omega.isel(omega=1).isnull().all()
    assert data.d_heat_currents_d_omega.isel(omega=0).notnull().all()
    step = 1e-3
    around = {"omega": [1.0], "T": [0.5 - step, 0.5 + step]}
    near = qj.sweep(crossing, axes=around, observables=["heat_currents"]).heat_currents
    slope = (near.isel(omega=0, T=1) - near.isel(omega=0, T=0)) / (2 * step)
    np.testing.assert_allclose(data.d_heat_currents_d_T.isel(omega=1, T=0), slope, rtol=1e-5)


def doublet(splitting, T):
    """A doublet in one sector, which a parameter splits: at 0 its eigenvectors jump."""
    S = np.array([[0.0, 1.0, 0.4], [1.0, 0.0, 0.0], [0.4, 0.0, 0.0]])
    H = jnp.diag(jnp.array([0.0, 1.0, 1.0])) + splitting * jnp.diag(jnp.array([0.0, 1.0, -1.0]))
    own = np.diag([1.0], 2) + np.diag([1.0], -2)
    baths = [qj.Bath(S, T, qj.Flat(1.0)), qj.Bath(own, 0.4, qj.Flat(1.0))]
    return qj.OpenSystem(H, baths)


@pytest.mark.slow
def test_a_level_that_splits_inside_its_sector_has_no_derivative():
    axes = {"splitting": [0.0, 0.2]}
    data = qj.sweep(doublet, axes=axes, parameters={"T": 0.5}, derivatives=["splitting", "T"])
    assert data.status_d_splitting.values.tolist() == [qj.Status.NO_DERIVATIVE, qj.Status.OK]
    assert data.d_level_populations_d_splitting.isel(splitting=0).isnull().all()
    assert data.d_level_populations_d_T.notnull().all()


# --- the solver of each point


def pair_of_atoms(omega, T):
    """Two atoms that share both their baths: |01> and |10> are degenerate if omega = 1, for any T."""
    lower = np.array([[0.0, 1.0], [0.0, 0.0]])
    one = np.eye(2)
    first, second = np.kron(lower, one), np.kron(one, lower)
    common, own = first + 0.5 * second, second
    n_1, n_2 = first.T @ first, second.T @ second
    H = jnp.asarray(n_1) + omega * jnp.asarray(n_2)
    baths = [qj.Bath(A + A.T, t, qj.Flat(1.0)) for A, t in ((common, T), (own, 0.4))]
    return qj.OpenSystem(H, baths, sectors=[(0,), (1,), (2,), (3,)])


@pytest.mark.long
def test_coherences_inside_a_level_are_solved_by_the_block_that_the_points_show():
    axes, wanted = {"omega": [1.0, 1.3], "T": [0.5, 0.9]}, ["level_populations", "heat_currents"]
    data = qj.sweep(pair_of_atoms, axes=axes, observables=wanted)
    block, alone = int(qj.Method.SECULAR_BLOCK), int(qj.Method.POPULATIONS)
    assert data.method.values.tolist() == [[block, block], [alone, alone]]
    assert (data.status == qj.Status.OK).all()
    assert (data.leak == 0).all()
    reference = qj.sweep(pair_of_atoms, axes=axes, observables=wanted, method="dense")
    for name in wanted:
        np.testing.assert_allclose(data[name], reference[name], rtol=1e-10, atol=1e-13)
    flagged = qj.sweep(pair_of_atoms, axes=axes, observables=wanted, method="populations")
    assert (flagged.status.sel(omega=1.0) == qj.Status.METHOD_NOT_EXACT).all()
    assert (flagged.leak.sel(omega=1.0) > 0.1).all()
    assert flagged.level_populations.sel(omega=1.0).isnull().all()


# --- single precision


@pytest.mark.long
def test_single_precision_keeps_six_digits_of_every_population():
    arguments = {
        "axes": {"g": [0.3, 1.3], "T_L": [0.2, 0.6]},
        "parameters": {"sites": 3, "T_R": 0.15},
        "observables": ["level_populations"],
    }
    single = qj.sweep("chain", **arguments, precision="float32")
    double = qj.sweep("chain", **arguments)
    assert single.level_populations.dtype == np.float32
    assert single.attrs["precision"] == "float32"
    assert single.attrs["method"] == "populations"
    assert double.level_populations.min() < 4e-3
    np.testing.assert_allclose(single.level_populations, double.level_populations, rtol=2e-5)


@pytest.mark.long
def test_single_precision_says_where_it_cannot():
    arguments = {"axes": {"T_L": [0.3, 0.007]}, "parameters": {"sites": 3, "T_R": 0.0072, "g": 0.3}}
    single = qj.sweep("chain", **arguments, precision="float32")
    double = qj.sweep("chain", **arguments)
    assert (double.status == qj.Status.OK).all()
    assert single.status.values[1] == qj.Status.UNDERFLOW
    assert single.site_populations.isel(T_L=1).isnull().all()
