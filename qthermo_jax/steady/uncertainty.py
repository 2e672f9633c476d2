"""How well rates are known, from the round-off of what they are made of."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from qthermo_jax.generators import Transitions


def rate_uncertainty(moves: Transitions) -> Float[Array, " P"]:
    """Relative error of each transition's rates in units of eps, that of its amplitude aside.

    A rate is as good as its e^{-omega/T}: round-off of the exponent counts omega/T times, and that of a
    small Bohr frequency between high energies E counts E/omega times.
    """
    E = moves.basis.energies
    both = (moves.forth > 0) & (moves.back > 0)
    exponent = jnp.abs(jnp.log(jnp.where(both, moves.forth / jnp.where(both, moves.back, 1.0), 1.0)))
    omega = jnp.abs(moves.omega)
    height = jnp.max(jnp.abs(E)) / jnp.where(omega > 0, omega, 1.0)
    height = jnp.where(omega > 0, height, 0.0)[moves.pairs.number]
    return 8.0 + (1.0 + exponent) * (1.0 + height)
