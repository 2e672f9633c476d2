"""The paper's closed forms, equation by equation ("Quantum thermophoresis").

n_1 and n_2 are the Bose occupations of the two baths at the system's transition frequencies; both
baths couple with the same rate. Products are written so that nothing cancels.
"""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float


def Delta_ss(n_1: Float[ArrayLike, "*s"], n_2: Float[ArrayLike, "*s"]) -> Float[Array, "*s"]:
    """Steady-state unbalance P2 - P1 of the Lambda system: Eq. 8.

    The denominator n(3n + 2) - (3/4) delta_n^2, n the mean of the two, is 3 n_1 n_2 + n_1 + n_2.

    >>> Delta_ss(0.7, 0.0).item()  # a cold bath at T = 0 takes all
    1.0
    """
    n_1, n_2 = jnp.asarray(n_1, float), jnp.asarray(n_2, float)
    return (n_1 - n_2) / (3.0 * n_1 * n_2 + n_1 + n_2)


def Delta_ss_V(n_1: Float[ArrayLike, "*s"], n_2: Float[ArrayLike, "*s"]) -> Float[Array, "*s"]:
    """Steady-state unbalance P2 - P1 of the V system: Eqs. 13-14 at rest, delta_n Gamma^2/Omega_V^2.

    >>> Delta_ss_V(0.0, 1.0).item()  # towards the hot bath: negative thermophoresis
    0.3333333333333333
    """
    n_1, n_2 = jnp.asarray(n_1, float), jnp.asarray(n_2, float)
    return (n_2 - n_1) / (3.0 * n_1 * n_2 + 2.0 * (n_1 + n_2) + 1.0)
