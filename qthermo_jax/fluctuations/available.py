"""The statistics of currents that a sweep can be asked for by name."""

from functools import partial

from qthermo_jax.fluctuations.cumulants import bounded_cumulants, bounded_noise
from qthermo_jax.fluctuations.uncertainty import (
    bounded_activity,
    bounded_correlation,
    bounded_fano,
    bounded_kur,
    bounded_signal,
    bounded_tur,
)
from qthermo_jax.labels import Dimension, Quantity
from qthermo_jax.observables import AvailableObservable, bath_dimension
from qthermo_jax.system import OpenSystem

# Mean, variance, skewness and excess.
_ORDER = 4


def fluctuation_observables(system: OpenSystem) -> dict[str, AvailableObservable]:
    """What can be asked of any system's steady state."""
    bath = bath_dimension(system)
    both = (bath, bath_dimension(system, "other_bath", "other bath"))
    order = Dimension("cumulant", tuple(range(1, _ORDER + 1)), "order of the cumulant")
    return {
        "current_noise": AvailableObservable(
            bounded_noise, Quantity("zero-frequency noise of the heat currents", "S_{kl}", 3), both
        ),
        "current_cumulants": AvailableObservable(
            partial(bounded_cumulants, order=_ORDER),
            # The n-th one is in units of energy^(n + 1).
            Quantity("cumulant of the heat current", r"\langle\langle J^n \rangle\rangle", None),
            (order, bath),
        ),
        "fano": AvailableObservable(
            bounded_fano, Quantity("Fano factor of the heat current", "F", 1), (bath,)
        ),
        "tur_ratio": AvailableObservable(
            bounded_tur,
            Quantity(
                "thermodynamic uncertainty ratio", r"S_{kk} \dot\Sigma / (2 J_k^2)", 0, neutral=1.0
            ),
            (bath,),
        ),
        "kur_ratio": AvailableObservable(
            bounded_kur,
            Quantity("kinetic uncertainty ratio", r"S_{kk} A / J_k^2", 0, neutral=1.0),
            (bath,),
        ),
        "signal_to_noise": AvailableObservable(
            bounded_signal,
            Quantity("signal to noise of the heat current", r"J_k^2 / S_{kk}", 1),
            (bath,),
        ),
        "correlation": AvailableObservable(
            bounded_correlation, Quantity("correlation of two heat currents", r"\rho_{kl}", 0), both
        ),
        "dynamical_activity": AvailableObservable(
            bounded_activity, Quantity("number of jumps in a unit of time", "A", 1)
        ),
    }
