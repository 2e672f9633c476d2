"""Formulas of observables and their exact derivatives at points that are not known beforehand.

Parameters go in, and derivatives by them come out, in the units of the spec. In a formula each name is a
number in energy units.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from qthermo_jax.sweeping.compute.slopes import value_and_slopes
from qthermo_jax.sweeping.execute.in_memory import run_in_memory
from qthermo_jax.sweeping.execute.job import Sweep
from qthermo_jax.sweeping.plan.elements import Elements, quantity_of, resolve
from qthermo_jax.sweeping.plan.model import observable_name
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.spec.expression import Expression, Name
from qthermo_jax.sweeping.spec.root import ALONG

# How many points are computed at a time, so that one program serves any number of them.
_TOGETHER = 64

Numbers = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Pointwise:
    """Formulas of a model.

    Attributes:
        planned: the plan of a sweep of the model, from what its spec says of axes, observables,
            derivatives and parameters.
        plan: of such a sweep, to know what the model has.
        formulas: of observables and parameters.
        by: the parameters that they are differentiated by.
    """

    planned: Callable[[dict[str, Any]], Plan]
    plan: Plan
    formulas: tuple[Expression, ...]
    by: tuple[str, ...]

    @cached_property
    def _resolved(self) -> tuple[Elements, dict[str, np.ndarray]]:
        """Where observables stand, and the defaults of parameters that are not given."""
        elements: Elements = {}
        defaults: dict[str, np.ndarray] = {}
        for formula in self.formulas:
            found, left_out = resolve(formula, (), self.plan, self.plan.system.observables)
            elements |= found
            defaults |= left_out
        return elements, self.plan.numbers | defaults

    @property
    def observables(self) -> list[str]:
        """Those in the formulas, as the spec asks for them if it does."""
        asked = {observable_name(given): given for given in self.plan.spec.observables}
        names = dict.fromkeys(name.name for name in self._resolved[0])
        return [asked.get(name, name) for name in names]

    @property
    def units(self) -> list[str]:
        """That of each formula that is an observable or an element of one; of others none is known."""
        known = self.plan.system.observables
        energy_unit = self.plan.spec.energy_unit
        return [quantity_of(formula, known).unit(energy_unit) for formula in self.formulas]

    def on_grid(self, axes: dict[str, Any]) -> np.ndarray:
        """The first formula on a grid, one dimension an axis; NaN where there is no state."""
        data = self._solved({"axes": axes, "observables": self.observables})
        shape = data["status"].shape
        columns = {}
        for name in data.coords:
            own = [-1 if dim in data[name].dims else 1 for dim in data["status"].dims]
            if data[name].dims and data[name].dims[0] in data["status"].dims:
                columns[str(name)] = data[name].values.reshape(own)
        (formula, *_) = self.formulas
        inside = self._in_energy_units(columns)
        numbers = {name: self._number(name, data, inside) for name in formula.names}
        with np.errstate(all="ignore"):  # a formula need not have a value everywhere
            return np.asarray(np.broadcast_to(formula.value(numbers, np), shape), float)

    def at(self, columns: Numbers, fixed: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
        """The formulas, (n, formulas), and their derivatives, (n, formulas, by).

        Args:
            columns: the parameters that differ from point to point, (n,) each.
            fixed: further ones that are the same at all.
        """
        size = len(next(iter(columns.values())))
        parts = [slice(first, first + _TOGETHER) for first in range(0, size, _TOGETHER)]
        found = [self._some({name: own[part] for name, own in columns.items()}, fixed) for part in parts]
        values, slopes = zip(*found, strict=True)
        return np.concatenate(values), np.concatenate(slopes)

    def _some(self, columns: Numbers, fixed: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
        """The same for a few points, the last one repeated."""
        known = len(next(iter(columns.values())))
        index = np.minimum(np.arange(_TOGETHER), known - 1)
        columns = {name: np.asarray(own, float)[index] for name, own in columns.items()}
        asked = {
            "axes": {ALONG: {name: own.tolist() for name, own in columns.items()}},
            "observables": self.observables,
            "derivatives": list(self.by),
        }
        if fixed:
            asked["parameters"] = dict(self.plan.spec.parameters) | dict(fixed)
        data = self._solved(asked)
        here = columns | {name: np.full(_TOGETHER, value) for name, value in fixed.items()}
        inside = self._in_energy_units(here)
        sizes = np.array([self.plan.spec.conversion(name) for name in self.by])
        values, slopes = [], []
        for formula in self.formulas:
            numbers, along = {}, {}
            for name in formula.names:
                numbers[name] = np.broadcast_to(self._number(name, data, inside), _TOGETHER)
                along[name] = np.stack([self._slope(name, own, data) for own in self.by], axis=-1)
            value, slope = value_and_slopes(formula, numbers, along)
            values.append(value[:known])
            slopes.append(slope[:known] * sizes)
        return np.stack(values, axis=1), np.stack(slopes, axis=1)

    def _solved(self, asked: dict[str, Any]) -> xr.Dataset:
        plan = self.planned(asked)
        return run_in_memory(Sweep(plan, "", plan.spec.model, Path()))

    def _in_energy_units(self, columns: Numbers) -> Numbers:
        """Parameters as formulas take them."""
        return {name: own * self.plan.spec.conversion(name) for name, own in columns.items()}

    def _number(self, name: Name, data: xr.Dataset, columns: Numbers) -> np.ndarray:
        elements, others = self._resolved
        if name in elements:
            return _element(data[name.name], elements[name])
        return columns[name.name] if name.name in columns else others[name.name]

    def _slope(self, name: Name, by: str, data: xr.Dataset) -> np.ndarray:
        elements, _ = self._resolved
        if name in elements:
            return _element(data[f"d_{name.name}_d_{by}"], elements[name])
        return np.full(_TOGETHER, 1.0 if name.name == by else 0.0)


def _element(values: xr.DataArray, index: tuple[int, ...]) -> np.ndarray:
    """One of the numbers of an observable at each point."""
    own = values.dims[values.ndim - len(index) :]
    return np.asarray(values.isel(dict(zip(own, index, strict=True))))
