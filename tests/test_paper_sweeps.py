"""The sweeps that ship with the project: they resolve, and give what the paper says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qthermo_jax.sweeping import run_in_memory, sweep_from_file
from qthermo_jax.sweeping.plan import make_plan

SWEEPS = Path(__file__).parent.parent / "sweeps"
PAPER = [
    "figure2b",
    "figure2c",
    "figure2d",
    "figure2e",
    "lambda_unbalance",
    "phase_diagram",
    "two_qubits",
]


def result(name):
    return run_in_memory(sweep_from_file(SWEEPS / f"{name}.toml"))


def test_every_sweep_resolves():
    specs = sorted(SWEEPS.glob("*.toml"))
    assert {spec.stem for spec in specs} >= set(PAPER)
    for spec in specs:
        assert sweep_from_file(spec).plan.points > 0


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


def test_the_peak_site_is_where_the_population_is_largest():
    job = sweep_from_file(SWEEPS / "figure2d.toml")
    spec = job.plan.spec.model_copy(update={"observables": ["peak_site", "site_populations"]})
    data = run_in_memory(replace(job, plan=make_plan(spec, job.plan.model)))
    np.testing.assert_array_equal(data.peak_site, data.site_populations.idxmax("site"))
    assert {3.0, 10.0} <= set(data.peak_site.values.tolist())


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


def test_two_qubits_carry_most_heat_at_resonance():
    data = result("two_qubits")
    np.testing.assert_allclose(data.heat_currents.sum("bath"), 0.0, atol=1e-15)
    assert abs(float(data.heat_currents.sel(bath=2).idxmax()) - 1.0) < 0.05
    assert (data.heat_currents.sel(bath=2) > 0).all()
