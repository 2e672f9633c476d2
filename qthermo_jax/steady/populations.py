"""Populations alone: a classical rate equation, d unknowns, every one of them to full relative accuracy.

Where no population drives a coherence, rho is diagonal in the eigenbasis and its diagonal obeys
dp_i/dt = sum_j (W_ij p_j - W_ji p_i). The elimination of Grassmann, Taksar and Heyman (Oper. Res. 33,
1107 (1985)) solves it without one subtraction: it keeps the digits of populations of any size, and so
does its derivative, which goes through the elimination itself.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from qthermo_jax.generators import Transitions, populations_drive_coherences, rate_matrix
from qthermo_jax.steady.record import Method, Solution


def _eliminate(W: Float[Array, "d d"]) -> tuple[Float[Array, " d"], Bool[Array, ""]]:
    """Stationary distribution of the rates W_ij (j -> i, diagonal 0), and whether there is just one.

    States are removed from the last to the second, each by the paths that lead through it, and come
    back in the reverse order. A state that the earlier ones reach but that never returns takes all
    weight from them; one that neither reaches them nor is reached is a second stationary state.
    """
    states = jnp.arange(W.shape[0])

    def remove(W: Float[Array, "d d"], last: Array) -> tuple[Array, tuple[Array, Array]]:
        earlier = states < last
        leaving = jnp.where(earlier, W[:, last], 0.0)
        total = jnp.sum(leaving)
        share = leaving / jnp.where(total > 0, total, 1.0)
        arriving = jnp.where(earlier, W[last, :], 0.0)
        return W + share[:, None] * arriving[None, :], (total, arriving)

    def restore(
        carry: tuple[Array, Array], step: tuple[Array, Array, Array]
    ) -> tuple[tuple[Array, Array], None]:
        weights, unique = carry
        last, total, arriving = step
        inflow = arriving @ weights
        # weights : new weight = total : inflow, brought to a largest of 1 without a division by 0.
        larger = jax.lax.stop_gradient(jnp.maximum(total, inflow))
        known = larger > 0
        larger = jnp.where(known, larger, 1.0)
        weights = jnp.where(states == last, inflow / larger, weights * (total / larger))
        return (weights / jax.lax.stop_gradient(jnp.max(weights)), unique & known), None

    removed = states[:0:-1]
    _, (totals, arrivals) = jax.lax.scan(remove, W, removed)
    start = (jnp.where(states == 0, 1.0, 0.0).astype(W.dtype), jnp.array(True))
    (weights, unique), _ = jax.lax.scan(restore, start, (removed, totals, arrivals), reverse=True)
    return weights / jnp.sum(weights), unique


def solve_populations(moves: Transitions) -> Solution:
    """Diagonal rho from the rate equation; exact where no population drives a coherence."""
    W = rate_matrix(moves)
    # The ground state, which nothing that is populated fails to reach at T > 0, is removed last.
    order = jnp.argsort(moves.basis.energies)
    scale = jax.lax.stop_gradient(jnp.max(W))
    scale = jnp.where(scale > 0, scale, 1.0)
    ordered, unique = _eliminate(W[order][:, order] / scale)
    p = jnp.zeros_like(ordered).at[order].set(ordered)
    change = W @ p - jnp.sum(W, axis=0) * p
    return Solution(
        rho=jnp.diag(p).astype(np.promote_types(p.dtype, np.complex64)),
        residual=jnp.max(jnp.abs(change)) / scale,
        unique=unique,
        exact=~populations_drive_coherences(moves),
        method=jnp.int8(Method.POPULATIONS),
    )
