"""Time evolution: exact where the generator is constant, an ODE where it is not."""

from qthermo_jax.dynamics.changing import Warming, evolve_driven, evolve_with_baths, evolved_with_baths
from qthermo_jax.dynamics.constant import evolve, evolved

__all__ = ["Warming", "evolve", "evolve_driven", "evolve_with_baths", "evolved", "evolved_with_baths"]
