"""What a steady-state solve returns: the state, and whether and why to trust it."""

import importlib
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact, Int8

from qthermo_jax.eigenbasis import Eigenbasis
from qthermo_jax.precision import compiled, precise
from qthermo_jax.registry import Method
from qthermo_jax.solvers import Note
from qthermo_jax.summary import Summary, batch_of, counted, span


class Status(IntEnum):
    """What happened at one point. Everything but OK makes the point's results NaN.

    >>> Status(3).name
    'DIVERGENT_RATE'
    """

    PENDING = -1
    OK = 0
    PARAMETER_OUT_OF_RANGE = 1
    NOT_HERMITIAN = 2
    DIVERGENT_RATE = 3
    NOT_UNIQUE = 4
    LARGE_RESIDUAL = 5
    METHOD_NOT_EXACT = 6
    UNDERFLOW = 7
    NO_DERIVATIVE = 8
    NOT_POSITIVE = 9
    BAD_INITIAL_STATE = 10
    INACCURATE = 11
    NOT_PERIODIC = 12
    TOO_FEW_STEPS = 13
    TOO_FEW_PHOTONS = 14
    NOT_FEASIBLE = 15
    NOT_CONVERGED = 16

    @property
    def meaning(self) -> str:
        """One line for people."""
        return _MEANINGS[self]


_MEANINGS = {
    Status.PENDING: "not computed yet",
    Status.OK: "state found",
    Status.PARAMETER_OUT_OF_RANGE: (
        "a temperature, duration or cut-off below 0, a period or heat capacity that is not above 0, "
        "a spectral parameter out of its range, times that do not ascend from 0, a matrix that is not "
        "unitary where one has to be, or a number that is not finite"
    ),
    Status.NOT_HERMITIAN: "H or a coupling is not Hermitian, or H connects two of its declared sectors",
    Status.DIVERGENT_RATE: (
        "a rate diverges (a flat spectrum's does at zero frequency) and the bath drives that transition"
    ),
    Status.NOT_UNIQUE: "the steady state is not unique",
    Status.LARGE_RESIDUAL: "the solution does not satisfy its equation",
    Status.METHOD_NOT_EXACT: (
        "the method that was asked for is not exact: what it keeps drives coherences that it leaves out"
    ),
    Status.UNDERFLOW: "the rates span more orders of magnitude than this precision holds",
    Status.NOT_POSITIVE: "the density matrix has a negative eigenvalue (as Redfield's may)",
    Status.BAD_INITIAL_STATE: (
        "the initial state is not Hermitian, has a negative population, or a trace that is not 1"
    ),
    Status.INACCURATE: "round-off may have changed the state, or a derivative, by more than 1e-3",
    Status.NOT_PERIODIC: "H(t) is not what it is a period later",
    Status.TOO_FEW_STEPS: (
        "the finite number of steps a period may change the state or a heat current by more than 1e-5 "
        "(32 bit: 3e-4)"
    ),
    Status.TOO_FEW_PHOTONS: (
        "jumps with more photons than are kept may carry more than 1e-5 of a bath's heat (32 bit: 3e-4)"
    ),
    Status.NOT_FEASIBLE: "no place was found within the bounds that meets the conditions",
    Status.NOT_CONVERGED: "what the search came to is no optimum as far as its evidence tells",
    Status.NO_DERIVATIVE: (
        "a degenerate level splits along this parameter, or a bath begins to drive a transition whose "
        "rate diverges: there is no derivative here"
    ),
}


@compiled
def _rho(state: "State") -> Inexact[Array, "*t d d"]:
    return state.basis.rotate_out(state.rho_eigen)


@compiled
def _level_populations(state: "State") -> Float[Array, "*t d"]:
    V = state.basis.vectors
    direct = jnp.einsum("...ai,...i->...a", jnp.abs(V) ** 2, state.populations)
    if state.coherences is None:
        return direct
    V = V.astype(state.coherences.dtype)
    return direct + jnp.einsum("...ai,...ij,...aj->...a", V, state.coherences, V.conj()).real


