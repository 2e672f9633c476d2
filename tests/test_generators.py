"""The global master equation against explicit level projectors, and the laws of a generator."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
import qthermo_jax as qj
from matrices import SIGMA_X, hermitian, random_matrix, random_unitary
from qthermo_jax.transitions import Transitions
from qthermo_jax.transitions.making import _reach
from systems import DRAWS, SEEDS, Draw, jump_operators, liouvillian, partition, random_draw, uncoupled

pytestmark = pytest.mark.accuracy


@jax.jit
def transitions(system: qj.OpenSystem) -> Transitions:
    return system.transitions(system.eigenbasis())


@jax.jit
def _grouped(system: qj.OpenSystem) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Energies, the Bohr frequency of each pair of states in both directions, and the groups."""
    moves = transitions(system)
    first, second = moves.pairs.states
    d = system.dimension
    bohr = jnp.full((d, d), jnp.nan).at[second, first].set(-moves.omega)
    bohr = bohr.at[first, second].set(moves.omega)
    return moves.basis.energies, bohr, moves.matrices()[2], moves.labels


def grouped(system: qj.OpenSystem) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    energies, bohr, group, labels = map(np.asarray, _grouped(system))
    return energies, bohr, group, labels


@pytest.mark.long
@given(draw=DRAWS)
def test_bohr_frequencies_are_grouped_as_numpy_clusters_them(draw: Draw) -> None:
    energies, bohr, group, _ = grouped(draw.system)
    frequencies = (energies[None, :] - energies[:, None]).reshape(-1)
    expected = {frozenset(members.tolist()) for members in oracles.clusters(frequencies, 1e-8)}
    assert partition(group) == expected
    np.testing.assert_allclose(bohr.reshape(-1), frequencies, atol=1e-14)


@pytest.mark.long
@given(draw=DRAWS)
def test_bohr_frequencies_are_equal_in_a_group_and_vanish_inside_a_level(draw: Draw) -> None:
    energies, bohr, group, labels = grouped(draw.system)
    np.testing.assert_array_equal(bohr[np.abs(energies[:, None] - energies[None, :]) < 1e-8], 0.0)
    for members in partition(group):
        in_group = bohr.reshape(-1)[list(members)]
        np.testing.assert_allclose(in_group, in_group[0], rtol=1e-15, atol=1e-16)
    # Both directions of a transition agree on its group: the negatives of one group are another.
    assert partition(labels[0]) == partition(labels[1])


@pytest.mark.parametrize("is_complex", [False, True])
def test_round_off_does_not_split_the_groups_of_a_degenerate_level(is_complex: bool) -> None:
    U = random_unitary(np.random.default_rng(3), 5, is_complex)
    H = hermitian(U @ np.diag([0.0, 1.0, 1.0, 1.0 + 3e-16, 2.0]).astype(U.dtype) @ U.conj().T)
    _, bohr, group, _ = grouped(uncoupled(H))
    assert len(np.unique(np.linalg.eigvalsh(H))) > 3  # the splitting is there, and counts for nothing
    assert len(partition(group)) == 5
    assert (group[1:4, 1:4] == group[0, 0]).all()
    np.testing.assert_array_equal(bohr[1:4, 1:4], 0.0)


@pytest.mark.parametrize("d", [2, 5, 9])
def test_an_equally_spaced_ladder_has_one_group_for_each_step(d: int) -> None:
    U = random_unitary(np.random.default_rng(4), d, True)
    H = hermitian(U @ np.diag(0.1 * np.arange(d)).astype(complex) @ U.conj().T)
    steps = np.arange(d)[None, :] - np.arange(d)[:, None]
    assert partition(grouped(uncoupled(H))[2]) == partition(steps)


@pytest.mark.long
def test_secular_tol_groups_bohr_frequencies_absolutely() -> None:
    H = np.diag([0.0, 1.0, 1.01])
    groups = {
        tol: len(partition(grouped(uncoupled(H, secular_tol=tol))[2])) for tol in (None, 1e-3, 0.05)
    }
    assert groups == {None: 7, 1e-3: 7, 0.05: 3}
    assert len(partition(grouped(uncoupled(1e6 * H, secular_tol=0.05))[2])) == 7


def test_the_default_tolerance_groups_bohr_frequencies_at_every_scale() -> None:
    for scale in (1e-6, 1.0, 1e6):
        group = grouped(uncoupled(scale * np.diag([0.0, 1.0, 1.0 + 1e-12, 1.0 + 1e-6])))[2]
        assert group[0, 1] == group[0, 2]
        assert group[0, 1] != group[0, 3]


