"""Counting the energy that each jump of a rate equation gives to its bath, where populations suffice.

With counting fields chi the rate equation's largest eigenvalue lambda and its left eigenvector e^phi
obey

    lambda = sum_jumps from s  w (e^psi - 1),    psi = chi_k omega + phi_target - phi_s

for every state s. psi is what a jump adds to a martingale: the counted energy, less its mean, plus what
the new state promises. In powers of chi this is a chain of Poisson equations (`poisson`), and the
derivatives of lambda are sums over the jumps of positive or at least uncancelled numbers. Order by order
they are the cumulants of Flindt et al., Phys. Rev. B 82, 155407 (2010), where psi stands for their sums
over the group inverse.
"""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from qthermo_jax.fluctuations.poisson import Elimination, by_origin, eliminate
from qthermo_jax.solvers import NO_DIGITS
from qthermo_jax.steady import SteadyState
from qthermo_jax.structure import Pairs
from qthermo_jax.system import OpenSystem
from qthermo_jax.transitions import jump_rates

# Sums of so many terms as there are jumps, in units of eps.
ROUNDED = 16.0

# The rates that a bound is made of are not exact themselves.
_MARGIN = 1.1


class Jumps(eqx.Module):
    """The jumps of a rate equation in its stationary state: j -> i and i -> j of P transitions.

    Of one point, or of many in the last dimension.

    Attributes:
        pairs: which bath and states each transition connects (static).
        energy, energy_error: what j -> i gives to its bath and i -> j takes, and its bound, (P,).
        rates, rate_errors: of both ways, (2, P), 0 for dephasing, and their bounds.
        populations, population_errors: of the states, (d,).
        summed: the rates of all baths together between different states, as `eliminate` has them.
    """

    pairs: Pairs = eqx.field(static=True)
    energy: Float[Array, "P *b"]
    energy_error: Float[Array, "P *b"]
    rates: Float[Array, "2 P *b"]
    rate_errors: Float[Array, "2 P *b"]
    populations: Float[Array, "d *b"]
    population_errors: Float[Array, "d *b"]
    summed: Float[Array, "A *b"]

    @property
    def elimination(self) -> Elimination:
        """The states eliminated but the most populated one of the core."""
        return eliminate(self.summed, self.pairs, self.populations)

    @property
    def fluxes(self) -> Float[Array, "2 P *b"]:
        """How often each jump happens, in units of energy."""
        p = self.populations
        return self.rates * jnp.stack([p[self.pairs.j], p[self.pairs.i]])

    @property
    def flux_errors(self) -> Float[Array, "2 P *b"]:
        """Bounds of the errors of the fluxes."""
        p, off = self.populations, self.population_errors
        at = jnp.stack([p[self.pairs.j], p[self.pairs.i]])
        error = jnp.stack([off[self.pairs.j], off[self.pairs.i]])
        return self.rate_errors * at + (self.rates + self.rate_errors) * error

    def from_each_state(self, values: Float[Array, "M 2 P"]) -> Float[Array, "M d"]:
        """Sum over the jumps that leave each state."""
        return jax.vmap(by_origin(self.pairs).sum)(values.reshape(len(values), -1))


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
        jnp.concatenate(summed),
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


def solved(
    jumps: Jumps, elimination: Elimination, counted: Coefficient, mean: Float[Array, " M"]
) -> Potential:
    """phi_i - phi_j of every transition for what is counted, `mean` in a unit of time, and its bound."""
    collected = jumps.from_each_state(counted.value * jumps.rates[None])
    phi = elimination.potentials((collected - mean[:, None]).T).T
    i, j = jumps.pairs.i, jumps.pairs.j
    across = phi[:, i] - phi[:, j]

    fixed = jax.lax.stop_gradient((jumps, elimination, counted, mean, phi))
    jumps, elimination, counted, mean, phi = fixed
    eps, size = jnp.finfo(phi.dtype).eps, jnp.abs(phi)
    rounded = eps * (size[:, i] + size[:, j])
    whole = counted.value + both_ways(across, -across)
    remains = jnp.abs(jumps.from_each_state(whole * jumps.rates[None]) - mean[:, None])
    known = (jumps.rate_errors + 8 * eps * jumps.rates)[None]
    doubt = counted.error + rounded[:, None]
    terms = jnp.abs(whole) * known + doubt * (jumps.rates + jumps.rate_errors)[None]
    wrong = remains + jumps.from_each_state(terms) + 4 * eps * jnp.abs(mean)[:, None]
    reached = off_by(elimination, jumps.populations, wrong.T).T
    return Potential(across, reached[:, i] + reached[:, j] + rounded)


def off_by(
    elimination: Elimination, populations: Float[Array, "d *b"], wrong: Float[Array, "d M *b"]
) -> Float[Array, "d M *b"]:
    """Bound of the error of phi, from what is wrong with its equation in each state, >= 0.

    Its size, collected until the reference is reached. What is wrong on average changes the mean
    instead.
    """
    on_average = jnp.sum(wrong * populations[:, None], axis=0, keepdims=True)
    return _MARGIN * elimination.potentials(wrong + on_average)


def spread(value: Float[Array, "*s"], bound: Float[Array, "*s"], dimension: int) -> Sum:
    """A value whose bound comes of no state more than of another."""
    parts = jnp.repeat(bound[..., None] / dimension, dimension, axis=-1)
    return Sum(value, bound, parts)


def cumulants_of(jumps: Jumps, directions: Float[Array, "M K"], order: int) -> Sum:
    """The cumulants of the energy counted along each direction, up to an order, (order, M)."""
    fluxes, known, elimination = jumps.fluxes, jumps.flux_errors, jumps.elimination
    energy = energy_term(jumps, directions)
    signs = jnp.array([1.0, -1.0], energy.psi.dtype)[None, :, None]
    one = jnp.ones((len(directions), 2, jumps.energy.size), energy.psi.dtype)
    powers = [Coefficient(one, jnp.zeros_like(one))]
    potentials: list[Potential] = []
    found = []
    more = ROUNDED * jnp.finfo(one.dtype).eps
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
        across = solved(jumps, elimination, counted, rate)
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
