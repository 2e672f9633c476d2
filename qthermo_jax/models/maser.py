"""The three-level maser as a heat engine, in the frame that rotates with its drive."""

from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qthermo_jax.baths import Bath, SpectralDensity, rates_both_ways
from qthermo_jax.couplings import SparseCoupling
from qthermo_jax.declared import ComputedObservable, Observable
from qthermo_jax.labels import Quantity
from qthermo_jax.models.common import Rate, Scalar, Spectrum, model, named_density
from qthermo_jax.system import OpenSystem


def efficiency(
    system: OpenSystem, state: Any, output: Float[Array, " d"], taken: Float[Array, " d"]
) -> Float[Array, ""]:
    """Work over heat from the hot bath, of operators that are diagonal in the given basis."""
    p = state.level_populations
    return jnp.dot(output, p) / jnp.dot(taken, p)


@model
def maser(
    omega_c: Annotated[Scalar, Quantity("frequency at the cold bath", r"\omega_c", 1)] = 1.0,
    omega_h: Annotated[Scalar, Quantity("frequency at the hot bath", r"\omega_h", 1)] = 3.0,
    T_c: Annotated[Scalar, Quantity("temperature of the cold bath", "T_c", 1)] = 0.5,
    T_h: Annotated[Scalar, Quantity("temperature of the hot bath", "T_h", 1)] = 3.0,
    drive: Annotated[Scalar, Quantity("strength of the drive", r"\epsilon", 1)] = 0.05,
    rate: Rate = 0.02,
    spectrum: Spectrum = "flat",
    detuning: Annotated[
        Scalar, Quantity("frequency of the drive above that of the levels", r"\Delta", 1)
    ] = 0.0,
) -> OpenSystem:
    """Three-level maser: heat that flows from a hot to a cold bath amplifies a field.

    H(t) = (omega_c + detuning/2) |1><1| + (omega_h - detuning/2) |2><2| + drive (e^{i omega t} |1><2| +
    h.c.), with the drive's frequency omega = omega_h - omega_c. The hot bath drives |0> - |2>, the cold
    one |0> - |1>; they are numbered in this order. In the frame that rotates with the field, where the
    local master equation does not depend on time, H = detuning (|1><1| - |2><2|)/2 + drive (|1><2| +
    h.c.). Source: Scovil and Schulz-DuBois, Phys. Rev. Lett. 2, 262 (1959); Geva and Kosloff, Phys.
    Rev. E 49, 3903 (1994).

    The baths exchange quanta omega_h and omega_c, and the field quanta omega: the efficiency is
    1 - omega_c/omega_h whatever the rest. The field is amplified where omega_h/T_h < omega_c/T_c, up to
    Carnot's efficiency. With a detuning the levels are not as far apart as these quanta. The heat
    currents of H(t), which count the energy of the drive's coherence, then violate the second law near
    the Carnot point unless the energies in the baths' rates are corrected (Kalaee and Wacker, Phys. Rev.
    A 103, 012202 (2021)). Those of H in the rotating frame are no heat either: use the observables.

    Observables: `output_power`, `heat_from_hot`, `heat_to_cold`, `efficiency`.

    >>> import qthermo_jax as qj
    >>> system = qj.models.maser(omega_c=1.0, omega_h=4.0)
    >>> state = qj.steadystate(system, method="dense")
    >>> round(float(qj.observe(system, state, "efficiency")), 4)
    0.75
    """
    omega_c, omega_h = jnp.asarray(omega_c, float), jnp.asarray(omega_h, float)
    rates = jnp.broadcast_to(jnp.asarray(rate, float), (2,))
    T = jnp.stack([jnp.asarray(own, float) for own in (T_h, T_c)])
    baths = Bath(SparseCoupling(3, rows=[0, 0], columns=[2, 1]), T, named_density(spectrum, rates))
    coupled = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    apart = np.diag([0.0, 0.5, -0.5])
    frequencies = jnp.stack([omega_h, omega_c])

    def into(density: SpectralDensity, omega: Array, T: Array) -> Float[Array, "2"]:
        """Energy per time into a bath from the upper level and from the lower one."""
        emission, absorption = rates_both_ways(density, omega, T)
        return jnp.stack([omega * emission, -omega * absorption])

    (hot_up, hot_down), (cold_up, cold_down) = jax.vmap(into)(baths.spectrum, frequencies, T)
    nothing = jnp.zeros_like(omega_c)
    into_hot = jnp.stack([hot_down, nothing, hot_up])
    into_cold = jnp.stack([cold_down, cold_up, nothing])
    output = -into_hot - into_cold
    return OpenSystem(
        jnp.asarray(drive, float) * jnp.asarray(coupled, float)
        + jnp.asarray(detuning, float) * jnp.asarray(apart, float),
        baths,
        labels=("0", "1", "2"),
        local=jnp.diag(jnp.stack([nothing, omega_c, omega_h])),
        generator="local",
        observables={
            "output_power": Observable(output, Quantity("output power", "-P", 2, neutral=0.0)),
            "heat_from_hot": Observable(-into_hot, Quantity("heat from the hot bath", "-J_h", 2)),
            "heat_to_cold": Observable(into_cold, Quantity("heat to the cold bath", "J_c", 2)),
            "efficiency": ComputedObservable(
                efficiency, Quantity("efficiency", r"\eta", 0), arguments=(output, -into_hot)
            ),
        },
    )
