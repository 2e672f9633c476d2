"""Whether the derivative of a periodic state along a direction exists, and whether it is known.

The state depends on a Hermitian matrix that does not depend on time: for "global" on the Cayley
transform of the propagator of a period, whose levels are the quasi-energies; for "local" on H_0. Where a
level of it splits along the direction, the state jumps.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Inexact, Int8

from qthermo_jax.driven.floquet import FloquetBasis, propagator_of_a_period
from qthermo_jax.driven.jumps import FloquetJumps
from qthermo_jax.driven.record import FloquetState, MachineState, PeriodicState
from qthermo_jax.driven.secular import drives_of_coherences, rates_of
from qthermo_jax.driven.solve import floquet_jumps_of, floquet_state_of, periodic_state
from qthermo_jax.driven.unitary import cayley
from qthermo_jax.driven_system import DrivenSystem
from qthermo_jax.eigenbasis import Eigenbasis, splits
from qthermo_jax.registry import Method
from qthermo_jax.steady import Status
from qthermo_jax.steady.faults import Fault, first_fault

# A derivative whose error may be larger than this part of it is flagged.
_NO_DIGITS = 1e-3

# What changes by less than this many times the error of the modes does not change.
_STILL = 64.0


class MachineFooting(eqx.Module):
    """What the derivative of any machine's state is judged by, to be differentiated along with it.

    Attributes:
        populations, coherences: of the state.
        rates: of the jumps, or what is as large as they are, any shape.
    """

    populations: Float[Array, " d"]
    coherences: Complex[Array, "d d"] | None
    rates: Float[Array, "*r"]


class Footing(MachineFooting):
    """That of a periodic state.

    Attributes:
        amplitudes: of the jumps of each bath and number of photons; None for "local".
        drives: as `drives_of_coherences` gives them; None for "local".
    """

    amplitudes: Complex[Array, "k q d d"] | None = None
    drives: Complex[Array, "2 d d d"] | None = None


class StateWithJumps(FloquetState):
    """A Floquet state with what it was made of, for the judgement of its derivatives."""

    floquet: FloquetBasis
    jumps: FloquetJumps


def judged_state(system: DrivenSystem, method: str) -> PeriodicState:
    """`periodic_state`, for callers that judge its derivatives."""
    return _EQUATIONS[system.mean.generator].state(system, method)


def _floquet_state(system: DrivenSystem, method: str) -> StateWithJumps:
    floquet, jumps = floquet_jumps_of(system)
    state = floquet_state_of(system, floquet, jumps, method)
    return StateWithJumps(**vars(state), floquet=floquet, jumps=jumps)


def _with_jumps(state: PeriodicState) -> StateWithJumps:
    assert isinstance(state, StateWithJumps)
    return state


def skeleton(system: DrivenSystem) -> Inexact[Array, "d d"]:
    """The Hermitian matrix whose levels the state depends on, (d, d)."""
    return _EQUATIONS[system.mean.generator].skeleton(system)


def footing(system: DrivenSystem, state: PeriodicState) -> Footing:
    """The footing of a periodic state of the system."""
    return _EQUATIONS[system.mean.generator].footing(system, state)


def derivative_status(
    system: DrivenSystem,
    state: PeriodicState,
    change: Inexact[Array, "d d"],
    curvature: Inexact[Array, "d d"],
    slope: Footing,
    scale: Float[Array, ""],
) -> Int8[Array, ""]:
    """Status of the derivatives of a periodic state along a direction, where the state itself is OK.

    Args:
        change, curvature: first and second derivative of the system's `skeleton`.
        slope: derivative of the state's `footing`.
        scale: size of the parameter that changes: a derivative of 1/scale counts as one of size 1.

    Returns:
        NO_DERIVATIVE, METHOD_NOT_EXACT, INACCURATE or OK, as for a steady state.
    """
    equation = _EQUATIONS[system.mean.generator]
    inside, _ = splits(equation.levels(system, state), change, curvature)
    faults = [(inside, Status.NO_DERIVATIVE), *equation.faults(system, state, slope)]
    lost = is_lost(state, equation.footing(system, state), slope, scale)
    return first_fault([*faults, (lost, Status.INACCURATE)])


def is_lost(
    state: MachineState, on: MachineFooting, slope: MachineFooting, scale: Float[Array, ""]
) -> Bool[Array, ""]:
    """Whether the error of the derivative may be more than 1e-3 of it.

    The state solves A x = 0, its derivative A dx = -dA x. A relative error of A grows in x to the
    state's error, and in dx it grows so twice.
    """
    eps = jnp.finfo(on.populations.dtype).eps
    relative = jnp.maximum(jax.lax.stop_gradient(state.step_error), eps)
    size = jnp.max(jnp.abs(slope.populations))
    if slope.coherences is not None:
        size = jnp.maximum(size, jnp.max(jnp.abs(slope.coherences)))
    largest = jnp.max(jnp.abs(on.rates))
    speed = jnp.max(jnp.abs(slope.rates)) / jnp.where(largest > 0, largest, 1.0)
    error = jax.lax.stop_gradient(state.error) ** 2 / relative * speed
    return error * scale > _NO_DIGITS * jnp.maximum(size * scale, 1.0)


def _floquet_footing(system: DrivenSystem, state: PeriodicState) -> Footing:
    jumps = _with_jumps(state).jumps
    flat = (-1, *jumps.seen.shape[-2:])
    # Those that are 0 here may stop being so.
    drives = drives_of_coherences(jumps.seen.reshape(flat), jumps.rates.reshape(flat))
    return Footing(state.populations, state.coherences, rates_of(jumps).value, jumps.seen, drives)


def _floquet_levels(system: DrivenSystem, state: PeriodicState) -> Eigenbasis:
    """The levels of the Cayley transform."""
    transform = cayley(propagator_of_a_period(system))
    values = state.basis.rotate_in(transform).diagonal().real
    off = state.basis.energy_error * system.period / jnp.finfo(values.dtype).eps
    return replace(state.basis, relative_energies=values, amplification=off * state.basis.amplification)


def _floquet_faults(system: DrivenSystem, state: PeriodicState, slope: Footing) -> list[Fault]:
    """Whether jumps begin whose rate diverges, or that drive coherences which are left out."""
    assert slope.amplitudes is not None
    assert slope.drives is not None
    floquet, jumps = _with_jumps(state).floquet, _with_jumps(state).jumps
    noise = _STILL * jnp.max(floquet.mode_error)

    def moves(values: Complex[Array, "*s"]) -> Bool[Array, "*s"]:
        speed = jnp.abs(values)
        return speed > noise * jnp.max(speed)

    divergent = jnp.any(jumps.infinite & moves(slope.amplitudes))
    coherence = jumps.together & ~np.eye(jumps.level.size, dtype=bool)
    leaks = jnp.any(moves(slope.drives) & coherence[None, :, :, None])
    return [
        (divergent, Status.NO_DERIVATIVE),
        (leaks & (state.method == Method.POPULATIONS), Status.METHOD_NOT_EXACT),
    ]


def _local_footing(system: DrivenSystem, state: PeriodicState) -> Footing:
    bare = system.mean.without_interactions()
    transitions = bare.transitions_of_H(bare.eigenbasis())
    return Footing(state.populations, state.coherences, transitions.rates)


def _bare_hamiltonian(system: DrivenSystem) -> Inexact[Array, "d d"]:
    assert system.mean.local is not None
    return system.mean.local


class _Equation(NamedTuple):
    """What a master equation of driven systems brings."""

    state: Callable[[DrivenSystem, str], PeriodicState]
    skeleton: Callable[[DrivenSystem], Inexact[Array, "d d"]]
    footing: Callable[[DrivenSystem, PeriodicState], Footing]
    levels: Callable[[DrivenSystem, PeriodicState], Eigenbasis]
    faults: Callable[[DrivenSystem, PeriodicState, Footing], list[Fault]]


_EQUATIONS = {
    "global": _Equation(
        _floquet_state,
        lambda system: cayley(propagator_of_a_period(system)),
        _floquet_footing,
        _floquet_levels,
        _floquet_faults,
    ),
    "local": _Equation(
        lambda system, method: periodic_state(system, method=method),
        _bare_hamiltonian,
        _local_footing,
        lambda system, _: system.mean.without_interactions().eigenbasis(),
        lambda *_: [],
    ),
}
