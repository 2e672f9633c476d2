"""Quantum Otto cycles: two strokes between frequencies, two with a bath each."""

from collections.abc import Callable
from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qthermo_jax.baths import Bath
from qthermo_jax.cycle import Cycle, Stroke
from qthermo_jax.declared import ComputedObservable, Declared
from qthermo_jax.labels import Quantity
from qthermo_jax.models.common import Rate, Scalar, Spectrum, model, named_density

Frequency = Annotated[Scalar, Quantity("frequency at the cold bath", r"\omega_c", 1)]
HighFrequency = Annotated[Scalar, Quantity("frequency at the hot bath", r"\omega_h", 1)]
ColdTemperature = Annotated[Scalar, Quantity("temperature of the cold bath", "T_c", 1)]
HotTemperature = Annotated[Scalar, Quantity("temperature of the hot bath", "T_h", 1)]
RampTime = Annotated[Scalar, Quantity("duration of a change of frequency", r"\tau", -1)]
BathTime = Annotated[Scalar, Quantity("duration of the contact with a bath", r"\tau_b", -1)]
Steps = Annotated[int, Quantity("steps of a change of frequency")]

_X, _Z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[-1.0, 0.0], [0.0, 1.0]])


def otto_cycle(
    H: Callable[[Array], Array],
    frequencies: tuple[Scalar, Scalar],
    durations: tuple[Scalar, Scalar],
    baths: dict[str, Bath],
    steps: int,
    observables: dict[str, Declared] | None = None,
) -> Cycle:
    """Hot bath, expansion, cold bath, compression.

    Args:
        H: of the frequency.
        frequencies: at the hot and at the cold bath.
        durations: of a contact with a bath, and of a change of frequency.
        baths: "hot" and "cold".
    """
    high, low = (jnp.asarray(own, float) for own in frequencies)
    contact, ramp = durations
    return Cycle(
        [
            Stroke(H(high), contact, baths=["hot"], name="heating"),
            Stroke(lambda s: H(high + (low - high) * s), ramp, steps=steps, name="expansion"),
            Stroke(H(low), contact, baths=["cold"], name="cooling"),
            Stroke(lambda s: H(low + (high - low) * s), ramp, steps=steps, name="compression"),
        ],
        baths,
        observables=observables,
    )


@model
def otto(
    omega_c: Frequency = 1.0,
    omega_h: HighFrequency = 2.0,
    T_c: ColdTemperature = 0.5,
    T_h: HotTemperature = 2.0,
    ramp: RampTime = 5.0,
    contact: BathTime = 20.0,
    transverse: Annotated[Scalar, Quantity("transverse field", r"\Delta", 1)] = 0.0,
    rate: Rate = 0.05,
    spectrum: Spectrum = "ohmic",
    steps: Steps = 128,
) -> Cycle:
    """Quantum Otto cycle of a qubit: H = omega sigma_z/2 + transverse sigma_x/2, omega up and down.

    Without a transverse field H commutes with itself at all times, and the efficiency is 1 -
    omega_c/omega_h however fast it goes. With one, fast changes create coherence, which costs work:
    friction. Both baths couple to sigma_x. Source: Kosloff and Rezek, Entropy 19, 136 (2017).

    >>> import qthermo_jax as qj
    >>> cycle = otto(omega_c=1.0, omega_h=4.0, T_h=8.0)
    >>> round(float(qj.observe(cycle, qj.limit_cycle(cycle), "efficiency")), 6)
    0.75
    """
    rates = jnp.broadcast_to(jnp.asarray(rate, float), (2,))

    def H(omega: Array) -> Float[Array, "2 2"]:
        return omega / 2 * _Z + jnp.asarray(transverse, float) / 2 * _X

    baths = {
        "hot": Bath(_X, T_h, named_density(spectrum, rates[0])),
        "cold": Bath(_X, T_c, named_density(spectrum, rates[1])),
    }
    return otto_cycle(H, (omega_h, omega_c), (contact, ramp), baths, steps)


