"""What the periodic state of a driven system is: rho over the period, the currents, and their errors."""

import abc
from collections.abc import Iterator
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact, Int8

from qthermo_jax.eigenbasis import Eigenbasis
from qthermo_jax.precision import precise
from qthermo_jax.solvers import Solution
from qthermo_jax.steady import State
from qthermo_jax.summary import span


class MachineState(State):
    """The state of a machine, which returns to itself after a period.

    Currents are means over the period, in units of energy^2 (hbar = 1).

    Attributes:
        heat_currents: J_k into each bath, (K,).
        heat_bounds: bound of the error of each, from round-off and from what was cut off.
        gross_currents: the heat that flows either way between the system and each bath, (K,).
        power: work per time P that is done on the system; the sum of J_k.
        energy_balance: sum of J_k minus P, 0 but for round-off and the steps.
        entropy_production: sum of J_k/T_k, in units of energy.
        error: bound of the error of the elements of rho.
        step_error: bound of what the finite number of steps does to an element of a propagator.
    """

    heat_currents: Float[Array, " K"]
    heat_bounds: Float[Array, " K"]
    gross_currents: Float[Array, " K"]
    power: Float[Array, ""]
    energy_balance: Float[Array, ""]
    entropy_production: Float[Array, ""]
    error: Float[Array, ""]
    step_error: Float[Array, ""]

    @property
    def power_bound(self) -> Float[Array, "*t"]:
        """Bound of the error of the power, which is the sum of the currents."""
        return jnp.sum(self.heat_bounds, axis=-1) + jnp.abs(self.energy_balance)

    @property
    @abc.abstractmethod
    def observed_rho(self) -> Complex[Array, "*t d d"]:
        """The density matrix that operators are averaged in."""

    @precise
    def mean(self, operator: Inexact[Array, "*k d d"]) -> Float[Array, "*t"]:
        """Tr[O rho] of an observable, or of each of an array of them, rho the `observed_rho`."""
        rho = self.observed_rho
        kind = np.promote_types(operator.dtype, rho.dtype)
        return jnp.einsum("...ij,...ji->...", operator.astype(kind), rho.astype(kind)).real

    def _rows(self) -> Iterator[tuple[str, str]]:
        yield from super()._rows()
        yield "heat currents", span(self.heat_currents)
        yield "power", span(self.power)
        yield "error", f"{span(self.error)} (bound)"


class PeriodicState(MachineState):
    """The state of a driven system that returns to itself after a period.

    Populations and coherences are those at time 0, in `basis`; `rho` is the state at time 0. For
    "global" entropy production is a sum of terms that are not negative, where no coherence is kept.

    Attributes:
        times: of `rho_at`, (m,), from 0.
        rho_at: rho(t) in the basis in which H was given, (m, d, d).
    """

    times: Float[Array, " m"]
    rho_at: Complex[Array, "m d d"]
    _populated: ClassVar[str] = "the basis states at time 0"

    @property
    @precise
    def observed_rho(self) -> Complex[Array, "*t d d"]:
        """Mean of rho(t) over the period."""
        return jnp.mean(self.rho_at, axis=-3)

    @property
    def mean_populations(self) -> Float[Array, "*t d"]:
        """Populations of the basis states in which H was given, means over the period."""
        return jnp.einsum("...aa->...a", self.observed_rho).real


class FloquetState(PeriodicState):
    """The periodic state of the Floquet-Davies master equation: populations of Floquet states.

    Attributes:
        quasi_energies: of each Floquet state, in the first zone, (d,).
        mean_energies: of H over the period in each, ascending, (d,).
        population_errors: bound of the error of each population, (d,).
        secular_ratio: largest rate of a jump over the smallest distance of quasi-energies modulo
            Omega. The master equation may be trusted where it is well below 1.
        tail: bound of the part of a bath's heat, either way, that jumps with more photons than are kept
            would carry, from the outer quarter of those that are kept.
    """

    quasi_energies: Float[Array, " d"]
    mean_energies: Float[Array, " d"]
    population_errors: Float[Array, " d"]
    secular_ratio: Float[Array, ""]
    tail: Float[Array, ""]
    _populated: ClassVar[str] = "the Floquet states"

    def _rows(self) -> Iterator[tuple[str, str]]:
        yield from super()._rows()
        yield "quasi-energies", span(self.quasi_energies)
        yield "secular ratio", span(self.secular_ratio)
        yield "tail", span(self.tail)


class Currents(eqx.Module):
    """Means over a period.

    Attributes:
        heat, bounds: into each bath, and the bounds of their errors.
        gross: the heat that flows either way.
        left_out: bound of what jumps with more photons than are kept would add to it.
        power: that the drive does on the system.
        entropy: produced per time.
    """

    heat: Float[Array, " K"]
    bounds: Float[Array, " K"]
    gross: Float[Array, " K"]
    left_out: Float[Array, " K"]
    power: Float[Array, ""]
    entropy: Float[Array, ""]


def fields_of(
    basis: Eigenbasis,
    elements: tuple[Float[Array, " d"], Complex[Array, "d d"] | None],
    status: Int8[Array, ""],
    solution: Solution,
    currents: Currents,
    errors: tuple[Float[Array, ""], Float[Array, ""]],
) -> dict[str, Any]:
    """Those of a `MachineState`, by name.

    Args:
        elements: populations and coherences, NaN unless the status is OK.
        errors: bounds of the error of the elements of rho, and of that of the steps.
    """
    solution, errors = jax.lax.stop_gradient((solution, errors))
    return {
        "basis": basis,
        "populations": elements[0],
        "coherences": elements[1],
        "status": status,
        "leak": solution.leak,
        "method": solution.method,
        "note": solution.note,
        "heat_currents": currents.heat,
        "heat_bounds": currents.bounds,
        "gross_currents": currents.gross,
        "power": currents.power,
        "energy_balance": jnp.sum(currents.heat) - currents.power,
        "entropy_production": currents.entropy,
        "error": errors[0],
        "step_error": errors[1],
    }
