"""How currents fluctuate: full counting statistics of the energy that the baths get."""

from qthermo_jax.fluctuations.cumulants import current_cumulants, current_noise
from qthermo_jax.fluctuations.finite_time import Counted, finite_time_cumulants
from qthermo_jax.fluctuations.generating import rate_function, scaled_cgf
from qthermo_jax.fluctuations.measures import fluctuation_measures
from qthermo_jax.fluctuations.spectrum import noise_spectrum
from qthermo_jax.fluctuations.uncertainty import (
    correlation,
    dynamical_activity,
    fano,
    kur_ratio,
    signal_to_noise,
    tur_ratio,
)

__all__ = [
    "Counted",
    "correlation",
    "current_cumulants",
    "current_noise",
    "dynamical_activity",
    "fano",
    "finite_time_cumulants",
    "fluctuation_measures",
    "kur_ratio",
    "noise_spectrum",
    "rate_function",
    "scaled_cgf",
    "signal_to_noise",
    "tur_ratio",
]
