"""Heat currents of rate equations, beside 600 digits: small ones, and those that nearly cancel."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

import qthermo_jax as qj
import qthermo_jax.currents as currents_module
from exact import Real, stationary
from oracles import exact_rate
from qthermo_jax.bounded import Bounded, derivatives
from qthermo_jax.currents import bounded_currents
from qthermo_jax.response import bounded_rectification
from qthermo_jax.solvers import LARGEST_CORE
from qthermo_jax.steady import Status
from qthermo_jax.sweeping.compute import engine, point
from qthermo_jax.sweeping.compute.lowering import planned_for
from qthermo_jax.sweeping.execute.planning import make_plan
from qthermo_jax.sweeping.plan.model import find_model
from qthermo_jax.sweeping.spec.reading import parse_spec

pytestmark = pytest.mark.accuracy

mp = mpmath.mp
DIGITS = 600
STATES, BATHS = 5, 3

# Smaller ones fall out of the format on their way.
SMALLEST = 1e-250


@dataclass(frozen=True)
class Network:
    """Levels that flat baths connect: strengths are |S_k,ij|^2 J_k, 0 for most pairs."""

    energies: np.ndarray
    strengths: np.ndarray
    T: np.ndarray

    def currents(self, T: list[Real] | None = None) -> list[Real]:
        """The heat into each bath, with DIGITS digits."""
        with mp.workdps(DIGITS):
            E = [Real(float(own)) for own in self.energies]
            T = T or [Real(float(own)) for own in self.T]
            moves = [
                (k, i, j, Real(float(s)) * exact_rate(Real(1), E[j] - E[i], T[k]),
                 Real(float(s)) * exact_rate(Real(1), E[i] - E[j], T[k]))
                for (k, i, j), s in np.ndenumerate(self.strengths)
                if s > 0
            ]  # fmt: skip
            W = mpmath.zeros(STATES)
            for _, i, j, down, up in moves:
                W[i, j] += down
                W[j, i] += up
            p = stationary(W)
            J = [Real(0)] * BATHS
            for k, i, j, down, up in moves:
                J[k] += (E[j] - E[i]) * (down * p[j] - up * p[i])
            return J


def drawn(seed: int) -> Network:
    """A connected network: hot, cold down to e^-230, or within 1e-12 of equilibrium."""
    rng = np.random.default_rng(seed)
    energies = np.sort(rng.uniform(0.0, 3.0, STATES))
    strengths = np.zeros((BATHS, STATES, STATES))
    for i in range(STATES - 1):
        strengths[rng.integers(BATHS), i, i + 1] = rng.uniform(0.1, 1.0) * 10 ** rng.uniform(-4, 0)
    for _ in range(rng.integers(2, 8)):
        i, j = np.sort(rng.choice(STATES, 2, replace=False))
        strengths[rng.integers(BATHS), i, j] = rng.uniform(0.1, 1.0) * 10 ** rng.uniform(-6, 0)
    scale = 10 ** rng.uniform(-1.9, 0.5)
    away = (
        rng.uniform(0.5, 1.5, BATHS)
        if seed % 2
        else 1 + 10 ** rng.uniform(-12, -1) * rng.normal(size=BATHS)
    )
    return Network(energies, strengths, scale * away)


def of_system(energies, strengths, T):
    amplitudes = jnp.sqrt(strengths + strengths.swapaxes(1, 2))
    return qj.OpenSystem(jnp.diag(energies), qj.Bath(amplitudes, T, qj.Flat(1.0)))


def currents_of(energies, strengths, T):
    system = of_system(energies, strengths, T)
    state = qj.steadystate(system, method="populations")
    return state.status, bounded_currents(system, state)


def solution(energies, strengths, T):
    system = of_system(energies, strengths, T)
    state = qj.steadystate(system, method="populations")
    return state.status, bounded_currents(system, state), qj.entropy_production(system, state)


solved = jax.jit(jax.vmap(solution))


@cache
def found(first: int, number: int) -> tuple[list[Network], np.ndarray, Bounded, np.ndarray]:
    networks = [drawn(seed) for seed in range(first, first + number)]
    columns = (
        np.stack([getattr(own, name) for own in networks]) for name in ("energies", "strengths", "T")
    )
    status, currents, sigma = solved(*columns)
    return networks, np.array(status), currents, np.array(sigma)


MANY = [
    pytest.param(0, 120, id="some"),
    pytest.param(1000, 1000, id="a-thousand", marks=pytest.mark.thorough),
]


def judged(networks: list[Network], status: np.ndarray, currents: Bounded) -> tuple[np.ndarray, ...]:
    """Values, bounds and errors of all currents that are known not to be 0, of the points that are OK.

    The bounds cover the errors.
    """
    rows = []
    for n in np.flatnonzero(status == Status.OK):
        for k, J in enumerate(networks[n].currents()):
            value, bound = float(currents.value[n, k]), float(currents.bound[n, k])
            with mp.workdps(DIGITS):
                error = abs(Real(value) - J)
                # What the digits leave of a current that is 0 is no current.
                known = abs(J) > SMALLEST
                assert error <= bound + (0 if known else SMALLEST), (n, k, value, J, bound)
                if known:
                    rows.append((float(abs(J)), bound, float(error)))
    return tuple(np.array(rows).T)


@pytest.mark.long
@pytest.mark.parametrize(("first", "number"), MANY)
def test_currents_of_random_networks_to_their_last_digits(first: int, number: int) -> None:
    networks, status, currents, _ = found(first, number)
    assert (status == Status.OK).mean() > 0.95
    J, bound, error = judged(networks, status, currents)
    given = bound <= 1e-6 * J
    assert given.mean() > 0.9
    far = (error / J)[given]
    # Where nothing cancels the error is that of a few roundings; what competes is in the bound.
    assert np.median(far) < 1e-14
    assert np.quantile(far, 0.9) < 1e-11
    assert far.max() < 1e-6


@pytest.mark.long
@pytest.mark.parametrize(("first", "number"), MANY)
def test_net_fluxes_alone(first: int, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(currents_module, "ENOUGH_DIGITS", 0.0)
    networks = [drawn(seed) for seed in range(first, first + number)]
    columns = (
        np.stack([getattr(own, name) for own in networks]) for name in ("energies", "strengths", "T")
    )
    # Not a compiled function of the package, which would keep what was traced with this number.
    status, currents = jax.jit(jax.vmap(currents_of))(*columns)
    J, bound, error = judged(networks, np.array(status), currents)
    given = bound <= 1e-6 * J
    assert np.median((error / J)[given]) < 3e-15
    assert np.median((bound / np.maximum(error, 1e-300))[given & (error > 0)]) < 1e3


@pytest.mark.long
def test_entropy_production_is_not_negative() -> None:
    networks, status, _, sigma = found(0, 120)
    given = np.flatnonzero((status == Status.OK) & ~np.isnan(sigma))
    assert given.size > 0.9 * len(networks)
    assert (sigma >= 0)[given].all()
    for n in given[:40]:
        with mp.workdps(DIGITS):
            T = [Real(float(own)) for own in networks[n].T]
            exact = mp.fsum(J / own for J, own in zip(networks[n].currents(), T, strict=True))
            far = abs(Real(float(sigma[n])) - exact)
            assert far <= 1e-6 * exact + SMALLEST


@pytest.mark.long
def test_equal_temperatures_give_exactly_nothing() -> None:
    networks = [drawn(seed) for seed in range(40)]
    columns = (np.stack([getattr(own, name) for own in networks]) for name in ("energies", "strengths"))
    T = np.repeat([[own.T[0]] * BATHS for own in networks], 1, axis=0)
    status, currents, sigma = solved(*columns, T)
    fine = np.array(status) == Status.OK
    np.testing.assert_array_equal(np.array(currents.trusted)[fine], 0.0)
    np.testing.assert_array_equal(np.array(sigma)[fine], 0.0)


def heat_of_the_diode(T_L: Real, T_R: Real) -> Real:
    """Into the left bath of the diode with h_L = 1, h_R = 0, Delta = 1/2, ohmic baths."""
    E = [Real(0), Real("0.5"), Real(1), Real("1.5")]
    links = {(0, 3): T_L, (1, 2): T_L, (2, 3): T_R, (0, 1): T_R}
    W = mpmath.zeros(4)
    for (i, j), T in links.items():
        omega = E[j] - E[i]
        W[i, j] += exact_rate(omega, omega, T)
        W[j, i] += exact_rate(omega, -omega, T)
    p = stationary(W.copy())
    left = [(0, 3), (1, 2)]
    return sum((E[j] - E[i]) * (W[i, j] * p[j] - W[j, i] * p[i]) for i, j in left)


@pytest.mark.long
def test_the_diode_in_the_cold_rectifies() -> None:
    T_L, T_R = 0.02, 0.0266220735785953
    system = qj.models.thermal_diode(h_L=1, h_R=0, Delta=0.5, T_L=T_L, T_R=T_R)
    state = qj.steadystate(system)
    J = np.array(qj.heat_currents(system, state))
    with mp.workdps(DIGITS):
        exact = heat_of_the_diode(Real(T_L), Real(T_R))
        assert abs(Real(float(J[0])) / exact - 1) < 1e-12
    np.testing.assert_allclose(J[0], -J[1], rtol=1e-12)
    assert qj.entropy_production(system, state) > 0
    assert abs(qj.rectification(system, state) - 0.998) < 1e-3


@qj.observable(qj.Quantity("heat that flows to the right", "J_+", 2))
def heat_to_the_right(system: qj.OpenSystem, state: qj.State) -> jax.Array:
    J = qj.heat_currents(system, state)[1]
    return jnp.where(J > 0, J, 0.0)


def noting(made: list[bool]) -> Callable[..., Any]:
    """What makes the function of a point, and notes of each whether it has net fluxes."""

    def point_function(*arguments: Any, net_fluxes: bool) -> Any:
        made.append(net_fluxes)
        return point.point_function(*arguments, net_fluxes=net_fluxes)

    return point_function


def diodes(made: list[bool], monkeypatch: pytest.MonkeyPatch, T_L: list[float], **given: Any) -> Any:
    """A sweep of the diode; `made` is told of each program whether it has net fluxes."""
    monkeypatch.setattr(engine, "point_function", noting(made))
    fixed = {"h_L": 1.0, "h_R": 0.0, "Delta": 0.5, "T_R": 0.0266220735785953}
    return qj.sweep("thermal_diode", axes={"T_L": T_L}, parameters=fixed, **given)


@pytest.mark.long
def test_a_sweep_finds_net_fluxes_where_differences_have_no_six_digits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    T_L, made = [0.02, 0.0266, 0.1, 0.7], list[bool]()
    wanted = ["heat_currents", "entropy_production", "energy_balance"]
    data = diodes(made, monkeypatch, T_L, observables=wanted, derivatives=["T_L"])
    assert made == [False, True]
    assert (data.status == Status.OK).all()
    J = data.heat_currents.values
    with mp.workdps(DIGITS):
        for T, found in zip(T_L, J[:, 0], strict=True):
            exact = heat_of_the_diode(Real(T), Real(0.0266220735785953))
            assert abs(Real(float(found)) / exact - 1) < 1e-9
    np.testing.assert_allclose(J[:, 0], -J[:, 1], rtol=1e-9)
    assert (abs(data.energy_balance) <= 1e-9 * abs(J).max(axis=1)).all()
    assert (data.entropy_production > 0).all()
    assert data.d_heat_currents_d_T_L.notnull().all()


@pytest.mark.long
def test_of_a_gpus_tile_the_few_points_that_need_net_fluxes_are_solved_again_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Here a CPU solves what a GPU would be given."""
    fixed = {"h_L": 1.0, "h_R": 0.0, "Delta": 0.5, "T_R": 0.0266220735785953}
    T_L = [0.02, *np.linspace(0.3, 0.9, 62).tolist(), 0.0266]
    asked = {"model": "thermal_diode", "axes": {"T_L": T_L}, "parameters": fixed}
    spec = parse_spec({**asked, "observables": ["heat_currents"]}, "here")
    plan = make_plan(spec, find_model("thermal_diode", Path()))
    ((_, expected),) = engine.Engine(plan).solve(plan.tiling.boxes)

    made, own = list[bool](), planned_for(plan, "cuda")
    monkeypatch.setattr(engine, "point_function", noting(made))
    ((_, found),) = engine.Engine(own).solve(own.tiling.boxes)
    assert made == [False]
    np.testing.assert_array_equal(found["status"], Status.OK)
    np.testing.assert_allclose(found["heat_currents"], expected["heat_currents"], rtol=1e-9)


