"""What the periodic state of a driven system is: rho over the period, the currents, and their errors."""

from collections.abc import Iterator
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact

from qthermo_jax.precision import precise
from qthermo_jax.steady import State
from qthermo_jax.summary import span


class PeriodicState(State):
    """The state of a driven system that returns to itself after a period.

    Populations and coherences are those at time 0, in `basis`; `rho` is the state at time 0. Currents
    are means over the period, in units of energy^2 (hbar = 1).

    Attributes:
        times: of `rho_at`, (m,), from 0.
        rho_at: rho(t) in the basis in which H was given, (m, d, d).
        heat_currents: J_k into each bath, (K,).
        heat_bounds: bound of the error of each, from round-off, the steps and the photons left out.
        gross_currents: the heat that flows either way between the system and each bath, (K,).
        power: work per time P that the drive does on the system; the sum of J_k.
        energy_balance: sum of J_k minus P, 0 but for round-off and the steps.
        entropy_production: sum of J_k/T_k, in units of energy; for "global" a sum of terms that are not
            negative, where no coherence is kept.
        error: bound of the error of the elements of rho.
        step_error: bound of what the finite number of steps does to an element of the propagator.
    """

    times: Float[Array, " m"]
    rho_at: Complex[Array, "m d d"]
    heat_currents: Float[Array, " K"]
    heat_bounds: Float[Array, " K"]
    gross_currents: Float[Array, " K"]
    power: Float[Array, ""]
    energy_balance: Float[Array, ""]
    entropy_production: Float[Array, ""]
    error: Float[Array, ""]
    step_error: Float[Array, ""]
    _populated: ClassVar[str] = "the basis states at time 0"

    @property
    def power_bound(self) -> Float[Array, "*t"]:
        """Bound of the error of the power, which is the sum of the currents."""
        return jnp.sum(self.heat_bounds, axis=-1) + jnp.abs(self.energy_balance)

    @property
    @precise
    def mean_rho(self) -> Complex[Array, "*t d d"]:
        """Mean of rho(t) over the period."""
        return jnp.mean(self.rho_at, axis=-3)

    @property
    def mean_populations(self) -> Float[Array, "*t d"]:
        """Populations of the basis states in which H was given, means over the period."""
        return jnp.einsum("...aa->...a", self.mean_rho).real

    @precise
    def mean(self, operator: Inexact[Array, "*k d d"]) -> Float[Array, "*t"]:
        """Mean of an observable, or of each of an array of them, over the period, Tr[O rho(t)]."""
        kind = np.promote_types(operator.dtype, self.rho_at.dtype)
        return jnp.einsum("...ij,...ji->...", operator.astype(kind), self.mean_rho.astype(kind)).real

    def _rows(self) -> Iterator[tuple[str, str]]:
        yield from super()._rows()
        yield "heat currents", span(self.heat_currents)
        yield "power", span(self.power)
        yield "error", f"{span(self.error)} (bound)"


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
