"""What a paper states, and what comes out here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

import jax
import numpy as np

from qthermo_jax.catalogue import observe
from qthermo_jax.steady import steadystate
from qthermo_jax.system import OpenSystem


class Relation(StrEnum):
    """How what is found has to stand to what is stated."""

    EQUAL = "="
    ABOVE = ">"
    BELOW = "<"


@dataclass(frozen=True)
class Statement:
    """One number or inequality of a paper beside the number that comes out.

    Attributes:
        where: its equation, figure or section.
        claim: what the paper says, in words.
        stated: the paper's number, or the bound that it states.
        found: what comes out here.
        tolerance: of |found - stated|, for an equality; 0 for an inequality, which has none.
        relation: of `found` to `stated`.

    >>> Statement("Eq. 1", "twice two is four", 4.0, 2.0 + 2.0, 1e-12).holds
    True
    """

    where: str
    claim: str
    stated: float
    found: float
    tolerance: float = 0.0
    relation: Relation = Relation.EQUAL

    @property
    def difference(self) -> float:
        """Found minus stated."""
        return self.found - self.stated

    @property
    def holds(self) -> bool:
        """Whether it is reproduced; what is not a number is not."""
        match self.relation:
            case Relation.EQUAL:
                return abs(self.difference) <= self.tolerance
            case Relation.ABOVE:
                return self.found > self.stated
            case _:
                return self.found < self.stated


@dataclass(frozen=True)
class Paper:
    """A paper, and those of its statements that are checked.

    Attributes:
        reference: authors, journal, year.
        about: what is checked, and with which model.
        compute: makes the statements, in 64 bit.
    """

    reference: str
    about: str
    compute: Callable[[], Iterable[Statement]]

    def statements(self) -> list[Statement]:
        """All of them, computed now."""
        with jax.enable_x64(True):
            return list(self.compute())


def farthest(
    where: str, claim: str, stated: np.ndarray, found: np.ndarray, tolerance: float
) -> Statement:
    """Of a formula at many points: the statement at the point where the two differ most.

    Args:
        tolerance: relative to the largest value that is stated.
    """
    stated, found = np.ravel(stated), np.ravel(found)
    off = np.abs(found - stated)
    worst = int(np.argmax(np.where(np.isnan(off), np.inf, off)))
    allowed = tolerance * float(np.max(np.abs(stated)))
    return Statement(where, claim, float(stated[worst]), float(found[worst]), allowed)


def observed(system: OpenSystem, name: str, method: str = "auto") -> np.ndarray:
    """An observable of the steady state."""
    return np.asarray(observe(system, steadystate(system, method=method), name))


def occupation(omega: np.ndarray | float, T: np.ndarray | float) -> np.ndarray:
    """Bose's, 1/(e^(omega/T) - 1), 0 at T = 0."""
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(1.0 / np.expm1(np.divide(omega, T)))
