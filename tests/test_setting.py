"""Sweeps of evolutions, of other generators and of one's own observables, against direct calls."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qthermo_jax as qj
from qthermo_jax.sweeping import SpecError, sweep_from_file

UNBALANCED = {"1": 0.1, "2": 0.3, "e": 0.6}
TIMES = [0.0, 0.5, 3.0]
EVOLVING: dict[str, Any] = {"parameters": {"T_1": 0.5, "T_2": 0.5}, "evolution": {"initial": UNBALANCED}}


@pytest.mark.long
def test_time_is_an_axis_of_an_evolution() -> None:
    data = qj.sweep(
        "lambda_system",
        axes={"rate": [0.5, 1.0], "time": TIMES},
        **EVOLVING,
        observables=["level_populations", "heat_currents"],
        derivatives=["time"],
    )
    assert (data.status == 0).all()
    assert data.time.attrs["units"] == "energy^-1"
    for rate in (0.5, 1.0):
        system = qj.models.lambda_system(T_1=0.5, T_2=0.5, rate=rate)
        states = qj.evolve(system, TIMES, list(UNBALANCED.values()))
        found = data.sel(rate=rate)
        np.testing.assert_allclose(found.level_populations, states.level_populations, atol=1e-13)
    n = 1 / np.expm1(2.0)
    J = (n + 1) * data.level_populations[..., [2]].values - n * data.level_populations[..., :2].values
    J = J * data.rate.values[:, None, None]
    np.testing.assert_allclose(data.heat_currents, J, atol=1e-13)
    np.testing.assert_allclose(data.d_level_populations_d_time[..., :2], J, atol=1e-13)  # omega = 1


@pytest.mark.long
@pytest.mark.parametrize("derivatives", [[], pytest.param(["time"], marks=pytest.mark.slow)])
def test_baths_of_finite_capacity_warm_up_in_a_sweep(derivatives: list[str]) -> None:
    evolution = {"initial": UNBALANCED, "heat_capacity": [4.0, 5.0]}
    data = qj.sweep(
        "lambda_system",
        axes={"time": TIMES},
        parameters=EVOLVING["parameters"],
        evolution=evolution,
        observables=["bath_temperatures"],
        derivatives=derivatives,
    )
    system = qj.models.lambda_system(T_1=0.5, T_2=0.5)
    capacities = np.array([4.0, 5.0])
    warming = qj.evolve_with_baths(system, TIMES, capacities, list(UNBALANCED.values()))
    np.testing.assert_allclose(data.bath_temperatures, warming.temperatures, rtol=1e-10)
    if not derivatives:
        return
    currents = jax.vmap(lambda state, T: qj.heat_currents(system.with_temperatures(T), state))(*warming)
    expected = np.asarray(currents) / capacities
    np.testing.assert_allclose(data.d_bath_temperatures_d_time, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.long
def test_points_with_coherences_are_evolved_densely() -> None:
    """A site of the chain is no eigenstate where it tunnels; a ground state is."""
    data = qj.sweep(
        "chain",
        axes={"time": [0.0, 1.0]},
        parameters={"sites": 2, "g": 0.4},
        evolution={"initial": "e_1"},
        observables=["site_populations"],
    )
    assert (data.method == qj.Method.DENSE).all()
    states = qj.evolve(qj.models.chain(sites=2, g=0.4), [0.0, 1.0], jnp.eye(4)[2])
    p = states.level_populations
    np.testing.assert_allclose(data.site_populations, p[:, :2] + p[:, 2:], atol=1e-12)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"axes": {"T_1": [0.5]}}, "evolution: takes a time, as axes.time or parameters.time"),
        ({"evolution": {"initial": "x"}}, "evolution.initial: unknown basis state 'x'"),
        ({"evolution": {}}, "evolution.initial: missing; the model lambda_system brings no initial"),
        (
            {"evolution": {"initial": "e", "heat_capacity": [1.0, 2.0, 3.0]}},
            "evolution.heat_capacity: 3 numbers for 2 baths",
        ),
        ({"evolution": {"inital": "e"}}, "evolution: unknown key 'inital'"),
        ({"observables": ["soret"]}, r"observables\[0\]: 'soret' needs a steady state"),
        ({"method": "secular_block"}, "solver.method: an evolution takes"),
        ({"precision": "float32"}, "solver.precision: an evolution takes 'float64'"),
        ({"evolution": None, "generator": "davies"}, "solver.generator: takes 'global'"),
        ({"evolution": None, "generator": "partial_secular"}, "takes a cut-off, secular_tol"),
        ({"evolution": None, "generator": "local"}, "needs the Hamiltonian without interactions"),
        (
            {"evolution": None, "generator": "redfield", "method": "populations"},
            "generator 'redfield' takes method 'dense'",
        ),
        ({"observables": ["nowhere.py:f"]}, r"observables\[0\]: no file .*nowhere.py"),
        ({"observables": ["math:cos2"]}, r"observables\[0\]: math: unknown function 'cos2'"),
    ],
)
def test_what_does_not_fit_is_one_line(changed: dict[str, Any], message: str) -> None:
    axes = {"T_1": [0.5]} if changed.get("evolution", 0) is None else {"time": [0.0]}
    asked: dict[str, Any] = {"axes": axes, "evolution": {"initial": "e"}, **changed}
    with pytest.raises(SpecError, match=message) as error:
        qj.sweep("lambda_system", **asked)
    assert "\n" not in str(error.value)


# --- generators


def pair(g: float = 0.1, detuning: float = 0.0) -> qj.OpenSystem:
    """Two qubits between a hot and a cold bath."""
    x, one, up = qj.operators.sigma_x(), np.eye(2), np.diag([1.0, 0.0])
    bare = np.kron(up, one) + (1.0 + detuning) * np.kron(one, up)
    flip = np.kron(qj.operators.sigma_plus(), qj.operators.sigma_minus())
    hot = qj.Bath(np.kron(x, one), 0.9, qj.Flat(0.1))
    cold = qj.Bath(np.kron(one, x), 0.3, qj.Flat(0.1))
    return qj.OpenSystem(bare + g * (flip + flip.T), [hot, cold], local=bare)


CURRENTS: dict[str, Any] = {"observables": ["heat_currents"]}


@pytest.mark.long
@pytest.mark.parametrize(
    "kind",
    [
        {"generator": "local"},
        pytest.param({"generator": "redfield"}, marks=pytest.mark.slow),
        pytest.param({"generator": "partial_secular", "secular_tol": 0.5}, marks=pytest.mark.slow),
    ],
)
def test_a_sweep_takes_every_generator(kind: dict[str, Any]) -> None:
    data = qj.sweep(pair, axes={"g": [0.02, 0.3]}, **kind, **CURRENTS)
    assert (data.status == qj.Status.OK).all()
    alone = kind["generator"] in ("redfield", "local")  # one solver takes these
    assert data.attrs["method"] == ("dense" if alone else "auto")
    for g in (0.02, 0.3):
        system = pair(g).with_generator(**kind)
        expected = qj.heat_currents(system, qj.steadystate(system))
        np.testing.assert_allclose(data.heat_currents.sel(g=g), expected, atol=1e-13)


@pytest.mark.long
def test_a_derivative_that_splits_a_level_of_the_bare_hamiltonian_is_flagged() -> None:
    step = 1e-5
    axes = {"detuning": [0.0, 0.2 - step, 0.2, 0.2 + step]}
    data = qj.sweep(pair, axes=axes, generator="local", derivatives=["detuning"], **CURRENTS)
    assert data.status_d_detuning.values.tolist() == [qj.Status.NO_DERIVATIVE, 0, 0, 0]
    J = data.heat_currents.values
    np.testing.assert_allclose(
        data.d_heat_currents_d_detuning[2], (J[3] - J[1]) / (2 * step), rtol=1e-6, atol=1e-10
    )


# --- one's own observables

OWN = """
import jax.numpy as jnp
import qthermo_jax as qj