@pytest.mark.thorough
@given(draw=DRAWS)
def test_liouvillian_is_the_generator_of_explicit_projectors(draw: Draw) -> None:
    expected = draw.generator
    np.testing.assert_allclose(
        liouvillian(draw.system), expected, atol=1e-10 * max(1.0, np.abs(expected).max())
    )


@pytest.mark.slow
@pytest.mark.parametrize("spectrum", ["generic", "degenerate", "ladder"])
@pytest.mark.parametrize("d", [2, 3, 4, 5, 6])
def test_liouvillian_is_the_generator_of_explicit_projectors_on_many(d: int, spectrum: str) -> None:
    for seed in range(100):
        draw = random_draw(seed, d, bool(seed % 2), spectrum)
        np.testing.assert_allclose(liouvillian(draw.system), draw.generator, atol=1e-10)


@pytest.mark.long
@given(draw=DRAWS)
def test_jump_operators_are_those_of_explicit_projectors(draw: Draw) -> None:
    omega, A = (np.asarray(part) for part in jump_operators(draw.system))
    used = np.isfinite(omega)
    for S, ours in zip(draw.couplings, A, strict=True):
        terms = oracles.jump_terms(draw.H, S)
        np.testing.assert_allclose(omega[used], [frequency for frequency, _ in terms], atol=1e-13)
        np.testing.assert_allclose(ours[used], [operator for _, operator in terms], atol=1e-10)
        np.testing.assert_array_equal(ours[~used], 0.0)
        np.testing.assert_allclose(ours.sum(axis=0), S, atol=1e-13)


@pytest.mark.slow
@given(draw=DRAWS)
def test_liouvillian_is_the_sum_of_the_dissipators_of_its_jump_operators(draw: Draw) -> None:
    omega, A = (np.asarray(part) for part in jump_operators(draw.system))
    expected = oracles.commutator(draw.H)
    for gamma, mine in zip(draw.rates, A, strict=True):
        for w, operator in zip(omega, mine, strict=True):
            if np.abs(operator).max() > 1e-12:
                expected = expected + gamma(w) * oracles.lindblad(operator)
    np.testing.assert_allclose(liouvillian(draw.system), expected, atol=1e-10)


@pytest.mark.long
@given(draw=DRAWS)
def test_trace_is_preserved(draw: Draw) -> None:
    L = np.asarray(liouvillian(draw.system))
    np.testing.assert_allclose(oracles.stack(np.eye(len(draw.H))) @ L, 0.0, atol=1e-12)


@pytest.mark.long
@given(draw=DRAWS, seed=SEEDS)
def test_hermiticity_is_preserved(draw: Draw, seed: int) -> None:
    L = np.asarray(liouvillian(draw.system))
    X = random_matrix(np.random.default_rng(seed), len(draw.H), is_complex=True)
    changed, of_adjoint = (oracles.unstack(L @ oracles.stack(Y)) for Y in (X, X.conj().T))
    np.testing.assert_allclose(of_adjoint, changed.conj().T, atol=1e-12)


@pytest.mark.long
@given(draw=DRAWS, seed=SEEDS)
def test_a_change_of_basis_changes_the_liouvillian_by_the_same(draw: Draw, seed: int) -> None:
    U = random_unitary(np.random.default_rng(seed), len(draw.H), np.iscomplexobj(draw.H))
    turned = Draw(
        **{
            **vars(draw),
            "H": hermitian(U @ draw.H @ U.conj().T),
            "couplings": np.stack([hermitian(U @ S @ U.conj().T) for S in draw.couplings]),
        }
    )
    W = np.kron(U.conj(), U)
    expected = W @ np.asarray(liouvillian(draw.system)) @ W.conj().T
    np.testing.assert_allclose(liouvillian(turned.system), expected, atol=1e-10)


@pytest.mark.long
@given(seed=SEEDS, d=st.integers(2, 5))
def test_a_secular_tolerance_above_every_splitting_takes_a_level_as_one(seed: int, d: int) -> None:
    """Splittings of 1e-5, given up by the tolerance: the generator of the degenerate level, to 1e-4."""
    draw = random_draw(seed, d, False, "degenerate")
    levels, U = np.linalg.eigh(draw.H)
    split = hermitian(U @ np.diag(levels + 1e-5 * np.arange(d)) @ U.T)
    baths = draw.system.baths[:2]
    lumped = liouvillian(qj.OpenSystem(split, baths, secular_tol=1e-3))
    expected = oracles.generator(draw.H, list(draw.couplings[:2]), draw.rates[:2])
    np.testing.assert_allclose(lumped, expected, atol=3e-3)


def two_levels(coupling: np.ndarray, density: qj.SpectralDensity) -> qj.OpenSystem:
    return qj.OpenSystem(np.diag([0.0, 1.0]), qj.Bath(coupling, 0.5, density))


