"""Sparse couplings: what they stand for, what is refused, and that nothing depends on the storage."""

import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import oracles
import qthermo_jax as qj
from matrices import hermitian, random_matrix
from qthermo_jax.couplings import coupling_bank
from systems import liouvillian, solved

# --- what it stands for


def test_each_element_stands_twice_and_conjugated() -> None:
    v = np.array([[1.0 + 2.0j, -0.5j], [3.0, 0.25 - 1.0j]])
    bank = qj.SparseCoupling(4, rows=[[0, 2], [3, 1]], columns=[[1, 3], [0, 2]], values=v)
    expected = np.zeros((2, 4, 4), complex)
    expected[0, 0, 1], expected[0, 1, 0] = 1.0 + 2.0j, 1.0 - 2.0j
    expected[0, 2, 3], expected[0, 3, 2] = -0.5j, 0.5j
    expected[1, 3, 0], expected[1, 0, 3] = 3.0, 3.0
    expected[1, 1, 2], expected[1, 2, 1] = 0.25 - 1.0j, 0.25 + 1.0j
    np.testing.assert_array_equal(bank.dense(), expected)
    assert bank.shape == expected.shape


def test_an_element_on_the_diagonal_counts_once_and_repeated_ones_add() -> None:
    bank = qj.SparseCoupling(3, [[0, 1, 1, 2]], [[0, 2, 2, 1]], np.array([[2.0, 1.0, 0.5, 0.25]]))
    np.testing.assert_array_equal(bank.dense()[0], [[2, 0, 0], [0, 0, 1.75], [0, 1.75, 0]])


def test_one_value_serves_all_elements() -> None:
    bank = qj.SparseCoupling(3, rows=[0, 1], columns=[2, 2])
    expected = np.zeros((2, 3, 3))
    expected[0, 0, 2] = expected[0, 2, 0] = expected[1, 1, 2] = expected[1, 2, 1] = 1.0
    np.testing.assert_array_equal(bank.dense(), expected)


def test_it_is_hermitian_where_its_diagonal_is_real() -> None:
    for value, answer in ((1.0 + 0.0j, True), (1.0 + 0.1j, False)):
        on_diagonal = qj.SparseCoupling(2, [[0, 0]], [[0, 1]], np.array([[value, 1.0j]]))
        assert bool(on_diagonal.is_hermitian()) == answer


# --- what is refused

Case = tuple[Callable[[], object], str]
REFUSED: dict[str, Case] = {
    "rows without columns": (
        lambda: qj.SparseCoupling(3, [0, 1], [2]),
        "rows and columns are (K,) or (K, m) alike, not (2,) and (1,)",
    ),
    "rows of rank 0": (
        lambda: qj.SparseCoupling(3, 0, 1),  # type: ignore[arg-type]
        "rows and columns are (K,) or (K, m) alike, not () and ()",
    ),
    "rows of rank 3": (
        lambda: qj.SparseCoupling(3, [[[0]]], [[[1]]]),  # type: ignore[list-item]
        "rows and columns are (K,) or (K, m) alike, not (1, 1, 1) and (1, 1, 1)",
    ),
    "values of another shape": (
        lambda: qj.SparseCoupling(3, [0, 1], [2, 2], np.ones(3)),
        "values are a scalar or of shape (2,), not (3,)",
    ),
    "one value for each bath of several elements": (
        lambda: qj.SparseCoupling(3, [[0, 1]], [[2, 2]], np.ones(1)),
        "values are a scalar or of shape (1, 2), not (1,)",
    ),
    "row outside": (lambda: qj.SparseCoupling(3, [3], [0]), "rows are whole numbers from 0 to 2"),
    "column below 0": (
        lambda: qj.SparseCoupling(3, [0], [-1]),
        "columns are whole numbers from 0 to 2",
    ),
    "row that is not whole": (
        lambda: qj.SparseCoupling(3, [0.5], [1]),  # type: ignore[list-item]
        "rows are whole numbers from 0 to 2",
    ),
    "a system of another dimension": (
        lambda: qj.OpenSystem(np.eye(2), qj.Bath(qj.SparseCoupling(3, [0], [1]), 1.0, qj.Flat(1.0))),
        "coupling of shape (3, 3) does not fit H of shape (2, 2)",
    ),
    "temperatures of another number": (
        lambda: qj.Bath(qj.SparseCoupling(3, [0, 1], [2, 2]), np.ones(3), qj.Flat(1.0)),
        "temperature of 2 bath(s) has shape (3,), not () or (2,)",
    ),
}


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("case", REFUSED)
def test_a_fault_is_refused_with_what_was_given_and_what_is_allowed(case: str) -> None:
    build, message = REFUSED[case]
    with pytest.raises(ValueError, match=re.escape(message)):
        build()


