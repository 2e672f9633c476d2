"""Limit cycles against `Cycle` of PyPI's qthermo, which follows a state until it returns to itself."""

from functools import partial

import jax
import numpy as np
import pytest
import qthermo

import qthermo_jax as qj
from matrices import SIGMA_X
from stroke_oracle import Part, cycle_of

pytestmark = pytest.mark.long

SIGMA_Z = np.diag([1.0, -1.0])
HOT, COLD = (SIGMA_X, 4.0, 0.2), (SIGMA_X, 1.0, 0.4)


def field(omega: float | jax.Array) -> np.ndarray | jax.Array:
    """A qubit whose transverse field stays while omega changes: H does not commute with itself."""
    return omega * SIGMA_Z.astype(complex) / 2 + 0.15 * SIGMA_X.astype(complex)


def their_stroke(part: Part, steps: int) -> qthermo.Stroke:
    def H(t: float) -> np.ndarray:
        return part.H(t / part.duration)

    def bath(make: object, name: str) -> object:
        S, T, eta = part.baths[name]
        return make(S, T, spectrum=qthermo.baths.ohmic_spectrum(eta), name=name)

    if not part.moves:
        baths = [bath(partial(qthermo.davies_bath, H(0.0)), name) for name in part.baths]
        return qthermo.Stroke("isochore", H(0.0), part.duration, baths, steps=steps)
    following = [bath(partial(qthermo.baths.instantaneous_bath, H), name) for name in part.baths]
    return qthermo.Stroke("ramp", H, part.duration, *following, steps=steps)


def with_steps(parts: list[Part], steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """rho at the beginning of each stroke, heat into the system and work of each."""
    cycle = qthermo.Cycle([their_stroke(part, steps) for part in parts])
    found, _, converged = cycle.limit_cycle(np.eye(2) / 2, tol=1e-12)
    assert converged
    rows = [(own.rho_initial, own.heat, own.work) for own in found.strokes]
    return tuple(np.array(column) for column in zip(*rows, strict=True))


OTTO = [
    Part(lambda s: field(2.0), 4.0, {"hot": HOT}, moves=False),
    Part(lambda s: field(2.0 - s), 1.0, {}),
    Part(lambda s: field(1.0), 4.0, {"cold": COLD}, moves=False),
    Part(lambda s: field(1.0 + s), 1.0, {}),
]
WITH_ISOTHERMS = [
    Part(lambda s: field(3.0 - s), 2.0, {"hot": HOT}),
    Part(lambda s: field(2.0 - s), 1.0, {}),
    Part(lambda s: field(1.0 + 0.5 * s), 2.0, {"cold": COLD}),
    Part(lambda s: field(1.5 + 1.5 * s), 1.0, {}),
]


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(OTTO, id="otto"),
        pytest.param(WITH_ISOTHERMS, id="isotherms", marks=pytest.mark.slow),
    ],
)
def test_state_heat_and_work_are_those_of_another_package(parts: list[Part]) -> None:
    # Their heat and work are sums of trapezoids, 3e-7 off with 200 steps. The error is of second order,
    # so that half of the step removes it; their integrator's tolerance leaves 2e-11 of the state.
    (_, *coarse), (rho_at, *fine) = with_steps(parts, 100), with_steps(parts, 200)
    heat, work = ((4 * b - a) / 3 for a, b in zip(coarse, fine, strict=True))
    state = qj.limit_cycle(cycle_of(parts))
    # Coherence that the ramps leave: without it a cycle of populations would pass.
    assert np.max(state.friction) > 1e-4
    np.testing.assert_allclose(state.rho_at[:-1], rho_at, rtol=0, atol=1e-9)
    np.testing.assert_allclose(-state.stroke_heat.sum(axis=1), heat, rtol=0, atol=1e-9)
    np.testing.assert_allclose(state.stroke_work, work, rtol=0, atol=1e-9)
