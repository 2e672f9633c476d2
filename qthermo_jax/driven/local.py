"""The periodic state of a local master equation with a periodic Hamiltonian.

    d rho/dt = -i [H(t), rho] + sum_k sum_omega gamma_k(omega) D[A_k(omega)] rho

with A_k(omega) and omega of the bare Hamiltonian H_0, which does not change. The map of one period is a
product of Magnus exponentials; its fixed point is found as the solution of a linear system.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from qthermo_jax.driven.floquet import usable
from qthermo_jax.driven.propagator import propagators
from qthermo_jax.driven.record import Currents, PeriodicState, fields_of
from qthermo_jax.driven.verdict import faults_after, faults_before, largest_error
from qthermo_jax.driven_system import DrivenSystem
from qthermo_jax.eigenbasis import as_given
from qthermo_jax.liouvillian import dissipators
from qthermo_jax.master_equations import Generator, kept_elements
from qthermo_jax.master_equations.secular import dissipation
from qthermo_jax.precision import compiled
from qthermo_jax.registry import Method
from qthermo_jax.solvers.linear import solve_kept
from qthermo_jax.steady import Status
from qthermo_jax.steady.faults import first_fault, nan_unless_ok

# Squarings of the exponential of a step: exact up to |L| x step of 6.
_SQUARINGS = 3

# Round-off of the map of a period, in units of eps and the square root of the number of steps.
_PER_STEP = 8.0


@compiled
def local_state(system: DrivenSystem) -> PeriodicState:
    """`periodic_state` of the local master equation."""
    H, period, _ = usable(system)
    steps, d = system.steps, system.dimension
    bare = system.mean.without_interactions()
    transitions = bare.transitions_of_H(bare.eigenbasis())
    D = dissipators(transitions)
    sound = jnp.all(jnp.isfinite(D))
    D = jnp.where(sound, D, 0.0).astype(H.dtype)
    one = jnp.eye(d, dtype=H.dtype)
    turning = jnp.einsum("sac,bd->sabcd", H, one) - jnp.einsum("ac,sdb->sabcd", one, H)
    L = (jnp.sum(D, axis=0)[None] - 1j * turning).reshape(-1, d * d, d * d)
    maps, coarse = propagators(L, period, (steps, steps // 2), _SQUARINGS)
    fixed_L, fixed, coarse = jax.lax.stop_gradient((L, maps, coarse))
    apart = jnp.abs(fixed[::2] - coarse) / 16
    eps = jnp.finfo(H.dtype).eps
    step_error = jnp.where(jnp.all(jnp.isfinite(apart)), jnp.max(apart), jnp.inf)
    round_off = _PER_STEP * eps * (steps**0.5 + jnp.max(jnp.sum(jnp.abs(fixed_L), axis=2)) * period)
    # Near a degeneracy of H_0 its eigenvectors, and so the rates, are known less well.
    doubt = d * period * jnp.max(jnp.sum(dissipation(transitions).error, axis=(2, 3)))
    round_off = jax.lax.stop_gradient(round_off + doubt)
    whole = jnp.where(jnp.isfinite(step_error), maps[-1], 0.0)
    change = whole - jnp.eye(d * d, dtype=H.dtype)
    basis = as_given(jnp.mean(H, axis=0))
    error = jnp.where(jnp.isfinite(apart[-1]), apart[-1], 1.0) + round_off
    generator = Generator(change, error, jnp.zeros((d, d), error.dtype))
    everything = kept_elements((tuple(range(d)),))
    nothing = jnp.zeros_like(step_error)
    solution = solve_kept(basis, everything, generator, Method.DENSE, (nothing, nothing > 0))
    solution = solution.with_coherences()
    p, coherences = solution.populations, solution.coherences
    assert coherences is not None
    rho = jnp.diag(p).astype(coherences.dtype) + coherences
    rho_at = jnp.einsum("mxy,y->mx", maps[:-1], rho.reshape(-1)).reshape(-1, d, d)
    off = d * solution.error + step_error + round_off
    currents = _currents(system, H, period, D, rho_at, off)
    status = first_fault(
        [
            *faults_before(system),
            (transitions.divergent | ~sound, Status.DIVERGENT_RATE),
            (~(step_error <= largest_error(H.dtype)), Status.TOO_FEW_STEPS),
            (~solution.unique, Status.NOT_UNIQUE),
            *faults_after(solution, currents, step_error > round_off),
        ]
    )
    found = nan_unless_ok(status, (p, coherences, rho_at, currents))
    p, coherences, rho_at, currents = found
    return PeriodicState(
        **fields_of(basis, (p, coherences), status, solution, currents, (off, step_error)),
        times=system.times,
        rho_at=rho_at,
    )


def _currents(
    system: DrivenSystem,
    H: Complex[Array, "s d d"],
    period: Float[Array, ""],
    D: Complex[Array, "K d d d d"],
    rho_at: Complex[Array, "m d d"],
    off: Float[Array, ""],
) -> Currents:
    """J_k = -Tr[D_k(rho) H] and P = Tr[rho dH/dt], means over the period.

    The mean over equally spaced times converges faster than any power of their distance where H is
    smooth; its difference from that over every second time bounds its error.

    Args:
        off: bound of the error of the elements of rho.
    """
    stride = len(H) // len(rho_at)
    Q = -jnp.einsum("kabcd,mba->kmcd", D, H[::stride])
    flow = jnp.einsum("kmcd,mcd->km", Q, rho_at).real
    heat = jnp.mean(flow, axis=1)
    size = jnp.max(jnp.sum(jnp.abs(Q), axis=(2, 3)), axis=1)
    bounds = jnp.abs(heat - jnp.mean(flow[:, ::2], axis=1)) + off * size
    gross = jnp.mean(jnp.einsum("kmcd,mcd->km", jnp.abs(Q), jnp.abs(rho_at)), axis=1)
    orders = jnp.asarray(1j * np.fft.fftfreq(len(H), 1 / len(H)), H.dtype)
    slope = jnp.fft.ifft(orders[:, None, None] * jnp.fft.fft(H, axis=0), axis=0)[::stride]
    slope = slope * (2 * jnp.pi / period).astype(H.dtype)
    power = jnp.mean(jnp.einsum("mab,mba->m", slope, rho_at).real)
    T = system.mean.temperatures
    still = (heat == 0) | ((T == 0) & (jnp.abs(heat) <= bounds))  # what is round-off is no heat
    entropy = jnp.sum(jnp.where(still, 0.0, heat / jnp.where(still, 1.0, T)))
    known = jax.lax.stop_gradient((bounds, gross, jnp.zeros_like(gross)))
    return Currents(heat, *known, power, entropy)
