"""The paper's chain as the benchmarks take it: random points, solved chunk by chunk."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

import qthermo_jax as qj
from qthermo_jax.steady import bytes_per_point

# A chunk that stays near the caches is several times faster than a batch that does not.
_CHUNK_BYTES = 2**26


def points(count: int) -> jax.Array:
    """(count, 2): T_L and g, where every level is above 0."""
    rng = np.random.default_rng(0)
    return jnp.stack([rng.uniform(0.5, 1.0, count), rng.uniform(0.05, 0.45, count)], axis=1)


def site_populations(sites: int, method: str) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """Of one point: T_L and g."""

    def at(T_L: jax.Array, g: jax.Array) -> jax.Array:
        system = qj.models.chain(sites=sites, T_L=T_L, T_R=0.4, g=g)
        return qj.site_populations(system, qj.steadystate(system, method=method))

    return at


def mean_position(sites: int) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """Of one point: temperatures of all baths, (N,), and g."""

    def at(temperatures: jax.Array, g: jax.Array) -> jax.Array:
        system = qj.models.chain(sites=sites, temperatures=temperatures, g=g)
        return qj.observe(system, qj.steadystate(system, method="populations"), "mean_position")

    return at


def even(count: int, most: int) -> int:
    """The largest part of equal parts that is no larger than `most`: `lax.map` compiles a rest apart."""
    return next(size for size in range(min(most, count), 0, -1) if count % size == 0)


def chunk_size(sites: int, method: qj.Method) -> int:
    """Points at a time, about as a sweep takes them on a CPU: 128 at most."""
    system = jax.eval_shape(lambda: qj.models.chain(sites=sites))
    return int(np.clip(_CHUNK_BYTES // bytes_per_point(system, method), 1, 128))
