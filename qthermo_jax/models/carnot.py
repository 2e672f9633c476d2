"""The Carnot cycle of a qubit in finite time."""

from typing import Annotated

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qthermo_jax.baths import Bath
from qthermo_jax.cycle import Cycle, Stroke
from qthermo_jax.labels import Quantity
from qthermo_jax.models.common import Rate, Scalar, Spectrum, model, named_density

_X, _Z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[-1.0, 0.0], [0.0, 1.0]])


@model
def carnot(
    omega_1: Annotated[
        Scalar, Quantity("frequency where the hot isotherm begins", r"\omega_1", 1)
    ] = 4.0,
    omega_2: Annotated[Scalar, Quantity("frequency where the hot isotherm ends", r"\omega_2", 1)] = 2.0,
    T_c: Annotated[Scalar, Quantity("temperature of the cold bath", "T_c", 1)] = 1.0,
    T_h: Annotated[Scalar, Quantity("temperature of the hot bath", "T_h", 1)] = 2.0,
    isotherm: Annotated[Scalar, Quantity("duration of an isotherm", r"\tau", -1)] = 200.0,
    ramp: Annotated[Scalar, Quantity("duration of an adiabat", r"\tau_a", -1)] = 1.0,
    rate: Rate = 0.05,
    spectrum: Spectrum = "ohmic",
    steps: Annotated[int, Quantity("steps of a stroke")] = 256,
) -> Cycle:
    """Carnot cycle of a qubit, H = omega sigma_z/2: two isotherms and two adiabats, in finite time.

    With the hot bath omega falls from omega_1 to omega_2; without a bath both shrink by T_c/T_h, so that
    the populations fit the cold bath, with which omega rises again. Slow isotherms give the efficiency
    1 - T_c/T_h and the work (T_h - T_c) dS, dS the entropy that the hot bath gives; what is missing
    falls as 1/isotherm. Source: Geva and Kosloff, J. Chem. Phys. 96, 3054 (1992).

    >>> cycle = carnot()  # its isotherms take 64 bit
    >>> cycle.stroke_names
    ('hot isotherm', 'expansion', 'cold isotherm', 'compression')
    """
    first, second = jnp.asarray(omega_1, float), jnp.asarray(omega_2, float)
    ratio = jnp.asarray(T_c, float) / jnp.asarray(T_h, float)
    rates = jnp.broadcast_to(jnp.asarray(rate, float), (2,))

    def H(omega: Array) -> Float[Array, "2 2"]:
        return omega / 2 * _Z

    def ramped(begin: Array, end: Array, duration: Scalar, name: str, *baths: str) -> Stroke:
        return Stroke(
            lambda s: H(begin + (end - begin) * s), duration, baths=baths, steps=steps, name=name
        )

    return Cycle(
        [
            ramped(first, second, isotherm, "hot isotherm", "hot"),
            ramped(second, second * ratio, ramp, "expansion"),
            ramped(second * ratio, first * ratio, isotherm, "cold isotherm", "cold"),
            ramped(first * ratio, first, ramp, "compression"),
        ],
        {
            "hot": Bath(_X, T_h, named_density(spectrum, rates[0])),
            "cold": Bath(_X, T_c, named_density(spectrum, rates[1])),
        },
    )
