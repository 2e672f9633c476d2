"""What every master equation offers."""

import abc
from typing import ClassVar, NamedTuple

from jaxtyping import Array, Bool, Float

from qthermo_jax.eigenbasis import Eigenbasis
from qthermo_jax.master_equations.generator import Generator, InEigenbasis
from qthermo_jax.registry import EquationEntry
from qthermo_jax.transitions import Transitions


class HeatFlow(NamedTuple):
    """What a state gives to the baths.

    Attributes:
        currents: J_k, (K,).
        bounds: of the error that round-off leaves in each, (K,).
        parts: the same state by state that it comes of, (K, d).
        no_cycle: whether a steady state has no current for want of a cycle, ().
    """

    currents: Float[Array, " K"]
    bounds: Float[Array, " K"]
    parts: Float[Array, "K d"]
    no_cycle: Bool[Array, ""]


class MasterEquation(abc.ABC):
    """A master equation: a generator that is made of transitions, and the heat that it moves.

    To add one: a file with a subclass, and a line in `qthermo_jax.registry`.

    Attributes:
        name: as users write it.
        secular, needs: as in `qthermo_jax.registry.EquationEntry`.
        between_bare_states: whether its jumps are between eigenstates of H_0, not of H.
    """

    between_bare_states: ClassVar[bool] = False

    def __init__(self, name: str, entry: EquationEntry) -> None:
        self.name, self.secular, self.needs = name, entry.secular, entry.needs

    @abc.abstractmethod
    def generator(self, transitions: Transitions, basis: Eigenbasis) -> Generator:
        """The generator as a tensor in the eigenbasis of H: d rho_ab/dt = sum_cd L[a, b, c, d] rho_cd.

        Args:
            transitions: between eigenstates of H, or of H_0 if the equation is `between_bare_states`.
            basis: that of H.
        """

    @abc.abstractmethod
    def heat(self, transitions: Transitions, basis: Eigenbasis, state: InEigenbasis) -> HeatFlow:
        """Heat current into each bath, J_k = -Tr[L_k(rho) H], with bounds of its round-off."""
