"""The paper's closed forms against the formulas as printed, the exact populations, and the engine.

The engine's generators and steady states know none of these formulas.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

import oracles
import qthermo_jax as qj
from problems import lambda_populations, v_populations
from qthermo_jax import models, theory

pytestmark = pytest.mark.accuracy

OCCUPATIONS = st.floats(1e-6, 1e3)

# --- as printed


@given(n_1=OCCUPATIONS, n_2=OCCUPATIONS)
def test_lambda_unbalance_is_equation_8_as_printed(n_1: float, n_2: float) -> None:
    mean, difference = (n_1 + n_2) / 2, n_2 - n_1
    printed = -difference / (mean * (3 * mean + 2) - 0.75 * difference**2)
    np.testing.assert_allclose(theory.Delta_ss(n_1, n_2), printed, rtol=1e-6)


@given(n_1=OCCUPATIONS, n_2=OCCUPATIONS)
def test_v_unbalance_is_the_rest_of_equations_13_and_14(n_1: float, n_2: float) -> None:
    """At rest m* Omega_V^2 <X>_V = F_V, with <X>_V = (d/2) Delta and F_V = (delta_n/2) m* Gamma^2 d."""
    mean, difference = (n_1 + n_2) / 2, n_2 - n_1
    omega_squared = (3 * mean + 1) * (mean + 1) - 0.75 * difference**2
    np.testing.assert_allclose(theory.Delta_ss_V(n_1, n_2), difference / omega_squared, rtol=1e-6)


@given(n_1=OCCUPATIONS, n_2=OCCUPATIONS)
def test_unbalances_are_differences_of_the_exact_populations(n_1: float, n_2: float) -> None:
    P_1, P_2, _ = lambda_populations(n_1, n_2)
    np.testing.assert_allclose(theory.Delta_ss(n_1, n_2), P_2 - P_1, rtol=1e-12, atol=1e-15)
    _, P_1, P_2 = v_populations(n_1, n_2)
    np.testing.assert_allclose(theory.Delta_ss_V(n_1, n_2), P_2 - P_1, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("n_1", [1e-300, 1e-9, 0.7, 1e6])
def test_a_cold_bath_at_zero_temperature_takes_all(n_1: float) -> None:
    assert theory.Delta_ss(n_1, 0.0) == 1.0
    assert theory.Delta_ss(0.0, n_1) == -1.0


@given(n_1=OCCUPATIONS, n_2=OCCUPATIONS, Gamma=st.floats(0.2, 2.0))
def test_forces_mass_and_frequencies_are_those_printed(n_1: float, n_2: float, Gamma: float) -> None:
    mean, difference, d = (n_1 + n_2) / 2, n_2 - n_1, 1.7
    m_star = 1 / (4 * mean + 2)
    lambda_squared = mean * (3 * mean + 2) - 0.75 * difference**2
    v_squared = (3 * mean + 1) * (mean + 1) - 0.75 * difference**2
    X, X_dot = 0.3, -0.4
    overdamped = Gamma * X_dot + 4 * m_star * Gamma**2 * lambda_squared / 3 * X
    for found, printed in (
        (theory.m_star(n_1, n_2), m_star),
        (theory.Omega(n_1, n_2, Gamma) ** 2, Gamma**2 * lambda_squared),
        (theory.Omega_V(n_1, n_2, Gamma) ** 2, Gamma**2 * v_squared),
        (theory.F_q(n_1, n_2, Gamma, d), -difference / 2 * m_star * Gamma**2 * d),
        (theory.F_V(n_1, n_2, Gamma, d), difference / 2 * m_star * Gamma**2 * d),
        (theory.F_q_high_T(n_1, n_2, Gamma, d), -difference / (3 * mean) * Gamma**2 * d / 2),
        (theory.overdamped_side(X, X_dot, n_1, n_2, Gamma), overdamped),
    ):
        np.testing.assert_allclose(found, printed, rtol=1e-6, atol=1e-12)


def test_the_forces_of_a_gradient_are_those_printed() -> None:
    T_1, T_2, Gamma, d = 0.9, 0.4, 0.7, 1.7
    gradient, T = (T_2 - T_1) / d, (T_1 + T_2) / 2
    printed = -gradient / T * Gamma**2 * d**2 / 6
    np.testing.assert_allclose(theory.F_q_of_gradient(T_1, T_2, Gamma, d), printed, rtol=1e-14)
    np.testing.assert_allclose(
        theory.thermophoretic_force(T, gradient, 0.3, 1.1), -gradient / T * 0.3 * 1.1, rtol=1e-14
    )


def test_every_form_broadcasts() -> None:
    n_1, n_2 = np.array([[0.1], [0.2]]), np.array([0.3, 0.4, 0.5])
    P = np.array([0.2, 0.3, 0.5])
    assert theory.F_q(n_1, n_2, 1.0, 2.0).shape == (2, 3)
    assert theory.motion_residual(0.1, 0.2, 0.3, 0.4, n_2, n_1, 1.0).shape == (2, 3)
    assert theory.overdamped_side(n_2, 0.2, 0.3, 0.4, n_1).shape == (2, 3)
    assert theory.rate_equation(P, n_1, n_2, 1.0).shape == (2, 3, 3)
    assert theory.heat_currents(P, n_1, 0.3, 1.0, n_2, 1.0).shape == (2, 3, 2)


# --- against the engine


@dataclass(frozen=True)
class Form:
    """One of the paper's three-level systems and what it says of it."""

    build: Callable[..., qj.OpenSystem]
    rate_equation: Callable[..., jax.Array]
    motion_residual: Callable[..., jax.Array]
    one: int  # where the populations P_1 and P_2 stand
    two: int

    def position(self, rho: np.ndarray, d: float) -> float:
        """<X> of a column-stacked rho; of L rho, its derivative."""
        P = rho[DIAGONAL].real
        return float(theory.mean_position(theory.Delta(P[self.one], P[self.two]), d))


