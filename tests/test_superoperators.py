"""Superoperators on column-stacked matrices against QuTiP's, and against the products they stand for."""

import jax.numpy as jnp
import numpy as np
import pytest
import qutip
from hypothesis import given
from hypothesis import strategies as st

import qthermo_jax as qj
from matrices import random_matrix
from systems import SEEDS


def operators(seed: int, d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    A, B, rho = (random_matrix(rng, d, is_complex=True) for _ in range(3))
    return A, B, rho


@pytest.mark.parametrize("d", [2, 3, 4])
def test_superoperators_are_qutips(d: int) -> None:
    A, B, rho = operators(7, d)
    a, b = qutip.Qobj(A), qutip.Qobj(B)
    for ours, theirs in [
        (qj.spre(jnp.asarray(A)), qutip.spre(a)),
        (qj.spost(jnp.asarray(B)), qutip.spost(b)),
        (qj.sprepost(jnp.asarray(A), jnp.asarray(B)), qutip.sprepost(a, b)),
        (qj.dissipator(jnp.asarray(A)), qutip.lindblad_dissipator(a)),
    ]:
        np.testing.assert_allclose(ours, theirs.full(), atol=1e-13)
    stacked = qutip.operator_to_vector(qutip.Qobj(rho)).full()[:, 0]
    np.testing.assert_array_equal(qj.operator_to_vector(jnp.asarray(rho)), stacked)


@given(seed=SEEDS, d=st.integers(1, 5))
def test_stacking_and_unstacking_are_inverse(seed: int, d: int) -> None:
    _, _, rho = operators(seed, d)
    vector = qj.operator_to_vector(jnp.asarray(rho))
    np.testing.assert_array_equal(vector, rho.reshape(-1, order="F"))
    np.testing.assert_array_equal(qj.vector_to_operator(vector), rho)


@given(seed=SEEDS, d=st.integers(2, 4))
def test_superoperators_act_as_the_products_they_stand_for(seed: int, d: int) -> None:
    A, B, rho = operators(seed, d)
    vector = rho.reshape(-1, order="F")
    loss = A.conj().T @ A
    lindblad = A @ rho @ A.conj().T - (loss @ rho + rho @ loss) / 2
    for superoperator, product in [
        (qj.spre(jnp.asarray(A)), A @ rho),
        (qj.spost(jnp.asarray(B)), rho @ B),
        (qj.sprepost(jnp.asarray(A), jnp.asarray(B)), A @ rho @ B),
        (qj.dissipator(jnp.asarray(A)), lindblad),
    ]:
        acted = (np.asarray(superoperator) @ vector).reshape(d, d, order="F")
        np.testing.assert_allclose(acted, product, atol=1e-12)


def test_a_vector_of_no_square_length_is_refused() -> None:
    with pytest.raises(ValueError, match="5 elements"):
        qj.vector_to_operator(jnp.arange(5.0))
