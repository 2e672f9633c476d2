"""A two-level system in thermal radiation: how fast it relaxes, and to what."""

from collections.abc import Iterator

import numpy as np

from qthermo_jax.baths import Bath, Flat
from qthermo_jax.dynamics import evolve
from qthermo_jax.operators import sigma_x
from qthermo_jax.papers.record import Paper, Statement, farthest, observed, occupation
from qthermo_jax.system import OpenSystem

_RATE, _OMEGA = 0.2, 1.0


def _atom(T: float) -> OpenSystem:
    return OpenSystem(np.diag([0.0, _OMEGA]), Bath(sigma_x(), T, Flat(_RATE)))


def compute() -> Iterator[Statement]:
    """Rates gamma_0 (N + 1) down and gamma_0 N up, N the Bose occupation."""
    where = "Sec. 3.4.2"
    T = np.array([0.1, 0.5, 2.0])
    N = occupation(_OMEGA, T)
    found = np.array([observed(_atom(own), "level_populations")[1] for own in T])
    yield farthest(
        where, "stationary population N/(2N + 1) of the upper level", N / (2 * N + 1), found, 1e-13
    )
    times = np.array([0.5, 2.0, 5.0])
    rates = _RATE * (2 * N + 1)
    decay = np.exp(-np.outer(rates, times))
    states = [evolve(_atom(own), times, np.array([0.0, 1.0])) for own in T]
    upper = np.array([np.asarray(state.level_populations)[:, 1] for state in states])
    left = (upper - found[:, None]) / (1 - found[:, None])
    yield farthest(where, "populations relax at the rate gamma_0 (2N + 1)", decay, left, 1e-11)
    gaps = np.array([observed(_atom(own), "liouvillian_gap") for own in T])
    yield farthest(
        where, "coherences decay at half that rate, the slowest of all", rates / 2, gaps, 1e-11
    )


PAPER = Paper(
    "H.-P. Breuer, F. Petruccione, The Theory of Open Quantum Systems, Oxford University Press (2002)",
    "the quantum optical master equation of a two-level system: steady state and rates",
    compute,
)
