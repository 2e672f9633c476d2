"""What every solver of a steady state offers, and what it returns."""

import abc
from enum import IntFlag
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int8

from qthermo_jax.eigenbasis import Eigenbasis
from qthermo_jax.master_equations import MasterEquation
from qthermo_jax.registry import Method, SolverEntry
from qthermo_jax.structure import Index
from qthermo_jax.transitions import Transitions

Levels = tuple[Index, ...] | None


class Note(IntFlag):
    """What a reader of a state should know although nothing is wrong with it.

    >>> (Note.COHERENCES_NOT_EXAMINED | Note.UNDERFLOW).value
    3
    """

    NONE = 0
    COHERENCES_NOT_EXAMINED = 1
    UNDERFLOW = 2
    CURRENTS_CANCEL = 4

    @property
    def meaning(self) -> str:
        """One line for people."""
        return "; ".join(_REMARKS[note] for note in Note if note in self) or "nothing to note"


_REMARKS = {
    Note.COHERENCES_NOT_EXAMINED: (
        "coherences inside degenerate levels, which no population drives, were taken as 0; whether "
        "they decay was not examined"
    ),
    Note.UNDERFLOW: "populations below the smallest number of this precision are 0",
    Note.CURRENTS_CANCEL: (
        "terms cancel so far that less than six digits are left of a heat current, of its noise or of a "
        "higher cumulant, or of what is made of these: that number is NaN"
    ),
}


class Solution(eqx.Module):
    """What a solver finds, in the eigenbasis of H, before anything is said about the point's inputs.

    Attributes:
        populations, coherences: the diagonal of rho and the rest of it, None for a solver without.
        residual: max |L rho| / max |L|, dimensionless.
        error: bound of the elements' errors; for `populations` relative to each.
        population_errors: bound of the error of each population, (d,).
        coherence_error: bound of the error of each coherence.
        leak: upper bound of the matrix elements by which what is kept drives what is left out.
        unique: whether it is the only steady state.
        exact: whether the solver's assumption about the system's structure holds.
        underflow: whether rates were lost below the smallest number, such that it matters.
        method: which solver, a `Method`.
        note: a `Note`.
    """

    populations: Float[Array, " d"]
    coherences: Complex[Array, "d d"] | None
    residual: Float[Array, ""]
    error: Float[Array, ""]
    population_errors: Float[Array, " d"]
    coherence_error: Float[Array, ""]
    leak: Float[Array, ""]
    unique: Bool[Array, ""]
    exact: Bool[Array, ""]
    underflow: Bool[Array, ""]
    method: Int8[Array, ""]
    note: Int8[Array, ""]

    def with_coherences(self) -> "Solution":
        """The same with coherences that are 0, where there were none."""
        if self.coherences is not None:
            return self
        p = self.populations
        zeros = jnp.zeros((p.size, p.size), np.promote_types(p.dtype, np.complex64))
        full: Solution = eqx.tree_at(
            lambda own: own.coherences, self, zeros, is_leaf=lambda leaf: leaf is None
        )
        return full


class Problem(NamedTuple):
    """What a solver is given.

    Attributes:
        equation: the master equation (static).
        transitions: the transitions that it is made of.
        basis: the eigenbasis of H.
        levels: groups of eigenstates that are known to be degenerate (static); None if nothing is known.
    """

    equation: MasterEquation
    transitions: Transitions
    basis: Eigenbasis
    levels: Levels


class Solver(abc.ABC):
    """A way to the steady state, exact where its solution says so.

    To add one: a file with a subclass, and two lines in `qthermo_jax.registry`.

    Attributes:
        method: its number in results.
        any_equation, evolves: as in `qthermo_jax.registry.SolverEntry`.
        about: what it does, in a line for users.
    """

    about: ClassVar[str]

    def __init__(self, method: Method, entry: SolverEntry) -> None:
        self.method, self.any_equation, self.evolves = method, entry.any_equation, entry.evolves

    @property
    def name(self) -> str:
        """As users write it."""
        return self.method.name.lower()

    def takes(self, equation: MasterEquation) -> bool:
        """Whether it solves this master equation."""
        return self.any_equation or equation.secular

    def helps(self, levels: Levels) -> bool:
        """Whether "auto" gains by trying it, from what is known of the levels."""
        return True

    @abc.abstractmethod
    def solve(self, problem: Problem) -> Solution:
        """The steady state."""

    @abc.abstractmethod
    def bytes_per_point(self, dimension: int, n_transitions: int, levels: Levels) -> int:
        """Memory that one point of a batch takes, in bytes (measured in 64 bit)."""