# --- what a numpy array becomes


def symmetric(d: int, *elements: tuple[int, int, complex]) -> np.ndarray:
    kind = complex if any(np.iscomplex(v) for _, _, v in elements) else float
    S = np.zeros((d, d), kind)
    for i, j, v in elements:
        S[i, j], S[j, i] = v, np.conj(v)
    return S


FEW: dict[str, np.ndarray] = {
    "one element": symmetric(3, (0, 2, 1.5)),
    "complex": symmetric(3, (0, 2, 0.5 - 1.5j), (1, 1, 2.0)),
    "diagonal, d elements": np.diag([1.0, -2.0, 3.0]),
    "a ragged bank": np.stack(
        [
            symmetric(4, (0, 1, 1.0), (1, 2, 2.0), (2, 3, -3.0)),
            symmetric(4, (1, 3, 0.5)),
            symmetric(4, (2, 2, 0.7), (0, 3, 0.1)),
        ]
    ),
    "a ragged complex bank": np.stack(
        [symmetric(3, (0, 1, 1.0j), (1, 2, 2.0)), symmetric(3, (1, 2, 1j))]
    ),
    "a bank with a bath that does nothing": np.stack([np.zeros((3, 3)), symmetric(3, (1, 2, 1.0))]),
    "whole numbers": symmetric(3, (0, 1, 2.0)).astype(int),
}

BROKEN = symmetric(3, (0, 1, 1.0 + 1.0j))
BROKEN[1, 0] = 1.0 + 1.0j
MANY: dict[str, Any] = {
    "not Hermitian": np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),
    "not Hermitian by the last bit": symmetric(3, (0, 1, 1.0)) + 1e-16 * np.eye(3, k=2),
    "not Hermitian by a conjugate": BROKEN,
    "a complex diagonal": np.diag([1.0j, 0.0, 0.0]),
    "NaN": symmetric(3, (0, 1, np.nan)),
    "nothing at all": np.zeros((3, 3)),
    "more than d elements in one of its baths": np.stack([np.ones((3, 3)), symmetric(3, (0, 1, 1.0))]),
    "a JAX array, whose zeros may change": jnp.asarray(symmetric(3, (0, 1, 1.0))),
}


@pytest.mark.parametrize("name", FEW)
def test_a_numpy_array_of_few_elements_becomes_sparse_and_stays_the_same_operators(name: str) -> None:
    given = FEW[name]
    bank = qj.Bath(given, 0.5, qj.Ohmic(1.0)).coupling
    assert isinstance(bank, qj.SparseCoupling)
    np.testing.assert_array_equal(bank.dense(), given.reshape(-1, *given.shape[-2:]))
    assert jnp.issubdtype(bank.dtype, jnp.inexact)


@pytest.mark.parametrize("name", MANY)
def test_other_arrays_stay_dense(name: str) -> None:
    bank = coupling_bank(MANY[name])
    assert isinstance(bank, jax.Array)
    np.testing.assert_array_equal(bank, np.asarray(MANY[name]).reshape(bank.shape))


# --- the same system, stored both ways


