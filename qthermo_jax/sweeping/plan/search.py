"""What an [optimise] seeks, resolved against what the model's system has."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from qthermo_jax.labels import Quantity
from qthermo_jax.sweeping.errors import Steps
from qthermo_jax.sweeping.plan.elements import Elements, quantity_of, resolve
from qthermo_jax.sweeping.plan.grid import Grid
from qthermo_jax.sweeping.plan.traced import Result, TracedSystem
from qthermo_jax.sweeping.spec.expression import Constraint, Expression, Name
from qthermo_jax.sweeping.spec.fields import Interval
from qthermo_jax.sweeping.spec.optimise import Optimise

# Where an optimum lies, by the number that stands in a file.
PLACES = ("inside", "on a bound", "on a constraint", "on a bound and a constraint", "flat")

# Names of what a search says beside the parameters that it finds.
OBJECTIVE, OPTIMUM = "objective", "optimum"
GRADIENT, CURVATURE, DISTANCE, AGREEING = (
    f"{OPTIMUM}_{what}" for what in ("gradient", "curvature", "distance", "starts")
)

# How many evaluations a descent from one start costs (measured).
_STEPS = 20


@dataclass(frozen=True)
class Search:
    """An optimum that is sought at each point.

    Attributes:
        sign: 1 for the largest value of the objective, -1 for the smallest.
        objective: the formula.
        constraints: conditions that it is sought under.
        elements: for each name in the formulas that is an observable, where its number stands there.
        over: bounds of the parameters that are sought, in energy units.
        ranges: the same in words, as the spec gives them.
        conversions: what one of the unit that each has in the spec is in energy units.
        quantities: their names and units.
        samples: number of places that are looked at first.
        starts: number of those that the search starts from.
    """

    sign: int
    objective: Expression
    constraints: tuple[Constraint, ...]
    elements: Elements
    over: dict[str, Interval]
    ranges: dict[str, str]
    conversions: dict[str, float]
    quantities: dict[str, Quantity]
    aim: Quantity
    samples: int
    starts: int

    @property
    def names(self) -> tuple[Name, ...]:
        """Those in the formulas."""
        formulas = (self.objective, *(one.margin for one in self.constraints))
        return tuple(dict.fromkeys(name for formula in formulas for name in formula.names))

    @property
    def observables(self) -> tuple[str, ...]:
        """Those in the formulas."""
        return tuple(dict.fromkeys(name.name for name in self.elements))

    @property
    def effort(self) -> int:
        """How many times the work of a point without a search it takes, about."""
        return self.samples + _STEPS * self.starts * (1 + len(self.over))

    @property
    def summary(self) -> str:
        """What is sought, in a line.

        A file's attribute says so.
        """
        aim = "largest" if self.sign > 0 else "smallest"
        over = ", ".join(f"{name} from {told}" for name, told in self.ranges.items())
        under = "".join(f" where {text}" for text in dict.fromkeys(one.text for one in self.constraints))
        return f"{aim} {self.objective.text} over {over}{under}"

    @property
    def statics(self) -> dict[str, Any]:
        """What a program is made of: everything but the bounds."""
        return {
            "sign": self.sign,
            "objective": self.objective.text,
            "where": [one.text for one in self.constraints],
            "over": {name: bounds.spacing for name, bounds in self.over.items()},
            "conversions": self.conversions,
            "samples": self.samples,
            "starts": self.starts,
        }

    @property
    def bounds(self) -> dict[str, np.ndarray]:
        """Both ends of each interval under names that no parameter has, as programs take them."""
        ends: dict[str, np.ndarray] = {}
        for name, interval in self.over.items():
            start, stop = ends_of(name)
            ends |= {start: np.asarray(interval.start), stop: np.asarray(interval.stop)}
        return ends

    @property
    def results(self) -> dict[str, Result]:
        """What is found at each point, and the evidence for it."""
        described = {
            **self.quantities,
            OBJECTIVE: self.aim,
            OPTIMUM: Quantity("where the optimum lies", "", 0, values=PLACES),
            GRADIENT: Quantity("largest slope of the objective that is left, per whole interval"),
            CURVATURE: Quantity("least second derivative of the objective, per whole interval squared"),
            DISTANCE: Quantity("estimated distance from the optimum, as a part of the intervals", "", 0),
            AGREEING: Quantity("starts of the search that came to the same value", "", 0),
        }
        evidence = (GRADIENT, CURVATURE, DISTANCE, AGREEING)
        return {
            name: Result((), quantity, is_evidence=name in evidence)
            for name, quantity in described.items()
        }


def ends_of(name: str) -> tuple[str, str]:
    """What the ends of a parameter's interval are called among the arguments of a program."""
    return f"{name} from", f"{name} to"


def find_search(grid: Grid, system: TracedSystem) -> tuple[Search | None, dict[str, np.ndarray]]:
    """What the spec of a grid seeks, and the defaults of the parameters that its formulas mention.

    Raises:
        SpecError: a name in a formula that is none, or an observable of several numbers without a label.
    """
    asked = grid.spec.optimise
    if asked is None:
        return None, {}
    elements: Elements = {}
    defaults: dict[str, np.ndarray] = {}
    for steps, formula in _formulas(asked):
        found, left_out = resolve(formula, steps, grid, system.observables)
        elements |= found
        defaults |= left_out
    text = asked.objective.text
    extreme = "largest" if asked.maximise else "smallest"
    measured = quantity_of(asked.objective, system.observables)
    aim = Quantity(f"{extreme} {measured.long_name or text}", measured.symbol, measured.energy_power)
    search = Search(
        sign=1 if asked.maximise else -1,
        objective=asked.objective,
        constraints=asked.constraints,
        elements=elements,
        over=grid.sought,
        ranges={
            name: f"{own.start:g} to {own.stop:g} {grid.spec.units.get(name, '')}".rstrip()
            for name, own in asked.over.items()
        },
        conversions={name: grid.spec.conversion(name) for name in asked.over},
        quantities={name: grid.model.parameters[name].quantity for name in asked.over},
        aim=aim,
        samples=asked.samples,
        starts=asked.starts,
    )
    return search, defaults


def _formulas(asked: Optimise) -> list[tuple[Steps, Expression]]:
    """The formulas of a spec with their places."""
    aim = "maximise" if asked.maximise else "minimise"
    found: list[tuple[Steps, Expression]] = [(("optimise", aim), asked.objective)]
    for position, text in enumerate(asked.where):
        steps: Steps = ("optimise", "where", position)
        found += [(steps, one.margin) for one in Constraint.parsed(text)]
    return found
