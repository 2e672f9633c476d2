"""Parameter sweeps of open quantum systems between thermal baths, on JAX.

Importing changes no JAX configuration: a direct call computes in the precision that is set, 32 bit
unless `jax_enable_x64` is on. The sweep and the command line compute in 64 bit whatever is set.
"""

import importlib
from typing import TYPE_CHECKING, Any

from qthermo_jax import models, operators, theory
from qthermo_jax.baths import (
    DrudeLorentz,
    Flat,
    Ohmic,
    OhmicFamily,
    SpectralDensity,
    UnderDamped,
    n_thermal,
    rate,
)
from qthermo_jax.catalogue import (
    measures,
    observe,
    peak_site,
    population_slope,
    sensitivity,
    site_populations,
)
from qthermo_jax.couplings import SparseCoupling
from qthermo_jax.generators import jump_operators, liouvillian
from qthermo_jax.labels import Dimension, Quantity
from qthermo_jax.observables import (
    energy_balance,
    entropy_production,
    expectation,
    heat_currents,
    level_populations,
    liouvillian_gap,
    min_eigenvalue,
)
from qthermo_jax.response import amplification, conductance, onsager, rectification, soret
from qthermo_jax.spectral import Eigenbasis, eigenbasis, gibbs_state
from qthermo_jax.steady import Method, Note, State, Status, SteadyState, after, steadystate
from qthermo_jax.superoperators import (
    dissipator,
    operator_to_vector,
    spost,
    spre,
    sprepost,
    vector_to_operator,
)
from qthermo_jax.system import Bath, Computed, Observable, OpenSystem, observable
from qthermo_jax.version import __version__

if TYPE_CHECKING:
    from qthermo_jax.dynamics import evolve, evolve_driven, evolve_with_baths
    from qthermo_jax.sweeping import open_result, sweep

__all__ = [
    "Bath",
    "Computed",
    "Dimension",
    "DrudeLorentz",
    "Eigenbasis",
    "Flat",
    "Method",
    "Note",
    "Observable",
    "Ohmic",
    "OhmicFamily",
    "OpenSystem",
    "Quantity",
    "SparseCoupling",
    "SpectralDensity",
    "State",
    "Status",
    "SteadyState",
    "UnderDamped",
    "__version__",
    "after",
    "amplification",
    "conductance",
    "dissipator",
    "eigenbasis",
    "energy_balance",
    "entropy_production",
    "evolve",
    "evolve_driven",
    "evolve_with_baths",
    "expectation",
    "gibbs_state",
    "heat_currents",
    "jump_operators",
    "level_populations",
    "liouvillian",
    "liouvillian_gap",
    "measures",
    "min_eigenvalue",
    "models",
    "n_thermal",
    "observable",
    "observe",
    "onsager",
    "open_result",
    "operator_to_vector",
    "operators",
    "peak_site",
    "population_slope",
    "rate",
    "rectification",
    "sensitivity",
    "site_populations",
    "soret",
    "spost",
    "spre",
    "sprepost",
    "steadystate",
    "sweep",
    "theory",
    "vector_to_operator",
]


# These bring what the kernels do without: xarray and HDF5, an ODE solver.
_ON_FIRST_USE = {
    "sweep": "qthermo_jax.accessor",
    "open_result": "qthermo_jax.accessor",
    "evolve": "qthermo_jax.dynamics",
    "evolve_driven": "qthermo_jax.dynamics",
    "evolve_with_baths": "qthermo_jax.dynamics",
}


def __getattr__(name: str) -> Any:
    """What is loaded when it is first used."""
    if name in _ON_FIRST_USE:
        return getattr(importlib.import_module(_ON_FIRST_USE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
