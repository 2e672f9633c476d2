"""What an [optimise] of a spec asks for: the best value of a formula over some parameters."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from qthermo_jax.sweeping.spec.expression import Constraint, Expression
from qthermo_jax.sweeping.spec.fields import NAMED, Interval, Table, Text


def _of_two_ends(given: Any) -> Any:
    """[a, b] as the interval from a to b."""
    if isinstance(given, list | tuple):
        if len(given) != 2:
            raise ValueError(f"takes two ends, [a, b], or a table with start and stop, got {given!r}")
        return {"start": given[0], "stop": given[1]}
    return given


Bounds = Annotated[
    Interval,
    BeforeValidator(
        _of_two_ends,
        json_schema_input_type=Interval | Annotated[list[float], Field(min_length=2, max_length=2)],
    ),
]


def _a_formula(text: str) -> str:
    Expression.parsed(text)
    return text


def _a_condition(text: str) -> str:
    Constraint.parsed(text)
    return text


Formula = Annotated[Text, AfterValidator(_a_formula)]
Condition = Annotated[Text, AfterValidator(_a_condition)]


class Optimise(Table):
    """Asks for the parameters at which a formula is largest, or smallest, at each point of the axes."""

    maximise: Formula | None = None
    """The formula whose largest value is sought: names of observables and parameters, elements like
    heat[1] by their label, + - * / **, abs, exp, log and sqrt."""
    minimise: Formula | None = None
    """The formula whose smallest value is sought; either this or maximise is given."""
    over: Annotated[dict[str, Bounds], NAMED] = Field(min_length=1)
    """The parameters that are sought, each with its bounds: [a, b], or a table with start, stop and
    spacing."""
    where: list[Condition] = Field(default=[])
    """Conditions, "efficiency >= 0.3". A name that is no parameter of the model may be an axis."""
    samples: int = Field(16, ge=1, le=10**4)
    """At how many places inside the bounds the search looks first, beside their corners."""
    starts: int = Field(2, ge=1, le=100)
    """How many of the best of those it starts from."""

    @model_validator(mode="after")
    def _has_one_aim(self) -> "Optimise":
        if (self.maximise is None) == (self.minimise is None):
            raise ValueError("takes either maximise or minimise")
        if self.starts > self.samples:
            raise ValueError(f"starts = {self.starts} takes at least as many samples")
        return self

    @property
    def objective(self) -> Expression:
        """The formula."""
        return Expression.parsed(self.maximise or self.minimise or "")

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """The conditions, one for each sign."""
        return tuple(one for text in self.where for one in Constraint.parsed(text))

    @property
    def names(self) -> set[str]:
        """Those that the formula and the conditions mention."""
        formulas = [self.objective, *(one.margin for one in self.constraints)]
        return {name.name for formula in formulas for name in formula.names}
