"""The best parameters at each point, asked for from Python."""

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
    finds no place that meets the conditions NOT_FEASIBLE. It cannot know whether a better optimum lies where
    it has not looked: more samples and starts make that less likely.

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
