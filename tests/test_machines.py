"""Driven systems as models of sweeps: heat, work, what a machine is good for, derivatives."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import qthermo_jax as qj
from qthermo_jax.declared import CurrentOf
from qthermo_jax.machines import MODES
from qthermo_jax.sweeping import SpecError

X, Z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[-1.0, 0.0], [0.0, 1.0]])
# Narrow spectral densities: heat passes by sidebands alone.
NARROW = {"rate": 1e-6, "width": 1e-4}


def modes_of(data: xr.Dataset) -> list[str]:
    return [MODES[int(code)] for code in data["mode"].values.ravel()]


def qubit(amplitude=0.3, frequency=1.3, T_hot=1.0, detuning=0.0, steps=96):
    """Driven across, between a bath that flips it and one that measures it."""
    hot, cold = qj.Bath(X, T_hot, qj.Ohmic(0.01)), qj.Bath(X + Z, 0.3, qj.Ohmic(0.02))
    return qj.DrivenSystem(
        [(1 + detuning) / 2 * jnp.asarray(Z), amplitude / 2 * jnp.asarray(X)],
        2 * jnp.pi / frequency,
        [hot, cold],
        steps=steps,
        observables={
            "excited": qj.Observable(np.array([0.0, 1.0]), qj.Quantity("excited", "p", 0)),
            "coherence_x": qj.Observable(X, qj.Quantity("sigma_x", "", 0)),
            "from_hot": CurrentOf(0, -1.0, qj.Quantity("heat from the hot bath", "-J_1", 2)),
            "twice": qj.ComputedObservable(twice_the_power, qj.Quantity("twice the power", "", 2)),
        },
    )


def twice_the_power(system, state):
    return 2 * state.power


@pytest.fixture(scope="module")
def driven() -> xr.Dataset:
    return qj.sweep(
        qubit,
        axes={"amplitude": [0.1, 0.4], "T_hot": [0.5, 1.5]},
        observables=["power", "heat", "work", "excited", "coherence_x", "from_hot", "twice"],
        derivatives=["frequency", "T_hot", "T_2"],
    )


@pytest.mark.long
def test_a_sweep_has_what_each_state_has(driven: xr.Dataset) -> None:
    for i, amplitude in enumerate(driven.amplitude.values):
        for j, T in enumerate(driven.T_hot.values):
            system = qubit(amplitude, T_hot=T)
            state, here = qj.periodic_state(system), driven.isel(amplitude=i, T_hot=j)
            period = 2 * np.pi / 1.3
            expected = {
                "power": state.power,
                "work": period * state.power,
                "heat": period * state.heat_currents,
                "from_hot": -state.heat_currents[0],
                "twice": 2 * state.power,
                # The mean of rho(t) over equally spaced times.
                "excited": np.mean(np.asarray(state.rho_at)[:, 1, 1].real),
                "coherence_x": np.mean(2 * np.asarray(state.rho_at)[:, 0, 1].real),
            }
            for name, value in expected.items():
                np.testing.assert_allclose(here[name], value, rtol=1e-9, atol=1e-15)


@pytest.mark.long
def test_derivatives_are_those_of_the_function(driven: xr.Dataset) -> None:
    def found(frequency, T_hot, T_cold):
        system = qubit(0.4, frequency, T_hot, steps=192)
        system = system.with_temperatures(jnp.stack([T_hot, T_cold]))
        state = qj.periodic_state(system, method="populations")
        return jnp.stack([state.power, state.mean(jnp.asarray(X)), state.mean_populations[1]])

    at, step = np.array([1.3, 1.5, 0.3]), 1e-3
    names = {0: "d_frequency", 1: "d_T_hot", 2: "d_T_2"}
    here = driven.isel(amplitude=1, T_hot=1)
    for index, name in names.items():
        # The fourth-order difference; its error is some step^4.
        shifts = [at + k * step * np.eye(3)[index] for k in (-2, -1, 1, 2)]
        values = [np.asarray(jax.jit(found)(*map(jnp.asarray, own))) for own in shifts]
        slope = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)
        for value, observable in zip(slope, ("power", "coherence_x", "excited"), strict=True):
            np.testing.assert_allclose(here[f"d_{observable}_{name}"], value, rtol=1e-6, atol=1e-12)


@pytest.mark.long
def test_the_minimal_heat_machine_is_what_its_theory_says() -> None:
    """Gelbwaser-Klimovsky, Alicki & Kurizki, Phys. Rev. E 87, 012140 (2013)."""
    turns = (2.0 - 1.0) / (2.0 + 1.0)  # omega_0 (T_h - T_c)/(T_h + T_c)
    frequencies = np.array([0.15, 0.3, turns - 1e-3, turns + 1e-3, 0.45])
    data = qj.sweep(
        "modulated_qubit",
        axes={"drive_frequency": frequencies},
        parameters=NARROW,
        observables=["efficiency", "cop", "mode", "power"],
    )
    assert (data.status == 0).all()
    assert modes_of(data) == ["engine"] * 3 + ["refrigerator"] * 2
    expected = 2 * frequencies / (1 + frequencies)
    np.testing.assert_allclose(data.efficiency, expected, rtol=1e-3)
    # What is not work comes from the cold bath: (omega_0 - Omega)/(2 Omega).
    np.testing.assert_allclose(data.cop, (1 - frequencies) / (2 * frequencies), rtol=1e-3)
    assert np.abs(data.efficiency[2] - 0.5) < 0.002  # Carnot's, where the power vanishes


@pytest.mark.long
def test_wide_spectral_densities_make_an_accelerator_and_equal_baths_a_heater() -> None:
    data = qj.sweep(
        "modulated_qubit",
        axes={"T_h": [1.0, 4.0]},
        parameters={"drive_frequency": 0.7, "width": 0.3, "rate": 1e-3},
        observables=["mode", "heat_currents", "power", "entropy_production"],
    )
    assert modes_of(data) == ["heater", "accelerator"]
    assert (data.heat_currents.sum("bath") / data.power).values == pytest.approx([1.0, 1.0], rel=1e-9)
    T = np.stack([data.T_h, np.ones(2)], axis=-1)
    sigma = (data.heat_currents / T).sum("bath")
    np.testing.assert_allclose(data.entropy_production, sigma, rtol=1e-9)


@pytest.mark.long
def test_a_mode_says_its_words_in_the_file_and_in_the_picture(tmp_path: Path) -> None:
    data = qj.sweep(
        "modulated_qubit",
        axes={"T_h": [1.0, 2.0, 3.0], "drive_frequency": [0.15, 0.45]},
        observables=["mode"],
        out=tmp_path / "modes.h5",
    )
    kept = qj.open_result(tmp_path / "modes.h5")
    assert kept["mode"].attrs["flag_meanings"].split() == list(MODES)
    assert kept["mode"].attrs["flag_values"].tolist() == [0, 1, 2, 3, 4]
    there = sorted({*modes_of(data)}, key=MODES.index)
    figure = data.qthermo.plot("mode")
    bar = figure.axes[-1]
    assert [tick.get_text() for tick in bar.get_yticklabels()] == there
    curve = data.isel(T_h=1).qthermo.plot("mode")
    assert [tick.get_text() for tick in curve.axes[0].get_yticklabels()] == list(MODES)


def level(splitting=0.0, tuned=0.0):
    """Driven at its own frequency: the drive splits quasi-energies that are equal modulo Omega."""
    return qubit(splitting, 1.0, detuning=tuned)


def twofold(lift=0.0, T=1.0):
    """At half its frequency: the drive splits them to second order."""
    return qubit(lift, 0.5, T_hot=T)


@pytest.mark.long
@pytest.mark.parametrize(
    ("model", "parameter"),
    [
        (level, "splitting"),
        pytest.param(level, "tuned", marks=pytest.mark.slow),
        pytest.param(twofold, "lift", marks=pytest.mark.slow),
    ],
)
def test_there_is_no_derivative_where_quasi_energies_split(model, parameter) -> None:
    data = qj.sweep(
        model,
        axes={parameter: [0.0]},
        observables=["mean_populations"],
        derivatives=[parameter, "T_1"],
    )
    assert data.status.values.tolist() == [0]
    assert data[f"status_d_{parameter}"].values.tolist() == [qj.Status.NO_DERIVATIVE]
    assert np.isnan(data[f"d_mean_populations_d_{parameter}"]).all()
    assert np.isfinite(data.d_mean_populations_d_T_1).all()


def three_levels(drive=0.0, T=0.7):
    """Two of one energy that both baths reach together: populations drive their coherence."""
    both, one = np.zeros((3, 3)), np.zeros((3, 3))
    both[0, 1] = both[1, 0] = both[0, 2] = both[2, 0] = 1.0
    one[0, 1] = one[1, 0] = 1.0
    hot, cold = qj.Bath(both, T, qj.Ohmic(0.01)), qj.Bath(one, 0.3, qj.Ohmic(0.01))
    return qj.DrivenSystem(
        [jnp.diag(jnp.array([0.0, 1.0, 1.0])), drive * jnp.diag(jnp.array([1.0, 0.0, 0.0]))],
        5.0,
        [hot, cold],
    )


@pytest.mark.long
def test_points_whose_populations_drive_coherences_are_solved_densely() -> None:
    data = qj.sweep(three_levels, axes={"T": [0.5, 0.9]}, observables=["heat_currents"])
    assert data.method.values.tolist() == [qj.Method.DENSE] * 2
    for T, found in zip(data.T.values, data.heat_currents.values, strict=True):
        own = three_levels(T=T)
        steady = qj.OpenSystem(np.diag([0.0, 1.0, 1.0]), own.baths)
        expected = qj.heat_currents(steady, qj.steadystate(steady))
        np.testing.assert_allclose(found, expected, rtol=1e-8)


def backwards(period=1.0):
    return qj.DrivenSystem([jnp.asarray(Z)], period, qj.Bath(X, 1.0, qj.Ohmic(0.1)))


def number(T=1.0):
    return T


@pytest.mark.long
def test_a_period_that_is_none_is_named(tmp_path: Path) -> None:
    data = qj.sweep(backwards, axes={"period": [-1.0, 1.0]}, out=tmp_path / "p.h5")
    assert data.status.values.tolist() == [qj.Status.PARAMETER_OUT_OF_RANGE, qj.Status.OK]
    told = qj.open_result(tmp_path / "p.h5").status.attrs["first_causes"]
    assert "the period -1.0 is not above 0" in told
    wrong = qj.DrivenSystem(
        lambda t: jnp.array([[0.0, 1.0], [jnp.cos(t), 0.0]]), 2 * np.pi, backwards().baths
    )
    (first, *_) = qj.diagnose(wrong)
    assert first.startswith("H(t) at ")
    assert "is not Hermitian" in first


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"generator": "redfield"}, "solver.generator: the model's master equation is 'global'"),
        ({"secular_tol": 0.1}, "solver.secular_tol: a machine's cut-off is that of its model"),
        ({"method": "secular_block"}, "takes method auto, populations, dense, not 'secular_block'"),
        ({"observables": ["powr"]}, "unknown observable 'powr'; did you mean 'power'?"),
    ],
)
def test_what_a_machine_cannot_be_asked_for(options, said) -> None:
    with pytest.raises(SpecError, match=said.replace("?", r"\?").replace("(", r"\(")):
        qj.sweep(qubit, axes={"T_hot": [1.0]}, **options)


def test_an_evolution_of_a_machine_and_a_model_that_returns_none() -> None:
    with pytest.raises(SpecError, match="returns DrivenSystem: its state is periodic"):
        qj.sweep(qubit, axes={"time": [0.0, 1.0]}, evolution={"initial": "1"})
    with pytest.raises(SpecError, match="not an OpenSystem, a DrivenSystem or a Cycle"):
        qj.sweep(number, axes={"T": [1.0]})


@pytest.mark.long
def test_observables_of_a_machine_by_name() -> None:
    system = qubit()
    state = qj.periodic_state(system)
    known = qj.available_observables(system)
    assert {"power", "efficiency", "quasi_energies", "excited"} <= set(known)
    for name, own in known.items():
        assert qj.observe(system, state, name).shape == tuple(len(dim.labels) for dim in own.dims)
    assert qj.observe(system, state, "energy_balance") == pytest.approx(0.0, abs=1e-14)


# --- cycles of strokes


@pytest.fixture(scope="module")
def otto() -> xr.Dataset:
    return qj.sweep(
        "otto",
        axes={"omega_c": [0.6, 1.4], "T_h": [1.0, 3.0]},
        parameters={"transverse": 0.4, "ramp": 1.0},
        observables=["work", "heat", "stroke_work", "stroke_heat", "friction", "mode", "first_law"],
        derivatives=["ramp", "T_h", "T_2"],
    )


@pytest.mark.long
def test_a_sweep_of_cycles_has_what_each_limit_cycle_has(otto: xr.Dataset) -> None:
    assert otto.bath.values.tolist() == ["hot", "cold"]
    assert otto.stroke.values.tolist() == ["heating", "expansion", "cooling", "compression"]
    assert (otto.first_law < 1e-14).all()
    for i, omega_c in enumerate(otto.omega_c.values):
        for j, T in enumerate(otto.T_h.values):
            state = qj.limit_cycle(qj.models.otto(omega_c=omega_c, T_h=T, transverse=0.4, ramp=1.0))
            here = otto.isel(omega_c=i, T_h=j)
            for name in ("work", "heat", "stroke_work", "stroke_heat", "friction"):
                np.testing.assert_allclose(here[name], getattr(state, name), rtol=1e-9, atol=1e-14)
    assert modes_of(otto) == ["refrigerator", "engine", "engine", "engine"]


@pytest.mark.long
def test_derivatives_of_cycles_are_those_of_the_function(otto: xr.Dataset) -> None:
    def found(ramp, T_h, T_c):
        state = qj.limit_cycle(qj.models.otto(omega_c=1.4, T_h=T_h, T_c=T_c, transverse=0.4, ramp=ramp))
        return jnp.stack([state.work, state.friction[3]])

    at, step = np.array([1.0, 3.0, 0.5]), 1e-3
    here = otto.isel(omega_c=1, T_h=1)
    for index, name in enumerate(("d_ramp", "d_T_h", "d_T_2")):
        shifts = [at + k * step * np.eye(3)[index] for k in (-2, -1, 1, 2)]
        values = [np.asarray(jax.jit(found)(*map(jnp.asarray, own))) for own in shifts]
        slope = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)
        np.testing.assert_allclose(here[f"d_work_{name}"], slope[0], rtol=1e-7, atol=1e-12)
        np.testing.assert_allclose(here[f"d_friction_{name}"][3], slope[1], rtol=1e-7, atol=1e-12)


def split(field=0.0, T=1.0):
    """A bath is on where two levels meet; the field splits them."""
    both = np.zeros((3, 3))
    both[0, 1] = both[1, 0] = both[0, 2] = both[2, 0] = 1.0
    flip = np.zeros((3, 3))
    flip[0, 1] = flip[1, 0] = 1.0
    H = jnp.diag(jnp.array([0.0, 1.0, 1.0])) + field * jnp.diag(jnp.array([0.0, 1.0, -1.0]))
    return qj.Cycle(
        [qj.Stroke(H, 5.0, baths=["hot"]), qj.Stroke(H, 5.0, baths=["cold"])],
        {"hot": qj.Bath(both, T, qj.Ohmic(0.1)), "cold": qj.Bath(flip, 0.3, qj.Ohmic(0.1))},
    )


@pytest.mark.long
def test_there_is_no_derivative_of_a_cycle_where_levels_split_in_a_bath() -> None:
    data = qj.sweep(split, axes={"field": [0.0, 0.2]}, observables=["heat"], derivatives=["field", "T"])
    assert data.status.values.tolist() == [0, 0]
    assert data.status_d_field.values.tolist() == [qj.Status.NO_DERIVATIVE, qj.Status.OK]
    assert data.status_d_T.values.tolist() == [0, 0]


@pytest.mark.long
def test_a_cycle_in_equilibrium_and_a_cold_one_claim_no_digits() -> None:
    """Equal temperatures and no change of H: heat is 0, and its sign is not known."""
    data = qj.sweep(
        "otto",
        axes={"T_h": [0.02, 0.5]},
        parameters={"omega_c": 1.0, "omega_h": 1.0, "T_c": 0.02},
        observables=["heat", "mode"],
    )
    assert data.status.values.tolist() == [0, 0]
    assert np.isnan(data.heat[0]).all()
    assert data.note[0] == qj.Note.CURRENTS_CANCEL
    assert modes_of(data) == ["undecided", "undecided"]  # no work is done on it
    assert np.isfinite(data.heat[1]).all()


def test_what_a_cycle_cannot_be_asked_for() -> None:
    with pytest.raises(SpecError, match="a cycle takes method auto or dense, not 'populations'"):
        qj.sweep("otto", axes={"T_h": [1.0]}, method="populations")
    with pytest.raises(SpecError, match="model's master equation is 'global'"):
        qj.sweep("otto", axes={"T_h": [1.0]}, generator="redfield")


@pytest.mark.slow
def test_the_efficiency_at_greatest_work_is_the_known_one_to_third_order() -> None:
    """eta_C/2 + eta_C^2/8 + (7 + csch^2(a/2)) eta_C^3/96, a = 2.39936.

    Esposito, Lindenberg & Van den Broeck, EPL 85, 60010 (2009), for a quantum dot between two leads,
    whose power is the same function of the two energies.
    """
    spec = Path(__file__).parents[1] / "sweeps" / "otto_optimum.py"
    carnot = np.array([0.02, 0.1, 0.2])
    data = qj.optimise(
        "otto",
        minimise="work",
        over={"omega_c": [0.2, 8.0], "omega_h": [0.5, 30.0]},
        axes={"T_h": 1 / (1 - carnot)},
        parameters={"T_c": 1.0, "contact": 1e3, "steps": 8},
        observables=["efficiency", f"{spec}:curzon_ahlborn"],
    )
    third = (7 + 1 / np.sinh(2.39936 / 2) ** 2) / 96
    expected = carnot / 2 + carnot**2 / 8 + third * carnot**3
    assert (np.abs(data.efficiency - expected) < 0.1 * carnot**4).all()
    assert (np.abs(data.efficiency - data.curzon_ahlborn) < 0.02 * carnot**3).all()
    np.testing.assert_allclose(data.curzon_ahlborn, 1 - np.sqrt(1 - carnot), rtol=1e-12)
