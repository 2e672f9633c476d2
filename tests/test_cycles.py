"""Fundamental cycles: the laws of what they carry, exact zeros, explicit cycles of small graphs."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qthermo_jax as qj
from problems import occupation
from qthermo_jax import Status

# A square of states with a diagonal, every edge of a bath of its own, one edge of two baths.
EDGES = [(0, 1), (1, 2), (2, 3), (0, 3), (0, 2), (0, 2)]


@jax.jit
def square(energies: jax.Array, T: jax.Array, rates: jax.Array) -> qj.OpenSystem:
    couplings = qj.SparseCoupling(4, *zip(*EDGES, strict=True))
    bank = qj.Bath(couplings, T, qj.Flat(rates))
    return qj.OpenSystem(jnp.diag(energies), bank, sectors=[(0,), (1,), (2,), (3,)])


@jax.jit
def solved(system: qj.OpenSystem) -> tuple[qj.Cycles, jax.Array, jax.Array]:
    state = qj.steadystate(system, method="populations")
    J = qj.heat_currents(system, state)
    return qj.cycles(system, state), J, qj.entropy_production(system, state)


ENERGIES = st.permutations([0.0, 0.4, 1.1, 1.9]).map(np.array)
NUMBERS = st.lists(st.floats(0.3, 3.0), min_size=6, max_size=6).map(np.array)


@pytest.mark.long
@given(energies=ENERGIES, T=NUMBERS, rates=NUMBERS)
@settings(max_examples=50)
def test_cycles_carry_the_currents_and_the_entropy_production(
    energies: np.ndarray, T: np.ndarray, rates: np.ndarray
) -> None:
    found, J, entropy = solved(square(energies, T, rates))
    assert found.status == Status.OK
    assert found.fluxes.shape == (3,)
    flux = np.nan_to_num(found.fluxes)  # of no size where it is not known
    scale = np.abs(np.asarray(found.energies)).T @ np.abs(flux)
    known = np.isfinite(J)
    np.testing.assert_array_less(
        np.abs(flux @ found.energies - J)[known], 1e-10 * np.abs(J)[known] + 1e-13 * scale[known] + 1e-18
    )
    if np.isfinite(entropy):
        np.testing.assert_allclose(flux @ found.affinities, entropy, rtol=1e-8, atol=1e-14)
    np.testing.assert_allclose(np.sum(found.energies, axis=1), 0.0, atol=1e-15)


@pytest.mark.long
@given(energies=ENERGIES, T=st.floats(0.2, 3.0), rates=NUMBERS)
@settings(max_examples=20)
def test_between_equal_temperatures_affinities_and_fluxes_are_exactly_zero(
    energies: np.ndarray, T: float, rates: np.ndarray
) -> None:
    found, _, _ = solved(square(energies, np.full(6, T), rates))
    assert found.status == Status.OK
    assert not np.any(found.affinities)
    assert not np.any(found.fluxes)
    assert not np.any(found.flux_bounds)


@pytest.mark.long
def test_affinities_keep_their_digits_near_equilibrium() -> None:
    """Against 50 digits, at temperatures that differ by 1e-12: the sum of energies over temperatures."""
    T = 0.7 * (1.0 + 1e-12 * np.array([0.0, 3.0, -1.0, 2.0, 7.0, -4.0]))
    energies = np.array([0.0, 0.4, 1.1, 1.9])
    found, _, _ = solved(square(energies, T, np.ones(6)))
    pairs = square(energies, T, np.ones(6)).pairs
    with mpmath.workdps(50):
        for steps, affinity in zip(np.asarray(found.steps), np.asarray(found.affinities), strict=True):
            expected = mpmath.mpf(0)
            for step, i, j, bath in zip(steps, pairs.i, pairs.j, pairs.bath, strict=True):
                released = mpmath.mpf(energies[j]) - mpmath.mpf(energies[i])
                expected += int(step) * released / mpmath.mpf(T[bath])
            np.testing.assert_allclose(affinity, float(expected), rtol=1e-13)


def test_each_cycle_closes_and_runs_through_its_chord_once() -> None:
    T = np.array([0.5, 0.7, 0.9, 1.1, 1.3, 1.5])
    system = square(np.array([0.0, 0.4, 1.1, 1.9]), T, np.ones(6))
    found, _, _ = solved(system)
    steps, pairs = np.asarray(found.steps), system.pairs
    gained = np.zeros((3, 4))
    for n, (i, j) in enumerate(zip(pairs.i, pairs.j, strict=True)):
        gained[:, i] += steps[:, n]
        gained[:, j] -= steps[:, n]
    assert not gained.any()
    np.testing.assert_array_equal(steps[:, np.asarray(found.chords)], np.eye(3))
    paths = [found.path(n) for n in range(3)]
    assert [path.count("bath") for path in paths] == [4, 3, 3]
    assert all(path.split()[0] == path.split()[-1] for path in paths)


@pytest.mark.long
def test_one_cycle_couples_the_currents_tightly() -> None:
    system = qj.models.three_level_refrigerator(omega_c=0.3, omega_h=1.0, T_c=0.5, T_h=0.6, T_w=2.0)
    found, J, _ = solved(system)
    np.testing.assert_allclose(np.abs(J) / [0.3, 1.0, 0.7], np.abs(found.fluxes[0]), rtol=1e-12)
    sign = np.sign(found.energies[0, 1])
    np.testing.assert_allclose(sign * np.asarray(found.energies[0]), [-0.3, 1.0, -0.7], rtol=1e-14)
    expected = -0.3 / 0.5 + 1.0 / 0.6 - 0.7 / 2.0
    np.testing.assert_allclose(sign * found.affinities, [expected], rtol=1e-13)
    # By Kirchhoff's rule: the difference of the products of rates over the sum of the trees.
    n = [occupation(w, T) for w, T in ((0.3, 0.5), (1.0, 0.6), (0.7, 2.0))]
    up, down = {(0, 1): n[0], (0, 2): n[1], (1, 2): n[2]}, {}
    for (low, high), own in up.items():
        down[high, low] = own + 1
    k = up | down
    trees = (
        k[1, 0] * k[2, 0] + k[1, 0] * k[2, 1] + k[2, 0] * k[1, 2]
        + k[0, 1] * k[2, 1] + k[0, 1] * k[2, 0] + k[2, 1] * k[0, 2]
        + k[0, 2] * k[1, 2] + k[0, 2] * k[1, 0] + k[1, 2] * k[0, 1]
    )  # fmt: skip
    flux = (k[0, 1] * k[1, 2] * k[2, 0] - k[0, 2] * k[2, 1] * k[1, 0]) / trees
    np.testing.assert_allclose(sign * found.fluxes, [flux], rtol=1e-12)
    text = str(found)
    assert text.startswith("1 fundamental cycle, state found\n")
    assert "1 -bath 3-> 2 -bath 2-> 0 -bath 1-> 1" in text
    assert "flux 0.07771, affinity 0.7167, energy -0.3 to bath 1, 1 to bath 2, -0.7 to bath 3" in text


@pytest.mark.long
def test_transitions_that_no_bath_drives_make_no_cycle() -> None:
    """The same three levels as dense matrices, whose zeros nobody knows: one cycle, the others 0."""
    sparse = qj.models.three_level_refrigerator()
    couplings = jnp.zeros((3, 3, 3))
    for k, (a, b) in enumerate([(0, 1), (0, 2), (1, 2)]):
        couplings = couplings.at[k, a, b].set(1.0).at[k, b, a].set(1.0)
    dense = qj.OpenSystem(sparse.H, qj.Bath(couplings, sparse.temperatures, qj.Flat(1.0)))
    found = qj.cycles(dense, qj.steadystate(dense, method="populations"))
    assert found.exist.shape == (7,)
    assert found.exist.sum() == 1
    only = np.flatnonzero(found.exist)
    other, _, _ = solved(sparse)
    np.testing.assert_allclose(np.abs(found.fluxes[only]), np.abs(other.fluxes), rtol=1e-12)
    np.testing.assert_allclose(np.abs(found.affinities[only]), np.abs(other.affinities), rtol=1e-13)
    assert not np.delete(np.asarray(found.fluxes), only).any()
    assert not np.delete(np.asarray(found.affinities), only).any()
    assert "1 fundamental cycle," in str(found)


def test_baths_at_zero_temperature_make_affinities_infinite_or_none() -> None:
    energies = np.array([0.0, 0.4, 1.1, 1.9])
    T = np.array([0.5, 0.7, 0.0, 1.1, 1.3, 1.5])
    found, _, entropy = solved(square(energies, T, np.ones(6)))
    through = np.abs(np.asarray(found.energies[:, 2])) > 0
    assert through.any()
    np.testing.assert_array_equal(np.isinf(found.affinities), through)
    carrying = np.asarray(found.fluxes) * np.asarray(found.affinities)
    assert (carrying[through] > 0).all()
    assert np.isposinf(entropy)


@pytest.mark.long
def test_fluxes_are_known_where_both_ways_agree_in_twelve_digits() -> None:
    """Temperatures apart by 1e-13 drive the currents that the conductance at one temperature says."""
    step = 1e-13 * np.arange(6)
    energies, T = np.array([0.0, 0.4, 1.1, 1.9]), np.full(6, 0.7)
    found, J, _ = solved(square(energies, T * (1 + step), np.ones(6)))
    system = square(energies, T, np.ones(6))
    slopes = qj.conductance(system, qj.steadystate(system, method="populations"))
    # The temperatures as they are stored, whose differences are a few hundred roundings.
    np.testing.assert_allclose(J, slopes @ (T * (1 + step) - T), rtol=1e-8)
    np.testing.assert_allclose(found.fluxes @ found.energies, J, rtol=1e-8)
    assert np.isfinite(found.affinities).all()


@pytest.mark.long
def test_it_maps_and_has_derivatives() -> None:
    energies, T = np.array([0.0, 0.4, 1.1, 1.9]), jnp.array([0.5, 0.7, 0.9, 1.1, 1.3, 1.5])

    def of(T: jax.Array) -> tuple[jax.Array, jax.Array]:
        system = square(energies, T, np.ones(6))
        found = qj.cycles(system, qj.steadystate(system, method="populations"))
        return found.fluxes, found.affinities

    def by_difference(step: np.ndarray) -> list[np.ndarray]:
        near = (solved(square(energies, T + sign * step, np.ones(6)))[0] for sign in (1.0, -1.0))
        above, below = ((own.fluxes, own.affinities) for own in near)
        return [np.asarray(x - y) / 2e-5 for x, y in zip(above, below, strict=True)]

    slopes = jax.jit(jax.vmap(jax.jacfwd(of)))(jnp.stack([T, jnp.full(6, 0.7)]))
    differences = zip(*(by_difference(step) for step in 1e-5 * np.eye(6)), strict=True)
    for slope, difference in zip(slopes, differences, strict=True):
        np.testing.assert_allclose(slope[0], np.transpose(difference), rtol=1e-6, atol=1e-9)
    found, _, _ = solved(square(energies, np.full(6, 0.7), np.ones(6)))
    np.testing.assert_allclose(slopes[1][1], -np.asarray(found.energies) / 0.7**2, rtol=1e-12)


@pytest.mark.long
def test_bad_input_is_one_line_or_a_status(unchecked: None) -> None:
    system = qj.models.lambda_system()
    with pytest.raises(ValueError, match="generator 'redfield' is no rate equation"):
        qj.cycles(system.with_generator("redfield"), None)
    moving = qj.State(*[None] * 7)
    with pytest.raises(ValueError, match="of a SteadyState, not of a State"):
        qj.cycles(system, moving)
    # One bath on two transitions of one frequency: populations drive the coherence between |1> and |2>.
    S = np.zeros((3, 3))
    S[0, 2] = S[2, 0] = S[1, 2] = S[2, 1] = 1.0
    x = np.diag([0.3, -0.2, 0.0])
    baths = [qj.Bath(S, 1.0, qj.Ohmic(1.0)), qj.Bath(x, 0.5, qj.Ohmic(1.0))]
    leaking = qj.OpenSystem(np.diag([0.0, 0.0, 1.0]), baths)
    state = qj.steadystate(leaking, method="dense")
    assert state.status == Status.OK
    found = qj.cycles(leaking, state)
    assert found.status == Status.METHOD_NOT_EXACT
    assert np.isnan(found.fluxes).all()
    assert np.isnan(found.affinities).all()
