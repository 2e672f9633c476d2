"""A spec resolved against its model: everything that is known before the first number is computed."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from qthermo_jax.labels import Dimension, Quantity
from qthermo_jax.sweeping.plan.derivatives import Derivative
from qthermo_jax.sweeping.plan.grid import Grid
from qthermo_jax.sweeping.plan.search import Search
from qthermo_jax.sweeping.plan.traced import Result, TracedSystem
from qthermo_jax.sweeping.schedule.tiling import Tiling, chunk_of, make_tiling
from qthermo_jax.version import RESULTS_VERSION

# Bytes of a device's shard of a tile.
DEFAULT_MEMORY = 1 << 30

# As many points keep a GPU busy; more take longer, and nothing else.
_MANY_POINTS = 1 << 20

# Bytes that all points of a grid take, up to which compiling takes longer than solving: a point of more
# bytes takes longer (measured: 4000 points of the ten-site chain).
_SMALL = 1 << 25


@dataclass(frozen=True)
class Plan(Grid):
    """What will be computed, over which grid, in which tiles.

    Attributes:
        system: what the model's system is at every point.
        outputs: observables by name.
        derivatives: what they are differentiated by.
        differentiated: the model's parameters among those.
        search: what is sought at each point; None for a sweep that seeks nothing.
        devices: how many share a tile.
        told_memory: bytes that each device may use at a time, if the user says it.
        room: how many it has for that.
        on_cpu: whether the devices are CPUs.
    """

    system: TracedSystem
    outputs: dict[str, Result]
    derivatives: tuple[Derivative, ...]
    differentiated: tuple[str, ...]
    search: Search | None
    devices: int
    told_memory: int | None
    room: int
    on_cpu: bool

    @property
    def solvers(self) -> tuple[str, ...]:
        """Names of those that are tried one after the other at each point."""
        return self.system.solvers

    @property
    def method(self) -> str:
        """As asked; where one solver is possible, that one."""
        return self.solvers[0] if len(self.solvers) == 1 else self.asked_method

    @property
    def dtype(self) -> np.dtype:
        """Of all numbers while they are computed."""
        return np.dtype(self.spec.solver.precision)

    @property
    def output_dtype(self) -> np.dtype:
        """Of the results."""
        return np.dtype(self.spec.output.precision or self.dtype)

    @property
    def arguments(self) -> dict[str, np.ndarray]:
        """The fixed numbers, and the bounds of what is sought, as programs take them."""
        given = self.numbers | (self.search.bounds if self.search else {})
        return {name: value.astype(self.dtype) for name, value in given.items()}

    @property
    def n_baths(self) -> int:
        """K."""
        return self.system.n_baths

    @property
    def warms(self) -> bool:
        """Whether something is differentiated by the temperatures of single baths."""
        return any(derivative.name not in self.differentiated for derivative in self.derivatives)

    @property
    def n_directions(self) -> int:
        """How many directions derivatives are taken along: parameters, then baths if any is asked."""
        return len(self.differentiated) + self.n_baths * self.warms

    @property
    def _bytes_per_point(self) -> int:
        """Memory that one point takes, each derivative counted as one more."""
        directions = len(self.search.over) if self.search else self.n_directions
        return self.system.bytes_per_point * (1 + directions)

    @property
    def memory(self) -> int:
        """Bytes that each device may use at a time: more where it has room and needs more to be busy."""
        busy = min(self.room, _MANY_POINTS * self._bytes_per_point)
        return self.told_memory or max(DEFAULT_MEMORY, busy)

    @cached_property
    def tiling(self) -> Tiling:
        """As many points at a time as the memory of the devices holds.

        Tiles and chunks are long along the axes that leave H alone: one eigendecomposition then serves
        as many points as possible.
        """
        each = self._bytes_per_point
        backwards = reversed(range(len(self.axes)))
        order = sorted(backwards, key=lambda axis: self.system.changes_H[axis])
        chunk = chunk_of(each) if self.on_cpu else None
        return make_tiling(self.shape, order, self.memory // each, chunk, self.devices)

    @property
    def is_small(self) -> bool:
        """Whether compiling takes longer than solving, so that XLA's cheap passes are the better ones.

        Nothing but the plan decides it: a sweep that goes on has the bits that it began with.
        """
        work = self.points * self._bytes_per_point * (self.search.effort if self.search else 1)
        return work <= _SMALL * self.system.program_size

    @property
    def statics(self) -> dict[str, Any]:
        """What its programs are made of: everything but numbers and the shapes of chunks and batches."""
        described = super().statics
        described["outputs"] = {
            name: [len(dim.labels) for dim in out.dims] for name, out in self.outputs.items()
        }
        described["derivatives"] = [one.name for one in self.derivatives]
        described["optimise"] = self.search.statics if self.search else None
        described["results"] = str(self.output_dtype)
        described["devices"] = self.devices
        return described

    @property
    def results(self) -> dict[str, Result]:
        """What was sought, observables and their derivatives, by name."""
        found = (self.search.results if self.search else {}) | self.outputs
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
        """Every parameter that does not move, defaults included, with its unit if it has one."""
        parameters = self.model.parameters.items()
        defaults = {name: p.default for name, p in parameters if name not in self.swept}
        given = {name: values.tolist() for name, values in self.numbers.items()}
        units = self.spec.units
        fixed = self.spec.parameters
        told = {name: f"{fixed[name]} {unit}" for name, unit in units.items() if name in fixed}
        known = defaults | self.structure | given | told
        return {name: own for name, own in known.items() if own is not None and name not in self.sought}

    def quantity(self, coordinate: str) -> Quantity:
        """Name, symbol and unit of a coordinate: the spec's label, else the model's own."""
        if coordinate in self.spec.labels:
            return Quantity(**self.spec.labels[coordinate].model_dump())
        known = self.model.parameters.get(coordinate)
        return known.quantity if known else Quantity()

    def unit(self, coordinate: str) -> str:
        """The unit of a coordinate's values, as text."""
        given = self.spec.units.get(coordinate)
        return given or self.quantity(coordinate).unit(self.spec.energy_unit)

    @cached_property
    def digest(self) -> str:
        """Identity of the result and its parts: the spec, the model's source, and the package's numbers.

        The tiles are no part of it, nor is the package's version: neither changes what is computed.
        """
        return self._identified(self.spec.model_dump())

    @cached_property
    def compatibility_hash(self) -> str:
        """Identity of what every point means: results of one family can extend one another."""
        if self.spec.refine:
            return self.digest  # another sweep does not take over what is interpolated
        meant = {"model", "parameters", "solver", "evolution", "optimise", "output"}
        kept = self.spec.model_dump(include=meant)
        if self.spec.units:
            kept |= {"units": self.spec.units, "energy_unit": self.spec.energy_unit}
        kept["axes"] = {axis.name: sorted(axis.parameters) for axis in self.axes}
        return self._identified(kept)

    def _identified(self, described: dict[str, Any]) -> str:
        canonical = json.dumps(described, sort_keys=True)
        told = f"{canonical}\n{self.model.digest}\n{RESULTS_VERSION}"
        return hashlib.sha256(told.encode()).hexdigest()
