"""The master equations and the solvers by the names that users write, where each stands, what it takes.

Without JAX: what reads a spec needs no more.
"""

from enum import IntEnum
from typing import NamedTuple


class EquationEntry(NamedTuple):
    """A master equation.

    Attributes:
        place: of its class.
        secular: whether it groups the Bohr frequencies of H: what populations and blocks stand on.
        needs: the argument of `OpenSystem` that it cannot do without, and what that is; None for none.
    """

    place: str
    secular: bool = False
    needs: tuple[str, str] | None = None


class SolverEntry(NamedTuple):
    """A solver.

    Attributes:
        place: of its class.
        any_equation: whether it takes every master equation, or the secular ones alone.
        evolves: whether its unknowns are those of a time evolution too.
        populations_alone: whether its unknowns are the populations of the eigenstates, no coherence.
        single_precision: whether it keeps about 6 digits of each population in 32 bit.
    """

    place: str
    any_equation: bool = False
    evolves: bool = True
    populations_alone: bool = False
    single_precision: bool = False


DEFAULT_EQUATION = "global"

EQUATIONS = {
    "global": EquationEntry("qthermo_jax.master_equations.secular:Secular", secular=True),
    "partial_secular": EquationEntry(
        "qthermo_jax.master_equations.secular:Secular", secular=True, needs=("secular_tol", "a cut-off")
    ),
    "redfield": EquationEntry("qthermo_jax.master_equations.redfield:Redfield"),
    "local": EquationEntry(
        "qthermo_jax.master_equations.local:Local",
        needs=("local", "the Hamiltonian without interactions"),
    ),
}


class Method(IntEnum):
    """Which solver found a state: its number in results. Its name in small letters is what users write.

    >>> Method(1).name.lower()
    'populations'
    """

    POPULATIONS = 1
    DENSE = 2
    SECULAR_BLOCK = 3


AUTO = "auto"

# In the order of their cost, which is the order in which "auto" tries them.
SOLVERS = {
    Method.POPULATIONS: SolverEntry(
        "qthermo_jax.solvers.populations:Populations", populations_alone=True, single_precision=True
    ),
    Method.SECULAR_BLOCK: SolverEntry("qthermo_jax.solvers.secular_block:SecularBlock", evolves=False),
    Method.DENSE: SolverEntry("qthermo_jax.solvers.dense:Dense", any_equation=True),
}


def method_of(name: str) -> Method:
    """The solver of a name.

    Raises:
        KeyError: there is none.

    >>> method_of("dense").value
    2
    """
    return Method[name.upper()]


def methods(
    secular: bool = True, *, evolving: bool = False, single_precision: bool = False
) -> list[str]:
    """What a state may be asked for by.

    Args:
        secular: whether its master equation is.
        evolving: whether it is the state of a time evolution.
        single_precision: whether it is computed in 32 bit.

    >>> methods(secular=False)
    ['auto', 'dense']
    >>> methods(evolving=True)
    ['auto', 'populations', 'dense']
    """
    taken = [
        method
        for method, entry in SOLVERS.items()
        if (secular or entry.any_equation)
        and (entry.evolves or not evolving)
        and (entry.single_precision or not single_precision)
    ]
    return [AUTO, *(method.name.lower() for method in taken)]
