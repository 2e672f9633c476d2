"""How currents fluctuate: full counting statistics of the energy that the baths get."""

from qthermo_jax.fluctuations.cumulants import current_cumulants, current_noise
from qthermo_jax.fluctuations.measures import fluctuation_measures
from qthermo_jax.fluctuations.uncertainty import (
    correlation,
    dynamical_activity,
    fano,
    kur_ratio,
    signal_to_noise,
    tur_ratio,
)

__all__ = [
    "correlation",
    "current_cumulants",
    "current_noise",
    "dynamical_activity",
    "fano",
    "fluctuation_measures",
    "kur_ratio",
    "signal_to_noise",
    "tur_ratio",
]
