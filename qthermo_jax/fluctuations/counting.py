"""Counting the energy that each jump of a rate equation gives to its bath, where populations suffice.

With counting fields chi the rate equation's largest eigenvalue lambda and its left eigenvector e^phi
obey

    lambda = sum_jumps from s  w (e^psi - 1),    psi = chi_k omega + phi_target - phi_s

for every state s. psi is what a jump adds to a martingale: the counted energy, less its mean, plus what
the new state promises. In powers of chi this is a chain of Poisson equations (`poisson`), and the
derivatives of lambda are sums over the jumps of positive or at least uncancelled numbers; S_kl =
sum_jumps (flux) psi_k psi_l, so that the noise matrix is positive semidefinite as it is computed. Order
by order they are the cumulants of Flindt et al., Phys. Rev. B 82, 155407 (2010), where psi stands for
their sums over the group inverse.
"""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qthermo_jax.fluctuations.poisson import Elimination, by_origin, eliminate
from qthermo_jax.solvers import NO_DIGITS
from qthermo_jax.steady import SteadyState
from qthermo_jax.structure import Pairs
from qthermo_jax.system import OpenSystem
from qthermo_jax.transitions import jump_rates

# Sums of so many terms as there are jumps, in units of eps.
_ROUNDED = 16.0

# The rates that a bound is made of are not exact themselves.
_MARGIN = 1.1


class Jumps(eqx.Module):
    """The jumps of a rate equation in its stationary state: j -> i and i -> j of P transitions.

    Attributes:
        pairs: which bath and states each transition connects (static).
        energy, energy_error: what j -> i gives to its bath and i -> j takes, and its bound, (P,).
        rates, rate_errors: of both ways, (2, P), 0 for dephasing, and their bounds.
        populations, population_errors: of the states, (d,).
        elimination: of the rates.
    """

    pairs: Pairs = eqx.field(static=True)
    energy: Float[Array, " P"]
    energy_error: Float[Array, " P"]
    rates: Float[Array, "2 P"]
    rate_errors: Float[Array, "2 P"]
    populations: Float[Array, " d"]
    population_errors: Float[Array, " d"]
    elimination: Elimination

    @property
    def fluxes(self) -> Float[Array, "2 P"]:
        """How often each jump happens, in units of energy."""
        p = self.populations
        return self.rates * jnp.stack([p[self.pairs.j], p[self.pairs.i]])

    @property
    def flux_errors(self) -> Float[Array, "2 P"]:
        """Bounds of the errors of the fluxes."""
        p, off = self.populations, self.population_errors
        at = jnp.stack([p[self.pairs.j], p[self.pairs.i]])
        error = jnp.stack([off[self.pairs.j], off[self.pairs.i]])
        return self.rate_errors * at + (self.rates + self.rate_errors) * error

    def from_each_state(self, values: Float[Array, "M 2 P"]) -> Float[Array, "M d"]:
        """Sum over the jumps that leave each state."""
        return jax.vmap(by_origin(self.pairs).sum)(values.reshape(len(values), -1))

    def across(self, phi: Float[Array, "M d"]) -> Float[Array, "M P"]:
        """phi_i - phi_j of each transition."""
        return phi[:, self.pairs.i] - phi[:, self.pairs.j]


def jumps_of(system: OpenSystem, state: SteadyState) -> Jumps:
    """The jumps of a steady state that the populations suffice for."""
    transitions = system.transitions(state.basis)
    pairs = transitions.pairs
    both = jnp.stack([transitions.rate_down, transitions.rate_up])
    both = jnp.where((pairs.i != pairs.j)[None], both, 0.0)
    first, second = pairs.states
    summed = [jnp.where(first != second, own, 0.0) for own in jump_rates(transitions)]
    p = state.populations
    known = jnp.where(state.error < NO_DIGITS, state.error, jnp.inf)
    energy = transitions.omega[pairs.number]
    eps = jnp.finfo(p.dtype).eps
    return Jumps(
        pairs,
        energy,
        jax.lax.stop_gradient(2 * state.basis.energy_error + eps * jnp.abs(energy)),
        transitions.strengths[None] * both,
        jax.lax.stop_gradient(transitions.strength_error[None] * both),
        p,
        jax.lax.stop_gradient(known * p),
        eliminate(jnp.concatenate(summed), pairs, p),
    )


class Sum(NamedTuple):
    """Sums over the jumps.

    Attributes:
        value: any shape.
        bound: of its error.
        parts: the same by the state that the jumps leave, in the last dimension.
    """

    value: Float[Array, "*s"]
    bound: Float[Array, "*s"]
    parts: Float[Array, "*s d"]


