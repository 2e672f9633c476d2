"""How the currents fluctuate at a frequency: the noise spectrum of a steady state."""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Num

from qthermo_jax.bounded import SIX_DIGITS
from qthermo_jax.fluctuations.tiers import Tier, tier_of
from qthermo_jax.fluctuations.unknowns import Counting, Known, counting
from qthermo_jax.precision import compiled
from qthermo_jax.steady import Status, SteadyState
from qthermo_jax.system import OpenSystem


def noise_spectrum(
    system: OpenSystem, state: SteadyState, omega: Num[ArrayLike, "*w"] | Sequence[float]
) -> Float[Array, "*w K K"]:
    """Symmetrised noise S_kl(omega) of the heat currents at a frequency.

    S_kl(omega) is the real part of int dt e^(i omega t) <dI_k(t) dI_l(0)>, dI_k = I_k - J_k, where I_k
    is the energy per time that the jumps of bath k give to it, a sum of delta functions in time. What
    the system stores and gives back later makes it depend on omega. S_kl(0) is `current_noise`; far
    above all rates each bath's jumps are independent: S_kl = delta_kl sum of (flux) (energy)^2.
    Source: Flindt, Novotny & Jauho, Physica E 29, 411 (2005); Landi et al., PRX Quantum 5, 020201
        (2024), Sec. VI.

    Args:
        system: K baths.
        state: its steady state.
        omega: frequencies in units of energy (hbar = 1), () or (w,).

    Returns:
        (K, K), or (w, K, K), in units of energy^3, symmetric. NaN where round-off may exceed 1e-6 of an
        element: unlike `current_noise` it comes of a linear system, which loses digits in the deep cold.

    Raises:
        ValueError: as for `current_noise`.

    >>> from qthermo_jax import models, steadystate
    >>> system = models.thermal_diode()
    >>> noise_spectrum(system, steadystate(system), [0.0, 10.0]).shape
    (2, 2, 2)
    """
    frequencies = jnp.asarray(omega, float).astype(system.temperatures.dtype)
    found: Float[Array, "*w K K"] = _spectrum(system, state, frequencies, tier_of(system, state))
    return found


@partial(compiled, static_argnames="tier")
def _spectrum(
    system: OpenSystem, state: SteadyState, omega: Float[Array, "*w"], tier: Tier
) -> Float[Array, "*w K K"]:
    count = counting(system, state.basis, "populations" if tier == "rates" else "dense")
    at = omega.reshape(-1)
    found = jax.vmap(partial(_at, count))(at)
    there = count.sound & (state.status == Status.OK)
    found = found * jnp.where(there, 1.0, jnp.nan)
    return found.reshape(*omega.shape, *found.shape[1:])


def _at(count: Counting, omega: Float[Array, ""]) -> Float[Array, "K K"]:
    L, trace = count.generator, count.trace
    n, K, dtype = len(L.value), count.n_baths, L.value.dtype
    eps = jnp.finfo(dtype).eps
    complex_type = np.promote_types(dtype, np.complex64)
    each = jnp.eye(K, dtype=dtype)
    first = jax.vmap(lambda bath: count.derivative(bath, 1))(each)
    second = jax.vmap(lambda bath: count.derivative(bath, 2))(each)

    # L + i omega on what has no trace; the state takes the place of the trace, at the fastest rate.
    fastest = jnp.max(jnp.abs(jax.lax.stop_gradient(L.value)))
    scale = jnp.where(fastest > 0, fastest, 1.0)
    some = trace / jnp.sum(trace)
    replaced = Known(L.value - scale * some[:, None] * trace[None], L.error)
    rho = _solved(replaced, Known(-scale * some, jnp.zeros_like(some)))
    right = first.value @ rho.value
    right_error = (first.error + 4 * eps * jnp.abs(first.value)) @ jnp.abs(rho.value)
    right_error = right_error + jnp.abs(first.value) @ rho.error
    J = right @ trace
    J_error = right_error @ trace
    shifted = L.value - scale * rho.value[:, None] * trace[None]
    deviation = right - J[:, None] * rho.value[None]
    off = right_error + J_error[:, None] * jnp.abs(rho.value)[None]
    off = off + jnp.abs(J)[:, None] * rho.error[None]
    matrix = shifted.astype(complex_type) + 1j * omega.astype(complex_type) * jnp.eye(
        n, dtype=complex_type
    )
    error = L.error + scale * rho.error[:, None] * trace[None]
    moved = jax.vmap(lambda b, d: _solved(Known(matrix, error), Known(b.astype(complex_type), d)))(
        deviation, off
    )
    seen = jnp.einsum("i,kij->kj", trace, first.value)
    seen_error = jnp.einsum("i,kij->kj", trace, first.error) + 8 * eps * jnp.abs(seen)
    cross = -(seen @ moved.value.real.T)
    far = jnp.abs(moved.value) + moved.error
    bound = seen_error @ far.T + jnp.abs(seen) @ moved.error.T
    shot = jnp.einsum("i,kij,j->k", trace, second.value, rho.value)
    shot_error = jnp.einsum("i,kij,j->k", trace, second.error, jnp.abs(rho.value))
    shot_error = shot_error + jnp.einsum("i,kij,j->k", trace, jnp.abs(second.value), rho.error)
    value = cross + cross.T + jnp.diag(shot)
    bound = bound + bound.T + jnp.diag(shot_error) + 8 * eps * jnp.abs(value)
    close = jax.lax.stop_gradient(bound <= SIX_DIGITS * jnp.abs(value))
    return value * jnp.where(close, 1.0, jnp.nan)


def _solved(matrix: Known, right: Known) -> Known:
    """x with matrix x = right, and a bound of its error: twice that of the first order."""
    # LAPACK may not return from a matrix that is not finite.
    one = jnp.eye(len(matrix.value), dtype=matrix.value.dtype)
    A = jnp.where(jnp.all(jnp.isfinite(matrix.value)), matrix.value, one)
    x = jnp.linalg.solve(A, right.value)
    fixed, size = jax.lax.stop_gradient((A, jnp.abs(x)))
    inverse = jnp.abs(jnp.linalg.inv(fixed))
    eps = jnp.finfo(size.dtype).eps
    wrong = (matrix.error + 8 * eps * jnp.abs(fixed)) @ size + right.error + eps * jnp.abs(right.value)
    return Known(x, jax.lax.stop_gradient(2 * inverse @ wrong))
