"""How well rates are known, from the round-off of what they are made of."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from qthermo_jax.generators import Transitions
from qthermo_jax.structure import repeated


def rate_uncertainty(moves: Transitions) -> Float[Array, " P"]:
    """Relative error of each transition's rates in units of eps, that of its amplitude aside.

    A rate is as good as its e^{-omega/T}: round-off of the exponent counts omega/T times, and that of a
    small Bohr frequency between high energies E counts E/omega times.
    """
    pairs, omega = moves.pairs, jnp.abs(moves.omega)
    both = (moves.forth > 0) & (moves.back > 0)  # so T > 0
    T = jnp.where(both, repeated(moves.temperatures, pairs.bath), 1.0)
    exponent = jnp.where(both, omega[pairs.number] / T, 0.0)
    height = jnp.max(jnp.abs(moves.basis.energies)) / jnp.where(omega > 0, omega, 1.0)
    height = jnp.where(omega > 0, height, 0.0)[pairs.number]
    return 8.0 + (1.0 + exponent) * (1.0 + height)