class Potential(NamedTuple):
    """One order of psi, in powers of the field, of each of M directions.

    Attributes:
        psi: of each jump j -> i, minus that of i -> j, (M, P).
        error: its bound.
    """

    psi: Float[Array, "M P"]
    error: Float[Array, "M P"]


class Coefficient(NamedTuple):
    """One power of the field of e^psi - 1, for the jumps of both ways, and bounds of its errors."""

    value: Float[Array, "M 2 P"]
    error: Float[Array, "M 2 P"]


def energy_term(jumps: Jumps, directions: Float[Array, "M K"]) -> Potential:
    """What the jumps j -> i give to the baths, counted along each direction."""
    of_bath = directions[:, jumps.pairs.bath]
    return Potential(of_bath * jumps.energy[None], jnp.abs(of_bath) * jumps.energy_error[None])


def both_ways(down: Float[Array, "M P"], up: Float[Array, "M P"]) -> Float[Array, "M 2 P"]:
    """Numbers of the jumps j -> i and of the jumps i -> j."""
    return jnp.stack([down, up], axis=1)


def solved(jumps: Jumps, counted: Coefficient, mean: Float[Array, " M"]) -> Potential:
    """phi_i - phi_j of every transition for what is counted, `mean` in a unit of time, and its bound."""
    collected = jumps.from_each_state(counted.value * jumps.rates[None])
    phi = jumps.elimination.potentials(collected - mean[:, None])
    i, j = jumps.pairs.i, jumps.pairs.j
    across = phi[:, i] - phi[:, j]

    jumps, counted, mean, phi = jax.lax.stop_gradient((jumps, counted, mean, phi))
    eps, size = jnp.finfo(phi.dtype).eps, jnp.abs(phi)
    rounded = eps * (size[:, i] + size[:, j])
    whole = counted.value + both_ways(across, -across)
    remains = jnp.abs(jumps.from_each_state(whole * jumps.rates[None]) - mean[:, None])
    known = (jumps.rate_errors + 8 * eps * jumps.rates)[None]
    doubt = counted.error + rounded[:, None]
    terms = jnp.abs(whole) * known + doubt * (jumps.rates + jumps.rate_errors)[None]
    wrong = remains + jumps.from_each_state(terms) + 4 * eps * jnp.abs(mean)[:, None]
    reached = _off_by(jumps, wrong)
    return Potential(across, reached[:, i] + reached[:, j] + rounded)


def _off_by(jumps: Jumps, wrong: Float[Array, "M d"]) -> Float[Array, "M d"]:
    """Bound of the error of phi, from what is wrong with its equation in each state, >= 0.

    Its size, collected until the reference is reached. What is wrong on average changes the mean
    instead.
    """
    on_average = jnp.sum(wrong * jumps.populations[None], axis=1, keepdims=True)
    return _MARGIN * jumps.elimination.potentials(wrong + on_average)


def noise_of(jumps: Jumps) -> Sum:
    """S_kl of the energies given to the baths, (K, K): sum over the jumps of flux psi_k psi_l.

    Its bound is one of all psi_k over their own sqrt(S_kk), so that one more solution is enough.
    """
    pairs, fluxes = jumps.pairs, jumps.fluxes
    flux = jnp.sum(fluxes, axis=0)
    given = jnp.concatenate([jumps.rates[0] * jumps.energy, -jumps.rates[1] * jumps.energy])
    collected = pairs.by_ends.sum(given).reshape(pairs.n_baths, pairs.dimension)
    mean = pairs.by_bath.sum((fluxes[0] - fluxes[1]) * jumps.energy)
    phi = jumps.elimination.potentials(collected - mean[:, None])
    own = np.arange(pairs.n_baths)[:, None] == pairs.bath[None]
    psi = jnp.where(own, jumps.energy[None], 0.0) + phi[:, pairs.i] - phi[:, pairs.j]
    value = jnp.einsum("kp,p,lp->kl", psi, flux, psi)

    eps = jnp.finfo(phi.dtype).eps
    # The noise of a bath whose jumps were independent, as small as round-off could make it.
    alone = eps**2 * pairs.by_bath.sum(flux * jumps.energy**2)
    squared = jnp.maximum(jnp.diagonal(value), alone)
    scale = jnp.where(squared > 0, jnp.sqrt(jnp.where(squared > 0, squared, 1.0)), 0.0)
    parts = _relative_parts(jumps, jax.lax.stop_gradient(Noise(scale, psi, phi, collected, mean)))
    of_two = scale[:, None] * scale[None]
    return Sum(value, of_two * jnp.sum(parts), of_two[:, :, None] * parts[None, None])


