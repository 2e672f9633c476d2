"""A generator with counting fields on the real unknowns of a method: populations, or all of rho."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from qthermo_jax.choice import is_traced
from qthermo_jax.dynamics.reduced import rate_matrix
from qthermo_jax.eigenbasis import Eigenbasis
from qthermo_jax.fluctuations.tilted import Tilted, energies_of, tilted
from qthermo_jax.master_equations import Generator, real_generator
from qthermo_jax.registry import AUTO, SOLVERS, method_of, methods
from qthermo_jax.steady import Status
from qthermo_jax.steady.faults import faults_of, first_fault
from qthermo_jax.system import OpenSystem
from qthermo_jax.transitions import Transitions, leak


class Known(NamedTuple):
    """Numbers with bounds of their errors."""

    value: Float[Array, "*s"]
    error: Float[Array, "*s"]


class Counting(NamedTuple):
    """A generator and its jumps on n real unknowns.

    Attributes:
        generator: without counting fields, (n, n).
        trace: Tr rho from the unknowns, (n,).
        energies, energy_error: what the jump c -> a gives to a bath, (d, d) as [a, c], and its bound.
        n_baths: K (static).
        jumps: from a weight of each jump, (K, d, d), to the jumps, each times its weight, (n, n).
        sound: whether the system's values are in range, and the method exact.
    """

    generator: Known
    trace: Float[Array, " n"]
    energies: Float[Array, "d d"]
    energy_error: Float[Array, "d d"]
    n_baths: int
    jumps: Callable[[Float[Array, "K d d"]], Known]
    sound: Bool[Array, ""]

    def derivative(self, direction: Float[Array, " K"], order: int) -> Known:
        """The derivative of L(chi) of an order >= 1 along a direction, (n, n)."""
        per, size = (direction**order)[:, None, None], jnp.abs(self.energies)
        found = self.jumps(per * self.energies[None] ** order)
        off = order * size ** (order - 1) * self.energy_error
        of_energies = self.jumps(jnp.abs(per) * off[None])
        return Known(found.value, found.error + jnp.abs(of_energies.value))

    def tilted_by(self, chi: Float[Array, " K"]) -> Known:
        """L(chi), (n, n)."""
        exponent = chi[:, None, None] * self.energies[None]
        more = self.jumps(jnp.expm1(exponent))
        off = jnp.abs(chi)[:, None, None] * self.energy_error[None]
        of_energies = self.jumps(jnp.exp(exponent) * off)
        error = self.generator.error + more.error + jnp.abs(of_energies.value)
        return Known(self.generator.value + more.value, error)


def counting(system: OpenSystem, basis: Eigenbasis, method: str) -> Counting:
    """The system's generator and its jumps on the unknowns of "populations" or of "dense".

    Raises:
        ValueError: the master equation says of none of its jumps which energy it has.
    """
    transitions = system.transitions(basis)
    fine = first_fault(faults_of(system, transitions)) == Status.OK
    if SOLVERS[method_of(method)].populations_alone:
        return _of_populations(system, transitions, fine & ~leak(transitions)[1])
    return of_elements(tilted(system, basis, None), fine)


def _of_populations(system: OpenSystem, transitions: Transitions, sound: Bool[Array, ""]) -> Counting:
    other = ~np.eye(system.dimension, dtype=bool)
    strengths, off = transitions.strengths, transitions.strength_error
    down, up = transitions.rate_down, transitions.rate_up
    rates = jnp.where(other, transitions.matrix(strengths * down, strengths * up), 0.0)
    doubt = jnp.where(other, transitions.matrix(off * down, off * up), 0.0)
    eps = jnp.finfo(rates.dtype).eps
    lost = jnp.sum(doubt, axis=0)
    generator = Known(rate_matrix(transitions), lost + jnp.diag(jnp.sum(lost, axis=0)))

    def jumps(weights: Float[Array, "K d d"]) -> Known:
        size = jnp.abs(weights)
        error = jnp.sum(size * (doubt + 4 * eps * rates), axis=0)
        return Known(jnp.sum(weights * rates, axis=0), error)

    energies, error = energies_of(transitions)
    trace = jnp.ones(system.dimension, rates.dtype)
    return Counting(generator, trace, energies, error, system.n_baths, jumps, sound)


def of_elements(tilt: Tilted, sound: Bool[Array, ""]) -> Counting:
    """On the real numbers that the elements of rho are."""
    kept, generator = tilt.kept, tilt.generator
    populations = np.flatnonzero(kept.a == kept.b)
    states = kept.a[populations]
    jump_error = generator.jump_error[np.ix_(states, states)]
    jump_error = jump_error + jnp.diag(jnp.sum(jump_error, axis=0))
    error = generator.error.at[np.ix_(populations, populations)].add(jump_error)
    nothing = jnp.zeros_like(jump_error)

    def jumps(weights: Float[Array, "K d d"]) -> Known:
        return Known(*real_generator(Generator(*tilt.jumps(weights), nothing), kept))

    upper = kept.a[kept.upper] == kept.b[kept.upper]
    trace = np.concatenate([upper, np.zeros(kept.above.size, bool)])
    return Counting(
        Known(*real_generator(Generator(generator.elements, error, nothing), kept)),
        jnp.asarray(trace, tilt.energies.dtype),
        tilt.energies,
        tilt.energy_error,
        tilt.n_baths,
        jumps,
        sound,
    )


def methods_to_try(system: OpenSystem, method: str) -> tuple[str, ...]:
    """For "auto" both methods; the exact one alone where the numbers are not there yet.

    Raises:
        ValueError: an unknown method, or one that does not take the system's master equation.
    """
    known = methods(system.equation.secular, evolving=True)
    if method not in known:
        raise ValueError(f"method {method!r} is not one of {', '.join(known)}")
    if method != AUTO:
        return (method,)
    if is_traced(system):
        return (known[-1],)
    return tuple(known[1:])
