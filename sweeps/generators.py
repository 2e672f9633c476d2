"""Two coupled qubits, their heat current by each of the four master equations."""

from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np

import qthermo_jax as qj

# In the partial secular equation frequencies closer than this act together: some of the baths' rates.
CUT_OFF = 0.1

EQUATIONS = {
    "global": ("global", None),
    "partial secular": ("partial_secular", CUT_OFF),
    "Redfield": ("redfield", None),
    "local": ("local", None),
}
ERROR = qj.Quantity("error of the global current", r"|J/J_R - 1|", 0, neutral=0.1)
CURRENT = qj.Quantity("heat current into bath 2", "J", 2)
STATUS = qj.Quantity("status")
BY_EQUATION = [qj.Dimension("equation", tuple(EQUATIONS), "master equation")]

ONE, SIGMA_X, SIGMA_Z = np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])

Detuning = Annotated[float, qj.Quantity("detuning of the qubits", r"\delta", 1)]
Coupling = Annotated[float, qj.Quantity("coupling of the qubits", "g", 1)]
Temperature1 = Annotated[float, qj.Quantity("temperature of bath 1", "T_1", 1)]
Temperature2 = Annotated[float, qj.Quantity("temperature of bath 2", "T_2", 1)]


def two_qubits(
    detuning: Detuning = 0.0,
    g: Coupling = 0.01,
    T_1: Temperature1 = 1.0,
    T_2: Temperature2 = 0.3,
    eta: float = 0.01,
) -> qj.OpenSystem:
    """Two qubits, H = (sigma_z1 + (1 + detuning) sigma_z2)/2 + g sigma_x1 sigma_x2, each with a bath.

    Observables by equation: `current`, the heat into bath 2, NaN where the equation's state is flagged;
    `equation_status`, a `qthermo_jax.Status`, 9 where the state has a negative eigenvalue. And
    `error_of_the_default`, how far the global current is from Redfield's, which drops no frequencies.
    """
    apart = (np.kron(SIGMA_Z, ONE) + (1.0 + detuning) * np.kron(ONE, SIGMA_Z)) / 2
    x_1, x_2 = np.kron(SIGMA_X, ONE), np.kron(ONE, SIGMA_X)
    baths = [qj.Bath(x_1, T_1, qj.Ohmic(eta)), qj.Bath(x_2, T_2, qj.Ohmic(eta))]
    system = qj.OpenSystem(apart + g * x_1 @ x_2, baths, local=apart)
    currents, statuses = [], []
    for generator, cut_off in EQUATIONS.values():
        own = system.with_generator(generator, cut_off)
        state = qj.steadystate(own, method="dense")
        currents.append(qj.heat_currents(own, state)[1])
        statuses.append(state.status.astype(float))
    by_name = dict(zip(EQUATIONS, currents, strict=True))
    error = jnp.abs(by_name["global"] / by_name["Redfield"] - 1.0)
    return system.with_observables(
        {
            "error_of_the_default": qj.ComputedObservable(_known, ERROR, arguments=[error]),
            "current": qj.ComputedObservable(_known, CURRENT, BY_EQUATION, [jnp.stack(currents)]),
            "equation_status": qj.ComputedObservable(_known, STATUS, BY_EQUATION, [jnp.stack(statuses)]),
        }
    )


def _known(system: qj.OpenSystem, state: qj.SteadyState, numbers: jax.Array) -> jax.Array:
    """What was found out with the system."""
    return numbers
