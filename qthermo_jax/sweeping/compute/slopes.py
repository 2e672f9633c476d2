"""The value of a formula and its derivatives, from those of the numbers that it names."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from qthermo_jax.sweeping.spec.expression import Expression, Name


def value_and_slopes(
    formula: Expression, numbers: Mapping[Name, np.ndarray], slopes: Mapping[Name, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """The formula at n points, (n,), and its derivatives along k directions, (n, k).

    Args:
        numbers: those that it names, (n,) each.
        slopes: their derivatives, (n, k) each.
    """
    names = list(numbers)

    def of(*values: jax.Array) -> jax.Array:
        return jnp.asarray(formula.value(dict(zip(names, values, strict=True)), jnp), float)

    with jax.enable_x64(True):
        here = [jnp.asarray(numbers[name], float) for name in names]

        def along(*steps: jax.Array) -> tuple[jax.Array, jax.Array]:
            value, slope = jax.jvp(of, tuple(here), steps)
            return value, slope

        steps = [jnp.asarray(slopes[name], float) for name in names]
        value, slope = jax.vmap(along, in_axes=-1, out_axes=(None, -1))(*steps)
        return np.asarray(value), np.asarray(slope)