@pytest.mark.long
def test_a_sweep_without_cold_points_needs_no_net_fluxes(monkeypatch: pytest.MonkeyPatch) -> None:
    made = list[bool]()
    data = diodes(made, monkeypatch, [0.7, 0.0266220735785953, 0.9], observables=["heat_currents"])
    assert made == [False]
    assert data.heat_currents[1].values.tolist() == [0.0, 0.0]


@pytest.mark.long
def test_what_a_user_makes_of_a_current_is_made_of_the_best_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = list[bool]()
    data = diodes(made, monkeypatch, [0.02, 0.7], observables=[heat_to_the_right])
    assert made == [True]
    with mp.workdps(DIGITS):
        exact = float(-heat_of_the_diode(Real(0.7), Real(0.0266220735785953)))
    np.testing.assert_allclose(data.heat_to_the_right, [0.0, exact], rtol=1e-9)


@pytest.mark.long
def test_the_rectification_is_known_as_well_either_way_round() -> None:
    """R(T_1, T_2) = R(T_2, T_1), whichever of its two currents comes of net fluxes."""

    def rectification(T: jax.Array) -> Bounded:
        system = qj.models.thermal_diode(h_L=1, h_R=0, Delta=0.5, T_L=T[0], T_R=T[1])
        return bounded_rectification(system, qj.steadystate(system, method="populations"))

    cold_first, cold_second = (
        jax.jit(partial(derivatives, rectification))(jnp.array(T)) for T in ([0.05, 0.1], [0.1, 0.05])
    )
    step = Real(10) ** -40
    with mp.workdps(DIGITS):
        sides = []
        for cold in (Real(0.05) + step, Real(0.05) - step):
            one, other = (heat_of_the_diode(*T) for T in ((cold, Real(0.1)), (Real(0.1), cold)))
            sides.append(abs(one + other) / max(abs(one), abs(other)))
        exact = (sides[0] - sides[1]) / (2 * step)
        for found, cold in ((cold_first, 0), (cold_second, 1)):
            assert abs(Real(float(found.value[cold])) - exact) <= float(found.bound[cold])
    np.testing.assert_allclose(cold_second.bound[1], cold_first.bound[0], rtol=0.5)


