"""What a sweep differentiates by: parameters of the model, and temperatures of single baths."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from qthermo_jax.labels import Dimension, Quantity
from qthermo_jax.sweeping.errors import Issue, SpecError, Steps, unknown_name
from qthermo_jax.sweeping.plan.grid import Grid
from qthermo_jax.sweeping.plan.model import Parameter

# The name under which derivatives by the temperatures of all baths, one by one, are asked for.
ALL_BATHS = "temperatures"


@dataclass(frozen=True)
class Derivative:
    """A parameter that every observable is differentiated by.

    Attributes:
        name: of the parameter, of one bath's temperature ("T_3"), or `ALL_BATHS`.
        directions: which of the plan's directions it is.
        dims: the dimension that it adds, if any.
        quantity: of the parameter.
    """

    name: str
    directions: np.ndarray
    dims: tuple[Dimension, ...]
    quantity: Quantity

    def of(self, observable: str) -> str:
        """What the derivative of an observable is called."""
        return f"d_{observable}_d_{self.name}"

    @property
    def status(self) -> str:
        """What the variable is called that says whether it exists."""
        return f"status_d_{self.name}"

    def measured(self, quantity: Quantity) -> Quantity:
        """Name and unit of a derivative."""
        powers = (quantity.energy_power, self.quantity.energy_power)
        power = None if None in powers else (powers[0] or 0) - (powers[1] or 0)
        own = self.quantity.symbol or rf"\mathrm{{{self.name}}}"
        symbol = rf"\partial {quantity.symbol} / \partial {own}" if quantity.symbol else ""
        name = f"derivative of {quantity.long_name} by {self.quantity.long_name or self.name}"
        return Quantity(name, symbol, power)


def find_derivatives(
    grid: Grid, n_baths: int
) -> tuple[tuple[Derivative, ...], tuple[str, ...], dict[str, np.ndarray]]:
    """What the spec of a grid differentiates by.

    Args:
        n_baths: number of baths, K.

    Returns:
        the derivatives; which of them are by parameters of the model; the values of those parameters
            that the spec leaves at the model's default.

    Raises:
        SpecError: a name that is none, or not a single number.
    """
    names, parameters, swept = grid.spec.derivatives, grid.model.parameters, grid.swept
    baths = {f"T_{k + 1}": k for k in range(n_baths)}
    scalars = {
        name
        for name, parameter in parameters.items()
        if name in swept or np.ndim(_fixed_value(parameter, grid.numbers)) == 0
    }
    differentiated = tuple(name for name in names if name in scalars)
    heated = Dimension("heated_bath", tuple(range(1, n_baths + 1)), "bath whose temperature changes")
    defaults: dict[str, np.ndarray] = {}
    found = []
    for position, name in enumerate(names):
        steps: Steps = ("derivatives", position)
        if name in names[:position]:
            raise SpecError(Issue(steps, f"{name!r} is listed twice"))
        dims: tuple[Dimension, ...] = ()
        if name in differentiated:
            directions, quantity = np.array([differentiated.index(name)]), parameters[name].quantity
            if name not in swept and name not in grid.numbers:
                defaults[name] = np.asarray(parameters[name].default, float)
        elif name == ALL_BATHS:
            directions, dims = len(differentiated) + np.arange(n_baths), (heated,)
            quantity = Quantity("the temperature of a bath", "T", 1)
        elif name in baths:
            directions = np.array([len(differentiated) + baths[name]])
            quantity = Quantity(f"the temperature of bath {baths[name] + 1}", name, 1)
        elif name in parameters:
            several = f"{name!r} is not a single number here; {_takes(n_baths)}"
            raise SpecError(Issue(steps, several))
        else:
            known = list(dict.fromkeys([*sorted(scalars), *baths, ALL_BATHS]))
            raise SpecError(unknown_name(steps, "parameter", name, known))
        found.append(Derivative(name, directions, dims, quantity))
    return tuple(found), differentiated, defaults


def _takes(n_baths: int) -> str:
    baths = f"T_1 ... T_{n_baths}"
    return f"takes parameters that are, {baths}, or {ALL_BATHS!r} for those of all baths"


def _fixed_value(parameter: Parameter, numbers: dict[str, np.ndarray]) -> Any:
    """The number that a parameter has where it does not move; a list for what is none."""
    value = numbers.get(parameter.name, parameter.default)
    is_number = isinstance(value, int | float | np.ndarray) and not isinstance(value, bool)
    return value if parameter.structure is None and is_number else []
