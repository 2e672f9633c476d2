"""What a model's system is, as far as it is the same at every point of a grid: plain data, without JAX.

`qthermo_jax.sweeping.compute.tracing` finds it; a plan is made from it.
"""

from dataclasses import dataclass
from typing import NamedTuple

from qthermo_jax.labels import Dimension, Quantity
from qthermo_jax.sweeping.plan.derivatives import Derivative


class Result(NamedTuple):
    """An observable, a derivative of one, or what a search says of what it found.

    Attributes:
        dims: its own dimensions.
        quantity: its name, symbol and unit.
        derivative: what it is differentiated by; None for the observable itself.
        is_evidence: whether it says how good what was found is.
    """

    dims: tuple[Dimension, ...]
    quantity: Quantity
    derivative: Derivative | None = None
    is_evidence: bool = False


@dataclass(frozen=True)
class TracedSystem:
    """The static parts of a system.

    Attributes:
        kind: name of the kind of system, which says what its state is.
        dimension: of the Hilbert space, d.
        n_baths: number of baths, K.
        n_transitions: number of transitions that the baths can drive: what memory is counted by.
        levels: groups of eigenstates that the model declares degenerate; None if it declares nothing.
        generator: name of its master equation.
        has_cut_off: whether the model or the spec gives a `secular_tol`.
        has_initial: whether the model or the spec gives a state that an evolution starts from.
        solvers: names of the solvers that are tried one after the other at each point.
        bytes_per_point: memory that one point takes in the first of these solvers.
        program_size: of its programs, and so the time of compiling one; 1 for those of a steady state.
        changes_H: for each axis of the grid, whether the Hamiltonian changes along it.
        shown: names of the observables of a sweep that asks for none.
        computed_observables: those of them that are functions of the system and its state.
        observables: everything that the sweep can ask the system for, by name.
        needs_steady: names of further observables, which the system has in a steady state only.
        elsewhere: for each observable that is asked for and that the system lacks, the built-in models
            that bring it.
    """

    kind: str
    dimension: int
    n_baths: int
    n_transitions: int
    levels: tuple[tuple[int, ...], ...] | None
    generator: str
    has_cut_off: bool
    has_initial: bool
    solvers: tuple[str, ...]
    bytes_per_point: int
    program_size: int
    changes_H: tuple[bool, ...]
    shown: tuple[str, ...]
    computed_observables: frozenset[str]
    observables: dict[str, Result]
    needs_steady: frozenset[str]
    elsewhere: dict[str, tuple[str, ...]]
