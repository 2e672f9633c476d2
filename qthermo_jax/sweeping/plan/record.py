"""A spec resolved against its model: everything that is known before the first number is computed."""

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array

from qthermo_jax.labels import Dimension, Quantity
from qthermo_jax.observables import Measure
from qthermo_jax.results.schema import DIAGNOSTICS, STATUS
from qthermo_jax.solvers import Solver, solvers_for
from qthermo_jax.steady import bytes_per_point
from qthermo_jax.structure import Index
from qthermo_jax.sweeping.errors import SpecError, raised_by_model
from qthermo_jax.sweeping.plan.derivatives import Derivative
from qthermo_jax.sweeping.plan.model import Model
from qthermo_jax.sweeping.schedule.tiling import Tiling, make_tiling
from qthermo_jax.sweeping.spec.declared import Spec
from qthermo_jax.system import OpenSystem
from qthermo_jax.version import RESULTS_VERSION

DEFAULT_MEMORY = 1 << 30

# What a CPU solves at a time, a cell, stays near its cache: so many points, and bytes (measured).
_CELL, _CELL_BYTES = 128, 1 << 25

# Of one variable in a file: its name, unit, dimensions (measured).
_BYTES_OF_NAMES = 2600


def cell_of(each: int) -> int | None:
    """How many points of so many bytes each a device solves at a time; None: as many as it is given."""
    if jax.default_backend() != "cpu":
        return None
    return max(1, min(_CELL, _CELL_BYTES // each))


@dataclass(frozen=True)
class Axis:
    """One dimension of the grid and the parameters that move along it.

    Attributes:
        name: of the dimension.
        parameters: the values of each parameter, all of length `size`.
        coordinate: what labels the dimension; None if its one parameter does.
    """

    name: str
    parameters: dict[str, np.ndarray]
    coordinate: np.ndarray | None

    @property
    def size(self) -> int:
        """Number of points along it."""
        return len(next(iter(self.parameters.values())))


class Result(NamedTuple):
    """An observable, or a derivative of one.

    Attributes:
        dims: its own dimensions.
        quantity: its name and unit.
        derivative: what it is differentiated by; None for the observable itself.
    """

    dims: tuple[Dimension, ...]
    quantity: Quantity
    derivative: Derivative | None = None


@dataclass(frozen=True)
class Plan:
    """What will be computed, over which grid, in which tiles.

    Attributes:
        spec, model: what it was made from.
        axes: dimensions of the grid.
        numbers, structure: fixed parameters, those that are traced and those that are compiled in.
        system: shapes and static parts of the model's system.
        outputs: observables by name.
        derivatives: what they are differentiated by.
        varied: the model's parameters among those.
        devices: how many share a tile.
        memory: bytes that each device may use at a time.
    """

    spec: Spec
    model: Model
    axes: tuple[Axis, ...]
    numbers: dict[str, np.ndarray]
    structure: dict[str, Any]
    system: OpenSystem
    outputs: dict[str, Measure]
    derivatives: tuple[Derivative, ...]
    varied: tuple[str, ...]
    devices: int
    memory: int

    @property
    def method(self) -> str:
        """As the spec says; in 32 bit the populations alone; where one solver is possible, that one."""
        solver = self.spec.solver
        asked = "populations" if solver.precision == "float32" else solver.method
        found = solvers_for(asked, self.system.equation)
        return found[0].name if len(found) == 1 else asked

    @property
    def solvers(self) -> tuple[Solver, ...]:
        """Those that are tried one after the other at each point."""
        return self.solvers_with(self.system.levels)

    def solvers_with(self, levels: tuple[Index, ...] | None) -> tuple[Solver, ...]:
        """The same where other levels are known to be degenerate."""
        found = solvers_for(self.method, self.system.equation, levels)
        return tuple(solver for solver in found if solver.evolves or not self.spec.evolution)

    @property
    def dtype(self) -> np.dtype:
        """Of all numbers while they are computed."""
        return np.dtype(self.spec.solver.precision)

    @property
    def stored(self) -> np.dtype:
        """Of the results."""
        return np.dtype(self.spec.output.precision or self.dtype)

    @property
    def n_baths(self) -> int:
        """K."""
        return self.system.n_baths

    @property
    def warms(self) -> bool:
        """Whether something is differentiated by the temperatures of single baths."""
        return any(derivative.name not in self.varied for derivative in self.derivatives)

    @property
    def n_directions(self) -> int:
        """How many directions derivatives are taken along: parameters, then baths if any is asked."""
        return len(self.varied) + self.n_baths * self.warms

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of points along each axis."""
        return tuple(axis.size for axis in self.axes)

    @property
    def points(self) -> int:
        """Number of points of the grid."""
        return math.prod(self.shape)

    @cached_property
    def tiling(self) -> Tiling:
        """As many points at a time as the memory of the devices holds.

        Tiles and cells are long along the axes that leave H alone, so that one eigendecomposition serves
        as many points as possible.
        """
        each = bytes_per_point(self.system, self.solvers[0].method) * (1 + self.n_directions)
        backwards = reversed(range(len(self.axes)))
        order = sorted(backwards, key=lambda axis: _moves_H(self, self.axes[axis]))
        return make_tiling(self.shape, order, self.memory // each, cell_of(each), self.devices)

    @property
    def bytes_on_disk(self) -> int:
        """Size of the file: observables, derivatives, what each point says about itself."""
        values = sum(math.prod(_shape_of(result.dims)) for result in self.results.values())
        flags = [*DIAGNOSTICS.values(), *[STATUS] * len(self.varied)]
        variables = len(self.results) + len(flags) + len(self.axes) + len(self.dims)
        flagged = sum(flag.dtype.itemsize for flag in flags)
        numbers = self.points * (self.stored.itemsize * values + flagged)
        return numbers + variables * _BYTES_OF_NAMES

    @property
    def results(self) -> dict[str, Result]:
        """Observables and their derivatives by name."""
        found = {name: Result(out.dims, out.quantity) for name, out in self.outputs.items()}
        for derivative in self.derivatives:
            for name, out in self.outputs.items():
                measured = derivative.measured(out.quantity)
                found[derivative.of(name)] = Result((*out.dims, *derivative.dims), measured, derivative)
        return found

    @property
    def dims(self) -> dict[str, Dimension]:
        """The results' own dimensions by name."""
        return {dim.name: dim for result in self.results.values() for dim in result.dims}

    @property
    def constants(self) -> dict[str, Any]:
        """Every parameter that does not move, the model's defaults included."""
        moving = {name for axis in self.axes for name in axis.parameters}
        defaults = {name: p.default for name, p in self.model.parameters.items() if name not in moving}
        given = {name: values.tolist() for name, values in self.numbers.items()}
        known = defaults | self.structure | given
        return {name: value for name, value in known.items() if value is not None}

    def quantity(self, coordinate: str) -> Quantity:
        """Name, symbol and unit of a coordinate: the spec's label, else the model's own."""
        if coordinate in self.spec.labels:
            return Quantity(**self.spec.labels[coordinate].model_dump())
        known = self.model.parameters.get(coordinate)
        return known.quantity if known else Quantity()

    @cached_property
    def digest(self) -> str:
        """Identity of the result and its parts: the spec, the model's source, and the package's numbers.

        The tiles are no part of it, nor is the package's version: neither changes what is computed.
        """
        return self._identified(self.spec.model_dump())

    @cached_property
    def family(self) -> str:
        """Identity of what every point means: results of one family can extend one another."""
        kept = self.spec.model_dump(include={"model", "parameters", "solver", "evolution", "output"})
        kept["axes"] = {axis.name: sorted(axis.parameters) for axis in self.axes}
        return self._identified(kept)

    def _identified(self, described: dict[str, Any]) -> str:
        canonical = json.dumps(described, sort_keys=True)
        told = f"{canonical}\n{self.model.digest}\n{RESULTS_VERSION}"
        return hashlib.sha256(told.encode()).hexdigest()


def _shape_of(dims: tuple[Dimension, ...]) -> tuple[int, ...]:
    return tuple(len(dim.labels) for dim in dims)


def _moves_H(plan: Plan, axis: Axis) -> bool:
    """Whether H changes along an axis: `vmap` knows, and refuses to give a single one if it does."""
    others = {name: values[0] for one in plan.axes for name, values in one.parameters.items()}
    moving = {name: values[:1] for name, values in axis.parameters.items()}
    fixed = plan.numbers | {name: value for name, value in others.items() if name not in moving}

    def hamiltonian(moving: dict[str, Array], fixed: dict[str, Array]) -> Array:
        with raised_by_model(plan.model.name):
            return plan.model.function(**plan.structure, **fixed, **moving).H

    try:
        with jax.enable_x64(True):
            jax.eval_shape(jax.vmap(hamiltonian, in_axes=(0, None), out_axes=None), moving, fixed)
    except SpecError:
        raise
    except ValueError:
        return True
    return False
