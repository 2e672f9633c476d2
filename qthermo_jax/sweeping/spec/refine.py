"""What a [refine] of a spec asks for: a grid that is finer where a formula bends."""

from typing import Annotated

import numpy as np
from pydantic import Field

from qthermo_jax.sweeping.spec.fields import Range, Table, values_of
from qthermo_jax.sweeping.spec.optimise import Formula

# Points of the finest grid, which stands in memory as a whole if it is reached.
LARGEST_GRID = 2 * 10**7


class Refine(Table):
    """Asks for more points where a formula bends: the intervals of the axes are halved there.

    Between the computed points of the finest grid the result is interpolated, and says where.
    """

    formula: Formula
    """Names of observables and parameters, elements like heat_currents[1] by their label, + - * / **,
    abs, exp, log and sqrt."""
    tolerance: Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
    """By how much the formula may differ from what is interpolated; in the formula's unit."""
    levels: int = Field(4, ge=1, le=10)
    """How often each interval may be halved."""


def halved_size(size: int, times: int) -> int:
    """How many values an axis of so many has when its intervals are halved so often."""
    return (size - 1) * (1 << times) + 1


def halved(axis: Range | list[float], times: int) -> np.ndarray:
    """The values of an axis whose intervals are halved so often; those of a log range as ratios.

    >>> halved([0.0, 1.0, 3.0], 1).tolist()
    [0.0, 0.5, 1.0, 2.0, 3.0]
    >>> halved(Range(start=1.0, stop=16.0, num=2, spacing="log"), 2).round(12).tolist()
    [1.0, 2.0, 4.0, 8.0, 16.0]
    """
    if isinstance(axis, Range):
        return values_of(axis.model_copy(update={"num": halved_size(axis.num, times)}))
    places = np.arange(halved_size(len(axis), times)) / (1 << times)
    return np.asarray(np.interp(places, np.arange(len(axis)), values_of(axis)))
