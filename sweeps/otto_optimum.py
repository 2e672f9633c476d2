"""What the efficiency of an Otto cycle at greatest work is compared with."""

import jax
import jax.numpy as jnp

import qthermo_jax as qj


@qj.observable(
    qj.Quantity(
        "Curzon and Ahlborn",
        r"\eta_{\rm CA}",
        0,
        source="Curzon and Ahlborn, Am. J. Phys. 43, 22 (1975)",
    )
)
def curzon_ahlborn(cycle: qj.Cycle, state: qj.CycleState) -> jax.Array:
    """1 - sqrt(T_c/T_h)."""
    T = cycle.temperatures
    return 1.0 - jnp.sqrt(jnp.min(T) / jnp.max(T))
