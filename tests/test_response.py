"""Responses: closed forms, central differences, and the laws that conductances obey."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qthermo_jax as qj
from problems import atom
from systems import random_draw

chain_with = jax.jit(
    lambda T, g: qj.models.chain(sites=4, g=g, temperatures=T, rate=jnp.array([1.0, 0.4, 0.7, 2.0]))
)


@jax.jit
def responses(system: qj.OpenSystem) -> dict[str, jax.Array]:
    state = qj.steadystate(system, method="populations")
    return {
        "heat_currents": qj.heat_currents(system, state),
        "conductance": qj.conductance(system, state),
        "onsager": qj.onsager(system, state),
    }


@jax.jit
def of_chain(system: qj.OpenSystem) -> dict[str, jax.Array]:
    state = qj.steadystate(system, method="populations")
    return {
        "site_populations": qj.site_populations(system, state),
        "mean_position": qj.observe(system, state, "mean_position"),
        "sensitivity": qj.sensitivity(system, state, "site_populations"),
        "soret": qj.soret(system, state),
    }


def heat_through_an_atom(T_1: mpmath.mpf, T_2: mpmath.mpf) -> mpmath.mpf:
    """Into bath 1: omega J_1 J_2 (n_2 - n_1)/(J_1 (2 n_1 + 1) + J_2 (2 n_2 + 1)), J = 1 and 0.3."""
    n_1, n_2 = (1 / mpmath.expm1(mpmath.mpf(1.3) / T) for T in (T_1, T_2))
    rate = mpmath.mpf(0.3)
    return mpmath.mpf(1.3) * rate * (n_2 - n_1) / (2 * n_1 + 1 + rate * (2 * n_2 + 1))


@pytest.mark.long
@pytest.mark.parametrize(("T_1", "T_2"), [(0.5, 0.5), (0.2, 0.9), (3.0, 0.05)])
def test_conductance_of_an_atom_has_its_closed_form(T_1: float, T_2: float) -> None:
    with mpmath.workdps(50):
        slopes = [mpmath.diff(heat_through_an_atom, (T_1, T_2), order) for order in ((1, 0), (0, 1))]
    into_1 = [float(slope) for slope in slopes]
    found = responses(atom((T_1, qj.Flat(1.0)), (T_2, qj.Flat(0.3))))["conductance"]
    np.testing.assert_allclose(found, [into_1, [-slope for slope in into_1]], rtol=1e-11)


@pytest.mark.long
@given(T=st.floats(0.1, 3.0), g=st.floats(0.05, 1.3))
def test_onsagers_matrix_is_symmetric_and_positive(T: float, g: float) -> None:
    L = np.asarray(responses(chain_with(jnp.full(4, T), g))["onsager"])
    np.testing.assert_allclose(L, L.T, atol=1e-10 * np.abs(L).max())
    assert np.linalg.eigvalsh(L).min() >= -1e-12 * np.abs(L).max()
    np.testing.assert_allclose(L.sum(axis=0), 0.0, atol=1e-11 * np.abs(L).max())
    np.testing.assert_allclose(L.sum(axis=1), 0.0, atol=1e-11 * np.abs(L).max())


@pytest.mark.slow
@given(seed=st.integers(0, 10**6))
def test_onsagers_matrix_of_random_systems(seed: int) -> None:
    draw = random_draw(seed, 3, True, "generic")
    found = responses(draw.system)
    T = draw.T.mean()
    at_mean = responses(draw.system.with_temperatures(jnp.full(3, T)))
    L = np.asarray(found["onsager"])
    np.testing.assert_allclose(L, -(T**2) * at_mean["conductance"], rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(L, L.T, atol=1e-10 * np.abs(L).max())
    assert np.linalg.eigvalsh(L).min() >= -1e-12 * np.abs(L).max()


@pytest.mark.long
def test_heat_near_equilibrium_is_what_the_onsager_matrix_says() -> None:
    """J_i = sum_j L_ij delta(1/T_j), to first order; two opposite steps leave the third order."""
    T, step = 0.6, 1e-3 * np.array([1.0, -2.0, 0.5, 0.5])
    L = responses(chain_with(jnp.full(4, T), 0.7))["onsager"]
    up, down = (
        responses(chain_with(jnp.asarray(1 / (1 / T + own)), 0.7))["heat_currents"]
        for own in (step, -step)
    )
    np.testing.assert_allclose((up - down) / 2, L @ step, rtol=1e-4)


T_CHAIN = np.array([0.7, 0.5, 0.4, 0.2])


def fourth_order(name: str, direction: np.ndarray, step: float = 2e-3) -> np.ndarray:
    shifted = [
        np.asarray(of_chain(chain_with(jnp.asarray(T_CHAIN + n * step * direction), 0.7))[name])
        for n in (-2, -1, 1, 2)
    ]
    return (shifted[0] - 8 * shifted[1] + 8 * shifted[2] - shifted[3]) / (12 * step)


@pytest.mark.long
def test_sensitivities_are_central_differences() -> None:
    found = of_chain(chain_with(jnp.asarray(T_CHAIN), 0.7))["sensitivity"]
    expected = np.stack([fourth_order("site_populations", e) for e in np.eye(4)], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-8)


@pytest.mark.long
def test_the_soret_coefficient_is_minus_the_drift_along_a_gradient_that_keeps_the_mean() -> None:
    found = of_chain(chain_with(jnp.asarray(T_CHAIN), 0.7))["soret"]
    steeper = np.array([-1.5, -0.5, 0.5, 1.5])
    np.testing.assert_allclose(found, -fourth_order("mean_position", steeper), rtol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize(("g", "sign"), [(0.1, 1.0), (1.3, -1.0)])
def test_its_sign_tells_the_paper_two_kinds_of_thermophoresis_apart(g: float, sign: float) -> None:
    """Fig. 2: N = 10, T = 0.8 -> 0.4; at g = 0.1 to the cold end, at g = 1.3 to the hot one."""
    profile = np.linspace(0.8, 0.4, 10)
    system = qj.models.chain(sites=10, g=g, temperatures=profile)
    state = qj.steadystate(system, method="populations")
    assert np.sign(qj.soret(system, state)) == sign


@pytest.mark.long
def test_lambda_answers_by_its_unbalance() -> None:
    system = qj.models.lambda_system(T_1=0.5, T_2=0.5)
    state = qj.steadystate(system, method="populations")
    n = float(qj.n_thermal(1.0, 0.5))
    slope = n * (n + 1) / 0.5**2  # dn/dT
    # Eq. 8 at n_1 = n_2: dDelta = (dn_1 - dn_2)/(2 n + 3 n^2), along dT = (-1/2, 1/2).
    np.testing.assert_allclose(qj.soret(system, state), slope / (2 * n + 3 * n**2), rtol=1e-12)


def test_a_system_without_positions_has_no_soret_coefficient() -> None:
    system = atom((0.5, qj.Flat(1.0)), (0.6, qj.Flat(1.0)))
    with pytest.raises(ValueError, match="needs one of mean_position, unbalance"):
        qj.soret(system, qj.steadystate(system))
    assert "soret" not in qj.available_observables(system)


@pytest.mark.long
def test_responses_are_observables_of_a_sweep() -> None:
    data = qj.sweep(
        "chain",
        axes={"g": [0.7]},
        parameters={"sites": 4, "temperatures": T_CHAIN, "rate": [1.0, 0.4, 0.7, 2.0]},
        observables=["conductance", "onsager", "soret"],
    )
    system = chain_with(jnp.asarray(T_CHAIN), 0.7)
    expected = responses(system) | of_chain(system)
    assert data.conductance.dims == ("g", "bath", "heated_bath")
    for name in data.data_vars:
        if name in expected:
            np.testing.assert_allclose(data[name][0], expected[name], rtol=1e-11, atol=1e-16)
    assert {"conductance", "onsager", "soret"} <= set(data.data_vars)
