"""How currents fluctuate: full counting statistics, records of single jumps, cycles."""

from qthermo_jax.fluctuations.available import fluctuation_observables
from qthermo_jax.fluctuations.cumulants import current_cumulants, current_noise
from qthermo_jax.fluctuations.cycles import Cycles, cycles
from qthermo_jax.fluctuations.finite_time import Counted, finite_time_cumulants
from qthermo_jax.fluctuations.generating import rate_function, scaled_cgf
from qthermo_jax.fluctuations.spectrum import noise_spectrum
from qthermo_jax.fluctuations.trajectories import Trajectories, trajectories
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
    "Cycles",
    "Trajectories",
    "correlation",
    "current_cumulants",
    "current_noise",
    "cycles",
    "dynamical_activity",
    "fano",
    "finite_time_cumulants",
    "fluctuation_observables",
    "kur_ratio",
    "noise_spectrum",
    "rate_function",
    "scaled_cgf",
    "signal_to_noise",
    "trajectories",
    "tur_ratio",
]
