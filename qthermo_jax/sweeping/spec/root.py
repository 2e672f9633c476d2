"""What a [root] of a spec asks for: where a formula has a value."""

from typing import Annotated

from pydantic import Field

from qthermo_jax.sweeping.spec.fields import Table
from qthermo_jax.sweeping.spec.optimise import Formula

# The axis of sweeps over single points; of a [root], the number of the line and the part of it behind.
ALONG = "along"


class Root(Table):
    """Asks for the places where a formula has a value, over which the sweep then is.

    They are points on one axis, lines in the plane of two.
    """

    formula: Formula
    """Names of observables and parameters, elements like heat_currents[1] by their label, + - * / **,
    abs, exp, log and sqrt."""
    value: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    """The value that it has there, in energy units: for a heat current the square of the energy unit."""
    step: float = Field(0.02, gt=0.0, le=1.0)
    """Largest distance between neighbours on a line, as a part of the axes."""
