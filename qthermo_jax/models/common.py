"""What models share: how they are called, names of their parameters, spectral densities, levels."""

import inspect
from collections.abc import Callable
from functools import cached_property, update_wrapper
from typing import Annotated, Any, Generic, Literal, ParamSpec, TypeVar, get_type_hints

import jax
import numpy as np
from jaxtyping import ArrayLike, Float, Num

from qthermo_jax.baths import Flat, Ohmic, SpectralDensity
from qthermo_jax.labels import Quantity, parameter_kind
from qthermo_jax.precision import compiled

P = ParamSpec("P")
S = TypeVar("S")

Scalar = Num[ArrayLike, ""]
Spectrum = Annotated[Literal["flat", "ohmic"], Quantity("spectral density of the baths")]
Sites = Annotated[int, Quantity("number of sites", "N", 0)]
SiteTemperatures = Annotated[
    Num[ArrayLike, " N"] | None, Quantity("temperature of each site, instead of T_L and T_R", "T", 1)
]
Rate = Annotated[
    Num[ArrayLike, "*K"],
    Quantity("coupling to the baths: J = rate, or J = rate omega if ohmic", r"\Gamma"),
]

# One matrix of so many levels is 0.5 GB, and every solver holds several.
_MOST_LEVELS = 8192

_DENSITIES: dict[str, type[Flat] | type[Ohmic]] = {"flat": Flat, "ohmic": Ohmic}


class _Model(Generic[P, S]):
    """A function of a model, which is compiled as a whole for calls with values."""

    def __init__(self, function: Callable[P, S]) -> None:
        update_wrapper(self, function)
        self._function = function

    def __reduce__(self) -> str:
        return self._function.__qualname__

    @cached_property
    def _signature(self) -> inspect.Signature:
        return inspect.signature(self._function)

    @cached_property
    def _structure(self) -> tuple[str, ...]:
        """The parameters that shape the system."""
        hints = get_type_hints(self._function, include_extras=True)
        known = self._signature.parameters.items()
        kinds = {name: parameter_kind(hints.get(name), own.default)[0] for name, own in known}
        return tuple(name for name, kind in kinds.items() if kind is not None)

    @cached_property
    def _program(self) -> Callable[..., S]:
        made: Callable[..., S] = compiled(self._function, static_argnames=self._structure)
        return made

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> S:
        try:
            given = self._signature.bind(*args, **kwargs).arguments
        except TypeError:
            return self._function(*args, **kwargs)  # says what is wrong
        shapes = [given[name] for name in self._structure if name in given]
        numbers = {name: value for name, value in given.items() if name not in self._structure}
        if not (
            all(isinstance(value, bool | int | str) for value in shapes)
            and all(map(_is_number, jax.tree.leaves(numbers)))
        ):
            return self._function(*args, **kwargs)
        return self._program(**(given | jax.tree.map(_as_float, numbers)))


def model(function: Callable[P, S]) -> Callable[P, S]:
    """A model that is made by one compiled program when it is called with values.

    Called operation by operation, as JAX would, a model takes a hundred times as long. The program is
    made for the parameters that shape the system, and serves all numbers.
    """
    return _Model(function)


def _is_number(value: object) -> bool:
    known = isinstance(value, int | float | np.ndarray | np.number | jax.Array)
    return known and not isinstance(value, bool | jax.core.Tracer)


def _as_float(value: Any) -> Any:
    """Whole numbers and numpy's scalars as Python's floats, so that nothing is compiled twice."""
    return float(value) if isinstance(value, int | float | np.integer | np.floating) else value


def named_density(spectrum: str, rate: Num[ArrayLike, "*K"]) -> SpectralDensity:
    """The spectral density that a model's `spectrum` parameter names."""
    if spectrum not in _DENSITIES:
        raise ValueError(f"spectrum {spectrum!r} is not one of {', '.join(_DENSITIES)}")
    return _DENSITIES[spectrum](rate)


def refuse_many_sites(sites: int, most: int = _MOST_LEVELS // 2, levels: int = _MOST_LEVELS) -> None:
    """Raise before the arrays of a model are made that no solver has room for.

    Args:
        sites: how many are asked for.
        most, levels: how many sites the model takes, and how many levels so many sites have; if left
            out, two levels a site.
    """
    if sites > most:
        raise ValueError(f"{sites} sites: the model takes at most {most}, which are {levels} levels")


def equal_groups(energies: Float[np.ndarray, " n"]) -> list[list[int]]:
    """Positions of equal energies of order 1, numbered as they ascend; groups of two and more."""
    gaps = np.diff(np.sort(energies))
    groups = np.split(np.arange(energies.size), 1 + np.flatnonzero(gaps > 1e-9))
    return [group.tolist() for group in groups if group.size > 1]
