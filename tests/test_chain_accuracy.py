"""Populations and heat currents of the chain keep their digits, against mpmath."""

from dataclasses import dataclass

import jax
import mpmath
import numpy as np
import pytest

import exact
import qthermo_jax as qj
from exact import SMALLEST, Real
from qthermo_jax.bounded import Bounded
from qthermo_jax.currents import bounded_currents
from qthermo_jax.steady import Status

pytestmark = pytest.mark.accuracy


mp = mpmath.mp


SITES = 10


@jax.jit
def solved_chain(g: float, T_L: float, T_R: float) -> tuple[qj.SteadyState, Bounded]:
    system = qj.models.chain(sites=SITES, g=g, T_L=T_L, T_R=T_R)
    state = qj.steadystate(system, method="populations")
    return state, bounded_currents(system, state)


@dataclass(frozen=True)
class Chain:
    """One point of the chain: what was computed, what is true, and how far apart they are.

    Attributes:
        populations: largest relative error of one above 1e-300.
        currents: largest relative error of a current of which at most 99 % cancel.
        flows: largest error of a current relative to the flows of which it is the difference.
    """

    state: qj.SteadyState
    true: exact.Flows
    populations: float
    currents: float
    flows: float
    covered: bool

    @classmethod
    def at(cls, g: float, T_L: float, T_R: float) -> "Chain":
        state, J = solved_chain(g, T_L, T_R)
        true = exact.chain(SITES, g, T_L, T_R)
        if state.status != Status.OK:
            return cls(state, true, np.inf, np.inf, np.inf, False)
        relative = exact.relative_errors(np.asarray(state.populations), true.populations, SMALLEST)
        with mp.workdps(40):
            found = zip(J.value, true.currents, strict=True)
            errors = [abs(Real(float(own)) - other) for own, other in found]
            covered = all(e <= Real(float(b)) + SMALLEST for e, b in zip(errors, J.bound, strict=True))
            flows = [float(e / f) for e, f in zip(errors, true.gross, strict=True) if f > SMALLEST]
            whole = [float(errors[k] / abs(true.currents[k])) for k in true.uncancelled]
        largest = (max(values, default=0.0) for values in (relative, whole, flows))
        return cls(state, true, *largest, covered or bool(J.exact))

    def assert_accurate(self) -> None:
        """e^{-x} turns an error of 1 ulp in x = omega/T, up to 700 here, into one of x ulp: 1.5e-13.

        A current is a difference of flows that are as accurate as the populations are.
        """
        assert self.state.status == Status.OK
        assert self.populations < 1e-12
        assert self.currents < 1e-11
        assert self.flows < 1e-12

    def assert_honest(self) -> None:
        """The bound supposes that all goes wrong at once: some thousand times too large."""
        assert self.populations <= self.state.error
        assert self.state.error < 1e-10
        assert self.covered


CHAINS = [
    (0.05, 2.0, 1.0),
    (1.3, 0.8, 0.4),
    (0.3, 0.02, 0.01),
    (0.05, 0.01, 0.005),
    (0.1, 0.5, 0.005),
    (1.3, 0.02, 0.01),
    (1.3, 0.007, 0.01),
    # equal temperatures
    (0.3, 0.3, 0.3),
    (1.3, 0.01, 0.01),
    (1.3, 0.005, 0.005),
    # T_1/T_2 = 10^6
    (0.1, 2000.0, 0.002),
    (0.3, 20.0, 2e-5),
    (1.3, 2.0, 2e-6),
    (1.3, 2e-6, 2.0),
    # a bath at T = 0: below g = 0.52 it takes everything, above there are modes of negative energy
    (0.1, 2.0, 0.0),
    (1.3, 2.0, 0.0),
    (1.3, 0.0, 0.05),
]


@pytest.mark.long
@pytest.mark.parametrize(("g", "T_L", "T_R"), CHAINS)
def test_populations_and_currents_of_the_chain_keep_their_digits_and_report_their_error(
    g: float, T_L: float, T_R: float
) -> None:
    point = Chain.at(g, T_L, T_R)
    point.assert_accurate()
    point.assert_honest()


def test_these_chains_reach_populations_of_1e_200_and_currents_of_1e_60_that_do_not_cancel() -> None:
    points = [exact.chain(SITES, *point) for point in CHAINS]
    populations = [float(p) for point in points for p in point.populations]
    for low, high in ((1e-90, 1e-70), (1e-210, 1e-190)):
        assert any(low < p < high for p in populations)
    currents = [abs(float(point.currents[k])) for point in points for k in point.uncancelled]
    for low, high in ((1e-45, 1e-30), (1e-90, 1e-60)):
        assert any(low < J < high for J in currents)


@pytest.mark.long
def test_equal_temperatures_carry_no_heat() -> None:
    state, J = solved_chain(0.3, 0.3, 0.3)
    np.testing.assert_allclose(J.value, 0.0, atol=1e-15)
    with mp.workdps(40):
        E = np.asarray(state.basis.energies)
        weights = [mp.exp(-Real(float(e)) / Real(0.3)) for e in E]
        gibbs = [w / mp.fsum(weights) for w in weights]
    assert exact.relative_errors(np.asarray(state.populations), gibbs, 0.0).max() < 1e-13


@pytest.mark.long
@pytest.mark.parametrize(
    ("g", "T_L", "T_R"),
    [
        (1.3, 2.0, 0.005),
        (1.3, 0.01, 0.005),
        (1.25, 0.5, 0.005),
        (0.3, 2000.0, 0.002),
        (1.3, 2.0, 0.002),
    ],
)
def test_chains_with_rates_near_the_smallest_number_keep_their_digits(
    g: float, T_L: float, T_R: float
) -> None:
    Chain.at(g, T_L, T_R).assert_accurate()


@pytest.mark.slow
@pytest.mark.parametrize("g", [0.05, 0.1, 0.3, 0.5, 0.53, 0.7, 1.0, 1.3])
def test_populations_and_currents_of_the_chain_keep_their_digits_on_a_grid(g: float) -> None:
    """Or the point says that it is out of reach: rates below 1e-290."""
    temperatures = [2.0, 0.5, 0.1, 0.05, 0.02, 0.01, 0.007, 0.005]
    for T_L in temperatures:
        for T_R in temperatures:
            point = Chain.at(g, T_L, T_R)
            point.assert_accurate()
            point.assert_honest()


def test_the_chain_oracle_does_not_depend_on_its_digits() -> None:
    few, many = exact.chain(SITES, 1.3, 0.01, 0.01), exact.chain(SITES, 1.3, 0.01, 0.01, digits=1400)
    with mp.workdps(60):
        assert all(
            abs(a / b - 1) < 1e-50 for a, b in zip(few.populations, many.populations, strict=True)
        )
