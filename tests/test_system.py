"""What an open system accepts, refuses by name, and keeps through JAX's transformations."""

import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qthermo_jax as qj
from matrices import SIGMA_X

SY = np.array([[0.0, -1j], [1j, 0.0]])
H = np.diag([0.0, 1.0])
NAME = qj.Quantity("a number", "q", 0)


def bath(coupling: Any = SIGMA_X, T: Any = 0.5, spectrum: Any = None) -> qj.Bath:
    return qj.Bath(coupling, T, qj.Flat(1.0) if spectrum is None else spectrum)


def pair(*sizes: int) -> qj.Dimension:
    return qj.Dimension("pair", tuple(range(*sizes)))


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "coupling not square": (
        lambda: bath(np.ones((2, 3))),
        "coupling is (d, d) or (K, d, d), not (2, 3)",
    ),
    "coupling of rank 1": (lambda: bath(np.ones(4)), "coupling is (d, d) or (K, d, d), not (4,)"),
    "coupling of rank 4": (
        lambda: bath(np.ones((1, 2, 2, 2))),
        "coupling is (d, d) or (K, d, d), not (1, 2, 2, 2)",
    ),
    "spectrum by name": (lambda: bath(spectrum="flat"), "is a SpectralDensity, not 'flat'"),
    "three temperatures for two baths": (
        lambda: bath(np.stack([SIGMA_X, SIGMA_X]), np.ones(3)),
        "temperature of 2 bath(s) has shape (3,), not () or (2,)",
    ),
    "three rates for two baths": (
        lambda: bath(np.stack([SIGMA_X, SIGMA_X]), 0.5, qj.Flat(np.ones(3))),
        "spectral parameter of 2 bath(s) has shape (3,), not () or (2,)",
    ),
    "observable of another shape than its dimensions": (
        lambda: qj.Observable(np.ones((3, 2)), NAME, [pair(2)]),
        "an operator of shape (2,) + (d,) or (2,) + (d, d), not (3, 2)",
    ),
    "observable of rank 3 without dimensions": (
        lambda: qj.Observable(np.ones((2, 2, 2)), NAME),
        "not (2, 2, 2)",
    ),
    "a text as a temperature": (lambda: bath(T="0.5"), "the temperature is a real number"),
    "a complex temperature": (lambda: bath(T=0.5 + 0.1j), "not (0.5+0.1j)"),
    "a truth value as a temperature": (lambda: bath(T=True), "the temperature is a real number"),
    "no temperature": (lambda: bath(T=None), "the temperature is a real number"),
    "truth values as temperatures": (
        lambda: bath(np.stack([SIGMA_X, SIGMA_X]), np.array([True, False])),
        "the temperature is a real number",
    ),
    "a text as a rate": (lambda: bath(spectrum=qj.Flat("1.0")), "a spectral parameter is a real number"),
    "a word for spontaneous": (
        lambda: qj.Bath(SIGMA_X, 0.5, qj.Flat(1.0), "no"),
        "spontaneous is True or False, not 'no'",
    ),
    "a text as H": (lambda: qj.OpenSystem("H", bath()), "H is a matrix of numbers, not 'H'"),
    "a temperature as a bath": (lambda: qj.OpenSystem(H, [0.5]), "baths are `Bath`s, not 0.5"),
    "a complex cut-off": (
        lambda: qj.OpenSystem(H, bath(), secular_tol=1j),
        "secular_tol is a real number",
    ),
    "H not square": (
        lambda: qj.OpenSystem(np.ones((2, 3)), bath()),
        "square matrix, not of shape (2, 3)",
    ),
    "H a vector": (lambda: qj.OpenSystem(np.ones(2), bath()), "square matrix, not of shape (2,)"),
    "no baths": (lambda: qj.OpenSystem(H, []), "at least one bath"),
    "coupling of another dimension": (
        lambda: qj.OpenSystem(H, bath(np.eye(3))),
        "coupling of shape (3, 3) does not fit H of shape (2, 2)",
    ),
    "observable of another dimension": (
        lambda: qj.OpenSystem(H, bath(), observables={"q": qj.Observable(np.ones(3), NAME)}),
        "observable 'q': operator of shape (3,) does not fit H of shape (2, 2)",
    ),
    "observable that is not square": (
        lambda: qj.Observable(np.ones((3, 2)), NAME),
        "an operator of shape () + (d,) or () + (d, d), not (3, 2)",
    ),
    "a state in no sector": (
        lambda: qj.OpenSystem(H, bath(), sectors=[(0,)]),
        "((0,),) do not hold each of the 2 basis states once",
    ),
    "a state in two sectors": (
        lambda: qj.OpenSystem(H, bath(), sectors=[(0, 1), (1,)]),
        "((0, 1), (1,)) do not hold each of the 2 basis states once",
    ),
    "one label for two states": (
        lambda: qj.OpenSystem(H, bath(), labels=["g"]),
        "1 labels for 2 basis states",
    ),
}


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("case", REFUSED)
def test_a_structural_fault_is_refused_with_what_was_given_and_what_is_allowed(case: str) -> None:
    build, message = REFUSED[case]
    with pytest.raises(ValueError, match=re.escape(message)):
        build()


