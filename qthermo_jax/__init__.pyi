from . import models, operators, theory
from .accessor import FitResult, fit, follow, open_result, optimise, sweep
from .baths import (
    Bath,
    DrudeLorentz,
    Flat,
    Ohmic,
    OhmicFamily,
    SpectralDensity,
    UnderDamped,
    n_thermal,
    rate,
)
from .catalogue import (
    available_observables,
    observe,
    peak_site,
    population_slope,
    sensitivity,
    site_populations,
)
from .couplings import SparseCoupling
from .currents import energy_balance, entropy_production, heat_current_bounds, heat_currents
from .cycle import Cycle, Stroke
from .declared import ComputedObservable, Observable, observable
from .diagnosis import diagnose
from .driven import FloquetBasis, FloquetState, PeriodicState, floquet_basis, periodic_state
from .driven_system import DrivenSystem
from .dynamics import evolve, evolve_driven, evolve_with_baths
from .eigenbasis import Eigenbasis, gibbs_state
from .fluctuations import (
    Cycles,
    Trajectories,
    correlation,
    current_cumulants,
    current_noise,
    cycles,
    dynamical_activity,
    fano,
    finite_time_cumulants,
    kur_ratio,
    noise_spectrum,
    rate_function,
    scaled_cgf,
    signal_to_noise,
    trajectories,
    tur_ratio,
)
from .labels import Dimension, Quantity
from .liouvillian import jump_operators, liouvillian
from .observables import (
    expectation,
    level_populations,
    liouvillian_gap,
    min_eigenvalue,
)
from .registry import Method
from .response import amplification, conductance, onsager, rectification, soret
from .solvers import Note
from .steady import State, Status, SteadyState, steadystate
from .strokes import CycleState, limit_cycle
from .superoperators import (
    dissipator,
    operator_to_vector,
    spost,
    spre,
    sprepost,
    vector_to_operator,
)
from .system import OpenSystem
from .version import __version__

__all__ = [
    "Bath",
    "ComputedObservable",
    "Cycle",
    "CycleState",
    "Cycles",
    "Dimension",
    "DrivenSystem",
    "DrudeLorentz",
    "Eigenbasis",
    "FitResult",
    "Flat",
    "FloquetBasis",
    "FloquetState",
    "Method",
    "Note",
    "Observable",
    "Ohmic",
    "OhmicFamily",
    "OpenSystem",
    "PeriodicState",
    "Quantity",
    "SparseCoupling",
    "SpectralDensity",
    "State",
    "Status",
    "SteadyState",
    "Stroke",
    "Trajectories",
    "UnderDamped",
    "__version__",
    "amplification",
    "available_observables",
    "conductance",
    "correlation",
    "current_cumulants",
    "current_noise",
    "cycles",
    "diagnose",
    "dissipator",
    "dynamical_activity",
    "energy_balance",
    "entropy_production",
    "evolve",
    "evolve_driven",
    "evolve_with_baths",
    "expectation",
    "fano",
    "finite_time_cumulants",
    "fit",
    "floquet_basis",
    "follow",
    "gibbs_state",
    "heat_current_bounds",
    "heat_currents",
    "jump_operators",
    "kur_ratio",
    "level_populations",
    "limit_cycle",
    "liouvillian",
    "liouvillian_gap",
    "min_eigenvalue",
    "models",
    "n_thermal",
    "noise_spectrum",
    "observable",
    "observe",
    "onsager",
    "open_result",
    "operator_to_vector",
    "operators",
    "optimise",
    "peak_site",
    "periodic_state",
    "population_slope",
    "rate",
    "rate_function",
    "rectification",
    "scaled_cgf",
    "sensitivity",
    "signal_to_noise",
    "site_populations",
    "soret",
    "spost",
    "spre",
    "sprepost",
    "steadystate",
    "sweep",
    "theory",
    "trajectories",
    "tur_ratio",
    "vector_to_operator",
]
