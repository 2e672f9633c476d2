"""Diode, transistor and refrigerators against closed forms, rate equations of many digits, and QuTiP."""

from collections.abc import Sequence

import jax
import mpmath
import numpy as np
import pytest
import qutip
from mpmath import mpf

import oracles
import qthermo_jax as qj
from qthermo_jax import models
from qthermo_jax.response import amplification, rectification
from systems import answer, dense_couplings


def ohmic(omega: mpf, T: mpf) -> mpf:
    """gamma(omega) for J = omega, gamma(0) = T."""
    if omega == 0:
        return T
    return omega / -mpmath.expm1(-omega / T)


def flat(omega: mpf, T: mpf) -> mpf:
    return mpmath.sign(omega) / -mpmath.expm1(-omega / T)


def cycle_current(forward: Sequence[mpf], backward: Sequence[mpf]) -> mpf:
    """Probability current round a cycle of states: matrix-tree theorem (Schnakenberg, 1976).

    forward[m] leads from state m to state m + 1, backward[m] back. A spanning tree leaves out one edge
    m; those after it point forward up to the tree's root, the others backward.
    """
    n = len(forward)
    trees = mpf(0)
    for m in range(n):
        for ahead in range(n):
            edges = [(m + 1 + step) % n for step in range(n - 1)]
            trees += mpmath.fprod(
                [forward[e] for e in edges[:ahead]] + [backward[e] for e in edges[ahead:]]
            )
    return (mpmath.fprod(forward) - mpmath.fprod(backward)) / trees


# --- diode


@jax.jit
def diode(*parameters: jax.Array) -> dict[str, jax.Array]:
    system = models.thermal_diode(*parameters)
    state = qj.steadystate(system, method="populations")
    return {
        "J": qj.heat_currents(system, state),
        "R": rectification(system, state),
        "excitations": qj.observe(system, state, "excitations"),
    }


def heat_to_the_right(h_L: float, h_R: float, Delta: float, T_L: float, T_R: float) -> mpf:
    """uu -R- ud -L- dd -R- du -L- uu: 2 Delta a turn goes from the left bath into the right one."""
    h_L, h_R, Delta, T_L, T_R = (mpf(x) for x in (h_L, h_R, Delta, T_L, T_R))
    emitted = [(h_R + Delta, T_R), (h_L - Delta, T_L), (Delta - h_R, T_R), (-h_L - Delta, T_L)]
    turns = cycle_current(
        [ohmic(omega, T) for omega, T in emitted], [ohmic(-omega, T) for omega, T in emitted]
    )
    return 2 * Delta * turns


DIODES = [(1.0, 0.0, 0.5, 1.0, 0.2), (0.7, 0.1, 1.3, 0.1, 0.4), (1.0, 0.3, 0.2, 0.5, 0.9)]


@pytest.mark.long
@pytest.mark.parametrize("point", DIODES)
def test_a_diode_carries_and_rectifies_heat_as_its_closed_form(point: tuple[float, ...]) -> None:
    *fields, T_L, T_R = point
    there, back = heat_to_the_right(*point), heat_to_the_right(*fields, T_R, T_L)
    found = diode(*point)
    np.testing.assert_allclose(found["J"], [-float(there), float(there)], rtol=1e-12)
    expected = abs(there + back) / max(abs(there), abs(back))
    np.testing.assert_allclose(found["R"], float(expected), rtol=1e-11)


@pytest.mark.long
def test_limits_of_rectification() -> None:
    np.testing.assert_allclose(diode(1.0, 1.0, 0.5, 1.0, 0.2)["R"], 0.0, atol=1e-13)
    assert diode(1.0, 0.0, 0.5, 0.4, 0.4)["R"] == 0.0
    # A left bath at T = 0 only takes up: the cycle cannot turn.
    cold = diode(1.0, 0.0, 0.5, 0.0, 0.4)
    np.testing.assert_allclose(cold["R"], 1.0, rtol=1e-12)
    assert cold["J"][0] == 0.0
    assert np.isnan(cold["J"][1])  # opposite fluxes cancel: no digit of it is known


