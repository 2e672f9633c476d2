"""Whether the derivative of a state along a direction exists, and whether it is known."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Complex, Float, Inexact, Int8

from qthermo_jax.eigenbasis import Eigenbasis, splits
from qthermo_jax.registry import Method
from qthermo_jax.steady.faults import first_fault
from qthermo_jax.steady.record import State, Status, SteadyState
from qthermo_jax.system import OpenSystem
from qthermo_jax.transitions import Transitions, newly_divergent, newly_driven

# A derivative whose error may be larger than this part of it is flagged.
_NO_DIGITS = 1e-3


class Footing(eqx.Module):
    """What the derivative of a state is judged by, to be differentiated along with what is asked for.

    Attributes:
        populations, coherences: of the state.
        amplitudes: S_k,ij of every transition, (P,).
        rates: of every transition, both ways, (r,).
    """

    populations: Float[Array, " d"]
    coherences: Complex[Array, "d d"] | None
    amplitudes: Inexact[Array, " P"]
    rates: Float[Array, " r"]


class Change(NamedTuple):
    """How the Hamiltonians change along a direction: first and second derivatives.

    Attributes:
        H, curvature: dH and d^2H, (d, d).
        local, local_curvature: of the Hamiltonian without interactions; None if there is none.
    """

    H: Inexact[Array, "d d"]
    curvature: Inexact[Array, "d d"]
    local: Inexact[Array, "d d"] | None
    local_curvature: Inexact[Array, "d d"] | None


def footing(system: OpenSystem, state: State) -> Footing:
    """The footing of a state of the system."""
    transitions = system.transitions(state.basis)
    rates = transitions.rates.reshape(-1)
    return Footing(state.populations, state.coherences, transitions.amplitudes, rates)


def derivative_status(
    system: OpenSystem,
    state: State,
    change: Change,
    slope: Footing,
    scale: Float[Array, ""],
) -> Int8[Array, ""]:
    """Status of the derivatives of a state along a direction, where the state itself is OK.

    Args:
        change: of the Hamiltonians.
        slope: derivative of the state's `footing` along the direction.
        scale: size of the parameter that changes: a derivative of 1/scale counts as one of size 1.

    Returns:
        NO_DERIVATIVE where a level splits that the state depends on, or a bath starts to drive a
        transition whose rate diverges; METHOD_NOT_EXACT where the change alone would drive coherences
        that the solver leaves out; INACCURATE where round-off may have changed the derivative by more
        than 1e-3 of it; else OK.
    """
    transitions, on = system.transitions(state.basis), footing(system, state)
    moved = change.local if system.equation.between_bare_states else change.H
    rotation = _rotation(transitions.basis, change.H if moved is None else moved)
    jumps = _splits(system, transitions, state, change)
    jumps = jumps | newly_divergent(transitions, slope.amplitudes, rotation)
    leaks = jnp.array(False)
    if system.equation.secular:
        leaks = newly_driven(transitions, slope.amplitudes, rotation)
        leaks = leaks & (state.method == Method.POPULATIONS)
    return first_fault(
        [
            (jumps, Status.NO_DERIVATIVE),
            (leaks, Status.METHOD_NOT_EXACT),
            (_is_lost(state, on, slope, scale), Status.INACCURATE),
        ]
    )


def _splits(
    system: OpenSystem, transitions: Transitions, state: State, change: Change
) -> Bool[Array, ""]:
    inside, between = splits(state.basis, change.H, change.curvature)
    # A rate at zero frequency has a slope that depends on how J continues below it.
    pairs = transitions.pairs
    still = transitions.driven & (pairs.i != pairs.j) & (transitions.omega[pairs.number] == 0)
    jumps = inside | (between & (jnp.any(still) | (state.method != Method.POPULATIONS)))
    if not system.equation.between_bare_states or change.local is None:
        return jumps
    bare = system.without_interactions().eigenbasis()
    inside, between = splits(bare, change.local, change.local_curvature)
    return jumps | inside | between


def _rotation(basis: Eigenbasis, change: Inexact[Array, "d d"]) -> Float[Array, ""]:
    """How fast eigenvectors may turn, at most: the size of dH over the distance of the nearest level."""
    eps = jnp.finfo(basis.energy_error.dtype).eps
    size = basis.energy_error / eps
    turned = jnp.max(basis.amplification) * jnp.max(jnp.sum(jnp.abs(change), axis=1))
    return jnp.where(size > 0, turned / jnp.where(size > 0, size, 1.0), 0.0)


def _is_lost(state: State, on: Footing, slope: Footing, scale: Float[Array, ""]) -> Bool[Array, ""]:
    """Whether what round-off does to the derivative may be more than 1e-3 of it.

    It is as exact as differences of the rates' relative speeds; the elimination adds nothing to that.
    Otherwise the derivative solves A dx = -dA x: the slowest rate is eps times the largest one over the
    state's error, and over that rate the change of A times this error is one of the derivative.
    """
    if not isinstance(state, SteadyState):
        return jnp.array(False)
    eps = jnp.finfo(slope.populations.dtype).eps
    size = jnp.max(jnp.abs(slope.populations))
    if slope.coherences is not None:
        size = jnp.maximum(size, jnp.max(jnp.abs(slope.coherences)))
    there = on.rates > 0
    relative = jnp.where(there, slope.rates / jnp.where(there, on.rates, 1.0), 0.0)
    fastest = jnp.max(jnp.abs(relative), initial=0.0)
    largest = jnp.max(on.rates, initial=0.0)
    speed = jnp.max(jnp.abs(slope.rates), initial=0.0) / jnp.where(largest > 0, largest, 1.0)
    of_rates = 2 * state.populations.size * eps * fastest
    of_system = jax.lax.stop_gradient(state.error) ** 2 / eps * speed
    error = of_rates + jnp.where(state.method == Method.POPULATIONS, 0.0, of_system)
    return error * scale > _NO_DIGITS * jnp.maximum(size * scale, 1.0)
