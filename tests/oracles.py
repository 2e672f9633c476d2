"""Independent answers: nothing here calls the package, so that an agreement means something.

Three of them: QuTiP's Bloch-Redfield tensor in its secular limit, a generator from explicit level
projectors in plain numpy, and thermal factors in 50-digit arithmetic.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mpmath
import numpy as np
import qutip

Rate = Callable[[float], float]

# --- thermal factors, 50 digits -------------------------------------------------------------------

mpmath.mp.dps = 50


def exact_occupation(omega: float, T: float) -> mpmath.mpf:
    """n = 1/(e^{omega/T} - 1) of the given doubles, without further rounding."""
    return mpmath.mpf(0) if T == 0 else 1 / mpmath.expm1(mpmath.mpf(omega) / mpmath.mpf(T))


def exact_rate(J: mpmath.mpf, omega: float, T: float) -> mpmath.mpf:
    """J (n + 1) or J n, for a transition of frequency omega != 0."""
    n = exact_occupation(abs(omega), T)
    return J * (n + 1) if omega > 0 else J * n


def bath_rate(J: Callable[[float], float], slope: float, T: float) -> Rate:
    """gamma(w) in plain floats; slope = lim J(w)/w at w = 0.

    The argument's name is QuTiP's: under any other it would be called with the time.
    """

    def gamma(w: float) -> float:
        if w == 0:
            return slope * T
        n = 0.0 if T == 0 else 1.0 / np.expm1(min(abs(w) / T, 700.0))
        return J(abs(w)) * (n + 1.0 if w > 0 else n)

    return gamma


# --- a generator from explicit projectors ---------------------------------------------------------


@dataclass(frozen=True)
class Level:
    """An energy level: its energy and the projector on its states."""

    energy: float
    projector: np.ndarray


def clusters(values: np.ndarray, tolerance: float) -> list[np.ndarray]:
    """Indices of values that lie together: a gap above the tolerance starts a new cluster."""
    order = np.argsort(values)
    return np.split(order, np.flatnonzero(np.diff(values[order]) > tolerance) + 1)


def levels(H: np.ndarray, tolerance: float = 1e-8) -> list[Level]:
    energies, states = np.linalg.eigh(H)
    return [
        Level(float(energies[members].mean()), states[:, members] @ states[:, members].conj().T)
        for members in clusters(energies, tolerance)
    ]


def jump_terms(H: np.ndarray, S: np.ndarray, tolerance: float = 1e-8) -> list[tuple[float, np.ndarray]]:
    """(omega, A(omega)) with A(omega) = sum P_E S P_E' over E' - E = omega."""
    ladder = levels(H, tolerance)
    pairs = [(low, high) for low in ladder for high in ladder]
    frequencies = np.array([high.energy - low.energy for low, high in pairs])
    terms = []
    for members in clusters(frequencies, tolerance):
        omega = float(frequencies[members].mean())
        A = sum(pairs[m][0].projector @ S @ pairs[m][1].projector for m in members)
        terms.append((0.0 if abs(omega) < tolerance else omega, A))
    return terms


def commutator(H: np.ndarray) -> np.ndarray:
    """-i [H, .] on column-stacked matrices."""
    one = np.eye(len(H))
    return -1j * (np.kron(one, H) - np.kron(H.T, one))


def lindblad(A: np.ndarray) -> np.ndarray:
    """D[A] on column-stacked matrices."""
    one, loss = np.eye(len(A)), A.conj().T @ A
    return np.kron(A.conj(), A) - (np.kron(one, loss) + np.kron(loss.T, one)) / 2


def bath_generator(H: np.ndarray, S: np.ndarray, gamma: Rate) -> np.ndarray:
    """L_k = sum_omega gamma_k(omega) D[A_k(omega)]; a vanishing A(0) takes no rate."""
    terms = [(omega, A) for omega, A in jump_terms(H, S) if np.abs(A).max() > 1e-12]
    zero = np.zeros((len(H) ** 2,) * 2, complex)
    return sum((gamma(omega) * lindblad(A) for omega, A in terms), zero)


def generator(H: np.ndarray, couplings: Sequence[np.ndarray], rates: Sequence[Rate]) -> np.ndarray:
    dissipative = (bath_generator(H, S, g) for S, g in zip(couplings, rates, strict=True))
    return commutator(H) + sum(dissipative)


def stack(operator: np.ndarray) -> np.ndarray:
    return operator.reshape(-1, order="F")


def unstack(vector: np.ndarray) -> np.ndarray:
    d = round(np.sqrt(vector.size))
    return vector.reshape(d, d, order="F")


def null_state(L: np.ndarray) -> tuple[np.ndarray, float]:
    """The null vector of L as a density matrix, and its isolation: the second smallest singular
    value over the largest. At round-off the null space has more than one dimension."""
    _, singular, right = np.linalg.svd(L)
    rho = unstack(right[-1].conj())
    return rho / np.trace(rho), singular[-2] / singular[0]


def projected_heat_currents(
    H: np.ndarray, couplings: Sequence[np.ndarray], rates: Sequence[Rate], rho: np.ndarray
) -> np.ndarray:
    """-Tr[L_k(rho) H] for each bath."""
    flows = [
        unstack(bath_generator(H, S, g) @ stack(rho)) for S, g in zip(couplings, rates, strict=True)
    ]
    return np.array([-np.trace(flow @ H).real for flow in flows])


def gibbs(H: np.ndarray, T: float) -> np.ndarray:
    energies, states = np.linalg.eigh(H)
    weights = np.exp(-(energies - energies[0]) / T)
    return (states * (weights / weights.sum())) @ states.conj().T


# --- QuTiP ----------------------------------------------------------------------------------------


def bloch_redfield_populations(
    H: np.ndarray, couplings: Sequence[np.ndarray], rates: Sequence[Rate], states: np.ndarray
) -> np.ndarray:
    """Steady-state populations of the basis states from QuTiP's Bloch-Redfield tensor, fully secular.

    `states` are eigenvectors of H that we choose: given H in their basis, QuTiP cannot mix degenerate
    states, which its relative `sec_cutoff` would then tear apart at round-off. The ground state's
    row gives way to the trace: its population is the largest, so no digits are lost to it.
    """
    energies = (states.conj().T @ H @ states).diagonal().real
    tensor, kets = qutip.bloch_redfield_tensor(
        qutip.Qobj(np.diag(energies)),
        [[qutip.Qobj(states.conj().T @ S @ states), g] for S, g in zip(couplings, rates, strict=True)],
        sec_cutoff=1e-6,
    )
    d = len(H)
    matrix, right = tensor.full(), np.zeros(d * d)
    diagonal = np.arange(d) * (d + 1)
    matrix[0], right[0] = 0.0, 1.0  # QuTiP's eigenstates ascend: the first is the ground state
    matrix[0, diagonal] = 1.0
    rho = unstack(np.linalg.solve(matrix, right.astype(complex)))
    rotation = states @ kets.full()
    return (rotation @ rho @ rotation.conj().T).diagonal().real
