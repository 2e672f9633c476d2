"""What the limit cycle of a cycle of strokes is: states, and heat and work of each stroke."""

from collections.abc import Iterator
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Inexact

from qthermo_jax.driven import MachineState
from qthermo_jax.precision import precise
from qthermo_jax.summary import span


class CycleState(MachineState):
    """The state of a cycle that returns to itself: its limit cycle.

    Populations, coherences and `rho` are those at the beginning of the cycle. Currents and power are
    means over the cycle.

    Attributes:
        rho_at: rho at the beginning of each of n strokes, and after the last one, in the basis in which
            H was given, (n + 1, d, d).
        stroke_heat: into each bath in each stroke, (n, K).
        stroke_heat_bounds: bounds of their errors.
        stroke_work: done on the system in each stroke, (n,): by the change of H within it, by a jump of
            H at its beginning and by its unitary.
        stroke_work_bounds: bounds of their errors.
        stroke_balance: energy that the system gains in each stroke, less work, plus heat, (n,): 0 but
            for round-off and the steps.
        friction: coherence between the levels of H at the end of each stroke, (n,): the relative entropy
            of coherence, S(diag rho) - S(rho).
        friction_bounds: bounds of their errors.
        cycle_map: the map of rho by a cycle less one, (d^2, d^2), rows of rho one after the other.
    """

    rho_at: Complex[Array, "n_plus_1 d d"]
    stroke_heat: Float[Array, "n K"]
    stroke_heat_bounds: Float[Array, "n K"]
    stroke_work: Float[Array, " n"]
    stroke_work_bounds: Float[Array, " n"]
    stroke_balance: Float[Array, " n"]
    friction: Float[Array, " n"]
    friction_bounds: Float[Array, " n"]
    cycle_map: Complex[Array, "dd dd"]
    _populated: ClassVar[str] = "the basis states at the beginning"

    @property
    def heat(self) -> Float[Array, "*t K"]:
        """Heat into each bath in a cycle."""
        return jnp.sum(self.stroke_heat, axis=-2)

    @property
    def work(self) -> Float[Array, "*t"]:
        """Work that is done on the system in a cycle."""
        return jnp.sum(self.stroke_work, axis=-1)

    @property
    def observed_rho(self) -> Complex[Array, "*t d d"]:
        """rho at the beginning of the cycle."""
        return self.rho_at[..., 0, :, :]

    @property
    @precise
    def convergence(self) -> Float[Array, "*t"]:
        """By how much a cycle shrinks the distance from the limit cycle in the end, from 0 to 1.

        The modulus of the second largest eigenvalue of the map of a cycle; on a CPU.
        """
        values = jnp.abs(1.0 + jnp.linalg.eigvals(self.cycle_map))
        return jnp.sort(values, axis=-1)[..., -2]

    @precise
    def approach(self, rho: Inexact[Array, "d d"], cycles: int) -> Complex[Array, "m d d"]:
        """rho at the beginning of each of so many cycles, and after the last one.

        Args:
            rho: at the beginning of the first one, (d, d).
            cycles: their number, m - 1.
        """
        start = rho.astype(self.cycle_map.dtype).reshape(-1)

        def on(before: Array, _: None) -> tuple[Array, Array]:
            after = before + self.cycle_map @ before
            return after, after

        _, after = jax.lax.scan(on, start, None, length=cycles)
        return jnp.concatenate([start[None], after]).reshape(-1, *rho.shape)

    def _rows(self) -> Iterator[tuple[str, str]]:
        yield from super()._rows()
        yield "heat", f"{span(self.heat)} (a cycle)"
        yield "work", f"{span(self.work)} (a cycle)"