def test_defaults() -> None:
    system = qj.OpenSystem(H, bath())
    assert system.sectors == ((0, 1),)
    assert system.labels == ("1", "2")
    assert system.observables == {}
    assert system.secular_tol is None
    assert (system.dimension, system.n_baths) == (2, 1)


def test_baths_are_counted_one_by_one_in_their_order() -> None:
    bank = bath(np.stack([SIGMA_X, SIGMA_X]), np.array([0.1, 0.2]), qj.Flat(np.array([1.0, 2.0])))
    system = qj.OpenSystem(H, [bank, bath(T=0.3)])
    assert system.n_baths == 3
    np.testing.assert_array_equal(system.temperatures, [0.1, 0.2, 0.3])


def test_one_temperature_serves_a_bank() -> None:
    np.testing.assert_array_equal(bath(np.stack([SIGMA_X, SIGMA_X]), 0.3).T, [0.3, 0.3])


def test_integers_become_floats() -> None:
    system = qj.OpenSystem(np.array([[0, 0], [0, 1]]), bath(SIGMA_X.astype(int), 1))
    assert system.H.dtype == system.baths[0].coupling.dtype == system.temperatures.dtype == jnp.float64


@pytest.mark.parametrize(("hamiltonian", "coupling"), [(H, SY), (H.astype(complex), SIGMA_X)])
def test_one_complex_operator_makes_all_complex(hamiltonian: np.ndarray, coupling: np.ndarray) -> None:
    system = qj.OpenSystem(hamiltonian, [bath(coupling), bath()])
    assert {system.H.dtype, *(b.coupling.dtype for b in system.baths)} == {jnp.dtype(complex)}


def test_a_system_is_a_pytree() -> None:
    system = qj.models.chain(sites=3)
    leaves, structure = jax.tree.flatten(system)
    rebuilt = jax.tree.unflatten(structure, leaves)
    assert jax.tree.structure(rebuilt) == structure
    assert (rebuilt.sectors, rebuilt.labels) == (system.sectors, system.labels)
    for mine, theirs in zip(jax.tree.leaves(rebuilt), leaves, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_system_crosses_jit_both_ways() -> None:
    system = jax.jit(lambda T: qj.models.chain(sites=2, T_L=T))(0.7)
    assert system.labels == ("g_1", "g_2", "e_1", "e_2")
    np.testing.assert_allclose(jax.jit(lambda s: s.temperatures)(system), [0.7, 0.4])


def test_systems_stack_under_vmap() -> None:
    systems = jax.vmap(lambda T: qj.models.chain(sites=2, T_L=T))(np.array([0.5, 0.6, 0.7]))
    assert systems.H.shape == (3, 4, 4)
    np.testing.assert_allclose(jax.vmap(lambda s: s.temperatures[0])(systems), [0.5, 0.6, 0.7])
