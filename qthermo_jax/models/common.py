"""What models share: their choice of spectral density, names of their parameters, degenerate levels."""

from typing import Annotated, Literal

import numpy as np
from jaxtyping import ArrayLike, Float, Num

from qthermo_jax.baths import Flat, Ohmic, SpectralDensity
from qthermo_jax.labels import Quantity

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
