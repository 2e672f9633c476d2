"""Points and lines on a map that are asked for from Python: optima, and where a formula has a value."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import xarray as xr

from qthermo_jax.sweeping.execute.entry import sweep
from qthermo_jax.system import OpenSystem


def optimise(
    model: str | Callable[..., OpenSystem],
    *,
    over: Mapping[str, Any],
    maximise: str | None = None,
    minimise: str | None = None,
    where: Sequence[str] = (),
    samples: int = 16,
    starts: int = 2,
    axes: Mapping[str, Any] | None = None,
    **settings: Any,
) -> xr.Dataset:
    """The parameters at which a formula of observables is largest or smallest, at each point.

    The search looks at `samples` places within the bounds, descends from the best `starts` of them by
    BFGS with exact derivatives, and takes the best end. Conditions are kept by an augmented Lagrangian.
    A search that ends where its evidence shows no optimum gives NaN, status NOT_CONVERGED; one that
    finds no place that meets the conditions NOT_FEASIBLE. It cannot know whether a better optimum lies
    where it has not looked: more samples and starts make that less likely.

    Args:
        model: as for `qthermo_jax.sweep`.
        over: the parameters that are sought, each with its bounds: (a, b), or {"start", "stop",
            "spacing"} with spacing "linear" or "log".
        maximise, minimise: one of the two, a formula: names of observables and parameters, an element
            of an observable by its label, "heat[1]", + - * / **, abs, exp, log and sqrt.
        where: conditions, "efficiency >= 0.3". A name in them that is neither an observable nor a
            parameter of the model may be an axis: {"least": [0.1, 0.2]} with "efficiency >= least"
            is a front of two observables.
        samples: number of places that the search looks at first.
        starts: number of those that it starts from.
        axes: the grid, as for `qthermo_jax.sweep`; default: one point.
        settings: whatever else `qthermo_jax.sweep` takes.

    Returns:
        a dataset as `qthermo_jax.sweep` returns it, with each parameter of `over`; `objective`, the
            value of the formula; `optimum`, where it lies: inside, on a bound, on a constraint, on a
            bound and a constraint, or flat, where the objective is known and the place is not. Evidence:
            `optimum_gradient`, the largest slope that is left; `optimum_curvature`, the least second
            derivative, NaN where bounds leave no direction; `optimum_distance`, the estimated distance
            from the optimum as a part of the intervals; `optimum_starts`, the number of starts that came
            to the same value.

    Raises:
        SpecError: a `ValueError` with one line for each issue.

    >>> found = optimise("maser", maximise="output_power", over={"omega_c": (0.1, 2.9)})
    >>> found.optimum.attrs["flag_meanings"].split()[int(found.optimum)]
    'inside'
    """
    asked: dict[str, Any] = {"over": over, "where": where, "samples": samples, "starts": starts}
    asked |= {} if maximise is None else {"maximise": maximise}
    asked |= {} if minimise is None else {"minimise": minimise}
    return sweep(model, axes=axes or {}, optimise=asked, **settings)


def follow(
    model: str | Callable[..., OpenSystem],
    formula: str,
    *,
    axes: Mapping[str, Any],
    value: float = 0.0,
    step: float = 0.02,
    **settings: Any,
) -> xr.Dataset:
    """A sweep along the lines in a plane on which a formula of observables has a value.

    The formula is computed on the grid of two axes. The contours of the grid, folded and closed ones
    too, are moved onto the lines by Newton's steps along the exact gradient, and points are put between
    them until neighbours are near one another and the line is smooth. What no two neighbours of the
    grid have between them is not seen: finer axes show more. On one axis the places are single points.

    Args:
        model: as for `qthermo_jax.sweep`.
        formula: as for `qthermo_jax.optimise`.
        axes: one or two parameters with their values, as for `qthermo_jax.sweep`.
        value: that the formula has on the lines, in energy units: for a heat current in the square of
            the energy unit. A parameter in the formula is in energy units, too.
        step: largest distance between neighbours on a line, as a part of the axes.
        settings: whatever else `qthermo_jax.sweep` takes.

    Returns:
        a dataset as `qthermo_jax.sweep` returns it with one axis, `along`: the number of the line, from
            0, and the part of it that lies behind. The parameters are coordinates along it.

    Raises:
        SpecError: a `ValueError` with one line for each issue; nowhere does the formula have the value.

    Warns:
        SpecWarning: points were left out, as at a jump of the formula, which is no line.

    >>> edge = follow(
    ...     "lambda_system",
    ...     "unbalance",
    ...     axes={"T_1": [0.2, 0.5, 0.8], "T_2": [0.2, 0.5, 0.8]},
    ...     value=0.1,
    ... )
    >>> bool(abs(edge.unbalance - 0.1).max() < 1e-9)
    True
    """
    asked = {"formula": formula, "value": value, "step": step}
    return sweep(model, axes=axes, root=asked, **settings)
