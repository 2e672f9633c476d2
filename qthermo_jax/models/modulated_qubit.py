"""The minimal quantum heat machine: one qubit whose frequency is modulated."""

import math
from typing import Annotated

import jax
import jax.numpy as jnp

from qthermo_jax.baths import Bath, UnderDamped
from qthermo_jax.driven_system import DrivenSystem
from qthermo_jax.labels import Quantity
from qthermo_jax.models.common import Scalar, model


@model
def modulated_qubit(
    omega_0: Annotated[Scalar, Quantity("frequency of the qubit", r"\omega_0", 1)] = 1.0,
    drive_frequency: Annotated[Scalar, Quantity("frequency of the modulation", r"\Omega", 1)] = 0.2,
    modulation: Annotated[Scalar, Quantity("depth of the modulation", r"\lambda", 0)] = 0.2,
    T_c: Annotated[Scalar, Quantity("temperature of the cold bath", "T_c", 1)] = 1.0,
    T_h: Annotated[Scalar, Quantity("temperature of the hot bath", "T_h", 1)] = 2.0,
    rate: Annotated[Scalar, Quantity("spectral density at its maximum", r"\gamma", 1)] = 1e-4,
    width: Annotated[Scalar, Quantity("width of the spectral densities", r"\kappa", 1)] = 0.002,
) -> DrivenSystem:
    """One qubit of modulated frequency: an engine when slow, a refrigerator when fast.

    H(t) = (omega_0 + modulation drive_frequency sin(drive_frequency t)) sigma_z/2. Both baths couple to
    sigma_x; the spectral density of the hot one (1) peaks at omega_0 + drive_frequency, that of the cold
    one (2) at omega_0 - drive_frequency. Source: Gelbwaser-Klimovsky, Alicki and Kurizki, Phys. Rev. E
    87, 012140 (2013).

    Where the peaks are narrow each cycle of jumps takes omega_0 + drive_frequency from the hot bath and
    leaves omega_0 - drive_frequency in the cold one: the efficiency is 2 drive_frequency/(omega_0 +
    drive_frequency). The power changes its sign at drive_frequency = omega_0 (T_h - T_c)/(T_h + T_c),
    where that is Carnot's.

    >>> import qthermo_jax as qj
    >>> system = modulated_qubit(drive_frequency=0.2)
    >>> round(float(qj.observe(system, qj.periodic_state(system), "efficiency")), 2)  # 1/3
    0.33
    """
    omega_0, fast = jnp.asarray(omega_0, float), jnp.asarray(drive_frequency, float)
    rate, width = jnp.asarray(rate, float), jnp.asarray(width, float)
    sigma_x, sigma_z = jnp.array([[0.0, 1.0], [1.0, 0.0]]), jnp.array([[-1.0, 0.0], [0.0, 1.0]])

    def bath(T: Scalar, peak: Scalar) -> Bath:
        return Bath(sigma_x, T, UnderDamped(jnp.sqrt(rate * width * peak), width, peak))

    # modulation Omega sin(Omega t) = i modulation Omega/2 e^{-i Omega t} + h.c.
    half = jnp.asarray(modulation, float) * fast / 2
    sideband = jax.lax.complex(jnp.zeros_like(half), half)
    return DrivenSystem(
        [omega_0 / 2 * sigma_z, sideband / 2 * sigma_z.astype(sideband.dtype)],
        2 * math.pi / fast,
        [bath(T_h, omega_0 + fast), bath(T_c, omega_0 - fast)],
        labels=("0", "1"),
    )
