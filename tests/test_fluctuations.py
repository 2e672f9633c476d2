"""Noise and cumulants where populations suffice, against many digits, closed forms and laws."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qthermo_jax as qj
from counting_oracle import random_network
from problems import atom
from qthermo_jax.bounded import Bounded
from qthermo_jax.fluctuations.cumulants import bounded_noise
from qthermo_jax.solvers import Note

pytestmark = pytest.mark.accuracy

mp = mpmath.mp

# Cold by a factor, relative differences of the temperatures, digits that the reference needs.
NETWORKS = [(1.0, None, 60), (30.0, None, 200), (1.0, 1e-9, 60), (20.0, 1e-9, 200)]


@jax.jit
def noise_and_bound(system: qj.OpenSystem) -> Bounded:
    return bounded_noise(system, qj.steadystate(system, method="populations"))


def solved(system: qj.OpenSystem) -> tuple[qj.OpenSystem, qj.SteadyState]:
    return system, qj.steadystate(system, method="populations")


def compared(seeds: range, cold: float, near: float | None, digits: int) -> tuple[int, list[float]]:
    """How many elements are reliable, and the relative errors of these; every bound covers its error."""
    errors = []
    elements = 0
    for seed in seeds:
        network = random_network(seed, 4, 2, cold=cold, near=near)
        found = noise_and_bound(network.system)
        with mp.workdps(digits):
            _, exact = network.noise()
            for k, n in np.ndindex(2, 2):
                elements += 1
                error = abs(mpmath.mpf(float(found.value[k, n])) - exact[k, n])
                assert error <= float(found.bound[k, n]), (seed, k, n)
                if found.reliable[k, n]:
                    errors.append(float(error / abs(exact[k, n])) if exact[k, n] else float(error))
    return elements, errors


@pytest.mark.long
@pytest.mark.parametrize(("cold", "near", "digits"), NETWORKS)
def test_the_bound_covers_the_error_of_the_noise(cold: float, near: float | None, digits: int) -> None:
    elements, errors = compared(range(6), cold, near, digits)
    assert len(errors) >= 0.8 * elements
    assert max(errors) < 1e-8
    assert np.median(errors) < 1e-14


@pytest.mark.thorough
@pytest.mark.parametrize(("cold", "near", "digits"), NETWORKS)
def test_the_bound_covers_the_error_of_the_noise_of_many(
    cold: float, near: float | None, digits: int
) -> None:
    _, errors = compared(range(6, 100), cold, near, digits)
    assert np.median(errors) < 1e-14


@pytest.mark.long
def test_cumulants_are_derivatives_of_the_largest_eigenvalue() -> None:
    network = random_network(3, 4, 2)
    system, state = solved(network.system)
    found = qj.current_cumulants(system, state, 4)
    with mp.workdps(80):
        h = mpmath.mpf(10) ** -12
        values = [network.largest_eigenvalue([step * h, mpmath.mpf(0)]) for step in range(-2, 3)]
        weights = {
            1: [1, -8, 0, 8, -1],
            2: [-1, 16, -30, 16, -1],
            3: [-1, 2, 0, -2, 1],
            4: [1, -4, 6, -4, 1],
        }
        scale = {1: 12, 2: 12, 3: 2, 4: 1}
        for n, own in weights.items():
            exact = mp.fsum(w * v for w, v in zip(own, values, strict=True)) / (scale[n] * h**n)
            assert float(found[n - 1, 0]) == pytest.approx(float(exact), rel=1e-10)


@pytest.mark.thorough
def test_derivatives_of_the_noise() -> None:
    network = random_network(5, 4, 2)

    def noise(T: jax.Array) -> jax.Array:
        system = network.system.with_temperatures(T)
        return qj.current_noise(system, qj.steadystate(system, method="populations"))

    T = jnp.asarray(network.T)
    forward, reverse = jax.jacfwd(noise)(T), jax.jacrev(noise)(T)
    with mp.workdps(80):
        h = mpmath.mpf(10) ** -20
        for at in range(2):
            above, below = (
                network.noise([mpmath.mpf(float(T[k])) + (step if k == at else 0) for k in range(2)])[1]
                for step in (h, -h)
            )
            change = (above - below) / (2 * h)
            exact = [[float(change[k, n]) for n in range(2)] for k in range(2)]
            np.testing.assert_allclose(forward[..., at], exact, rtol=1e-11)
            np.testing.assert_allclose(reverse[..., at], exact, rtol=1e-11)


# --- closed forms


@pytest.mark.long
def test_two_level_system_between_two_baths() -> None:
    omega, T, J = 1.3, (0.7, 0.3), (0.4, 1.1)
    n = 1 / np.expm1(omega / np.array(T))
    down, up = np.array(J) * (1 + n), np.array(J) * n
    total = sum(down) + sum(up)
    there, back = down[0] * up[1] / total, down[1] * up[0] / total
    mean = there - back
    noise = omega**2 * (there + back - 2 * mean**2 / total)

    system, state = solved(atom((T[0], qj.Flat(J[0])), (T[1], qj.Flat(J[1])), omega=omega))
    found = qj.current_noise(system, state)
    np.testing.assert_allclose(found, noise * np.array([[1, -1], [-1, 1]]), rtol=1e-12)
    current = omega * mean
    sigma = current * (1 / T[0] - 1 / T[1])
    activity = 2 * sum(down) * sum(up) / total
    np.testing.assert_allclose(qj.fano(system, state), noise / abs(current), rtol=1e-12)
    np.testing.assert_allclose(qj.tur_ratio(system, state), noise * sigma / (2 * current**2), rtol=1e-12)
    np.testing.assert_allclose(qj.dynamical_activity(system, state), activity, rtol=1e-12)
    np.testing.assert_allclose(qj.kur_ratio(system, state), noise * activity / current**2, rtol=1e-12)
    np.testing.assert_allclose(qj.signal_to_noise(system, state), current**2 / noise, rtol=1e-12)
    np.testing.assert_allclose(qj.correlation(system, state), [[1, -1], [-1, 1]], rtol=1e-12)


@pytest.mark.thorough
def test_one_cycle_of_three_levels() -> None:
    """det(W(chi) - lambda) = 0 is lambda^3 + a lambda^2 + b lambda = c(chi), which alone has chi."""
    system, state = solved(qj.models.three_level_refrigerator())
    L = qj.liouvillian(system)
    W = np.array([[L[4 * i, 4 * j].real for j in range(3)] for i in range(3)])
    forward, backward = W[1, 0] * W[2, 1] * W[0, 2], W[0, 1] * W[1, 2] * W[2, 0]
    a = -np.trace(W)
    b = sum(W[i, i] * W[j, j] - W[i, j] * W[j, i] for i, j in ((0, 1), (0, 2), (1, 2)))
    cycles = (forward - backward) / b
    noise = (forward + backward - 2 * a * cycles**2) / b
    # Once around 0 -> 1 -> 2 -> 0 the cold and the work bath give what the hot one takes.
    per_cycle = np.array([-0.3, 1.0, -0.7])
    np.testing.assert_allclose(qj.heat_currents(system, state), per_cycle * cycles, rtol=1e-12)
    found = qj.current_noise(system, state)
    np.testing.assert_allclose(found, np.outer(per_cycle, per_cycle) * noise, rtol=1e-12)


@pytest.mark.thorough
def test_without_a_cycle_nothing_fluctuates_for_long() -> None:
    def noise(T_1: jax.Array) -> jax.Array:
        system = qj.models.lambda_system(T_1=T_1, T_2=0.3, omega_1=1.0, omega_2=1.2)
        return qj.current_noise(system, qj.steadystate(system, method="populations"))

    assert np.all(np.asarray(noise(jnp.array(0.5))) == 0.0)
    assert np.all(np.asarray(jax.jacfwd(noise)(jnp.array(0.5))) == 0.0)


@pytest.mark.thorough
def test_a_bath_at_zero_temperature() -> None:
    system, state = solved(atom((0.5, qj.Flat(1.0)), (0.0, qj.Flat(1.0))))
    S = np.asarray(qj.current_noise(system, state))
    assert np.all(np.isfinite(S))
    assert S[0, 0] > 0

    def noise(T: jax.Array) -> jax.Array:
        warm = system.with_temperatures(T)
        return qj.current_noise(warm, qj.steadystate(warm, method="populations"))

    assert np.all(np.isfinite(jax.jacrev(noise)(jnp.array([0.5, 0.0]))))


# --- laws


@pytest.mark.thorough
@given(seed=st.integers(0, 10**6))
@settings(max_examples=15)
def test_laws_of_the_noise(seed: int) -> None:
    """Symmetric, positive, energy is conserved, and both uncertainty relations hold."""
    system, state = solved(random_network(seed, 4, 2).system)
    S = np.asarray(qj.current_noise(system, state))
    np.testing.assert_allclose(S, S.T, rtol=1e-12)
    np.testing.assert_allclose(S.sum(axis=1), 0.0, atol=1e-12 * S.max())
    assert S[0, 0] > 0
    if abs(system.temperatures[0] - system.temperatures[1]) > 1e-3:
        assert np.all(np.asarray(qj.tur_ratio(system, state)) >= 1.0)
        assert np.all(np.asarray(qj.kur_ratio(system, state)) >= 1.0)


@pytest.mark.long
@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), shift=st.floats(-1.0, 1.0), tilt=st.floats(-1.0, 1.0))
def test_fluctuation_theorem_and_energy_conservation(seed: int, shift: float, tilt: float) -> None:
    system = random_network(seed, 4, 2).system
    chi = np.array([tilt, -0.3])
    beta = 1 / np.asarray(system.temperatures)
    here = float(qj.scaled_cgf(system, chi))
    scale = float(qj.dynamical_activity(*solved(system)))
    assert float(qj.scaled_cgf(system, -chi - beta)) == pytest.approx(here, rel=1e-9, abs=1e-11 * scale)
    assert float(qj.scaled_cgf(system, chi + shift)) == pytest.approx(here, rel=1e-9, abs=1e-11 * scale)


@pytest.mark.long
@pytest.mark.parametrize(
    "system",
    [
        qj.models.three_level_refrigerator(T_c=0.4, T_h=0.4, T_w=0.4),
        pytest.param(
            qj.models.thermal_transistor(T_L=0.3, T_M=0.3, T_R=0.3), marks=pytest.mark.thorough
        ),
        pytest.param(qj.models.chain(sites=3, g=0.7, T_L=0.4, T_R=0.4), marks=pytest.mark.thorough),
    ],
)
def test_fluctuation_dissipation_theorem(system: qj.OpenSystem) -> None:
    system, state = solved(system)
    T = float(system.temperatures[0])
    G = np.asarray(qj.conductance(system, state))
    S = np.asarray(qj.current_noise(system, state))
    np.testing.assert_allclose(S, -(T**2) * (G + G.T), rtol=1e-9)
    # No heat flows, and neither is its distribution skewed.
    odd = np.asarray(qj.current_cumulants(system, state, 3))[::2]
    assert np.all(odd == 0.0)


@pytest.mark.thorough
def test_cumulants_of_combinations() -> None:
    system, state = solved(qj.models.thermal_transistor(T_L=0.4, T_M=0.3, T_R=0.1))
    directions = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    S = np.asarray(qj.current_noise(system, state))
    found = np.asarray(qj.current_cumulants(system, state, 2, directions))
    assert found[1, 0] == pytest.approx(S[0, 0] + S[1, 1] + 2 * S[0, 1], rel=1e-10)
    alone = np.asarray(qj.current_cumulants(system, state, 1))
    np.testing.assert_allclose(alone[0], qj.heat_currents(system, state), rtol=1e-12)


# --- what may go wrong


@pytest.mark.long
def test_no_state_no_noise() -> None:
    system = atom((-0.5, qj.Flat(1.0)), (0.3, qj.Flat(1.0)))
    assert np.all(np.isnan(qj.current_noise(system, qj.steadystate(system))))
    assert np.isnan(qj.scaled_cgf(system, [0.1, 0.0]))


@pytest.mark.long
def test_a_state_that_is_not_unique_has_no_noise() -> None:
    system = qj.models.lambda_system(T_1=0.0, T_2=0.0)
    state = qj.steadystate(system, method="populations")
    assert state.status == qj.Status.NOT_UNIQUE
    assert np.all(np.isnan(qj.current_noise(system, state)))
    assert np.isnan(qj.scaled_cgf(system, [0.0, 0.0], method="populations"))


@pytest.mark.long
@pytest.mark.usefixtures("unchecked")
def test_user_errors() -> None:
    system, state = solved(atom((0.5, qj.Flat(1.0)), (0.3, qj.Flat(1.0))))
    for order in (0, -1, 1.5, True, "2"):
        with pytest.raises(ValueError, match="order is a whole number, 1 or more"):
            qj.current_cumulants(system, state, order)
    with pytest.raises(ValueError, match=r"directions of shape \(1, 3\), not \(M, 2\)"):
        qj.current_cumulants(system, state, 1, [[1.0, 0.0, 0.0]])
    with pytest.raises(ValueError, match=r"chi has shape \(3,\), not \(2,\)"):
        qj.scaled_cgf(system, [0.0, 0.0, 0.0])
    with pytest.raises(
        ValueError, match="method 'secular_block' is not one of auto, populations, dense"
    ):
        qj.scaled_cgf(system, [0.0, 0.0], method="secular_block")
    for bath in (2, -1, "1"):
        with pytest.raises(ValueError, match="bath is a position from 0 to 1"):
            qj.rate_function(system, bath, 0.1)
    with pytest.raises(ValueError, match=r"current is one number, not of shape \(2,\)"):
        qj.rate_function(system, 0, [0.1, 0.2])
    with pytest.raises(ValueError, match="take a steady state"):
        qj.current_noise(system, qj.evolve(system, 1.0, [1.0, 0.0]))
    with pytest.raises(ValueError, match="no initial state"):
        qj.finite_time_cumulants(system, 1.0)


@pytest.mark.long
def test_a_cumulant_without_six_digits_is_nan_and_its_point_says_so() -> None:
    """Near equilibrium the third one is small by law, and its terms are not: the currents are known."""
    found = qj.sweep(
        "three_level_refrigerator",
        axes={"T_c": [0.9, 1.0 - 1e-6]},
        parameters={"T_h": 1.0, "T_w": 1.0},
        observables=["heat_currents", "current_cumulants"],
        method="populations",
    )
    assert np.isfinite(found.heat_currents).all()
    assert (found.status == qj.Status.OK).all()
    far, near = found.current_cumulants.values
    assert np.isfinite(far).all()
    assert np.isnan(near[2]).all()
    assert found.note.values.tolist() == [Note.NONE, Note.CURRENTS_CANCEL]
    assert "cumulant" in Note.CURRENTS_CANCEL.meaning


@pytest.mark.long
def test_energies_in_a_finite_time_do_not_depend_on_their_unit() -> None:
    """With rates that stay, whatever the energies of the jumps are measured in."""

    def of_unit(unit: float) -> list[np.ndarray]:
        system = atom((unit, qj.Flat(1.0)), (unit / 2, qj.Flat(1.0)))
        system = qj.OpenSystem(np.diag([0.0, unit]), list(system.baths))
        found = qj.finite_time_cumulants(system, 1.0, [1.0, 0.0], method="populations")
        return [found.mean / unit, found.covariance / unit**2]

    for unit in (1e4, 1e-6):
        for own, expected in zip(of_unit(unit), of_unit(1.0), strict=True):
            np.testing.assert_allclose(own, expected, rtol=1e-11)


@pytest.mark.long
def test_in_the_cold_ratios_of_tiny_currents_are_right_or_not_known() -> None:
    """One cycle: the currents of the hot and the work bath are proportional, some 1e-186."""
    system = qj.models.three_level_refrigerator(
        omega_c=0.5, omega_h=1.0, T_c=0.0025, T_h=0.002, T_w=0.0022
    )
    state = qj.steadystate(system, method="populations")
    J = np.abs(np.asarray(qj.heat_currents(system, state))[1:])
    fano = np.asarray(qj.fano(system, state))
    assert (J < 1e-180).all()
    np.testing.assert_allclose(fano[1:], [1.0, 0.5], rtol=1e-6)  # far from equilibrium: omega each
    np.testing.assert_allclose(qj.signal_to_noise(system, state)[1:], J / fano[1:], rtol=1e-6)
    activity = qj.dynamical_activity(system, state)
    np.testing.assert_allclose(qj.kur_ratio(system, state)[1:], fano[1:] * activity / J, rtol=1e-6)
    for ratio in (qj.fano, qj.tur_ratio, qj.kur_ratio, qj.signal_to_noise, qj.correlation):
        assert not np.isinf(ratio(system, state)).any()
