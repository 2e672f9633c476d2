"""What can be asked of a cycle of strokes."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array

from qthermo_jax.bounded import SIX_DIGITS, Bounded, Pace
from qthermo_jax.cycle import Cycle
from qthermo_jax.driven.verdict import largest_error
from qthermo_jax.labels import Dimension, Quantity
from qthermo_jax.machines.common import bounded_by, machine_observables, of_state, own_observables
from qthermo_jax.observables import AvailableObservable
from qthermo_jax.strokes import CycleState


def stroke_heat(cycle: Cycle, state: CycleState) -> Bounded:
    """Heat into each bath in each stroke, (n, K)."""
    return bounded_by(state, state.stroke_heat, state.stroke_heat_bounds)


def stroke_work(cycle: Cycle, state: CycleState) -> Bounded:
    """Work that is done on the system in each stroke, (n,)."""
    return bounded_by(state, state.stroke_work, state.stroke_work_bounds)


def friction(cycle: Cycle, state: CycleState) -> Bounded:
    """Coherence at the end of each stroke, (n,); one that is known to 1.5e-8 counts as known.

    It is a number of order 1 that is 0 where nothing rubs, so that not all of its error is relative.
    """
    value, bound = state.friction, jax.lax.stop_gradient(state.friction_bounds)
    logarithms = jnp.log(jnp.where(value > 0, value, 1.0))
    # The derivative of a friction has as many digits as the friction: the change of its own logarithm
    # tells the error, beside a reference that does not change.
    nothing = jnp.zeros((1,), value.dtype)
    pace = Pace(
        jnp.zeros((value.size + 1,), value.dtype),
        jnp.concatenate([nothing, logarithms]),
        nothing,
        0,
        jnp.array(True),
        jnp.zeros((), value.dtype),
    )
    parts = jnp.pad(jnp.diag(bound), ((0, 0), (1, 0)))
    floor = math.sqrt(jnp.finfo(value.dtype).eps) / SIX_DIGITS
    size = jnp.maximum(jnp.abs(value) * (largest_error(value.dtype) / SIX_DIGITS), floor)
    return Bounded(value, bound, parts, size, jnp.array(False), pace)


def first_law(cycle: Cycle, state: CycleState) -> Array:
    """The largest |dU - W + Q| of a stroke: 0 but for round-off and the steps."""
    return jax.lax.stop_gradient(jnp.max(jnp.abs(state.stroke_balance)))


def cycle_observables(cycle: Cycle) -> dict[str, AvailableObservable]:
    """Every observable of a cycle by name."""
    stroke = Dimension("stroke", cycle.stroke_names, "stroke")
    bath = Dimension("bath", cycle.bath_names, "bath")
    level = Dimension("level", cycle.labels, "basis state")
    found = {
        "stroke_heat": AvailableObservable(
            stroke_heat, Quantity("heat into the bath in the stroke", "Q", 1), (stroke, bath)
        ),
        "stroke_work": AvailableObservable(
            stroke_work, Quantity("work in the stroke, done on the system", "W", 1), (stroke,)
        ),
        "friction": AvailableObservable(
            friction,
            Quantity("coherence at the end of the stroke (relative entropy)", r"C_{\rm rel}", 0),
            (stroke,),
        ),
        "level_populations": AvailableObservable(
            of_state("level_populations"),
            Quantity("population of the basis state at the beginning", "p", 0),
            (level,),
        ),
        "first_law": AvailableObservable(
            first_law, Quantity("largest energy that a stroke's first law leaves over", "", 1)
        ),
        "step_error": AvailableObservable(
            of_state("step_error"), Quantity("error of a stroke's map by the steps (bound)", "", 0)
        ),
    }
    return machine_observables(cycle) | found | own_observables(cycle)
