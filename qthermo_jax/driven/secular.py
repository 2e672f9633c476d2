"""The Floquet-Davies master equation: populations of Floquet states, and coherences inside their levels.

d rho/dt = -i [sum_a epsilon_a |a><a|, rho] + sum_k sum_omega gamma_k(omega) D[A_k(omega)] rho in the
frame of the Floquet modes, with A_k(omega) the elements S_ac^(n) |a><c| of one frequency omega =
omega_ac + n Omega. Where no two quasi-energies are equal modulo Omega, populations obey a rate equation.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float

from qthermo_jax.baths import Bath
from qthermo_jax.driven.floquet import FloquetBasis
from qthermo_jax.driven.jumps import FloquetJumps
from qthermo_jax.driven.record import Currents
from qthermo_jax.eigenbasis import Eigenbasis
from qthermo_jax.master_equations import Generator, kept_elements
from qthermo_jax.master_equations.secular import (
    dissipation,
    jump_round_off,
    oscillation,
    products_error,
)
from qthermo_jax.registry import Method
from qthermo_jax.solvers import Solution
from qthermo_jax.solvers.batched_gth import stationary
from qthermo_jax.solvers.linear import solve_kept
from qthermo_jax.structure import BankPattern, pairs_of


class Rates(NamedTuple):
    """Of the jumps c -> a, summed over baths and photons, (d, d) as [a, c].

    Attributes:
        value: the rate, 0 on the diagonal.
        error: bound of what is not known of it, the photons that are left out among it.
    """

    value: Float[Array, "d d"]
    error: Float[Array, "d d"]


def rates_of(jumps: FloquetJumps) -> Rates:
    """The rates of the jumps, and what is not known of them."""
    of_each = jumps.rates * jumps.strengths
    doubt = jnp.einsum("kac,kac->ac", *products_error(jumps))
    left_out = jnp.sum(of_each * jumps.beyond, axis=(0, 1))
    different = ~np.eye(jumps.level.size, dtype=bool)
    value, error = jnp.sum(of_each, axis=(0, 1)), jax.lax.stop_gradient(doubt + left_out)
    return Rates(jnp.where(different, value, 0.0), jnp.where(different, error, 0.0))


def solve_populations(floquet: FloquetBasis, jumps: FloquetJumps) -> Solution:
    """Populations of the Floquet states from their rate equation, by elimination without subtraction."""
    d = jumps.level.size
    rates = rates_of(jumps)
    pairs = pairs_of((tuple(range(d)),), (BankPattern(1),))
    low, high = pairs.states
    found = stationary(jnp.concatenate([rates.value[low, high], rates.value[high, low]]), pairs)
    W = rates.value - jnp.diag(jnp.sum(rates.value, axis=0))
    kind = np.promote_types(W.dtype, jnp.complex64)
    generator = Generator(W.astype(kind), jump_round_off(jumps), rates.error)
    alone = kept_elements(tuple((state,) for state in range(d)))
    # Of the linear system come the bounds; the elimination keeps the digits of small populations.
    solution = solve_kept(floquet.basis, alone, generator, Method.POPULATIONS, driven_coherences(jumps))
    some = rates.value > 0
    relative = jnp.max(jnp.where(some, rates.error / jnp.where(some, rates.value, 1.0), 0.0))
    unknown = jnp.any(~some & (rates.error > 0) & ~np.eye(d, dtype=bool))
    p = jax.lax.stop_gradient(found.populations)
    relative_errors = jnp.where(unknown, jnp.inf, 2 * d * relative * p)
    errors = jnp.minimum(solution.population_errors, relative_errors)
    return Solution(
        populations=found.populations,
        coherences=None,
        residual=found.imbalance,
        error=jnp.max(errors),
        population_errors=errors,
        coherence_error=jnp.zeros_like(solution.error),
        leak=solution.leak,
        unique=(found.classes == 1) & jnp.isfinite(jnp.max(errors)),
        exact=solution.exact,
        underflow=found.lost,
        method=solution.method,
        note=solution.note,
    )


def solve_dense(floquet: FloquetBasis, jumps: FloquetJumps) -> Solution:
    """Populations, and coherences between Floquet states of one quasi-energy."""
    d = jumps.level.size
    acts = dissipation(jumps)
    nothing = jnp.zeros_like(acts.error)
    left_out = jnp.sum(jumps.rates * jumps.strengths * jumps.beyond, axis=(0, 1))
    tail = Generator(jnp.zeros_like(acts.elements), nothing, jax.lax.stop_gradient(left_out))
    generator = acts + tail + oscillation(floquet.basis, acts.elements.dtype)
    generator = generator.map(lambda own: own.reshape(d * d, d * d))
    whole = kept_elements((tuple(range(d)),))
    zero = jnp.zeros_like(floquet.gap)
    return solve_kept(floquet.basis, whole, generator, Method.DENSE, (zero, zero > 0))


def driven_coherences(jumps: FloquetJumps) -> tuple[Float[Array, ""], Bool[Array, ""]]:
    """How strongly populations drive coherences of one quasi-energy, and whether they do.

    c -> a and c -> b with the same photons drive rho_ab; a decay of c to one state from which d too
    decays drives rho_cd.
    """
    S, rates, _ = jumps.matrices()
    size = jnp.abs(S)
    arrive, leave = drives_of_coherences(S, rates)
    off = 64 * jnp.finfo(rates.dtype).eps
    arrive_size = jnp.einsum("mac,mbc->abc", rates * size, size)
    leave_size = jnp.einsum("mac,mad->cda", rates * size, size) / 2
    coherence = (jumps.together & ~np.eye(jumps.level.size, dtype=bool))[None, :, :, None]
    found = jnp.stack([jnp.abs(arrive), jnp.abs(leave)])
    there = coherence & (found > off * jnp.stack([arrive_size, leave_size]))
    return jnp.max(jnp.where(there, found, 0.0)), jnp.any(there)


def drives_of_coherences(
    S: Complex[Array, "m d d"], rates: Float[Array, "m d d"]
) -> Complex[Array, "2 d d d"]:
    """How populations drive coherences: c drives rho_ab at [0, a, b, c], and rho_cd at [1, c, d, a]."""
    weighted = rates.astype(S.dtype) * S
    arrive = jnp.einsum("mac,mbc->abc", weighted, S.conj())
    leave = jnp.einsum("mac,mad->cda", weighted, S.conj()) / 2
    return jnp.stack([arrive, leave])


def flows_of(jumps: FloquetJumps, rho: Complex[Array, "d d"]) -> Float[Array, "k q d d"]:
    """Number of jumps c -> a per time, of each bath and number of photons, at (k, n, a, c).

    Coherences inside a level add to it.
    """
    kept = jnp.where(jumps.together, rho, 0.0)
    seen = jnp.einsum("knad,dc->knac", jumps.amplitudes, kept.astype(jumps.amplitudes.dtype))
    return jumps.rates * (jumps.amplitudes.conj() * seen).real


def currents_of(
    jumps: FloquetJumps, basis: Eigenbasis, baths: tuple[Bath, ...], solution: Solution
) -> Currents:
    """Heat into each bath, power and entropy production of the periodic state."""
    p, d = solution.populations, jumps.level.size
    rho = jnp.diag(p).astype(jumps.amplitudes.dtype)
    if solution.coherences is not None:
        rho = rho + solution.coherences.astype(rho.dtype)
    flows = flows_of(jumps, rho)
    heat = jnp.sum(jumps.omega[None] * flows, axis=(1, 2, 3))
    power = jnp.sum(jumps.photon_energy[None, :, None, None] * flows)
    size = jnp.abs(jumps.omega)[None]
    strengths, error = jumps.strengths, jumps.amplitude_error
    unknown = strengths * jumps.rate_error + error * (2 * jnp.sqrt(strengths) + error)
    # Of the state that each jump starts from.
    fixed, p_error = (
        own[None, None, None, :]
        for own in (p, solution.population_errors + d * solution.coherence_error)
    )
    doubt = size * jumps.rates * (unknown * fixed + strengths * p_error)
    gross = jnp.sum(size * jnp.abs(flows), axis=(1, 2, 3))
    left_out = jnp.sum(size * jnp.abs(flows) * jumps.beyond, axis=(1, 2, 3))
    of_energies = 2 * basis.energy_error * jnp.sum(jnp.abs(flows), axis=(1, 2, 3))
    bounds = jnp.sum(doubt, axis=(1, 2, 3)) + of_energies + left_out
    bounds = bounds + 8 * jnp.finfo(gross.dtype).eps * gross
    temperatures = jnp.concatenate([bath.T for bath in baths])
    still = (heat == 0) | ((temperatures == 0) & (jnp.abs(heat) <= bounds))
    entropy = jnp.sum(jnp.where(still, 0.0, heat / jnp.where(still, 1.0, temperatures)))
    if all(bath.spontaneous for bath in baths):
        entropy = jnp.where(
            solution.method == Method.POPULATIONS, _entropy(jumps, flows, p, temperatures), entropy
        )
    return Currents(heat, *jax.lax.stop_gradient((bounds, gross, left_out)), power, entropy)


def _entropy(
    jumps: FloquetJumps,
    flows: Float[Array, "k q d d"],
    p: Float[Array, " d"],
    temperatures: Float[Array, " K"],
) -> Float[Array, ""]:
    """Entropy production, sum of (f - r) ln(f/r) over pairs of jumps and their reverse.

    With f/r = e^x, x = omega/T + ln(p_c/p_a), each is g |x| (1 - e^-|x|), g the larger of f and r.
    """
    back = flows[:, ::-1].swapaxes(2, 3)
    larger = jnp.maximum(flows, back)
    logarithms = jnp.log(jnp.where(p > 0, p, 1.0))
    T = temperatures[:, None, None, None]
    warm = T > 0
    falls = (logarithms[None, :] - logarithms[:, None])[None, None]
    force = jumps.omega[None] / jnp.where(warm, T, 1.0) + falls
    moves = larger > 0
    size = jnp.abs(jnp.where(moves & warm, force, 0.0))
    terms = larger * size * -jnp.expm1(-size)
    # A bath at T = 0 takes up energy and gives none.
    terms = jnp.where(moves & ~warm & (jumps.omega != 0)[None], jnp.inf, terms)
    return jnp.sum(terms) / 2