LAMBDA = Form(models.lambda_system, theory.rate_equation, theory.motion_residual, 0, 1)
V = Form(models.v_system, theory.rate_equation_V, theory.motion_residual_V, 1, 2)
FORMS = {"lambda": LAMBDA, "v": V}
DIAGONAL = np.array([0, 4, 8])  # where the populations stand in a column-stacked rho


@cache
def compiled(name: str) -> Any:
    """(omega_1, omega_2, T_1, T_2, Gamma) -> the generator and the unbalance of the steady state."""

    def answers(*parameters: jax.Array) -> tuple[jax.Array, jax.Array]:
        system = FORMS[name].build(*parameters)
        state = qj.steadystate(system, method="populations")
        return qj.liouvillian(system), qj.observe(system, state, "unbalance")

    return jax.jit(answers)


def engine(name: str, baths: tuple[float, ...]) -> tuple[np.ndarray, float]:
    L, unbalance = compiled(name)(*baths)
    return np.asarray(L), float(unbalance)


def occupations(baths: tuple[float, ...]) -> tuple[float, float]:
    omega_1, omega_2, T_1, T_2, _ = baths
    return 1 / np.expm1(omega_1 / T_1), 1 / np.expm1(omega_2 / T_2)


def pure_state(weights: tuple[float, float, float]) -> np.ndarray:
    """Any populations, and all the coherence that goes with them, column-stacked."""
    amplitudes = np.sqrt(np.array(weights) / sum(weights)) * np.array([1.0, 1.0j, -1.0])
    return oracles.stack(np.outer(amplitudes, amplitudes.conj()))


BATHS = st.tuples(
    *[st.floats(0.5, 2.0)] * 2,  # omega_1, omega_2
    *[st.floats(0.05, 5.0)] * 2,  # T_1, T_2
    st.floats(0.2, 2.0),  # Gamma
)
WEIGHTS = st.tuples(*[st.floats(0.0, 1.0)] * 3).filter(lambda weights: sum(weights) > 1e-3)
STARTS = WEIGHTS.map(pure_state)


@pytest.mark.parametrize("name", FORMS)
@given(baths=BATHS, start=STARTS)
def test_populations_of_the_generator_obey_equation_6(
    name: str, baths: tuple[float, ...], start: np.ndarray
) -> None:
    populations = start[DIAGONAL].real
    rho = oracles.stack(np.diag(populations)).astype(complex)
    change = oracles.unstack(engine(name, baths)[0] @ rho)
    expected = FORMS[name].rate_equation(populations, *occupations(baths), baths[-1])
    np.testing.assert_allclose(change, np.diag(expected), atol=1e-13)


@pytest.mark.long
@pytest.mark.parametrize("name", FORMS)
@given(baths=BATHS, start=STARTS)
def test_mean_position_is_the_oscillator_of_equations_10_and_13(
    name: str, baths: tuple[float, ...], start: np.ndarray
) -> None:
    """rho(t) = e^{Lt} rho_0; the derivatives of <X> are those of rho, L rho and L^2 rho."""
    L, unbalance = engine(name, baths)
    form, Gamma, d = FORMS[name], baths[-1], 1.7

    for time in (0.0, 0.1, 1.0, 10.0):
        rho = scipy.linalg.expm(L * time) @ start
        X = [form.position(vector, d) for vector in (rho, L @ rho, L @ L @ rho)]
        np.testing.assert_allclose(
            form.motion_residual(*X, *occupations(baths), Gamma, d), 0.0, atol=1e-11
        )
    at_rest = theory.mean_position(unbalance, d), 0.0, 0.0
    np.testing.assert_allclose(
        form.motion_residual(*at_rest, *occupations(baths), Gamma, d), 0.0, atol=1e-13
    )


