"""Built-in models: pure functions of named parameters that return an `OpenSystem`."""

from qthermo_jax.models.chain import chain
from qthermo_jax.models.three_level import lambda_system, v_system

__all__ = ["chain", "lambda_system", "v_system"]
