"""The grid of a [refine] after so many halvings of its axes."""

from dataclasses import replace

import numpy as np

from qthermo_jax.sweeping.plan.grid import Axis
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.spec.refine import halved


def on_halved_grid(plan: Plan, times: int | None = None) -> Plan:
    """The plan of a [refine] over the points of the grid whose intervals are halved so often.

    The values are those that the finest grid has there, so that they are the same in all of them.

    Args:
        times: None for the finest grid. A plan without a [refine] is its own.
    """
    refine = plan.spec.refine
    if refine is None:
        return plan
    step = 1 << (refine.levels - times) if times is not None else 1
    axes = []
    for axis in plan.axes:
        entry = plan.spec.axes[axis.name]
        assert not isinstance(entry, dict)  # which a [refine] does not take
        given = halved(entry, refine.levels)[::step]
        inside = given * plan.spec.conversion(axis.name)
        axes.append(Axis(axis.name, {axis.name: inside}, None, {axis.name: given}))
    return replace(plan, axes=tuple(axes))


def at_points(plan: Plan, parameters: dict[str, np.ndarray], observables: set[str]) -> Plan:
    """The plan over single points, with what it seeks and some observables besides.

    Args:
        parameters: those of the axes at each point, (n,) each, in energy units.
        observables: of the system.
    """
    axis = Axis("point", parameters, None, parameters)
    system = replace(plan.system, changes_H=(any(plan.system.changes_H),))
    more = {name: plan.system.observables[name] for name in sorted(observables - plan.outputs.keys())}
    return replace(plan, axes=(axis,), system=system, outputs=plan.outputs | more)
