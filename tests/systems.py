"""Random open systems, drawn from a seed, each with the plain numbers that the oracles need.

Every draw has the same three baths (ohmic family, Drude-Lorentz, flat), so that one compilation
serves all systems of a dimension and dtype. The flat bath has A(0) = 0, where its rate diverges.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st

import oracles
import qthermo_jax as qj
from matrices import hermitian, random_matrix, random_unitary

SPACING = 0.8

# The solvers that take a system of any kind, the narrowest first.
METHODS = ("populations", "secular_block", "dense")


@dataclass(frozen=True)
class Draw:
    """A system as numpy arrays: H (d, d), couplings (3, d, d), T (3,), spectral parameters."""

    H: np.ndarray
    couplings: np.ndarray
    T: np.ndarray
    eta: float
    s: float
    cutoff: float
    reorganisation: float
    width: float
    flat: float

    @property
    def system(self) -> qj.OpenSystem:
        densities = (
            qj.OhmicFamily(self.eta, self.s, self.cutoff),
            qj.DrudeLorentz(self.reorganisation, self.width),
            qj.Flat(self.flat),
        )
        baths = [
            qj.Bath(S, float(T), J) for S, T, J in zip(self.couplings, self.T, densities, strict=True)
        ]
        return qj.OpenSystem(self.H, baths)

    @property
    def rates(self) -> list[oracles.Rate]:
        def family(w: float) -> float:
            return self.eta * self.cutoff * (w / self.cutoff) ** self.s * np.exp(-w / self.cutoff)

        def drude(w: float) -> float:
            return 2 * self.reorganisation * self.width * w / (w**2 + self.width**2)

        return [
            oracles.bath_rate(family, self.eta if self.s == 1 else 0.0, self.T[0]),
            oracles.bath_rate(drude, 2 * self.reorganisation / self.width, self.T[1]),
            oracles.bath_rate(lambda _: self.flat, np.inf, self.T[2]),
        ]

    @property
    def generator(self) -> np.ndarray:
        return oracles.generator(self.H, list(self.couplings), self.rates)


def random_energies(rng: np.random.Generator, d: int, spectrum: str) -> np.ndarray:
    if spectrum == "ladder":
        return SPACING * np.arange(d)
    if spectrum == "degenerate":
        return np.sort(rng.choice([-0.6, 0.0, 1.1], size=d))
    return np.sort(rng.uniform(-1.0, 2.0, size=d))


def with_structure(
    rng: np.random.Generator, energies: np.ndarray, couplings: np.ndarray, U: np.ndarray
) -> Draw:
    """A draw from energies and couplings in the eigenbasis, both seen from the basis U."""
    same = np.abs(energies[:, None] - energies[None, :]) < 1e-6
    couplings = np.where(np.array([False, False, True])[:, None, None] & same, 0.0, couplings)
    seen = [hermitian(U @ S @ U.conj().T) for S in couplings]
    return Draw(
        H=hermitian(U @ np.diag(energies).astype(U.dtype) @ U.conj().T),
        couplings=np.stack(seen),
        T=rng.uniform(0.3, 2.0, size=3),
        eta=rng.uniform(0.2, 1.0),
        s=float(rng.choice([1.0, 1.0, 1.7, 3.0])),
        cutoff=rng.uniform(1.0, 5.0),
        reorganisation=rng.uniform(0.2, 1.0),
        width=rng.uniform(0.5, 3.0),
        flat=rng.uniform(0.2, 1.0),
    )


def random_draw(seed: int, d: int, is_complex: bool, spectrum: str) -> Draw:
    rng = np.random.default_rng(seed)
    energies = random_energies(rng, d, spectrum)
    couplings = np.stack([hermitian(random_matrix(rng, d, is_complex)) for _ in range(3)])
    return with_structure(rng, energies, couplings, random_unitary(rng, d, is_complex))


def divided_draw(seed: int, d: int, is_complex: bool) -> Draw:
    """Two blocks that nothing connects, hidden by a change of basis: a steady state for each."""
    rng = np.random.default_rng(seed)
    first = np.arange(d) < rng.integers(1, d)
    together = first[:, None] == first[None, :]
    couplings = np.stack([hermitian(random_matrix(rng, d, is_complex)) for _ in range(3)])
    energies = rng.permutation(random_energies(rng, d, "generic"))
    return with_structure(
        rng, energies, np.where(together, couplings, 0.0), random_unitary(rng, d, is_complex)
    )


SEEDS = st.integers(0, 2**32 - 1)


def draws(*dimensions: int) -> st.SearchStrategy[Draw]:
    """Draws of these dimensions, real and complex; each dimension and dtype costs a compilation."""
    return st.builds(
        random_draw,
        seed=SEEDS,
        d=st.sampled_from(dimensions),
        is_complex=st.booleans(),
        spectrum=st.sampled_from(["generic", "degenerate", "ladder"]),
    )


# Every dimension and dtype costs compilations; those that are left out here are in the slow tests.
DRAWS = draws(2, 3, 5)


@partial(jax.jit, static_argnames="method")
def solved(system: qj.OpenSystem, method: str = "dense") -> dict[str, Any]:
    """Everything that a test asks of a system, compiled once for each structure."""
    state = qj.steadystate(system, method=method)
    return {
        "rho": state.rho,
        "status": state.status,
        "method": state.method,
        "residual": state.residual,
        "error": state.error,
        "leak": state.leak,
        "note": state.note,
        "level_populations": qj.level_populations(system, state),
        "heat_currents": qj.heat_currents(system, state),
        "energy_balance": qj.energy_balance(system, state),
        "entropy_production": qj.entropy_production(system, state),
        "min_eigenvalue": qj.min_eigenvalue(system, state),
    }


@partial(jax.jit, static_argnames="method")
def answer(system: qj.OpenSystem, method: str = "populations") -> dict[str, jax.Array]:
    """State, status and heat currents alone: `solved` with less to compile."""
    state = qj.steadystate(system, method=method)
    return {"rho": state.rho, "status": state.status, "J": qj.heat_currents(system, state)}


@partial(jax.jit, static_argnames="method")
def solve(system: qj.OpenSystem, method: str) -> tuple[qj.SteadyState, jax.Array]:
    state = qj.steadystate(system, method=method)
    return state, qj.heat_currents(system, state)


def as_complex(draw: Draw) -> Draw:
    """Real ones too: one compilation serves both. For the same reason most have three levels."""
    return replace(draw, H=draw.H.astype(complex), couplings=draw.couplings.astype(complex))


def as_arrays(draw: Draw, **structure: tuple[tuple[int, ...], ...]) -> qj.OpenSystem:
    """Couplings as arrays of JAX: numpy's zeros would become structure, and each pattern a compilation.

    With sectors of one state each, they say which basis of a level is meant.
    """
    spectra = [jax.tree.map(lambda leaf: leaf[0], bath.spectrum) for bath in draw.system.baths]
    banks = [
        qj.Bath(jnp.asarray(S), float(T), spectrum)
        for S, T, spectrum in zip(draw.couplings, draw.T, spectra, strict=True)
    ]
    return qj.OpenSystem(draw.H, banks, **structure)


def dense_couplings(system: qj.OpenSystem) -> list[np.ndarray]:
    """The coupling of each bath, (d, d), however it is stored."""
    banks = [bath.coupling for bath in system.baths]
    arrays = [S.dense() if isinstance(S, qj.SparseCoupling) else S for S in banks]
    return [np.asarray(S) for bank in arrays for S in bank]


def uncoupled(H: Any, **options: Any) -> qj.OpenSystem:
    """A system whose bath does nothing.

    A JAX array's zeros are not known to be zeros: any pair of states may be connected.
    """
    return qj.OpenSystem(H, qj.Bath(jnp.zeros_like(H), 1.0, qj.Ohmic(1.0)), **options)


def partition(labels: np.ndarray) -> set[frozenset[int]]:
    """Labels as sets of flat indices, whatever the labels are called."""
    flat = np.asarray(labels).reshape(-1)
    return {frozenset(np.flatnonzero(flat == label).tolist()) for label in np.unique(flat)}


liouvillian = jax.jit(qj.liouvillian)
jump_operators = jax.jit(qj.jump_operators)

# Programs of a few microseconds: what LLVM makes of them is most of what these tests would wait for.
compiled = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
