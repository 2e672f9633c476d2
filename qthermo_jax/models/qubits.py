"""What models of several qubits share: a bath on sigma_x of a qubit, and names of states."""

from collections.abc import Sequence
from itertools import product

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Num

from qthermo_jax.baths import Bath
from qthermo_jax.declared import Observable
from qthermo_jax.labels import Dimension, Quantity
from qthermo_jax.models.common import Scalar, named_density
from qthermo_jax.operators import embed, sigma_x, sigma_z

UP_DOWN = ("u", "d")


def weighted(terms: Sequence[tuple[Scalar, Num[np.ndarray, "d d"]]]) -> Float[Array, "d d"]:
    """Sum of real operators, each with its coefficient."""
    parts = [jnp.asarray(coefficient, float) * operator for coefficient, operator in terms]
    return jnp.sum(jnp.stack(parts), axis=0)


def ising_terms(qubits: int) -> list[Float[np.ndarray, "d d"]]:
    """sigma_z of each qubit."""
    return [embed(sigma_z(), qubit, [2] * qubits) for qubit in range(qubits)]


def qubit_baths(
    qubits: int,
    positions: Sequence[int],
    temperatures: Sequence[Scalar],
    rate: Num[ArrayLike, "*K"],
    spectrum: str,
) -> Bath:
    """A bath on sigma_x of each qubit at `positions`, numbered from 0."""
    couplings = np.stack([embed(sigma_x(), position, [2] * qubits) for position in positions])
    T = jnp.stack([jnp.asarray(T, float) for T in temperatures])
    return Bath(couplings, T, named_density(spectrum, rate))


def state_labels(qubits: int, names: tuple[str, str]) -> list[str]:
    """Names of the product states, as `operators.tensor` orders them."""
    return ["".join(states) for states in product(names, repeat=qubits)]


def excitations(labels: Sequence[str], excited: str, qubits: Sequence[str | int]) -> Observable:
    """Probability that each qubit is in its upper state, which the labels write as `excited`."""
    is_excited = [[float(label[qubit] == excited) for label in labels] for qubit in range(len(qubits))]
    return Observable(
        np.array(is_excited),
        Quantity("probability that the qubit is excited", "p_e", 0),
        [Dimension("qubit", tuple(qubits), "qubit")],
    )