@pytest.mark.long
def test_a_diode_at_one_temperature_is_in_its_gibbs_state() -> None:
    """(h_L, h_R, Delta) = (1, 0.2, 0.5): E = (s_L + 0.2 s_R + 0.5 s_L s_R)/2."""
    p = oracles.gibbs(np.diag([0.85, 0.15, -0.65, -0.35]), 0.4).diagonal()
    found = diode(1.0, 0.2, 0.5, 0.4, 0.4)
    np.testing.assert_allclose(found["excitations"], [p[0] + p[1], p[0] + p[2]], rtol=1e-13)
    np.testing.assert_allclose(found["J"], 0.0, atol=1e-16)


def test_rectification_is_for_two_baths() -> None:
    assert "rectification" in qj.available_observables(models.lambda_system())
    system = models.chain(sites=3)
    assert "rectification" not in qj.available_observables(system)
    state = jax.eval_shape(qj.steadystate, system)
    with pytest.raises(ValueError, match="two baths, not of 3"):
        jax.eval_shape(rectification, system, state)


# --- transistor


def transistor_currents(T: Sequence[mpf]) -> list[mpf]:
    """Heat into L, M, R at the published working point, from the eight rate equations of its states."""
    spins = [(a, b, c) for a in (1, -1) for b in (1, -1) for c in (1, -1)]
    energy = [mpf(L * M + M * R) / 2 for L, M, R in spins]
    flips = [
        (i, spins.index(tuple(s if q != k else -s for q, s in enumerate(spin))), k)
        for i, spin in enumerate(spins)
        for k in range(3)
    ]
    W = mpmath.zeros(8)
    for i, j, k in flips:  # i -> j
        gamma = ohmic(energy[i] - energy[j], T[k])
        W[j, i] += gamma
        W[i, i] -= gamma
    for i in range(8):
        W[0, i] = 1
    p = mpmath.lu_solve(W, mpmath.matrix([1] + [0] * 7))
    J = [mpf(0)] * 3
    for i, j, k in flips:
        omega = energy[i] - energy[j]
        J[k] += omega * ohmic(omega, T[k]) * p[i]
    return J


@jax.jit
def transistor(T_M: jax.Array) -> dict[str, jax.Array]:
    system = models.thermal_transistor(T_M=T_M)
    state = qj.steadystate(system, method="populations")
    return {
        "J": qj.heat_currents(system, state),
        "amplification": amplification(system, state),
        "status": state.status,
    }


@pytest.mark.long
@pytest.mark.parametrize("T_M", [0.02, 0.1, 0.2])
def test_a_transistor_carries_and_amplifies_heat_as_its_rate_equation(T_M: float) -> None:
    with mpmath.workdps(80):
        T_L, T_R = mpf(0.2), mpf(0.02)
        J = [float(current) for current in transistor_currents([T_L, mpf(T_M), T_R])]
        slopes = [
            mpmath.diff(lambda T, k=k: transistor_currents([T_L, T, T_R])[k], mpf(T_M)) for k in range(3)
        ]
        by_base = [float(slope / slopes[1]) for slope in slopes]
    found = transistor(T_M)
    assert found["status"] == qj.Status.OK
    np.testing.assert_allclose(found["J"], J, rtol=1e-10)
    alpha = np.asarray(found["amplification"])
    np.testing.assert_allclose(alpha[:, 1], by_base, rtol=1e-8)
    np.testing.assert_allclose(alpha.diagonal(), 1.0, rtol=1e-15)
    np.testing.assert_allclose(alpha[0, 1] + alpha[2, 1], -1.0, rtol=1e-6)


@pytest.mark.long
def test_the_transistor_amplifies_at_its_published_working_point() -> None:
    """Joulain et al., Fig. 3: far above 1 at low T_M, the base current far below the others."""
    found = transistor(0.05)
    assert (np.abs(found["amplification"][[0, 2], 1]) > 100).all()
    assert abs(found["J"][1]) < 0.01 * abs(found["J"][0])
    # It diverges where the base current is largest, at T_M = 0.1251.
    assert transistor(0.125)["amplification"][2, 1] > 1000
    assert transistor(0.1252)["amplification"][2, 1] < -1000


# --- refrigerators


THREE_LEVELS = [(0.3, 1.0, 0.5, 0.6, 2.0), (0.5, 1.3, 0.2, 0.7, 0.9), (0.8, 1.0, 0.4, 0.1, 0.3)]


