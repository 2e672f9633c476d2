"""What a sweep is asked to do, as data: from a TOML file or from Python, checked before any work."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from qthermo_jax.registry import AUTO, DEFAULT_EQUATION, EQUATIONS, methods
from qthermo_jax.sweeping.errors import Issue, SpecError, Steps, path_of
from qthermo_jax.sweeping.spec.fields import (
    LARGEST,
    NAMED,
    AxisSpec,
    Table,
    Text,
    values_of,
    why_no_name,
    why_no_text,
)
from qthermo_jax.sweeping.spec.fit import Fit
from qthermo_jax.sweeping.spec.optimise import Optimise
from qthermo_jax.sweeping.spec.refine import LARGEST_GRID, Refine, halved_size
from qthermo_jax.sweeping.spec.root import Root
from qthermo_jax.sweeping.spec.units import UNITS, conversion, known_unit

if TYPE_CHECKING:  # what the registry holds is known at run time only
    _Method = str
    _Generator = str
else:
    _Method, _Generator = Literal[tuple(methods())], Literal[tuple(EQUATIONS)]


class Solver(Table):
    """How the steady states are found."""

    method: _Method = AUTO
    """Which unknowns are solved for; auto takes the fewest that are exact at each point."""
    precision: Literal["float64", "float32"] = "float64"
    """Of the computation; float32 keeps about 6 digits of each population."""
    generator: _Generator = DEFAULT_EQUATION
    """The master equation; global is the microscopic one, fully secular."""
    secular_tol: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] | None = None
    """Largest difference of two Bohr frequencies that are kept together; partial_secular needs it."""

    @model_validator(mode="after")
    def _the_generator_takes_the_method(self) -> "Solver":
        entry = EQUATIONS[self.generator]
        known = methods(entry.secular)
        if self.method not in known:
            listed = " or ".join(map(repr, known[1:]))
            raise ValueError(f"generator {self.generator!r} takes method {listed}, not {self.method!r}")
        if not entry.secular and self.precision == "float32":
            raise ValueError(f"generator {self.generator!r} takes precision 'float64'")
        argument, what = entry.needs or ("", "")
        if argument in type(self).model_fields and getattr(self, argument) is None:
            raise ValueError(f"generator {self.generator!r} takes {what}, {argument}")
        return self

    @model_validator(mode="after")
    def _single_precision_is_for_populations(self) -> "Solver":
        known = methods(single_precision=True)
        if self.precision == "float32" and self.method not in known:
            listed = " or ".join(map(repr, known[1:]))
            raise ValueError(
                f"precision = 'float32' takes method = {listed}, which keeps about 6 digits of each "
                f"population; {self.method!r} needs 'float64'"
            )
        return self


class Evolution(Table):
    """Asks for the state at a `time`, an axis or a parameter, instead of the steady one."""

    initial: str | dict[str, float] | None = None
    """The basis state to start from, by its label, or the populations of several; if left out, the state
    that the model brings."""
    heat_capacity: float | list[float] | None = None
    """Of each bath, or one number for all: they warm up; if left out, they stay as they are."""


class Output(Table):
    """What is kept of the results."""

    precision: Literal["float64", "float32"] | None = None
    """Of the numbers in the file; if left out, that in which they were computed."""


class Label(Table):
    """What to call a coordinate in files and pictures; see `qthermo_jax.Quantity`."""

    long_name: Text = ""
    """In words."""
    symbol: Text = ""
    """Mathtext without dollar signs: T_L."""
    energy_power: int | None = None
    """Its unit as a power of the energy unit: 1 for energies and temperatures, 0 for pure numbers."""


class Spec(Table):
    """A sweep: model, axes, fixed parameters, observables."""

    model: Text
    """Name of a built-in model, `path/to/file.py:function` or `package.module:function`."""
    axes: Annotated[dict[str, AxisSpec], NAMED] = Field(default={})
    """One dimension of the grid each: a list, a range, or a table of several parameters that move
    together along one dimension."""
    parameters: Annotated[dict[str, bool | int | float | str | list[float]], NAMED] = Field(default={})
    """Held fixed; those that are left out have the model's default."""
    observables: list[str] = Field(default=[])
    """Names, or `file.py:function` for one's own; empty for those that the model brings."""
    derivatives: list[str] = Field(default=[])
    """Parameters, "T_1" and so on for single baths, "temperatures" for all of them: each observable is
    differentiated by each."""
    solver: Solver = Solver()
    """How the steady states are found."""
    evolution: Evolution | None = None
    """Given where the sweep is not about steady states."""
    optimise: Annotated[Optimise | None, Field(exclude_if=lambda own: own is None)] = None
    """Given where parameters are sought at each point of the axes."""
    root: Annotated[Root | None, Field(exclude_if=lambda own: own is None)] = None
    """Given where the sweep is over the places at which a formula has a value."""
    refine: Annotated[Refine | None, Field(exclude_if=lambda own: own is None)] = None
    """Given where the grid is to be finer where a formula bends."""
    fit: Annotated[Fit | None, Field(exclude_if=lambda own: own is None)] = None
    """Given where parameters are sought that fit measured numbers."""
    output: Output = Output()
    """What is kept of the results."""
    title: Text = ""
    """Of the file and its pictures."""
    energy_unit: Text = "energy"
    """What energies are measured in, for labels: "h"; with `units` one that has a size: "GHz", "meV"."""
    units: Annotated[dict[str, Text], NAMED, Field(exclude_if=lambda own: not own)] = Field(default={})
    """Units of single parameters, temperatures or energies, that are given in another one: "mK"."""
    labels: Annotated[dict[str, Label], NAMED] = Field(default={})
    """Names of coordinates that the model has none for."""

    @model_validator(mode="after")
    def _every_name_can_be_one(self) -> "Spec":
        named: list[Steps] = [("axes", name) for name in self.axes]
        named += [("parameters", name) for name in self.parameters]
        named += [("labels", name) for name in self.labels]
        for axis, entry in self.axes.items():
            named += [("axes", axis, name) for name in entry] if isinstance(entry, dict) else []
        found = [
            Issue(steps, why, subject=path_of(steps[:-1]))
            for steps in named
            if (why := why_no_name(str(steps[-1])))
        ]
        for name, value in self.parameters.items():
            if isinstance(value, int) and abs(value) > LARGEST:
                found.append(Issue(("parameters", name), "takes numbers up to 1.8e308"))
            if isinstance(value, str) and (why := why_no_text(value)):
                found.append(Issue(("parameters", name), why))
        if found:
            raise SpecError(*found)
        return self

    @model_validator(mode="after")
    def _units_have_a_size(self) -> "Spec":
        listed = ", ".join(UNITS)
        found = [
            Issue(("units", name), f"takes a unit, one of {listed}; got {unit!r}")
            for name, unit in self.units.items()
            if known_unit(unit) is None
        ]
        if self.units and known_unit(self.energy_unit) is None:
            takes = f"with [units] it takes a unit that has a size, one of {listed}; got"
            found.append(Issue(("energy_unit",), f"{takes} {self.energy_unit!r}"))
        if found:
            raise SpecError(*found)
        return self

    @model_validator(mode="after")
    def _an_optimum_is_alone(self) -> "Spec":
        if not self.optimise:
            return self
        found = []
        if self.derivatives:
            found.append(Issue(("derivatives",), "an [optimise] takes none"))
        if self.solver.precision == "float32":
            found.append(Issue(("solver", "precision"), "an [optimise] takes 'float64'"))
        if found:
            raise SpecError(*found)
        return self

    @model_validator(mode="after")
    def _a_root_lies_on_axes(self) -> "Spec":
        if self.root:
            if self.optimise:
                raise SpecError(Issue(("root",), "a spec takes [root] or [optimise]"))
            self._check_axes("root")
        return self

    @model_validator(mode="after")
    def _a_refinement_halves_intervals(self) -> "Spec":
        if not self.refine:
            return self
        for name in ("optimise", "root"):
            if getattr(self, name):
                raise SpecError(Issue(("refine",), f"a spec takes [refine] or [{name}]"))
        self._check_axes("refine")
        points = 1
        for name, entry in self.axes.items():
            assert not isinstance(entry, dict)
            steps = np.diff(values_of(entry))
            if not (np.isfinite(steps).all() and (all(steps > 0) or all(steps < 0))):
                raise SpecError(Issue(("refine",), f"takes axes in order, and axes.{name} is in none"))
            points *= halved_size(len(steps) + 1, self.refine.levels)
        if points > LARGEST_GRID:
            large = f"lead to a grid of {points:.2g} points; takes at most {LARGEST_GRID:.0e}"
            raise SpecError(Issue(("refine", "levels"), large))
        return self

    def _check_axes(self, table: str) -> None:
        """Check that there are one or two axes of one parameter each, which have intervals."""
        if len(self.axes) not in (1, 2):
            raise SpecError(Issue((table,), f"takes one axis or two, got {len(self.axes)}"))
        for name, entry in self.axes.items():
            if isinstance(entry, dict):
                several = f"takes axes of one parameter each, and axes.{name} is a table"
                raise SpecError(Issue((table,), several))
            if len(np.unique(values_of(entry))) < 2:
                one = f"takes axes of two values or more, and axes.{name} has one"
                raise SpecError(Issue((table,), one))

    @model_validator(mode="after")
    def _a_fit_has_its_own_points(self) -> "Spec":
        others: dict[str, Any] = {"axes": self.axes, "derivatives": self.derivatives}
        others |= {"optimise": self.optimise, "root": self.root, "refine": self.refine}
        for name, given in others.items():
            if self.fit and given:
                raise SpecError(Issue((name,), "a [fit] takes none: its points are those of the data"))
        return self

    def conversion(self, name: str) -> float:
        """What one of a parameter's unit is in energy units; 1 for a parameter without a unit."""
        return conversion(self.units[name], self.energy_unit) if name in self.units else 1.0

    @model_validator(mode="after")
    def _an_evolution_takes_its_methods(self) -> "Spec":
        if not self.evolution:
            return self
        found = []
        if self.solver.method not in methods(evolving=True):
            *known, last = map(repr, methods(evolving=True))
            takes = f"an evolution takes {', '.join(known)} or {last}"
            found.append(Issue(("solver", "method"), takes))
        if self.solver.precision == "float32":
            found.append(Issue(("solver", "precision"), "an evolution takes 'float64'"))
        moving = {name for entry in self.axes.values() if isinstance(entry, dict) for name in entry}
        if "time" not in {*self.axes, *moving, *self.parameters}:
            takes = "takes a time, as axes.time or parameters.time"
            found.append(Issue(("evolution",), takes))
        if found:
            raise SpecError(*found)
        return self