class State(eqx.Module):
    """A state of an open system, in the eigenbasis of H; or a batch of states, all axes of which lead.

    Attributes:
        basis: the eigenstates of H.
        populations: of the eigenstates, (d,); NaN unless the status is OK.
        coherences: the rest of rho in the eigenbasis, (d, d); None where the solver has none.
        status: a `Status`, int8.
        leak: upper bound of the matrix elements of the generator by which the elements of rho that
            the solver keeps drive those that it leaves out, in units of energy; 0 for "dense".
        method: the solver that found it, a `Method`, int8.
        note: a `Note`, int8.
    """

    basis: Eigenbasis
    populations: Float[Array, " d"]
    coherences: Complex[Array, "d d"] | None
    status: Int8[Array, ""]
    leak: Float[Array, ""]
    method: Int8[Array, ""]
    note: Int8[Array, ""]
    _populated: ClassVar[str] = "the eigenstates of H"

    @property
    @precise
    def rho_eigen(self) -> Complex[Array, "*t d d"]:
        """Density matrix in the eigenbasis."""
        p = self.populations
        one = jnp.eye(p.shape[-1], dtype=np.promote_types(p.dtype, np.complex64))
        diagonal = jnp.einsum("...i,ij->...ij", p.astype(one.dtype), one)
        return diagonal if self.coherences is None else diagonal + self.coherences

    @property
    def rho(self) -> Inexact[Array, "*t d d"]:
        """Density matrix in the basis in which H was given."""
        rho: Inexact[Array, "*t d d"] = _rho(self)
        return rho

    @property
    def level_populations(self) -> Float[Array, "*t d"]:
        """Populations of the basis states in which H was given: the diagonal of `rho`."""
        populations: Float[Array, "*t d"] = _level_populations(self)
        return populations

    def to_qutip(self, dims: Sequence[Sequence[int]] | None = None) -> Any:
        """`rho` as a density matrix of QuTiP, a `qutip.Qobj`.

        Args:
            dims: its factors as QuTiP writes them, [[2, 2], [2, 2]] for two qubits, or the `dims` of
                the Qobj that H was; default [[d], [d]].

        Raises:
            ImportError: QuTiP is not there.
            ValueError: dims that do not fit, or a batch of states.

        >>> from qthermo_jax import models, steadystate
        >>> steadystate(models.lambda_system(T_1=0.5, T_2=0.0)).to_qutip().isherm
        True
        """
        batch = self.populations.shape[:-1]
        if batch:
            raise ValueError(f"one state becomes a Qobj, not a batch of shape {batch}")
        try:
            # No dependency, and a second to load.
            qutip = importlib.import_module("qutip")
        except ModuleNotFoundError as error:
            raise ImportError(f"to_qutip: no {error.name}: pip install qutip") from None
        return qutip.Qobj(np.asarray(self.rho, complex), dims=dims)

    def explain(self) -> str:
        """The status in words; for a batch, how many points have which."""
        return counted(self.status, Status, "meaning")

    def __repr__(self) -> str:
        summary = self._summary()
        return super().__repr__() if summary is None else str(summary)

    def _repr_html_(self) -> str | None:
        summary = self._summary()
        return None if summary is None else summary.as_html()

    def _summary(self) -> Summary | None:
        """What was found, None for a tree of its structure that holds no arrays."""
        if not hasattr(self.populations, "shape"):
            return None
        batch = batch_of((self.populations, 1))
        return Summary(
            f"{type(self).__name__} of dimension {self.populations.shape[-1]}{batch}", self._rows()
        )

    def _rows(self) -> Iterator[tuple[str, str]]:
        yield "status", counted(self.status, Status, "meaning")
        yield "method", counted(self.method, Method, "name").lower()
        yield "populations", f"{span(self.populations)} (of {self._populated})"
        if self.coherences is not None:
            yield "coherences", "kept"
        yield "leak", span(self.leak)
        yield "note", counted(self.note, Note, "meaning")


class SteadyState(State):
    """Steady state of one open system.

    Attributes:
        residual: max |L rho| / max |L|, dimensionless.
        error: estimated bound of the error of rho's elements in the eigenbasis, from round-off; with
            `populations` it bounds the relative error of each population, however small.
        population_errors: bound of the error of each population, (d,).
        coherence_error: bound of the error of each coherence between eigenstates.
        asked: the method that was asked for (static).
        net_fluxes: whether its currents are made of net fluxes where subtracting costs digits (static).
            If not, those of which six digits are not known are NaN.

    >>> from qthermo_jax import models, steadystate
    >>> steadystate(models.lambda_system(T_1=0.5, T_2=0.0)).explain()
    'state found'
    """

    residual: Float[Array, ""]
    error: Float[Array, ""]
    population_errors: Float[Array, " d"]
    coherence_error: Float[Array, ""]
    asked: str = eqx.field(static=True)
    net_fluxes: bool = eqx.field(static=True, default=True)

    def _rows(self) -> Iterator[tuple[str, str]]:
        yield from super()._rows()
        yield "asked", self.asked
        yield "residual", span(self.residual)
        yield "error", f"{span(self.error)} (bound)"
