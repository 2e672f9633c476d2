"""The two-stroke engine of two qubits that are swapped."""

from typing import Annotated

import jax.numpy as jnp
import numpy as np

from qthermo_jax.baths import Bath
from qthermo_jax.cycle import Cycle, Stroke
from qthermo_jax.labels import Quantity
from qthermo_jax.models.common import Rate, Scalar, Spectrum, model, named_density

_X, _Z, _ONE = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[-1.0, 0.0], [0.0, 1.0]]), np.eye(2)
_SWAP = np.eye(4)[[0, 2, 1, 3]]


@model
def swap_engine(
    omega_c: Annotated[Scalar, Quantity("frequency of the cold qubit", r"\omega_c", 1)] = 1.0,
    omega_h: Annotated[Scalar, Quantity("frequency of the hot qubit", r"\omega_h", 1)] = 2.0,
    T_c: Annotated[Scalar, Quantity("temperature of the cold bath", "T_c", 1)] = 0.5,
    T_h: Annotated[Scalar, Quantity("temperature of the hot bath", "T_h", 1)] = 2.0,
    contact: Annotated[Scalar, Quantity("duration of the contact with the baths", r"\tau", -1)] = 20.0,
    rate: Rate = 0.05,
    spectrum: Spectrum = "ohmic",
) -> Cycle:
    """Two qubits, each with a bath, that are swapped from time to time.

    H = (omega_h sigma_z1 + omega_c sigma_z2)/2. In the first stroke each qubit is with its own bath; the
    second one, which takes no time, swaps their states. The efficiency is 1 - omega_c/omega_h however
    long the contact is; it is an engine where omega_c/T_c > omega_h/T_h. Source: Campisi, Pekola and
    Fazio, New J. Phys. 17, 035012 (2015).

    >>> import qthermo_jax as qj
    >>> cycle = swap_engine()
    >>> round(float(qj.observe(cycle, qj.limit_cycle(cycle), "efficiency")), 6)
    0.5
    """
    rates = jnp.broadcast_to(jnp.asarray(rate, float), (2,))
    hot, cold = np.kron(_Z, _ONE) / 2, np.kron(_ONE, _Z) / 2
    H = jnp.asarray(omega_h, float) * hot + jnp.asarray(omega_c, float) * cold
    return Cycle(
        [
            Stroke(H, contact, baths=["hot", "cold"], name="contact"),
            Stroke(H, 0.0, unitary=_SWAP, name="swap"),
        ],
        {
            "hot": Bath(np.kron(_X, _ONE), T_h, named_density(spectrum, rates[0])),
            "cold": Bath(np.kron(_ONE, _X), T_c, named_density(spectrum, rates[1])),
        },
        labels=["00", "01", "10", "11"],
    )
