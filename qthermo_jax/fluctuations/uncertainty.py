"""How regular a current is: its noise beside its mean, and the bounds that dissipation and activity set."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from qthermo_jax.bounded import Bounded
from qthermo_jax.fluctuations.coherent import Known, solver_of
from qthermo_jax.fluctuations.counting import Jumps, Sum
from qthermo_jax.fluctuations.cumulants import bounded_cumulants, bounded_noise
from qthermo_jax.fluctuations.tiers import as_bounded, by_tier, spread, tier_of
from qthermo_jax.fluctuations.tilted import Tilted, weighted_jumps
from qthermo_jax.observables import bounded_currents, bounded_entropy_production
from qthermo_jax.precision import compiled
from qthermo_jax.steady import SteadyState
from qthermo_jax.system import OpenSystem