DEPHASING = np.array([[1.0, 1.0], [1.0, -1.0]])


@pytest.mark.long
@pytest.mark.parametrize(
    ("coupling", "density", "divergent"),
    [
        (DEPHASING, qj.Flat(1.0), True),
        (DEPHASING, qj.OhmicFamily(1.0, 0.5, 1.0), True),
        (DEPHASING, qj.Ohmic(1.0), False),
        (SIGMA_X, qj.Flat(1.0), False),
        (SIGMA_X, qj.OhmicFamily(1.0, 0.5, 1.0), False),
        (SIGMA_X + 1e-13 * DEPHASING, qj.Flat(1.0), True),  # basis states know no round-off
        (SIGMA_X + 1e-7 * DEPHASING, qj.Flat(1.0), True),
    ],
)
def test_a_divergent_rate_counts_where_the_bath_drives_it(
    coupling: np.ndarray, density: qj.SpectralDensity, divergent: bool
) -> None:
    system = two_levels(coupling, density)
    assert bool(transitions(system).divergent) == divergent
    assert np.isfinite(np.asarray(liouvillian(system))).all() != divergent


def test_a_divergent_rate_that_only_round_off_of_eigenvectors_drives_is_harmless() -> None:
    U = random_unitary(np.random.default_rng(1), 2, False)
    turned = U @ SIGMA_X @ U.T
    assert np.abs((U.T @ turned @ U).diagonal()).max() > 0  # A(0) = 0 but for round-off
    H = hermitian(U @ np.diag([0.0, 1.0]) @ U.T)
    system = qj.OpenSystem(H, qj.Bath(hermitian(turned), 0.5, qj.Flat(1.0)))
    assert not transitions(system).divergent


@pytest.mark.long
def test_a_flat_bath_inside_a_degenerate_level_diverges() -> None:
    coupling = np.zeros((3, 3))
    coupling[1, 2] = coupling[2, 1] = coupling[0, 1] = coupling[1, 0] = 1.0
    system = qj.OpenSystem(np.diag([0.0, 1.0, 1.0]), qj.Bath(coupling, 0.5, qj.Flat(1.0)))
    assert transitions(system).divergent


@pytest.mark.long
def test_banks_and_single_baths_are_the_same_baths() -> None:
    draw = random_draw(11, 3, True, "degenerate")
    T, eta = np.array([0.4, 0.9]), np.array([0.3, 0.8])
    bank = qj.Bath(draw.couplings[:2], T, qj.Ohmic(eta))
    singles = [qj.Bath(S, t, qj.Ohmic(e)) for S, t, e in zip(draw.couplings[:2], T, eta, strict=True)]
    np.testing.assert_allclose(
        liouvillian(qj.OpenSystem(draw.H, bank)),
        liouvillian(qj.OpenSystem(draw.H, singles)),
        atol=1e-14,
    )


@pytest.mark.long
def test_it_maps() -> None:
    T = np.array([0.0, 0.3, 2.0])
    mapped = jax.vmap(lambda t: qj.liouvillian(qj.models.lambda_system(T_1=t)))(jnp.asarray(T))
    for L, t in zip(mapped, T, strict=True):
        np.testing.assert_allclose(L, liouvillian(qj.models.lambda_system(T_1=t)), atol=1e-14)


def test_each_bath_that_acts_on_every_state_is_shifted_by_its_own_diagonal_element():
    """By the one that is nearest to the mean of its own; a bath that has none is not shifted."""
    flip = np.zeros((3, 3))
    flip[0, 1] = flip[1, 0] = 1.0
    couplings = [np.diag([1.0, 2.0, 6.0]), flip, np.diag([-4.0, -1.0, -2.0])]
    baths = [qj.Bath(S, 0.5, qj.Flat(1.0)) for S in couplings]
    system = qj.OpenSystem(np.diag([0.0, 1.0, 2.5]), baths, sectors=[[0], [1], [2]])
    np.testing.assert_array_equal(system.transitions(system.eigenbasis()).shift, [2.0, 0.0, -2.0])


def test_the_reach_of_a_coupling_is_no_less_than_its_norm_between_sectors() -> None:
    sectors = [tuple(range(16)), (16,)]
    S = np.zeros((17, 17))
    S[:16, 16] = S[16, :16] = 1.0
    bath = qj.Bath(jnp.asarray(S), 0.5, qj.Ohmic(1.0))
    system = qj.OpenSystem(np.diag(np.arange(17.0)), bath, sectors=sectors)
    reach = _reach(system.eigenbasis(), system.baths[0], system.pairs.banks[0])
    assert reach.max() >= np.linalg.norm(S[:16, 16:], 2) * (1 - 1e-12)