@jax.jit
def currents_out_of_balance(baths: jax.Array, populations: jax.Array) -> jax.Array:
    system = models.lambda_system(*baths)
    steady = qj.steadystate(system, method="populations")
    # A state that is not steady: the laws of steady states say nothing about it.
    state = qj.State(
        steady.basis, populations, None, steady.status, steady.leak, steady.method, steady.note
    )
    return qj.heat_currents(system, state)


@given(baths=BATHS, start=STARTS)
def test_heat_currents_are_those_of_the_dufour_effect(
    baths: tuple[float, ...], start: np.ndarray
) -> None:
    omega_1, omega_2, *_, Gamma = baths
    populations = start[DIAGONAL].real
    found = currents_out_of_balance(np.array(baths), populations)
    expected = theory.heat_currents(populations, *occupations(baths), Gamma, omega_1, omega_2)
    np.testing.assert_allclose(found, expected, atol=1e-13)


@given(weights=st.tuples(*[st.floats(0.01, 1.0)] * 3), T=st.floats(0.1, 5.0))
def test_more_particles_at_one_bath_heat_the_other(weights: tuple[float, ...], T: float) -> None:
    """Paper: T_1 = T_2, P_2 > P_1 and P_e > P_k n/(n + 1) make J_1 > J_2 > 0."""
    n = 1 / np.expm1(1 / T)
    low, high, more = np.sort(weights)[0], np.sort(weights)[1] + 0.01, max(weights) + 0.02
    populations = np.array([low, high, more]) / (low + high + more)
    assert populations[2] > populations[1] * n / (n + 1)
    J_1, J_2 = currents_out_of_balance(np.array([1.0, 1.0, T, T, 0.7]), populations)
    assert J_1 > J_2 > 0


@cache
def compiled_without_emission(name: str) -> Any:
    def unbalance(*parameters: jax.Array) -> tuple[jax.Array, jax.Array]:
        quantum = FORMS[name].build(*parameters)
        system = qj.OpenSystem(
            quantum.H,
            [qj.Bath(b.coupling, b.T, b.spectrum, spontaneous=False) for b in quantum.baths],
            sectors=quantum.sectors,
            observables=quantum.observables,
        )
        state = qj.steadystate(system, method="populations")
        return qj.observe(system, state, "unbalance"), state.status

    return jax.jit(unbalance)


@pytest.mark.parametrize("name", FORMS)
@given(baths=BATHS)
def test_without_spontaneous_emission_there_is_no_thermophoresis(
    name: str, baths: tuple[float, ...]
) -> None:
    """Paper, below Eq. 8: n + 1 -> n makes Delta_ss = 0, whatever the gradient."""
    unbalance, status = compiled_without_emission(name)(*baths)
    assert status == qj.Status.OK
    np.testing.assert_allclose(unbalance, 0.0, atol=1e-12)


# --- high temperature: where Eqs. 11 and 12 come from, and how fast they come true


@dataclass(frozen=True)
class Relaxation:
    """The Lambda system's two rates of relaxation and where it comes to rest, from the generator."""

    slow: float
    fast: float
    at_rest: float  # <X> for d = 1
    n_1: float
    n_2: float

    @property
    def force(self) -> float:
        """Of Eq. 10, m* = Gamma/(slow + fast) and Omega^2 = slow fast; Gamma = 1."""
        return self.slow * self.fast / (self.slow + self.fast) * self.at_rest

    @property
    def force_on_slow_motion(self) -> float:
        """Of <X>' = -slow (<X> - at rest), which all motion becomes."""
        return self.slow * self.at_rest


def relaxation(T_1: float, T_2: float) -> Relaxation:
    baths = (1.0, 1.0, T_1, T_2, 1.0)
    L, unbalance = engine("lambda", baths)
    decay = -np.linalg.eigvals(L[np.ix_(DIAGONAL, DIAGONAL)].real).real
    fast, slow, _ = np.sort(decay)[::-1].tolist()
    return Relaxation(slow, fast, unbalance / 2, *occupations(baths))


def mean(now: Relaxation) -> float:
    return (now.n_1 + now.n_2) / 2


