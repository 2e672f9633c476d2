"""A driven qubit between two baths, which tests of periodically driven systems share."""

import jax
import jax.numpy as jnp
import numpy as np

import qthermo_jax as qj
from matrices import SIGMA_X

SIGMA_Z = np.diag([-0.5, 0.5])
# Compiling is most of what these tests wait for: most systems have one of two shapes.
FINE = {"steps": 192, "photons": 24}
solved = jax.jit(qj.periodic_state, static_argnames="method")


def driven_qubit(
    amplitude: float | jax.Array = 0.3,
    frequency: float | jax.Array = 1.3,
    T: tuple[float, float] = (1.0, 0.3),
    **options: object,
) -> qj.DrivenSystem:
    """H = sigma_z/2 + amplitude cos(frequency t) sigma_x, two baths that couple differently."""
    sigma_x, sigma_z = jnp.asarray(SIGMA_X, float), jnp.asarray(SIGMA_Z, float)
    baths = [qj.Bath(sigma_x, T[0], qj.Ohmic(0.01)), qj.Bath(sigma_z, T[1], qj.Ohmic(0.02))]
    return qj.DrivenSystem(
        [sigma_z, jnp.asarray(amplitude, float) / 2 * sigma_x], 2 * jnp.pi / frequency, baths, **options
    )


def as_complex(matrix: jax.Array) -> jax.Array:
    """Like the sum of Fourier components: one compilation serves both."""
    return matrix.astype(complex)
