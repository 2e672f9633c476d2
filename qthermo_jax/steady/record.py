"""What a steady-state solve returns: the state, and whether and why to trust it."""

from enum import IntEnum

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact, Int8

from qthermo_jax.spectral import Eigenbasis


class Status(IntEnum):
    """What happened at one point. Everything but OK makes the point's results NaN."""

    OK = 0
    PARAMETER_OUT_OF_RANGE = 1
    NOT_HERMITIAN = 2
    DIVERGENT_RATE = 3
    NOT_UNIQUE = 4
    LARGE_RESIDUAL = 5
    METHOD_NOT_EXACT = 6

    @property
    def meaning(self) -> str:
        """One line for people."""
        return _MEANINGS[self]


_MEANINGS = {
    Status.OK: "steady state found",
    Status.PARAMETER_OUT_OF_RANGE: (
        "a temperature below 0, a spectral parameter out of its range, or a number that is not finite"
    ),
    Status.NOT_HERMITIAN: "H or a coupling is not Hermitian, or H connects two of its declared sectors",
    Status.DIVERGENT_RATE: (
        "a rate diverges (a flat spectrum's does at zero frequency) and the bath drives that transition"
    ),
    Status.NOT_UNIQUE: "the steady state is not unique",
    Status.LARGE_RESIDUAL: "the solution does not satisfy its equation",
    Status.METHOD_NOT_EXACT: "the method that was asked for is not exact: populations drive coherences",
}


class Method(IntEnum):
    """Which solver found a state."""

    POPULATIONS = 1
    DENSE = 2


class Solution(eqx.Module):
    """What a solver finds, in the eigenbasis of H, before anything is said about the point's inputs.

    Attributes:
        rho: density matrix.
        residual: max |L rho| / max |L|, dimensionless.
        unique: whether it is the only steady state.
        exact: whether the solver's assumption about the system's structure holds.
        method: which solver, a `Method`.
    """

    rho: Inexact[Array, "d d"]
    residual: Float[Array, ""]
    unique: Bool[Array, ""]
    exact: Bool[Array, ""]
    method: Int8[Array, ""]


class SteadyState(eqx.Module):
    """Steady state of one open system.

    Attributes:
        basis: the eigenstates of H.
        rho_eigen: density matrix in that eigenbasis, (d, d); NaN unless the status is OK.
        status: a `Status`, int8.
        residual: max |L rho| / max |L|, dimensionless.
        method: the solver that found it, a `Method`, int8.
    """

    basis: Eigenbasis
    rho_eigen: Inexact[Array, "d d"]
    status: Int8[Array, ""]
    residual: Float[Array, ""]
    method: Int8[Array, ""]

    @property
    def rho(self) -> Inexact[Array, "d d"]:
        """Density matrix in the basis in which H was given."""
        return self.basis.rotate_out(self.rho_eigen)

    def explain(self) -> str:
        """The status in words; for a batch, how many points have which."""
        codes, counts = jnp.unique(self.status, return_counts=True)
        lines = [
            f"{int(n)} x {Status(int(code)).meaning}" for code, n in zip(codes, counts, strict=True)
        ]
        return "; ".join(lines) if self.status.ndim else Status(int(self.status)).meaning