# What each approximation is off by, relative, at T_1 = T + 1/2 and T_2 = T - 1/2 with omega = 1, and the
# leading term of it: coefficient / T^order.
DEVIATIONS: dict[str, tuple[Callable[[Relaxation, float], Any], float, int]] = {
    "Eq. 12 by delta_n, from 4/3 of Eq. 2": (
        lambda now, T: theory.F_q_high_T(now.n_1, now.n_2, 1.0, 1.0) / (4 / 3 * now.force) - 1,
        1 / 2,
        1,
    ),
    "Eq. 12 by T'/T, from 4/3 of Eq. 2": (
        lambda now, T: theory.F_q_of_gradient(T + 0.5, T - 0.5, 1.0, 1.0) / (4 / 3 * now.force) - 1,
        1 / 6,
        2,
    ),
    "Eq. 12 by delta_n, from the force on the slow motion": (
        lambda now, T: theory.F_q_high_T(now.n_1, now.n_2, 1.0, 1.0) / now.force_on_slow_motion - 1,
        2 / 3,
        1,
    ),
    "Eq. 12 by T'/T, from the force on the slow motion": (
        lambda now, T: theory.F_q_of_gradient(T + 0.5, T - 0.5, 1.0, 1.0) / now.force_on_slow_motion - 1,
        1 / 6,
        1,
    ),
    "the spring of Eq. 11, from that of the slow motion": (
        lambda now, T: theory.overdamped_side(1.0, 0.0, now.n_1, now.n_2, 1.0) / now.slow - 1,
        1 / 6,
        1,
    ),
    "X'' = -Gamma n X', on the slow motion": (lambda now, T: now.slow / mean(now) - 1, -3 / 8, 2),
}


@pytest.mark.parametrize("name", DEVIATIONS)
def test_high_temperature_forms_come_true_at_their_rate(name: str) -> None:
    deviation, coefficient, order = DEVIATIONS[name]
    T = np.geomspace(30.0, 1000.0, 5)
    found = np.array([float(deviation(relaxation(t + 0.5, t - 0.5), t)) for t in T])
    slope, _ = np.polyfit(np.log(T), np.log(np.abs(found)), 1)
    np.testing.assert_allclose(slope, -order, atol=0.02)
    np.testing.assert_allclose(found[-2:] * T[-2:] ** order, coefficient, rtol=0.02)


def test_at_a_fixed_ratio_of_temperatures_the_relation_of_equation_11_never_comes_true() -> None:
    """slow/(Gamma n) -> 2 - sqrt(1 + (3/4)(T' d/T)^2), here with T' d = T."""
    now = relaxation(1.5e4, 0.5e4)
    np.testing.assert_allclose(now.slow / mean(now), 2 - np.sqrt(1.75), rtol=1e-3)


def acceleration_over_velocity(baths: tuple[float, ...], start: np.ndarray, time: float) -> float:
    """-<X>''/(Gamma n <X>'), 1 in the paper's derivation of Eq. 11."""
    L, _ = engine("lambda", baths)
    velocity = L @ scipy.linalg.expm(L * time) @ start
    X_dot, X_ddot = (LAMBDA.position(vector, 1.0) for vector in (velocity, L @ velocity))
    n_1, n_2 = occupations(baths)
    return float(-X_ddot / (baths[-1] * (n_1 + n_2) / 2 * X_dot))


@pytest.mark.parametrize("T", [0.5, 50.0, 5000.0])
def test_equation_11_holds_after_a_while_and_not_from_the_start(T: float) -> None:
    baths = (1.0, 1.0, 1.01 * T, 0.99 * T, 0.7)
    n = sum(occupations(baths)) / 2
    excited = pure_state((0.0, 0.0, 1.0))
    np.testing.assert_allclose(acceleration_over_velocity(baths, excited, 0.0), (4 * n + 3) / n)
    later = 25.0 / (2 * 0.7 * (n + 1))
    np.testing.assert_allclose(acceleration_over_velocity(baths, excited, later), 1.0, atol=3e-4)


@given(T=st.floats(0.2, 50.0), weights=st.tuples(st.floats(0.0, 0.3), st.floats(0.4, 1.0)))
def test_equation_11_is_exact_without_a_gradient(T: float, weights: tuple[float, float]) -> None:
    """At any temperature and from any start: nothing but <X> drives <X> where delta_n = 0."""
    start = pure_state((*weights, 0.5))
    found = acceleration_over_velocity((1.0, 1.0, T, T, 0.7), start, 0.3)
    np.testing.assert_allclose(found, 1.0, rtol=1e-9)
