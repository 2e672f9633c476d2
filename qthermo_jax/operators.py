"""Operators of qubits, oscillators and systems composed of them, as numpy arrays.

Numpy, not JAX: a `Bath` knows the zeros of a numpy array when a program is compiled. Conventions are
QuTiP's: sigma_z = diag(1, -1), so that the first of a qubit's two states is the upper one.
"""

from collections.abc import Sequence
from functools import reduce

import numpy as np
from jaxtyping import Complex, Float, Inexact


def tensor(*operators: Inexact[np.ndarray, "_ _"]) -> Inexact[np.ndarray, "d d"]:
    """Kronecker product A (x) B (x) ...; the first factor's index varies slowest.

    >>> tensor(sigma_z(), sigma_z()).diagonal().tolist()
    [1.0, -1.0, -1.0, 1.0]
    """
    return reduce(np.kron, operators)


def embed(
    operator: Inexact[np.ndarray, "n n"], position: int, dimensions: Sequence[int]
) -> Inexact[np.ndarray, "d d"]:
    """1 (x) ... (x) operator (x) ... (x) 1, the operator acting on one factor.

    Args:
        operator: (n, n), n = dimensions[position].
        position: of that factor, from 0.
        dimensions: of all factors; d is their product.

    Raises:
        ValueError: no such factor, or one of another dimension.

    >>> embed(sigma_z(), 1, (2, 2)).diagonal().tolist()
    [1.0, -1.0, 1.0, -1.0]
    """
    if not 0 <= position < len(dimensions):
        raise ValueError(f"position {position} is not one of 0 to {len(dimensions) - 1}")
    if len(operator) != dimensions[position]:
        raise ValueError(
            f"an operator of shape {operator.shape} does not act on a factor of dimension "
            f"{dimensions[position]}"
        )
    factors = [np.eye(n) for n in dimensions]
    return tensor(*factors[:position], operator, *factors[position + 1 :])


def sigma_x() -> Float[np.ndarray, "2 2"]:
    """|0><1| + |1><0|.

    >>> sigma_x().tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    return np.array([[0.0, 1.0], [1.0, 0.0]])


def sigma_y() -> Complex[np.ndarray, "2 2"]:
    """-i |0><1| + i |1><0|.

    >>> (sigma_x() @ sigma_y()).diagonal().imag.tolist()  # i sigma_z
    [1.0, -1.0]
    """
    return np.array([[0.0, -1.0j], [1.0j, 0.0]])


def sigma_z() -> Float[np.ndarray, "2 2"]:
    """|0><0| - |1><1|.

    >>> sigma_z().diagonal().tolist()
    [1.0, -1.0]
    """
    return np.array([[1.0, 0.0], [0.0, -1.0]])


def sigma_plus() -> Float[np.ndarray, "2 2"]:
    """|0><1|, which raises.

    >>> (sigma_plus() @ sigma_minus()).diagonal().tolist()
    [1.0, 0.0]
    """
    return np.array([[0.0, 1.0], [0.0, 0.0]])


def sigma_minus() -> Float[np.ndarray, "2 2"]:
    """|1><0|, which lowers.

    >>> (sigma_minus() @ sigma_plus()).diagonal().tolist()
    [0.0, 1.0]
    """
    return np.array([[0.0, 0.0], [1.0, 0.0]])


def destroy(n: int) -> Float[np.ndarray, "n n"]:
    """a = sum_k sqrt(k) |k - 1><k| on an oscillator's n lowest levels, the ground state first.

    >>> destroy(3)[0, 1].item()
    1.0
    """
    return np.diag(np.sqrt(np.arange(1.0, n)), 1)


def create(n: int) -> Float[np.ndarray, "n n"]:
    """a^dag, the transpose of `destroy`.

    >>> create(3)[1, 0].item()
    1.0
    """
    return destroy(n).T


def number(n: int) -> Float[np.ndarray, "n n"]:
    """a^dag a = sum_k k |k><k|.

    >>> number(3).diagonal().tolist()
    [0.0, 1.0, 2.0]
    """
    return np.diag(np.arange(float(n)))
