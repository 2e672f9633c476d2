"""Observables as they are declared: an operator or a function, its name, what its axes are called."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, ArrayLike, Inexact, Num

from qthermo_jax.couplings import Qobj, inexact
from qthermo_jax.labels import Dimension, Quantity


class Observable(eqx.Module):
    """A named observable of a model: expectation values Tr[O rho] of one operator or an array of them.

    Args:
        operator: O in the basis in which H is given, shape (*dims, d, d), a `Qobj` or a list of them;
            an operator that is diagonal there may be given as its diagonal, (*dims, d). A number that
            does not depend on the state, say a closed form to compare with, is that number times the
            identity.
        quantity: its name, symbol and unit.
        dims: one `Dimension` for each leading axis.

    >>> import numpy as np
    >>> Observable(np.array([1.0, 0.0]), Quantity("population of the first state", "p_1", 0)).is_diagonal
    True
    """

    operator: Inexact[Array, "*shape"]
    quantity: Quantity = eqx.field(static=True)
    dims: tuple[Dimension, ...] = eqx.field(static=True)

    def __init__(
        self,
        operator: Num[ArrayLike, "*shape"] | Qobj | Sequence[Qobj],
        quantity: Quantity,
        dims: Sequence[Dimension] = (),
    ) -> None:
        self.operator = inexact(operator)
        self.quantity = quantity
        self.dims = tuple(dims)
        shape = tuple(len(dim.labels) for dim in self.dims)
        leading, own = self.operator.shape[: len(shape)], self.operator.shape[len(shape) :]
        if leading != shape or len(own) not in (1, 2) or own[0] != own[-1]:
            raise ValueError(
                f"an observable with dimensions {shape} has an operator of shape {shape} + (d,) or "
                f"{shape} + (d, d), not {self.operator.shape}"
            )

    @property
    def is_diagonal(self) -> bool:
        """Whether the operator is stored as its diagonal."""
        return self.operator.ndim == len(self.dims) + 1


class CurrentOf(eqx.Module):
    """A model's own name for the heat current into one of its baths, times a factor.

    Attributes:
        bath: its position, from 0.
        factor: -1 for the heat that the bath gives.
        quantity: its name, symbol and unit.

    >>> CurrentOf(0, -1.0, Quantity("cooling power", "-J_c", 2)).dims
    ()
    """

    bath: int = eqx.field(static=True)
    factor: float = eqx.field(static=True)
    quantity: Quantity = eqx.field(static=True)

    @property
    def dims(self) -> tuple[Dimension, ...]:
        """None: it is a number."""
        return ()


class ComputedObservable(eqx.Module):
    """A named observable that is any pure function of the system and its state.

    Args:
        function: (system, state, *arguments) -> array with one axis for each of `dims`; defined once, at
            the top of a module: JAX compiles anew for every function object.
        quantity: its name, symbol and unit.
        dims: one `Dimension` for each axis of what it returns.
        arguments: numbers and arrays that it takes besides; parameters of the model go in here.

    >>> ComputedObservable(lambda system, state: state.status, Quantity("status")).dims
    ()
    """

    function: jax.tree_util.Partial
    quantity: Quantity = eqx.field(static=True)
    dims: tuple[Dimension, ...] = eqx.field(static=True)
    arguments: tuple[Any, ...]

    def __init__(
        self,
        function: Callable[..., Array],
        quantity: Quantity,
        dims: Sequence[Dimension] = (),
        arguments: Sequence[Any] = (),
    ) -> None:
        self.function = jax.tree_util.Partial(function)
        self.quantity = quantity
        self.dims = tuple(dims)
        self.arguments = tuple(arguments)

    @property
    def name(self) -> str:
        """That of the function."""
        name: str = self.function.func.__name__
        return name


# What a model may list among its observables.
Declared = Observable | ComputedObservable | CurrentOf


def observable(
    quantity: Quantity, dims: Sequence[Dimension] = ()
) -> Callable[[Callable[..., Array]], ComputedObservable]:
    """Decorator: a function of (system, state) as an observable that a sweep takes by its name.

    >>> import jax.numpy as jnp
    >>> @observable(Quantity("largest population", "p_max", 0))
    ... def largest_population(system, state):
    ...     return jnp.max(state.populations)
    >>> largest_population.name
    'largest_population'
    """
    return lambda function: ComputedObservable(function, quantity, dims)
