"""Units of the laboratory: what a number in one of them is in the energy unit of a sweep.

Inside everything is in units of the energy unit, with hbar = k_B = 1. Frequencies stand for E / h,
wavenumbers for E / (h c), kelvins for E / k_B.
"""

# The SI defines its units by these, exact since 2019. To load `scipy.constants` for them takes a fifth
# of the time that JAX takes.
_PLANCK, _LIGHT = 6.62607015e-34, 299792458.0
_ELEMENTARY_CHARGE, _BOLTZMANN = 1.602176634e-19, 1.380649e-23

# Joules.
_SIZES = {
    "MHz": 1e6 * _PLANCK,
    "GHz": 1e9 * _PLANCK,
    "THz": 1e12 * _PLANCK,
    "cm^-1": 100.0 * _PLANCK * _LIGHT,
    "ueV": 1e-6 * _ELEMENTARY_CHARGE,
    "meV": 1e-3 * _ELEMENTARY_CHARGE,
    "eV": _ELEMENTARY_CHARGE,
    "mK": 1e-3 * _BOLTZMANN,
    "K": _BOLTZMANN,
}
UNITS = tuple(_SIZES)


def known_unit(name: str) -> str | None:
    """The unit of that name, cm^{-1} as pictures take it among them; None if there is none.

    >>> known_unit("cm^{-1}")
    'cm^-1'
    """
    plain = name.replace("{", "").replace("}", "")
    return plain if plain in _SIZES else None


def conversion(unit: str, energy_unit: str) -> float:
    """What one of a unit is in another one; 1 where both are the same.

    >>> round(conversion("K", "GHz"), 6)
    20.836619
    """
    size, one = known_unit(unit), known_unit(energy_unit)
    if size is None or one is None:
        raise ValueError(f"no units: {unit!r}, {energy_unit!r}")
    return 1.0 if size == one else _SIZES[size] / _SIZES[one]