@jax.jit
def three_level(*parameters: jax.Array) -> tuple[jax.Array, jax.Array]:
    system = models.three_level_refrigerator(*parameters)
    state = qj.steadystate(system, method="populations")
    return qj.heat_currents(system, state), qj.observe(system, state, "cooling_power")


@pytest.mark.long
@pytest.mark.parametrize("point", THREE_LEVELS)
def test_a_three_level_refrigerator_exchanges_heat_in_the_ratio_of_its_frequencies(
    point: tuple[float, ...],
) -> None:
    omega_c, omega_h, T_c, T_h, T_w = (mpf(x) for x in point)
    omega_w = omega_h - omega_c
    emitted = [(-omega_c, T_c), (-omega_w, T_w), (omega_h, T_h)]  # 0 -> 1 -> 2 -> 0
    turns = cycle_current([flat(*edge) for edge in emitted], [flat(-omega, T) for omega, T in emitted])
    expected = [float(turns * omega) for omega in (-omega_c, omega_h, -omega_w)]
    J, cooling = three_level(*point)
    np.testing.assert_allclose(J, expected, rtol=1e-12)
    np.testing.assert_allclose(cooling, -expected[0], rtol=1e-11)


@pytest.mark.long
def test_the_cooling_window_closes_at_carnots_point() -> None:
    omega_c, omega_h, T_h, T_w = 0.3, 1.0, 0.6, 2.0
    T_carnot = omega_c / (omega_h / T_h - (omega_h - omega_c) / T_w)
    at = [three_level(omega_c, omega_h, T_carnot * f, T_h, T_w)[1] for f in (0.999, 1.0, 1.001)]
    assert np.isnan(at[1])  # opposite fluxes cancel: no digit of it is known
    assert at[0] < 0 < at[2]


def linden() -> tuple[qutip.Qobj, qutip.Qobj, list[qutip.Qobj]]:
    """H_0, the interaction and the couplings, from kets; E = 1, 5, 4, g = 0.3."""
    ket = qutip.ket  # |0> first
    excited, flip = qutip.num(2), qutip.sigmax()
    bare = sum(
        E * qutip.expand_operator(excited, dims=[2, 2, 2], targets=k)
        for k, E in enumerate([1.0, 5.0, 4.0])
    )
    swap = ket("010") * ket("101").dag()
    couplings = [qutip.expand_operator(flip, dims=[2, 2, 2], targets=k) for k in range(3)]
    return bare, 0.3 * (swap + swap.dag()), couplings


@pytest.mark.long
def test_a_three_qubit_refrigerator_is_the_published_one_in_its_global_steady_state() -> None:
    bare, interaction, couplings = linden()
    T = (1.0, 1.2, 4.0)
    system = models.three_qubit_refrigerator(1.0, 4.0, 0.3, *T, rate=0.02)
    H, S = (bare + interaction).full().real, [coupling.full().real for coupling in couplings]
    np.testing.assert_array_equal(system.H, H)
    np.testing.assert_array_equal(system.local, bare.full().real)
    np.testing.assert_array_equal(dense_couplings(system), S)
    energies = jax.jit(qj.OpenSystem.eigenbasis)(system).energies
    np.testing.assert_allclose(np.sort(energies), (bare + interaction).eigenenergies(), atol=1e-14)

    rates = [oracles.bath_rate(lambda w: 0.02 * w, 0.02, temperature) for temperature in T]
    rho, isolation = oracles.null_state(oracles.generator(H, S, rates))
    assert isolation > 1e-6
    found = answer(system)
    assert found["status"] == qj.Status.OK
    np.testing.assert_allclose(found["rho"], rho, atol=1e-12)
    expected = oracles.projected_heat_currents(H, S, rates, rho)
    np.testing.assert_allclose(found["J"], expected, atol=1e-13)
    assert found["J"][0] < 0 < found["J"][1]  # it cools
    excitations = system.observables["excitations"].operator @ rho.diagonal().real
    np.testing.assert_allclose(excitations[0], np.trace(rho @ linden_number(0)).real, rtol=1e-12)
    assert excitations[0] < 1 / (1 + np.exp(1.0 / T[0]))  # and qubit 1 is colder than its bath


def linden_number(qubit: int) -> np.ndarray:
    return qutip.expand_operator(qutip.num(2), dims=[2, 2, 2], targets=qubit).full()
