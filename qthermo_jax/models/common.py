"""What the paper's models share: their choice of spectral density, and names of their parameters."""

from typing import Annotated, Literal

from jaxtyping import ArrayLike, Num

from qthermo_jax.baths import Flat, Ohmic, SpectralDensity
from qthermo_jax.labels import Quantity

Scalar = Num[ArrayLike, ""]
Spectrum = Literal["flat", "ohmic"]
Rate = Annotated[
    Num[ArrayLike, "*K"],
    Quantity("coupling to the baths: J = rate, or J = rate omega if ohmic", r"\Gamma"),
]

_DENSITIES: dict[str, type[Flat] | type[Ohmic]] = {"flat": Flat, "ohmic": Ohmic}


def named_density(spectrum: str, rate: Num[ArrayLike, "*K"]) -> SpectralDensity:
    """The spectral density that a model's `spectrum` parameter names."""
    if spectrum not in _DENSITIES:
        raise ValueError(f"spectrum {spectrum!r} is not one of {', '.join(_DENSITIES)}")
    return _DENSITIES[spectrum](rate)