@pytest.mark.long
def test_derivatives_by_temperature_near_equilibrium_and_in_the_cold() -> None:
    own = drawn(6)

    def heat(T):
        system = of_system(own.energies, own.strengths, T)
        return qj.heat_currents(system, qj.steadystate(system, method="populations"))

    step = Real(10) ** -40
    for scale in (1.0, 0.06):
        T = scale * np.array([1.0, 1.0 + 1e-9, 1.0])
        forward = np.array(jax.jacfwd(heat)(T))
        np.testing.assert_allclose(np.array(jax.jacrev(heat)(T)), forward, rtol=1e-9)
        for k in range(BATHS):
            with mp.workdps(DIGITS):
                sides = []
                for sign in (1, -1):
                    moved = [Real(float(t)) + sign * step * (n == k) for n, t in enumerate(T)]
                    sides.append(own.currents(moved))
                slope = [(a - b) / (2 * step) for a, b in zip(*sides, strict=True)]
                largest = max(map(abs, slope))
                far = [
                    float(abs(Real(float(x)) - y) / largest)
                    for x, y in zip(forward[:, k], slope, strict=True)
                ]
            assert max(far) < 1e-10, (scale, k, far)


@pytest.mark.long
def test_a_chain_beyond_the_largest_core_has_its_currents_too() -> None:
    system = qj.models.chain(sites=LARGEST_CORE + 1, T_L=0.8, T_R=0.4, g=1.3)
    state = qj.steadystate(system, method="populations")
    J, bound = np.array(qj.heat_currents(system, state)), np.array(qj.heat_current_bounds(system, state))
    assert np.isfinite(J).mean() > 0.8
    assert abs(qj.energy_balance(system, state)) < bound.sum()