class Noise(NamedTuple):
    """What the bound of the noise is made of.

    Attributes:
        scale: sqrt(S_kk), (K,), 0 of a bath that does nothing.
        psi: (K, P).
        phi: (K, d).
        collected: by each bath in each state, (K, d).
        mean: the heat currents, (K,).
    """

    scale: Float[Array, " K"]
    psi: Float[Array, "K P"]
    phi: Float[Array, "K d"]
    collected: Float[Array, "K d"]
    mean: Float[Array, " K"]


def _relative_parts(jumps: Jumps, noise: Noise) -> Float[Array, " d"]:
    """Bounds of the error of S_kl over the scales of k and l, by the state that jumps leave, (d,)."""
    pairs, fixed = jumps.pairs, jax.lax.stop_gradient(jumps)
    eps = jnp.finfo(noise.phi.dtype).eps
    per = jnp.where(noise.scale > 0, 1.0 / jnp.where(noise.scale > 0, noise.scale, 1.0), 0.0)

    def largest(values: Float[Array, "K n"]) -> Float[Array, " n"]:
        return jnp.max(jnp.abs(values) * per[:, None], axis=0)

    psi, phi = largest(noise.psi), largest(noise.phi)
    off = jumps.energy_error * per[pairs.bath] + 4 * eps * (phi[pairs.i] + phi[pairs.j])
    known, rates = fixed.rate_errors + 8 * eps * fixed.rates, fixed.rates + fixed.rate_errors
    terms = by_origin(pairs).sum((known * psi[None] + rates * off[None]).reshape(-1))
    remains = noise.collected + fixed.elimination.gains(noise.phi) - noise.mean[:, None]
    wrong = largest(remains) + terms + 4 * eps * jnp.max(jnp.abs(noise.mean) * per)
    reached = _off_by(fixed, wrong[None])[0]
    off = off + reached[pairs.i] + reached[pairs.j]
    more = jumps.flux_errors + _ROUNDED * eps * jumps.fluxes
    jumpwise = more * ((psi + off) ** 2)[None] + jumps.fluxes * (off * (2 * psi + off))[None]
    return by_origin(pairs).sum(jumpwise.reshape(-1))


def cumulants_of(jumps: Jumps, directions: Float[Array, "M K"], order: int) -> Sum:
    """The cumulants of the energy counted along each direction, up to an order, (order, M)."""
    fluxes, known = jumps.fluxes, jumps.flux_errors
    energy = energy_term(jumps, directions)
    signs = jnp.array([1.0, -1.0], energy.psi.dtype)[None, :, None]
    one = jnp.ones((len(directions), 2, jumps.energy.size), energy.psi.dtype)
    powers = [Coefficient(one, jnp.zeros_like(one))]
    potentials: list[Potential] = []
    found = []
    more = _ROUNDED * jnp.finfo(one.dtype).eps
    for n in range(1, order + 1):
        counted = _next(powers, potentials, signs)
        if n == 1:
            counted = Coefficient(
                counted.value + signs * energy.psi[:, None], counted.error + energy.error[:, None]
            )
        rate = jnp.sum(counted.value * fluxes[None], axis=(1, 2))
        size = jnp.abs(counted.value)
        parts = (size + counted.error) * (known + more * fluxes)[None] + counted.error * fluxes[None]
        parts = jumps.from_each_state(parts)
        times = float(math.factorial(n))
        found.append(Sum(times * rate, times * jnp.sum(parts, axis=-1), times * parts))
        if n == order:
            break
        across = solved(jumps, counted, rate)
        powers.append(
            Coefficient(
                counted.value + signs * across.psi[:, None], counted.error + across.error[:, None]
            )
        )
        if n == 1:
            across = Potential(across.psi + energy.psi, across.error + energy.error)
        potentials.append(across)
    return Sum(*(jnp.stack(own) for own in zip(*found, strict=True)))


def _next(
    powers: list[Coefficient], potentials: list[Potential], signs: Float[Array, "1 2 1"]
) -> Coefficient:
    """The next power of e^psi, n E_n = sum_m m psi_m E_(n-m), without psi_n, which is not known yet."""
    n = len(powers)
    value = error = jnp.zeros_like(powers[0].value)
    for m, potential in enumerate(potentials, 1):
        psi, off = signs * potential.psi[:, None], potential.error[:, None]
        other = powers[n - m]
        value = value + m / n * psi * other.value
        far = off * (jnp.abs(other.value) + other.error) + jnp.abs(psi) * other.error
        error = error + m / n * far
    return Coefficient(value, error)
