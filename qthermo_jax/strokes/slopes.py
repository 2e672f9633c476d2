"""Whether the derivative of a limit cycle along a direction exists, and whether it is known.

While baths are on the state depends on the levels of H. Where one of them splits along the direction at
a time that the propagator looks at, rates jump. Where one splits at the end of a stroke, its friction
jumps.
"""

from collections.abc import Iterator
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact, Int8

from qthermo_jax.cycle import Cycle, Stroke
from qthermo_jax.driven.slopes import MachineFooting, is_lost
from qthermo_jax.eigenbasis import diagonalised, splits
from qthermo_jax.master_equations import EQUATIONS
from qthermo_jax.steady import Status
from qthermo_jax.steady.faults import first_fault
from qthermo_jax.strokes.record import CycleState
from qthermo_jax.transitions import Transitions, newly_divergent

# Hamiltonians of the strokes, each at one time or more.
Skeleton: TypeAlias = tuple[Inexact[Array, "n d d"], ...]


class CycleFooting(MachineFooting):
    """That of a limit cycle; its rates are the elements of the map of a cycle less one.

    Attributes:
        amplitudes: of all transitions of each stroke with baths, (n, P).
    """

    amplitudes: tuple[Inexact[Array, "n P"], ...]


def cycle_skeleton(cycle: Cycle) -> Skeleton:
    """The Hamiltonians whose levels the state and the friction depend on."""
    return tuple(_hamiltonians(cycle))


def _hamiltonians(cycle: Cycle) -> Iterator[Inexact[Array, "n d d"]]:
    between_bare = EQUATIONS[cycle.generator].between_bare_states
    for stroke in cycle.strokes:
        seen = stroke.local if between_bare else stroke.path
        if stroke.baths and seen is not None:
            yield seen.nodes
        if not stroke.baths or between_bare:
            yield stroke.path.nodes[-1:]


def _with_baths(cycle: Cycle) -> list[Stroke]:
    return [stroke for stroke in cycle.strokes if stroke.baths]


def _transitions(cycle: Cycle, stroke: Stroke) -> Transitions:
    """At each time, the first axis of all arrays."""

    def at(H: Array, local: Array | None) -> Transitions:
        system = cycle.system(stroke, H, local)
        return system.transitions(system.eigenbasis())

    local = None if stroke.local is None else stroke.local.nodes
    found: Transitions = jax.vmap(at)(stroke.path.nodes, local)
    return found


def cycle_footing(cycle: Cycle, state: CycleState) -> CycleFooting:
    """The footing of the limit cycle of a cycle."""
    amplitudes = tuple(_transitions(cycle, stroke).amplitudes for stroke in _with_baths(cycle))
    map_ = state.cycle_map
    rates = jnp.concatenate([map_.real, map_.imag])
    return CycleFooting(state.populations, state.coherences, rates, amplitudes)


def cycle_derivative_status(
    cycle: Cycle,
    state: CycleState,
    change: Skeleton,
    curvature: Skeleton,
    slope: CycleFooting,
    scale: Float[Array, ""],
) -> Int8[Array, ""]:
    """Status of the derivatives of a limit cycle along a direction, where the state itself is OK.

    Args:
        change, curvature: first and second derivative of the cycle's `cycle_skeleton`.
        slope: derivative of the state's `cycle_footing`.
        scale: size of the parameter that changes: a derivative of 1/scale counts as one of size 1.
    """
    levels = zip(cycle_skeleton(cycle), change, curvature, strict=True)
    jumps = [jnp.any(_split(*along)) for along in levels]
    for stroke, amplitudes in zip(_with_baths(cycle), slope.amplitudes, strict=True):
        turning = jnp.zeros(len(amplitudes), amplitudes.real.dtype)
        divergent = jax.vmap(newly_divergent)(_transitions(cycle, stroke), amplitudes, turning)
        jumps.append(jnp.any(divergent))
    lost = is_lost(state, cycle_footing(cycle, state), slope, scale)
    return first_fault([(jnp.any(jnp.stack(jumps)), Status.NO_DERIVATIVE), (lost, Status.INACCURATE)])


def _split(
    nodes: Inexact[Array, "n d d"], change: Inexact[Array, "n d d"], curvature: Inexact[Array, "n d d"]
) -> Bool[Array, " n"]:
    d = nodes.shape[-1]

    def at(H: Array, moved: Array, bent: Array) -> Array:
        inside, _ = splits(diagonalised(H, (tuple(range(d)),), None), moved, bent)
        return inside

    return jax.vmap(at)(nodes, change, curvature)
