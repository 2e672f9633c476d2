"""Whether the derivative of a limit cycle along a direction exists, and whether it is known.

While baths are on the state depends on the levels of H. Where one of them splits along the direction at
a time that the propagator looks at, rates jump.
"""

from typing import TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact, Int8

from qthermo_jax.cycle import Cycle, Path, Stroke
from qthermo_jax.driven.slopes import MachineFooting, is_lost
from qthermo_jax.eigenbasis import diagonalised, splits
from qthermo_jax.master_equations import EQUATIONS
from qthermo_jax.steady import Status
from qthermo_jax.steady.faults import first_fault
from qthermo_jax.strokes.record import CycleState
from qthermo_jax.transitions import Transitions, newly_divergent

# For each stroke with baths H, and H_0 for "local", at the times that the propagator looks at.
Skeleton: TypeAlias = tuple[tuple[Inexact[Array, "n d d"], Inexact[Array, "n d d"] | None], ...]


class CycleFooting(MachineFooting):
    """That of a limit cycle; its rates are the elements of the map of a cycle less one.

    Attributes:
        amplitudes: of all transitions of each stroke with baths, (n, P).
    """

    amplitudes: tuple[Inexact[Array, "n P"], ...]


def cycle_skeleton(cycle: Cycle) -> Skeleton:
    """The Hamiltonians whose levels the state depends on."""
    return tuple(
        (stroke.path.nodes, None if stroke.local is None else stroke.local.nodes)
        for stroke in _with_baths(cycle)
    )


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
    jumps = [jnp.array(False)]
    for stroke, moved, bent, amplitudes in zip(
        _with_baths(cycle), change, curvature, slope.amplitudes, strict=True
    ):
        between_bare = EQUATIONS[cycle.generator].between_bare_states
        path, which = (stroke.local, 1) if between_bare else (stroke.path, 0)
        assert path is not None
        jumps.append(jnp.any(_split(path, moved[which], bent[which])))
        transitions, turning = (
            _transitions(cycle, stroke),
            jnp.zeros(len(amplitudes), amplitudes.real.dtype),
        )
        jumps.append(jnp.any(jax.vmap(newly_divergent)(transitions, amplitudes, turning)))
    lost = is_lost(state, cycle_footing(cycle, state), slope, scale)
    return first_fault([(jnp.any(jnp.stack(jumps)), Status.NO_DERIVATIVE), (lost, Status.INACCURATE)])


def _split(
    path: Path, change: Inexact[Array, "n d d"] | None, curvature: Inexact[Array, "n d d"] | None
) -> Bool[Array, " n"]:
    assert change is not None
    assert curvature is not None
    d = change.shape[-1]

    def at(H: Array, moved: Array, bent: Array) -> Array:
        inside, _ = splits(diagonalised(H, (tuple(range(d)),), None), moved, bent)
        return inside

    return jax.vmap(at)(path.nodes, change, curvature)
