"""What a [fit] of a spec asks for: parameters from measured numbers."""

from typing import Annotated

from pydantic import Field

from qthermo_jax.sweeping.spec.fields import NAMED, Table, Text
from qthermo_jax.sweeping.spec.optimise import Bounds, Formula


class Fit(Table):
    """Asks for the parameters at which formulas are nearest to measured numbers, by least squares."""

    data: Text
    """A CSV file beside the spec, a row a measurement; columns that are called as parameters of the
    model are what was set."""
    measured: Annotated[dict[Formula, Text], Field(min_length=1)]
    """For each formula of observables the column that measures it, in energy units: a heat current in
    the square of the energy unit."""
    errors: dict[Formula, Text | Annotated[float, Field(gt=0.0, allow_inf_nan=False)]] = Field(
        default={}
    )
    """For each formula the column of standard errors, or one number, in the same unit; if left out,
    they are estimated from what the fit leaves over."""
    over: Annotated[dict[str, Bounds], NAMED] = Field(min_length=1)
    """The parameters that are sought, each with its bounds: [a, b], or a table with start, stop and
    spacing."""
    samples: int = Field(16, ge=1, le=10**4)
    """At how many places inside the bounds the search looks first, beside their corners."""
    starts: int = Field(3, ge=1, le=100)
    """How many of the best of those it starts from."""

    def stand_in(self, name: str) -> float:
        """A number for a parameter that the spec does not give, because it is sought or in the data."""
        return self.over[name].middle if name in self.over else 1.0
