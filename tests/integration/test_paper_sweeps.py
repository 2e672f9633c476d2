"""The sweeps that ship with the project: they resolve, and give what the paper says."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

import oracles
from processes import TOP
from qthermo_jax import Status
from qthermo_jax.sweeping import run_in_memory, sweep_from_file
from qthermo_jax.sweeping.execute.planning import make_plan

SWEEPS = TOP / "sweeps"
PAPER = [
    "boundary",
    "chain_local",
    "dufour",
    "figure2_ohmic",
    "figure2b",
    "figure2c",
    "figure2d",
    "figure2e",
    "generators",
    "lambda_unbalance",
    "phase_diagram",
    "two_qubits",
]


def result(name: str, parameters: dict[str, Any] | None = None, **changes: Any):
    """A sweep that ships, or a smaller one like it."""
    job = sweep_from_file(SWEEPS / f"{name}.toml")
    own = job.plan.spec
    fixed = {
        name: value for name, value in own.parameters.items() if name not in changes.get("axes", {})
    }
    spec = own.model_copy(update={"parameters": fixed | (parameters or {}), **changes})
    if spec != own:
        job = replace(job, plan=make_plan(spec, job.plan.model))
    return run_in_memory(job)


@pytest.mark.long
def test_every_sweep_resolves():
    specs = sorted(SWEEPS.glob("*.toml"))
    assert {spec.stem for spec in specs} >= set(PAPER)
    for spec in specs:
        assert sweep_from_file(spec).plan.points > 0


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "highest_at_weak", "highest_at_strong"),
    [("figure2d", {10}, {3}), ("figure2e", {10}, {5, 6})],
)
def test_figure_2_de_positive_negative_and_no_thermophoresis(name, highest_at_weak, highest_at_strong):
    data = result(name)
    weak, strong = data.site_populations.sel(g=0.1), data.site_populations.sel(g=1.3)
    highest = [int(site) for site in strong.sortby(strong, ascending=False).site]
    assert {int(weak.idxmax())} == highest_at_weak
    assert set(highest[: len(highest_at_strong)]) == highest_at_strong
    np.testing.assert_allclose(data.site_populations.sum("site"), 1.0, rtol=1e-13)


@pytest.mark.long
def test_the_peak_site_is_where_the_population_is_largest():
    data = result("figure2d", observables=["peak_site", "site_populations"])
    np.testing.assert_array_equal(data.peak_site, data.site_populations.idxmax("site"))
    assert {3.0, 10.0} <= set(data.peak_site.values.tolist())


@pytest.mark.long
def test_ohmic_baths_give_qualitatively_the_same() -> None:
    """The paper, end of its Formalism; and site 3 falls off towards 10 as it says of panel (d)."""
    populations = result("figure2_ohmic").site_populations
    assert (populations.sel(g=0.1).idxmax("site") == 10).all()
    warm, cold = (populations.sel(g=1.3).isel(T_L=panel) for panel in (0, 1))
    assert int(warm.idxmax()) == 3
    assert (warm.sel(site=slice(3, 10)).diff("site") < 0).all()
    assert set(cold.sortby(cold, ascending=False).site.values[:2]) == {5, 6}


@pytest.mark.long
@pytest.mark.parametrize("name", ["figure2b", "figure2c"])
def test_figure_2_bc_the_colder_the_site_the_more_populated(name):
    data = result(name)
    profiles = data.site_populations.where(data.T_L != data.T_R, drop=True)
    assert (profiles.diff("site") > 0).all()
    # "More pronounced in the regimes of lowest average temperatures, and highest gradients."
    slope = data.site_populations.isel(site=-1) - data.site_populations.isel(site=0)
    assert (slope.diff(slope.dims[0]) * {"figure2b": -1, "figure2c": 1}[name] > 0).all()


def test_the_lambda_unbalance_is_equation_8():
    data = result("lambda_unbalance")
    assert data.unbalance[0] == 1.0  # T_2 = 0
    np.testing.assert_allclose(data.unbalance, data.unbalance_eq8, rtol=1e-12, atol=1e-15)
    assert data.unbalance_eq8.attrs["source"] == "Quantum thermophoresis, Eq. 8"


@pytest.mark.long
def test_two_qubits_carry_most_heat_at_resonance():
    data = result("two_qubits")
    np.testing.assert_allclose(data.heat_currents.sum("bath"), 0.0, atol=1e-15)
    assert abs(float(data.heat_currents.sel(bath=2).idxmax()) - 1.0) < 0.05
    assert (data.heat_currents.sel(bath=2) > 0).all()


@pytest.mark.long
def test_an_unbalanced_lambda_system_heats_its_baths_unevenly() -> None:
    """Quantum Dufour effect; each bath has the transition of its own that it exchanges energy with."""
    data = result("dufour", axes={"time": [0.0, 0.5, 20.0, 200.0]})
    J, T = data.heat_currents, data.bath_temperatures
    assert J[0, 0] > J[0, 1] > 0
    assert T[0, 0] == T[0, 1]
    assert (T[1:, 0] > T[1:, 1]).all()
    energy = 2.0 * T.sum("bath") + data.level_populations.sel(level="e")
    np.testing.assert_allclose(energy, energy[0], atol=1e-9)
    kept = 2.0 * T.values - data.level_populations.values[:, :2]
    np.testing.assert_allclose(kept, kept[[0, 0, 0, 0]], atol=1e-9)
    np.testing.assert_allclose(J[-1], 0.0, atol=1e-9)  # at rest, and still apart


def mean_position(g: float, T_mean: float, sites: int) -> float:
    """Of the chain between T_L : T_R = 2 : 1, from explicit projectors."""
    excited = np.eye(sites) + g * (np.eye(sites, k=1) + np.eye(sites, k=-1))
    H = np.block([[np.zeros((sites, sites)), np.zeros((sites, sites))], [0 * excited, excited]])
    couplings, rates = [], []
    for site, T in enumerate(np.linspace(4 * T_mean / 3, 2 * T_mean / 3, sites)):
        S = np.zeros_like(H)
        S[site, sites + site] = S[sites + site, site] = 1.0
        couplings.append(S)
        rates.append(oracles.bath_rate(lambda w: 1.0, np.inf, T))
    rho, _ = oracles.null_state(oracles.generator(H, couplings, rates))
    return float(np.tile(np.arange(1, sites + 1), 2) @ rho.diagonal().real)


@pytest.mark.slow
def test_the_boundary_is_where_the_particle_is_in_the_middle() -> None:
    T = [0.3, 0.4, 0.5]
    data = result("boundary", {"sites": 4}, axes={"ratio": [2.0, 1.0], "T_mean": T})
    # In equilibrium the particle is in the middle whatever g is.
    equilibrium = data.sel(ratio=1.0)
    assert (equilibrium.status == Status.PARAMETER_OUT_OF_RANGE).all()
    assert np.isnan(equilibrium.g_boundary).all()
    data = data.sel(ratio=2.0)
    np.testing.assert_allclose(data.mean_position, 2.5, rtol=0, atol=1e-10)
    # At T = 0.3 a level crosses the ground level there: h + 2 g cos(4 pi/5) = 0.
    np.testing.assert_allclose(data.g_boundary[0], -0.5 / np.cos(0.8 * np.pi), rtol=0, atol=1e-10)
    for T_mean, g in zip(T[1:], data.g_boundary[1:], strict=True):
        expected = brentq(lambda g, T: mean_position(g, T, 4) - 2.5, g - 0.05, g + 0.05, (T_mean,))
        np.testing.assert_allclose(g, expected, rtol=0, atol=1e-9)


@pytest.mark.slow
def test_the_secular_ratio_tells_where_the_default_may_be_trusted() -> None:
    data = result("generators", axes={"g": [0.001, 0.01, 0.1], "detuning": [0.0, 0.1]})
    assert (data.equation_status == Status.OK).all()
    error = data.error_of_the_default / data.secular_ratio**2
    assert ((error > 1) & (error < 4)).all()
    current = data.current.sel(g=0.01, detuning=0.0)
    excess = current / current.sel(equation="Redfield")
    np.testing.assert_allclose(excess, [1.58, 1.0, 1.0, 1.0], rtol=3e-3)


@pytest.mark.slow
def test_what_redfield_makes_negative_is_left_out() -> None:
    axes = {"g": [0.01, 0.4], "T_1": {"T_1": [0.07, 1.0], "T_2": [0.021, 0.3]}}
    data = result("generators_cold", axes=axes)
    redfield = data.equation_status.sel(equation="Redfield")
    np.testing.assert_array_equal(redfield, [[0, 0], [Status.NOT_POSITIVE, 0]])
    np.testing.assert_array_equal(np.isnan(data.error_of_the_default), redfield > 0)
    assert np.isfinite(data.current.sel(equation="global")).all()


@pytest.mark.long
def test_the_local_equation_does_not_know_of_the_tunnelling() -> None:
    data = result("chain_local", {"sites": 4}, axes={"g": [0.01, 0.5, 1.3]})
    weights = 1 + np.exp(1 / np.linspace(0.8, 0.4, 4))
    local = data.local_site_populations
    np.testing.assert_allclose(local, np.tile(weights / weights.sum(), (3, 1)), rtol=1e-11)
    np.testing.assert_allclose(data.site_populations[0], local[0], rtol=5e-3)
    assert data.mean_position[2] < 2.5 < data.local_mean_position[2]
