"""Mean and covariance of the energies that the baths get in a finite time, from any initial state."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Num

from qthermo_jax.bounded import SIX_DIGITS
from qthermo_jax.couplings import Qobj
from qthermo_jax.dynamics.reduced import faults_at_start, packed, start_of
from qthermo_jax.fluctuations.unknowns import Counting, Known, counting, methods_to_try
from qthermo_jax.precision import compiled
from qthermo_jax.steady import Status
from qthermo_jax.steady.faults import first_fault
from qthermo_jax.system import OpenSystem

# 2^40 steps of the exponential, as in `evolve`.
_SQUARINGS = 40


class Counted(NamedTuple):
    """Energies that the baths have got.

    Attributes:
        mean: (*t, K), in units of energy.
        covariance: (*t, K, K), in units of energy^2.
    """

    mean: Float[Array, "*t K"]
    covariance: Float[Array, "*t K K"]


def finite_time_cumulants(
    system: OpenSystem,
    times: Num[ArrayLike, "*t"] | Sequence[float],
    initial: Num[ArrayLike, "*s d"] | Qobj | Sequence[float] | None = None,
    *,
    method: str = "auto",
) -> Counted:
    """Mean and covariance of the energies that the baths have got at each of some times.

    The energies are counted jump by jump, as in `current_noise`, from time 0 on. For long times the mean
    grows as J_k t and the covariance as S_kl t; what they differ from that is left by the initial state.
    They are derivatives of Tr e^(L(chi) t) rho(0) by chi, exact, from the exponential of a block matrix:
    Van Loan, IEEE Trans. Autom. Control 23, 395 (1978).

    Args:
        system: K baths, dimension d.
        times: >= 0, in units of 1/energy (hbar = 1), () or (t,).
        initial: density matrix (d, d), or populations of the basis states (d,); default: the system's.
        method: "populations" where these drive no coherence and the initial state has none, "dense" for
            all of rho, "auto" for the first of these that is exact, and for "dense" inside a function
            that JAX traces with the system.

    Returns:
        a `Counted`, its times first. NaN where round-off may exceed 1e-6 of a number, and where the
        status of `evolve` is not OK.

    Raises:
        ValueError: no initial state, an unknown method, or a generator whose jumps have no energy.

    >>> from qthermo_jax import models
    >>> counted = finite_time_cumulants(models.thermal_diode(), [0.0, 1.0], [1.0, 0.0, 0.0, 0.0])
    >>> counted.mean[0].tolist(), counted.covariance.shape
    ([0.0, 0.0], (2, 2, 2))
    """
    if initial is not None:
        system = system.with_initial(initial)
    own = jnp.asarray(times, float).astype(system.temperatures.dtype)
    first, *others = methods_to_try(system, method)
    exact, found = _at_times(system, own, first)
    if others and not bool(exact):
        _, found = _at_times(system, own, *others)
    return Counted(*found)


@partial(compiled, static_argnames="method")
def _at_times(
    system: OpenSystem, times: Float[Array, "*t"], method: str
) -> tuple[Bool[Array, ""], tuple[Array, Array]]:
    """Whether the method is exact, and what it gives."""
    basis = system.eigenbasis()
    transitions, start = system.transitions(basis), start_of(system, basis)
    faults, _ = faults_at_start(system, transitions, start, method)
    count = counting(system, basis, method)
    status = first_fault(faults)
    begin = packed(start.rho, method)
    known = jax.vmap(partial(counted, count, begin))(times.reshape(-1))
    mean, covariance = (_trusted(own) for own in known)
    there = jnp.where((status == Status.OK) & count.sound, 1.0, jnp.nan)
    valid = (jnp.where(jnp.isfinite(times) & (times >= 0), 1.0, jnp.nan) * there).reshape(-1)
    mean, covariance = mean * valid[:, None], covariance * valid[:, None, None]
    shape, K = times.shape, system.n_baths
    found = mean.reshape(*shape, K), covariance.reshape(*shape, K, K)
    return status != Status.METHOD_NOT_EXACT, found


def counted(count: Counting, begin: Float[Array, " n"], time: Float[Array, ""]) -> tuple[Known, Known]:
    """Mean and covariance at one time, (K,) and (K, K).

    With x_l the derivative of e^(L(chi) t) rho(0) by chi_l, d rho/dt = L rho, dx_l/dt = L x_l + G_l rho,
    and the mean and the second moment grow as Tr G_k rho and Tr G_k x_l + Tr G_l x_k + delta_kl Tr G''_k
    rho. What a bath gets in the end is taken off its jumps, J_l rho, which changes no covariance:
    without it the square of the mean would grow over it.
    """
    # In the largest energy of a jump: the exponential's error grows with the largest of its blocks.
    unit = jax.lax.stop_gradient(jnp.max(jnp.abs(count.energies)))
    unit = jnp.where(unit > 0, unit, 1.0)
    count = count._replace(energies=count.energies / unit, energy_error=count.energy_error / unit)
    L, trace, K = count.generator.value, count.trace, count.n_baths
    n, dtype = len(L), L.dtype
    each = jnp.eye(K, dtype=dtype)
    first = jax.vmap(lambda bath: count.derivative(bath, 1).value)(each)
    second = jax.vmap(lambda bath: count.derivative(bath, 2).value)(each)
    rates = jnp.einsum("i,kij->kj", trace, first)
    squares = jnp.einsum("i,kij->kj", trace, second)
    end = jax.scipy.linalg.expm(L * time, max_squarings=_SQUARINGS) @ begin
    drift = jax.lax.stop_gradient(rates @ end)

    def of_bath(l_first: Array, l_drift: Array) -> Array:
        """rho, x_l, and the integrals of Tr G_k rho, Tr G''_k rho, Tr (G_k - J_k) x_l."""
        blocks = jnp.zeros((2 * n + 3 * K, 2 * n + 3 * K), dtype)
        blocks = blocks.at[:n, :n].set(L).at[n : 2 * n, n : 2 * n].set(L)
        fed = l_first - l_drift * jnp.eye(n, dtype=dtype)
        blocks = blocks.at[n : 2 * n, :n].set(fed)
        centred = rates - drift[:, None] * trace[None]
        blocks = blocks.at[2 * n : 2 * n + K, :n].set(centred)
        blocks = blocks.at[2 * n + K : 2 * n + 2 * K, :n].set(squares)
        blocks = blocks.at[2 * n + 2 * K :, n : 2 * n].set(centred)
        full = jnp.concatenate([begin, jnp.zeros(n + 3 * K, dtype)])
        step = jax.scipy.linalg.expm(blocks * time, max_squarings=_SQUARINGS)
        found: Array = step @ full
        return found

    ends = jax.vmap(of_bath)(first, drift)
    excess, shot = ends[0, 2 * n : 2 * n + K], ends[0, 2 * n + K : 2 * n + 2 * K]
    cross = ends[:, 2 * n + 2 * K :].T
    covariance = cross + cross.T + jnp.diag(shot) - excess[:, None] * excess[None]
    mean = excess + drift * time
    of_mean, of_covariance = _bounds(count, time, drift, ends[:, n : 2 * n])
    return Known(unit * mean, unit * of_mean), Known(unit**2 * covariance, unit**2 * of_covariance)


def _trusted(known: Known) -> Float[Array, "*s"]:
    close = known.error <= SIX_DIGITS * jnp.abs(known.value)
    found: Float[Array, "*s"] = known.value * jnp.where(close, 1.0, jnp.nan)
    return found


def _bounds(
    count: Counting, time: Float[Array, ""], drift: Float[Array, " K"], moved: Float[Array, "K n"]
) -> tuple[Float[Array, " K"], Float[Array, "K K"]]:
    """Bounds of the errors of mean and covariance, from the round-off of exponential and rates.

    A generator lets nothing grow: a state is off by the time times what is wrong with the generator, and
    the exponential by t |L| eps (Higham, SIAM J. Matrix Anal. Appl. 26, 1179 (2005)).
    """
    drift, moved = jax.lax.stop_gradient((drift, jnp.sum(jnp.abs(moved), axis=1)))
    each = jnp.eye(count.n_baths, dtype=drift.dtype)
    first = jax.vmap(lambda bath: count.derivative(bath, 1))(each)
    second = jax.vmap(lambda bath: count.derivative(bath, 2))(each)
    eps = jnp.finfo(drift.dtype).eps

    def largest(values: Float[Array, "K n n"]) -> Float[Array, " K"]:
        return jnp.max(jnp.abs(jnp.einsum("i,kij->kj", count.trace, values)), axis=1)

    fastest = jnp.max(jnp.sum(jnp.abs(count.generator.value), axis=0))
    wrong = time * jnp.max(jnp.sum(count.generator.error, axis=0)) + eps * (64 + 4 * time * fastest)
    rate, square = largest(first.value) + jnp.abs(drift), largest(second.value)
    of_mean = time * (largest(first.error) + wrong * rate)
    far = moved + rate / jnp.where(fastest > 0, fastest, 1.0)
    cross = time * (wrong * rate + largest(first.error))[:, None] * far[None]
    of_square = time * (largest(second.error) + wrong * square)
    covariance = cross + cross.T + jnp.diag(of_square) + of_mean[:, None] * of_mean[None]
    return jax.lax.stop_gradient(of_mean), jax.lax.stop_gradient(covariance)
