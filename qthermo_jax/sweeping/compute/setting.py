"""What a spec makes of its model's function: a system of a kind, with the spec's master equation."""

from collections.abc import Callable
from typing import Any

import jax

from qthermo_jax.sweeping.compute.kinds import kind_of
from qthermo_jax.sweeping.errors import SpecError, of_model
from qthermo_jax.sweeping.plan.grid import Grid

_NEEDS_A_NUMBER = (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError)


def system_function(grid: Grid) -> Callable[..., Any]:
    """The system as a function of the model's numbers, and of `foreign` ones, which it ignores.

    It has the spec's master equation and initial state, and the grid's structural parameters are given.
    When it is called it raises `SpecError` for what a spec cannot ask of the model.
    """
    spec, model = grid.spec, grid.model

    def function(**numbers: Any) -> Any:
        own = {name: number for name, number in numbers.items() if name not in grid.foreign}
        try:
            system = model.function(**grid.structure, **own)
        except _NEEDS_A_NUMBER as error:
            traced = (
                f"{type(error).__name__}: its numbers are traced by JAX: jnp.where "
                "instead of if, jax.numpy instead of numpy, math and float(...)"
            )
            raise SpecError(of_model(model.name, traced)) from error
        return kind_of(system, spec, model.name).prepared(system, spec)

    return function
