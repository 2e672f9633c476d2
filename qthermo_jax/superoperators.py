"""Operators as column-stacked vectors, superoperators as matrices on them (QuTiP's convention).

vec stacks the columns of an operator, so that vec(A rho B) = (B^T (x) A) vec(rho).
"""

import math

import jax.numpy as jnp
from jaxtyping import Array, Num

from qthermo_jax.precision import precise


def operator_to_vector(operator: Num[Array, "d d"]) -> Num[Array, " d*d"]:
    """vec(operator): columns under one another.

    >>> operator_to_vector(jnp.array([[1, 2], [3, 4]])).tolist()
    [1, 3, 2, 4]
    """
    return operator.T.reshape(-1)


def vector_to_operator(vector: Num[Array, " n"]) -> Num[Array, "d d"]:
    """The inverse of `operator_to_vector`; n must be a square.

    >>> vector_to_operator(jnp.array([1, 3, 2, 4])).tolist()
    [[1, 2], [3, 4]]
    """
    dimension = math.isqrt(vector.size)
    if dimension**2 != vector.size:
        raise ValueError(f"a vector of {vector.size} elements is no stacked square operator")
    return vector.reshape(dimension, dimension).T


def spre(A: Num[Array, "d d"]) -> Num[Array, "d*d d*d"]:
    """Superoperator of left multiplication, rho -> A rho: 1 (x) A.

    >>> vector_to_operator(spre(jnp.eye(2) * 3) @ operator_to_vector(jnp.eye(2))).tolist()
    [[3.0, 0.0], [0.0, 3.0]]
    """
    return jnp.kron(jnp.eye(A.shape[-1], dtype=A.dtype), A)


def spost(B: Num[Array, "d d"]) -> Num[Array, "d*d d*d"]:
    """Superoperator of right multiplication, rho -> rho B: B^T (x) 1.

    >>> swap = jnp.array([[0, 1], [1, 0]])
    >>> vector_to_operator(spost(swap) @ jnp.array([1, 3, 2, 4])).tolist()  # columns change places
    [[2, 1], [4, 3]]
    """
    return jnp.kron(B.T, jnp.eye(B.shape[-1], dtype=B.dtype))


def sprepost(A: Num[Array, "d d"], B: Num[Array, "d d"]) -> Num[Array, "d*d d*d"]:
    """Superoperator rho -> A rho B: B^T (x) A.

    >>> A = jnp.array([[0, 1], [2, 3]])
    >>> bool((sprepost(A, A) == spre(A) @ spost(A)).all())
    True
    """
    return jnp.kron(B.T, A)


@precise
def dissipator(A: Num[Array, "d d"]) -> Num[Array, "d*d d*d"]:
    """Lindblad dissipator D[A] rho = A rho A^dag - (A^dag A rho + rho A^dag A)/2.

    >>> lowering = jnp.array([[0.0, 1.0], [0.0, 0.0]])
    >>> vector_to_operator(
    ...     dissipator(lowering) @ operator_to_vector(jnp.diag(jnp.array([0.0, 1.0])))
    ... ).tolist()
    [[1.0, 0.0], [0.0, -1.0]]
    """
    adjoint = A.conj().T
    loss = adjoint @ A
    return sprepost(A, adjoint) - (spre(loss) + spost(loss)) / 2