@model
def otto_oscillator(
    omega_c: Frequency = 1.0,
    omega_h: HighFrequency = 2.0,
    T_c: ColdTemperature = 0.3,
    T_h: HotTemperature = 1.0,
    ramp: RampTime = 5.0,
    contact: BathTime = 20.0,
    rate: Rate = 0.05,
    spectrum: Spectrum = "ohmic",
    levels: Annotated[int, Quantity("levels that are kept")] = 8,
    adiabatic: Annotated[bool, Quantity("whether the changes create no coherence")] = True,
    steps: Steps = 128,
) -> Cycle:
    """Quantum Otto cycle of a harmonic oscillator whose frequency changes, cut off at some level.

    With `adiabatic` H = omega (n + 1/2) in states that move along, what slow changes do; else H = p^2/2
    + omega^2 x^2/2, whose fast changes squeeze, and which takes more steps. Both baths couple to x.
    Source: Rezek and Kosloff, New J. Phys. 8, 83 (2006).

    Observables: `tail`, the largest population of the highest level that is kept between two strokes:
    what the cut-off changes is of that order.

    >>> import qthermo_jax as qj
    >>> cycle = otto_oscillator(levels=4)
    >>> round(float(qj.observe(cycle, qj.limit_cycle(cycle), "efficiency")), 6)
    0.5
    """
    if levels < 2:
        raise ValueError(f"{levels} levels: an oscillator has at least 2")
    number = np.arange(levels)
    x = np.diag(np.sqrt(number[1:]), 1) + np.diag(np.sqrt(number[1:]), -1)
    pairs = np.diag(np.sqrt(number[1:-1] * number[2:]), 2)
    lowest, rates = jnp.asarray(omega_c, float), jnp.broadcast_to(jnp.asarray(rate, float), (2,))

    def H(omega: Array) -> Float[Array, "d d"]:
        if adiabatic:
            return jnp.diag(omega * (number + 0.5))
        # In the eigenstates of omega_c, with 2 n + 1 and a^2 + a^dag^2.
        even = (lowest**2 + omega**2) / (4 * lowest) * jnp.diag(2 * number + 1.0)
        return even + (omega**2 - lowest**2) / (4 * lowest) * jnp.asarray(pairs + pairs.T)

    baths = {
        "hot": Bath(x, T_h, named_density(spectrum, rates[0])),
        "cold": Bath(x, T_c, named_density(spectrum, rates[1])),
    }
    tail = ComputedObservable(highest_population, Quantity("population of the highest level", "p", 0))
    return otto_cycle(H, (omega_h, omega_c), (contact, ramp), baths, steps, {"tail": tail})


def highest_population(cycle: Cycle, state: Any) -> Float[Array, ""]:
    """The largest population of the last basis state between two strokes."""
    return jnp.max(state.rho_at[:, -1, -1].real)


@model
def otto_qubits(
    omega_c: Frequency = 1.0,
    omega_h: HighFrequency = 2.0,
    T_c: ColdTemperature = 0.5,
    T_h: HotTemperature = 2.0,
    ramp: RampTime = 5.0,
    contact: BathTime = 20.0,
    J: Annotated[Scalar, Quantity("coupling of the qubits", "J", 1)] = 0.1,
    rate: Rate = 0.05,
    spectrum: Spectrum = "ohmic",
    steps: Steps = 128,
) -> Cycle:
    """Quantum Otto cycle of two coupled qubits, the first of which touches the baths.

    H = omega (sigma_z1 + sigma_z2)/2 + J (sigma_x1 sigma_x2 + sigma_y1 sigma_y2), which commutes with
    itself at all times. The energies +-2 J do not follow omega: they carry heat from the hot to the cold
    bath, or back, without work. Source: Thomas and Johal, Phys. Rev. E 83, 031135 (2011).

    >>> import qthermo_jax as qj
    >>> cycle = otto_qubits(J=0.1)
    >>> round(float(qj.observe(cycle, qj.limit_cycle(cycle), "efficiency")), 2)  # 1/2 without heat of J
    0.49
    """
    rates = jnp.broadcast_to(jnp.asarray(rate, float), (2,))
    one = np.eye(2)
    field = (np.kron(_Z, one) + np.kron(one, _Z)) / 2
    exchange = np.zeros((4, 4))
    exchange[1, 2] = exchange[2, 1] = 2.0

    def H(omega: Array) -> Float[Array, "4 4"]:
        return omega * field + jnp.asarray(J, float) * exchange

    flip = np.kron(_X, one)
    baths = {
        "hot": Bath(flip, T_h, named_density(spectrum, rates[0])),
        "cold": Bath(flip, T_c, named_density(spectrum, rates[1])),
    }
    return otto_cycle(H, (omega_h, omega_c), (contact, ramp), baths, steps)