@qj.observable(qj.Quantity("powers of the populations", "p^k", 0), [qj.Dimension("k", (1, 2))])
def powers(system, state):
    p = jnp.sum(state.level_populations ** 2)
    return jnp.stack([jnp.ones_like(p), p])

def hottest(system, state):
    return jnp.max(system.temperatures)

@qj.observable(qj.Quantity("wrong", "", 0), [qj.Dimension("k", (1, 2, 3))])
def wrong(system, state):
    return system.temperatures
"""
SPEC = """
model = "lambda_system"
observables = ["own.py:powers", "own.py:hottest", "purity"]
axes.T_1 = [0.5, 0.9]
"""


@pytest.mark.long
def test_an_observable_of_ones_own_stands_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "spec.toml").write_text(SPEC)
    job = sweep_from_file(tmp_path / "spec.toml")
    from_file = qj.sweep(
        "lambda_system",
        axes={"T_1": [0.5, 0.9]},
        observables=[f"{tmp_path}/own.py:powers", f"{tmp_path}/own.py:hottest", "purity"],
    )
    assert list(job.plan.outputs) == ["powers", "hottest", "purity"]
    assert from_file.powers.dims == ("T_1", "k")
    np.testing.assert_allclose(from_file.powers[:, 1], from_file.purity, rtol=1e-14)
    np.testing.assert_array_equal(from_file.hottest, [0.5, 0.9])
    before = job.plan.digest
    (tmp_path / "own.py").write_text(OWN + "\n# changed\n")
    assert sweep_from_file(tmp_path / "spec.toml").plan.digest != before


def test_an_observable_that_is_not_of_its_shape_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    with pytest.raises(SpecError, match=r"wrong: has shape \(2,\), and its dimensions \(3,\)"):
        qj.sweep("lambda_system", axes={"T_1": [0.5]}, observables=[f"{tmp_path}/own.py:wrong"])


@qj.observable(qj.Quantity("entropy of the populations", "S_p", 0))
def entropy(system: qj.OpenSystem, state: qj.State) -> jax.Array:
    return -jnp.sum(state.populations * jnp.log(state.populations))


@pytest.mark.long
def test_an_observable_of_ones_own_is_given_in_python() -> None:
    data = qj.sweep("lambda_system", axes={"T_1": [0.5]}, observables=[entropy, "von_neumann_entropy"])
    np.testing.assert_allclose(data.entropy, data.von_neumann_entropy, rtol=1e-13)
    assert data.entropy.attrs["long_name"] == "entropy of the populations"
