"""Small systems with exact steady states: one named table, itself checked in `test_problems.py`.

The closed forms follow from the balance of each bath's transition, n_k P_low = (n_k + 1) P_high:
every level of the Lambda and V systems hangs on one transition to its neighbour.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import qthermo_jax as qj
from matrices import SIGMA_X


@dataclass(frozen=True)
class Problem:
    """A system and the exact populations of the basis states in which its H is given."""

    name: str
    build: Callable[[], qj.OpenSystem]
    populations: np.ndarray
    equilibrium: bool = False

    @property
    def system(self) -> qj.OpenSystem:
        return self.build()


def occupation(omega: float, T: float) -> float:
    return 0.0 if T == 0 else float(1.0 / np.expm1(omega / T))


def normalised(weights: list[float]) -> np.ndarray:
    return np.array(weights) / np.sum(weights)


def boltzmann(energies: list[float], T: float) -> np.ndarray:
    return normalised([float(np.exp(-(energy - min(energies)) / T)) for energy in energies])


def lambda_populations(n_1: float, n_2: float) -> np.ndarray:
    """(P_1, P_2, P_e) from n_k P_k = (n_k + 1) P_e: the steady state of Eq. 6."""
    return normalised([(n_1 + 1) * n_2, n_1 * (n_2 + 1), n_1 * n_2])


def v_populations(n_1: float, n_2: float) -> np.ndarray:
    """(P_g, P_1, P_2) from n_k P_g = (n_k + 1) P_k."""
    return normalised([(n_1 + 1) * (n_2 + 1), n_1 * (n_2 + 1), n_2 * (n_1 + 1)])


def _lambda(
    T_1: float, T_2: float, omega_1: float = 1.0, omega_2: float = 1.0, spectrum: str = "flat"
) -> Problem:
    return Problem(
        f"Lambda, T = {T_1}, {T_2}, omega = {omega_1}, {omega_2}, {spectrum}",
        lambda: qj.models.lambda_system(omega_1, omega_2, T_1, T_2, 0.7, spectrum),
        lambda_populations(occupation(omega_1, T_1), occupation(omega_2, T_2)),
        equilibrium=T_1 == T_2,
    )


def _v(T_1: float, T_2: float, omega_1: float = 1.0, omega_2: float = 1.0) -> Problem:
    return Problem(
        f"V, T = {T_1}, {T_2}, omega = {omega_1}, {omega_2}",
        lambda: qj.models.v_system(omega_1, omega_2, T_1, T_2, 0.7),
        v_populations(occupation(omega_1, T_1), occupation(omega_2, T_2)),
        equilibrium=T_1 == T_2,
    )


def atom(*baths: tuple[float, qj.SpectralDensity], omega: float = 1.3) -> qj.OpenSystem:
    """A two-level atom, each bath given by its T and J."""
    return qj.OpenSystem(np.diag([0.0, omega]), [qj.Bath(SIGMA_X, T, J) for T, J in baths])


def ladder(*baths: tuple[float, float], steps: int = 4, omega: float = 0.9) -> qj.OpenSystem:
    """An equally spaced ladder climbed by neighbours, each bath given by its T and flat J."""
    climb = np.diag(np.sqrt(np.arange(1.0, steps)), 1)
    return qj.OpenSystem(
        np.diag(omega * np.arange(steps)),
        [qj.Bath(climb + climb.T, T, qj.Flat(J)) for T, J in baths],
    )


def _atom_between_two_baths(T_1: float, J_1: float, T_2: float, J_2: float) -> Problem:
    n_1, n_2 = occupation(1.3, T_1), occupation(1.3, T_2)
    up, down = J_1 * n_1 + J_2 * n_2, J_1 * (n_1 + 1) + J_2 * (n_2 + 1)
    return Problem(
        f"atom, T = {T_1}, {T_2}",
        lambda: atom((T_1, qj.Flat(J_1)), (T_2, qj.Flat(J_2))),
        normalised([down, up]),
    )


def _ladder_between_two_baths(T_1: float, J_1: float, T_2: float, J_2: float) -> Problem:
    """Each step up is (J_1 n_1 + J_2 n_2)/(J_1 (n_1 + 1) + J_2 (n_2 + 1)) of the one below it."""
    n_1, n_2 = occupation(0.9, T_1), occupation(0.9, T_2)
    step = (J_1 * n_1 + J_2 * n_2) / (J_1 * (n_1 + 1) + J_2 * (n_2 + 1))
    return Problem(
        f"ladder, T = {T_1}, {T_2}",
        lambda: ladder((T_1, J_1), (T_2, J_2)),
        normalised([step**level for level in range(4)]),
    )


def degenerate_pair(T: float) -> qj.OpenSystem:
    """|g> below two degenerate states, driven through two combinations that are not orthogonal."""
    bright = np.zeros((2, 3, 3), complex)
    bright[0, 0, 1:] = [0.8, 0.6j]
    bright[1, 0, 1:] = [0.3, 1.0]
    couplings = bright + bright.conj().swapaxes(1, 2)
    return qj.OpenSystem(np.diag([0.0, 1.1, 1.1]), qj.Bath(couplings, T, qj.Flat(0.5)))


PROBLEMS = [
    _lambda(1.0, 0.5),
    _lambda(0.3, 2.0),
    _lambda(0.05, 0.2),
    _lambda(0.8, 0.4, 1.5, 0.6),
    _lambda(0.8, 0.4, 1.5, 0.6, "ohmic"),
    _lambda(0.5, 0.0),
    _lambda(0.0, 0.5),
    _lambda(0.6, 0.6, 1.5, 0.6),
    _v(1.0, 0.5),
    _v(0.1, 3.0, 0.4, 1.2),
    _v(0.5, 0.0),
    _v(0.0, 0.0),
    _v(0.6, 0.6, 0.4, 1.2),
    Problem(
        "atom, one ohmic bath",
        lambda: atom((0.4, qj.Ohmic(0.2))),
        boltzmann([0.0, 1.3], 0.4),
        equilibrium=True,
    ),
    Problem("atom, T = 0", lambda: atom((0.0, qj.Ohmic(0.2))), np.array([1.0, 0.0]), equilibrium=True),
    _atom_between_two_baths(0.3, 0.2, 1.1, 0.9),
    Problem(
        "ladder, one bath",
        lambda: ladder((0.7, 0.5)),
        boltzmann([0.0, 0.9, 1.8, 2.7], 0.7),
        equilibrium=True,
    ),
    _ladder_between_two_baths(0.3, 0.2, 1.1, 0.9),
    Problem(
        "degenerate pair, equal temperatures",
        lambda: degenerate_pair(0.6),
        boltzmann([0.0, 1.1, 1.1], 0.6),
        equilibrium=True,
    ),
    Problem(
        "chain of one site",
        lambda: qj.models.chain(sites=1, h=1.2, T_L=0.5, T_R=0.5),
        boltzmann([0.0, 1.2], 0.5),
        equilibrium=True,
    ),
]
