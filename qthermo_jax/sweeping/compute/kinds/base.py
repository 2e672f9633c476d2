"""What a sweep asks of a kind of system: how its state is found, observed and differentiated."""

import abc
from typing import Any, ClassVar, Generic, Protocol, TypeVar, runtime_checkable

from jaxtyping import Array, Bool, Float, Int8

from qthermo_jax.observables import AvailableObservable
from qthermo_jax.registry import DEFAULT_EQUATION
from qthermo_jax.steady import State
from qthermo_jax.structure import Index
from qthermo_jax.sweeping.errors import Issue, SpecError
from qthermo_jax.sweeping.spec.declared import Spec

S = TypeVar("S")

Levels = tuple[Index, ...] | None


@runtime_checkable
class PointSolver(Protocol):
    """A way to the state of a point."""

    @property
    def about(self) -> str:
        """What it does, in a line for users."""

    @property
    def name(self) -> str:
        """As users write it."""

    def bytes_per_point(self, dimension: int, n_transitions: int, levels: Levels) -> int:
        """Memory that one point of a batch takes."""


class Kind(abc.ABC, Generic[S]):
    """A kind of system that a model may return, and the state that a sweep finds of it.

    To add one: a file with a subclass, and its place in `KINDS`.

    Attributes:
        name: in plans.
        system: the class of the systems.
        evolves: whether it is for sweeps with an [evolution].
        program_size: as in `TracedSystem`.
        withholds: whether its first program leaves out currents that need net fluxes.
        shown: names of the observables that a sweep has if neither the spec nor the model names any.
        examined_when_cold: whether baths at T = 0 are looked at before the sweep starts.
    """

    name: ClassVar[str]
    system: ClassVar[type]
    evolves: ClassVar[bool] = False
    shown: ClassVar[tuple[str, ...]]
    program_size: ClassVar[int] = 1
    withholds: ClassVar[bool] = False
    examined_when_cold: ClassVar[bool] = False

    @abc.abstractmethod
    def prepared(self, system: S, spec: Spec) -> S:
        """The system as the spec wants it; raises `SpecError` for what it cannot be."""

    @abc.abstractmethod
    def generator(self, system: S) -> str:
        """Name of its master equation."""

    @abc.abstractmethod
    def traits(self, system: S) -> dict[str, Any]:
        """What of a `TracedSystem` only this kind knows."""

    @abc.abstractmethod
    def solvers(self, method: str, generator: str, levels: Levels) -> tuple[PointSolver, ...]:
        """Those that are tried one after the other at each point.

        Args:
            method: as asked for.
            generator: name of the master equation.
            levels: groups of eigenstates that are known to be degenerate; None if nothing is known.

        Raises:
            ValueError: the equation does not take the method.
        """

    @abc.abstractmethod
    def observables(self, system: S) -> dict[str, AvailableObservable]:
        """Everything that the sweep can ask for, by name."""

    @abc.abstractmethod
    def skeleton(self, system: S) -> Any:
        """The matrices whose levels the state depends on; where they stay, work is shared."""

    @abc.abstractmethod
    def state(
        self,
        system: S,
        method: str,
        levels: Levels,
        spec: Spec,
        time: Array | None,
        *,
        net_fluxes: bool,
    ) -> tuple[S, State]:
        """The state that a point asks for, and the system in it: its baths may have warmed up."""

    @abc.abstractmethod
    def footing(self, system: S, state: Any) -> Any:
        """What the derivative of a state is judged by, to be differentiated along with it."""

    @abc.abstractmethod
    def derivative_status(
        self,
        system: S,
        state: Any,
        change: Any,
        curvature: Any,
        slope: Any,
        scale: Float[Array, ""],
    ) -> Int8[Array, ""]:
        """Status of the derivatives along a direction.

        Args:
            change, curvature: first and second derivative of the `skeleton`.
            slope: derivative of the `footing`.
            scale: size of the parameter that changes.
        """

    @abc.abstractmethod
    def cancels(self, system: S, state: Any) -> Bool[Array, ""]:
        """Whether a heat current is not given because its terms cancel."""

    def withholds_currents(self, system: S, state: Any) -> bool:
        """Whether this state leaves out currents that need net fluxes."""
        return False


def refuse_other_equations(spec: Spec, generator: str) -> None:
    """Raise if a spec asks for another master equation, or cut-off, than that of a machine's model."""
    solver = spec.solver
    if solver.generator not in (DEFAULT_EQUATION, generator):
        own = f"the model's master equation is {generator!r}, and a machine's is that of its model"
        raise SpecError(Issue(("solver", "generator"), own))
    if solver.secular_tol is not None:
        raise SpecError(Issue(("solver", "secular_tol"), "a machine's cut-off is that of its model"))