def both_ways(seed: int, is_complex: bool) -> tuple[qj.OpenSystem, qj.OpenSystem, np.ndarray]:
    """A system in random sectors with a ragged bank and a further bath; its generator."""
    rng = np.random.default_rng(seed)
    d = 5
    sectors = [tuple(part.tolist()) for part in np.split(rng.permutation(d), [2, 4])]
    home = np.empty(d, int)
    for number, sector in enumerate(sectors):
        home[list(sector)] = number
    H = np.where(home[:, None] == home[None, :], hermitian(random_matrix(rng, d, is_complex)), 0.0)
    values = rng.normal(size=(3, d)) + (1j * rng.normal(size=(3, d)) if is_complex else 0.0)
    ring = [np.roll(np.eye(d), shift, axis=1) for shift in (1, 2)]  # |i><i + shift|
    bank = np.stack([ring[0] * values[0][:, None], ring[1] * values[1][:, None]])
    bank[1, 0] = 0.0  # the second bath has one element less
    single = np.diag(values[2].real)
    bank = bank + bank.conj().swapaxes(1, 2)
    T, eta = np.array([0.5, 1.1]), np.array([0.7, 0.3])

    def system(store: Callable[[np.ndarray], Any]) -> qj.OpenSystem:
        baths = [qj.Bath(store(bank), T, qj.Ohmic(eta)), qj.Bath(store(single), 0.8, qj.Ohmic(0.4))]
        return qj.OpenSystem(H, baths, sectors=sectors)

    rates = [
        oracles.bath_rate(lambda w, e=e: e * w, e, t)
        for e, t in zip((*eta, 0.4), (*T, 0.8), strict=True)
    ]
    expected = oracles.generator(H, [*bank, single], rates)
    return system(lambda S: S), system(jnp.asarray), expected


@pytest.mark.long
@pytest.mark.parametrize(
    ("seed", "is_complex"), [pytest.param(0, False, marks=pytest.mark.slow), (1, True)]
)
def test_nothing_depends_on_how_couplings_are_stored(seed: int, is_complex: bool) -> None:
    sparse, dense, expected = both_ways(seed, is_complex)
    assert all(isinstance(bath.coupling, qj.SparseCoupling) for bath in sparse.baths)
    assert not any(isinstance(bath.coupling, qj.SparseCoupling) for bath in dense.baths)
    L = np.asarray(liouvillian(sparse))
    np.testing.assert_allclose(L, liouvillian(dense), atol=1e-13)
    np.testing.assert_allclose(L, expected, atol=1e-11)
    mine, theirs = solved(sparse), solved(dense)
    assert mine["status"] == theirs["status"] == qj.Status.OK
    for name in ("rho", "heat_currents", "level_populations"):
        np.testing.assert_allclose(mine[name], theirs[name], atol=1e-13)
    assert np.abs(mine["heat_currents"]).max() > 1e-3


@pytest.mark.thorough
def test_a_chain_is_the_same_with_dense_couplings() -> None:
    sparse = qj.models.chain(sites=3, g=0.4)
    bath = sparse.baths[0]
    dense = qj.OpenSystem(
        sparse.H, qj.Bath(bath.coupling.dense(), bath.T, bath.spectrum), sectors=sparse.sectors
    )
    np.testing.assert_allclose(liouvillian(sparse), liouvillian(dense), atol=1e-13)
    mine, theirs = solved(sparse, "populations"), solved(dense, "populations")
    assert mine["status"] == theirs["status"] == qj.Status.OK
    np.testing.assert_allclose(mine["rho"], theirs["rho"], rtol=1e-13, atol=1e-16)
    np.testing.assert_allclose(mine["heat_currents"], theirs["heat_currents"], atol=1e-14)


@pytest.mark.long
def test_elements_of_a_sparse_coupling_map_and_differentiate() -> None:
    """An atom between two baths: J_k = v_k^2."""

    def current(v: jax.Array) -> jax.Array:
        coupling = qj.SparseCoupling(2, [0, 0], [1, 1], v)
        T = jnp.array([0.4, 0.9])
        system = qj.OpenSystem(jnp.diag(jnp.array([0.0, 1.3])), qj.Bath(coupling, T, qj.Flat(1.0)))
        return qj.heat_currents(system, qj.steadystate(system, method="populations"))[0]

    n_1, n_2 = 1 / np.expm1(1.3 / 0.4), 1 / np.expm1(1.3 / 0.9)

    def exact(a: float, b: float) -> float:
        J_1, J_2 = a**2, b**2
        return 1.3 * J_1 * J_2 * (n_2 - n_1) / (J_1 * (2 * n_1 + 1) + J_2 * (2 * n_2 + 1))

    v = np.array([[0.5, 1.0], [1.2, 0.3]])
    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(current)))(jnp.asarray(v))
    np.testing.assert_allclose(values, [exact(*pair) for pair in v], rtol=1e-13)
    h = 1e-5
    expected = [
        [(exact(a + h, b) - exact(a - h, b)) / (2 * h), (exact(a, b + h) - exact(a, b - h)) / (2 * h)]
        for a, b in v
    ]
    np.testing.assert_allclose(slopes, expected, rtol=1e-8)
