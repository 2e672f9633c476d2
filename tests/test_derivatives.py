"""Derivatives by every kind of parameter, through every solver, of first and second order.

Forward, reverse and forward over reverse, compiled and mapped, against independent answers: mpmath with
hundreds of digits for the chain and the Gibbs state, differences of eighth order of the explicit
projectors' generator (`oracles`) for the rest.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

import oracles
import qthermo_jax as qj
from matrices import hermitian, random_matrix
from qthermo_jax.steady import Status
from systems import compiled

pytestmark = pytest.mark.accuracy


Outputs = Callable[[jax.Array], tuple[jax.Array, jax.Array]]


def direction(size: int) -> np.ndarray:
    """One that no symmetry knows of."""
    return np.cos(1.0 + 2.0 * np.arange(size))


def derivatives(solvers: Sequence[Outputs]) -> Callable[[jax.Array], list[dict[str, jax.Array]]]:
    """Of each solver's outputs f(x), all in one program, compiled and mapped over points x.

    forward: df_i/dx_j; reverse: d(w.f)/dx_j with the weights `direction`; hessian: of w.f, forward over
    reverse.
    """

    def outputs(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        values, status = zip(*(solver(x) for solver in solvers), strict=True)
        return jnp.stack(values), jnp.stack(status)

    def reverse(x: jax.Array) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        f, pullback, status = jax.vjp(outputs, x, has_aux=True)
        one_by_one = np.eye(f.shape[0])[:, :, None] * direction(f.shape[1])[None, None, :]
        return (f, jax.vmap(pullback)(jnp.asarray(one_by_one))[0]), status

    def at(x: jax.Array) -> dict[str, jax.Array]:
        def pushed(v: jax.Array) -> tuple[Any, Any, jax.Array]:
            return jax.jvp(reverse, (x,), (v,), has_aux=True)

        (values, gradients), (forward, hessian), status = jax.vmap(pushed, out_axes=(None, -1, None))(
            jnp.eye(x.size)
        )
        return {
            "values": values,
            "status": status,
            "forward": forward,
            "reverse": gradients,
            "hessian": hessian,
        }

    program = compiled(jax.vmap(at))

    def by_solver(points: jax.Array) -> list[dict[str, jax.Array]]:
        found = program(points)
        return [{name: np.asarray(a[:, n]) for name, a in found.items()} for n in range(len(solvers))]

    return by_solver


# --- what is right


Function = Callable[[np.ndarray], np.ndarray]


def eighth_order(f: Function, x: np.ndarray, v: np.ndarray, order: int, step: float) -> np.ndarray:
    """First or second derivative of f at x along v, by central differences of eighth order."""
    middle, weights = {
        1: (0.0, [4 / 5, -1 / 5, 4 / 105, -1 / 280]),
        2: (-205 / 72, [8 / 5, -1 / 5, 8 / 315, -1 / 560]),
    }[order]
    total = middle * f(x)
    for n, weight in enumerate(weights, start=1):
        ahead, behind = f(x + n * step * v), f(x - n * step * v)
        total = total + weight * (ahead - behind if order == 1 else ahead + behind)
    return total / step**order


def differences(f: Function, x: np.ndarray, step: float = 4e-3) -> dict[str, np.ndarray]:
    """What `derivatives` gives, from values alone."""
    v = direction(x.size)
    values = f(x)
    forward = np.stack([eighth_order(f, x, e, 1, step) for e in np.eye(x.size)], axis=1)
    twice = eighth_order(f, x, v, 2, step)
    return {"values": values, "forward": forward, "twice": twice}


def assert_right(
    found: dict[str, Any], expected: dict[str, np.ndarray], rtol: tuple[float, float]
) -> None:
    """Every derivative, those of second order to the second tolerance; zeros relative to the largest."""
    w, v = (direction(size) for size in expected["forward"].shape)
    assert found["status"] == Status.OK
    first = {
        "values": expected["values"],
        "forward": expected["forward"],
        "reverse": w @ expected["forward"],
    }
    for name, right in first.items():
        np.testing.assert_allclose(found[name], right, rtol=rtol[0], atol=rtol[0] * np.abs(right).max())
    # The curvature of w.f along v, and where it is known the change of its gradient.
    curvature = w @ expected["twice"]
    scale = np.abs(found["hessian"]).max()
    np.testing.assert_allclose(v @ found["hessian"] @ v, curvature, rtol=rtol[1], atol=rtol[1] * scale)
    if "mixed" in expected:
        change = w @ expected["mixed"]
        np.testing.assert_allclose(v @ found["hessian"], change, rtol=rtol[1], atol=rtol[1] * scale)


# --- the chain: T_L, T_R, g, h, rate


SITES = 4


def chain(x: jax.Array, method: str) -> tuple[jax.Array, jax.Array]:
    """Populations of ground states and modes, of the sites' levels, and heat currents."""
    T_L, T_R, g, h, rate = x
    system = qj.models.chain(sites=SITES, T_L=T_L, T_R=T_R, g=g, h=h, rate=rate)
    state = qj.steadystate(system, method=method)
    return (
        jnp.concatenate([state.populations, state.level_populations, qj.heat_currents(system, state)]),
        state.status,
    )


@cache
def chain_derivatives(*tiers: str) -> Callable[[jax.Array], list[dict[str, jax.Array]]]:
    return derivatives([partial(chain, method=tier) for tier in tiers])


def exact_chain(x: list[mpmath.mpf]) -> list[mpmath.mpf]:
    """What `chain` gives, from closed-form modes psi_m(k) = sqrt(2/(N+1)) sin(m k pi/(N+1)) and LU."""
    mp, N = mpmath.mp, SITES
    T_L, T_R, g, h, rate = x
    angle = mp.pi / (N + 1)
    T = [T_L + (T_R - T_L) * k / (N - 1) for k in range(N)]
    E = [h + 2 * g * mp.cos(m * angle) for m in range(N, 0, -1)]
    psi2 = [[2 * mp.sin(m * (k + 1) * angle) ** 2 / (N + 1) for k in range(N)] for m in range(N, 0, -1)]
    W, right = mp.matrix(2 * N), mp.matrix(2 * N, 1)
    down, up = mp.matrix(N), mp.matrix(N)
    for m in range(N):
        for k in range(N):
            n = 1 / mp.expm1(E[m] / T[k])
            W[k, N + m] = down[k, m] = rate * psi2[m][k] * (n + 1)
            W[N + m, k] = up[k, m] = rate * psi2[m][k] * n
    for j in range(2 * N):
        W[j, j] = -mp.fsum(W[i, j] for i in range(2 * N) if i != j)
    for j in range(2 * N):
        W[0, j] = 1
    right[0] = 1
    p = list(mp.lu_solve(W, right))
    excited = [mp.fsum(psi2[m][k] * p[N + m] for m in range(N)) for k in range(N)]
    heat = [
        mp.fsum(E[m] * (down[k, m] * p[N + m] - up[k, m] * p[k]) for m in range(N)) for k in range(N)
    ]
    return p + p[:N] + excited + heat


@pytest.fixture
def many_digits() -> Iterator[None]:
    with mpmath.workdps(300):
        yield


def exact_derivatives(x: np.ndarray) -> dict[str, np.ndarray]:
    """Of `exact_chain`, by central differences with a step of 1e-40, in objects of mpmath."""
    step = mpmath.mpf(10) ** -40
    v = np.array([mpmath.mpf(float(entry)) for entry in direction(x.size)])
    x = np.array([mpmath.mpf(float(entry)) for entry in x])
    one = np.diag([mpmath.mpf(1)] * x.size)

    def f(x: np.ndarray) -> np.ndarray:
        return np.array(exact_chain(list(x)))

    def slope(x: np.ndarray) -> np.ndarray:
        return np.stack([(f(x + step * e) - f(x - step * e)) / (2 * step) for e in one], axis=1)

    values = f(x)
    return {
        "values": values,
        "forward": slope(x),
        "twice": (f(x + step * v) - 2 * values + f(x - step * v)) / step**2,
        "mixed": (slope(x + step * v) - slope(x - step * v)) / (2 * step),
    }


WARM = np.array([[0.5, 0.2, 0.3, 1.1, 0.8], [0.9, 1.4, 0.12, 0.7, 1.6]])


@pytest.mark.long
@pytest.mark.parametrize(
    "tiers",
    [
        ("populations",),
        pytest.param(("secular_block",), marks=pytest.mark.slow),
        pytest.param(("dense",), marks=pytest.mark.slow),
    ],
)
@pytest.mark.usefixtures("many_digits")
def test_the_chain_by_every_parameter(tiers: tuple[str, ...]) -> None:
    """Its N ground levels are degenerate, where the derivative of JAX's `eigh` is NaN."""
    by_solver = chain_derivatives(*tiers)(WARM)
    for n, x in enumerate(WARM):
        expected = {name: value.astype(float) for name, value in exact_derivatives(x).items()}
        for found in by_solver:
            assert_right({name: value[n] for name, value in found.items()}, expected, (1e-10, 1e-9))


COLD = np.array([[0.02, 0.008, 0.05, 1.0, 1.0], [0.0125, 0.007, 0.1, 0.9, 0.5]])


@pytest.mark.long
@pytest.mark.usefixtures("many_digits")
def test_log_derivatives_of_a_cold_chain_keep_their_digits_where_populations_are_tiny() -> None:
    (found,) = chain_derivatives("populations")(COLD)
    tiniest = []
    for n, x in enumerate(COLD):
        exact = exact_derivatives(x)
        p, slope = (exact[name][: 2 * SITES] for name in ("values", "forward"))
        tiniest.append(min(p))
        own, own_slope = (np.asarray(found[name][n, : 2 * SITES]) for name in ("values", "forward"))
        assert found["status"][n] == Status.OK
        np.testing.assert_allclose(own, p.astype(float), rtol=1e-12)
        # Some are 0: those of p = 1 - 1e-20, and those by the rate, which all baths share.
        logarithmic = (slope / p[:, None]).astype(float)
        np.testing.assert_allclose(own_slope / own[:, None], logarithmic, rtol=1e-10, atol=1e-12)
    assert min(tiniest) < 1e-50


# --- the parameters of every spectral density, H with a degenerate level in one sector


RNG = np.random.default_rng(11)
COUPLINGS = np.stack([hermitian(random_matrix(RNG, 4, True)) for _ in range(3)])
# The first two states have one energy, as of a spin that H does not see; the other two mix. No bath
# acts on both of the first, so that populations drive no coherence.
SEPARATE = COUPLINGS.copy()
for bath, (other, *_) in enumerate([(1,), (0,), (0, 1)]):
    SEPARATE[bath, other] = SEPARATE[bath, :, other] = 0.0


def doublets(x: Any, xp: Any) -> Any:
    """H = E kron 1_2, all of it one sector: E_a, E_b and what mixes them depend on x."""
    E = xp.stack([xp.stack([0.1 * x, 0.6 * x]), xp.stack([0.6 * x, 1.0 + 0.5 * x])])
    return xp.kron(E, np.eye(2))


def one_doublet(x: Any, xp: Any) -> Any:
    """One level twice, which shifts with x, and two that mix; all of it one sector."""
    zero = xp.zeros_like(x)
    rows = [
        [0.1 * x**2, zero, zero, zero],
        [zero, 0.1 * x**2, zero, zero],
        [zero, zero, 0.7 + 0.5 * x, 0.6 * x],
        [zero, zero, 0.6 * x, 1.9 + zero],
    ]
    return xp.stack([xp.stack(row) for row in rows])


@dataclass(frozen=True)
class Family:
    """Systems of three baths of three spectral densities, by twelve parameters: x of H first."""

    hamiltonian: Callable[[Any, Any], Any]
    couplings: np.ndarray

    def outputs(
        self, x: jax.Array, method: str, levels: tuple[tuple[int, ...], ...] | None
    ) -> tuple[jax.Array, jax.Array]:
        """rho in the given basis, real and imaginary parts, and heat currents."""
        turn, T_1, T_2, T_3, *p = x
        densities = (
            qj.OhmicFamily(*p[:3]), qj.DrudeLorentz(*p[3:5]), qj.UnderDamped(*p[5:]),
        )  # fmt: skip
        baths = [
            qj.Bath(jnp.asarray(S), T, J)
            for S, T, J in zip(self.couplings, (T_1, T_2, T_3), densities, strict=True)
        ]
        H = self.hamiltonian(turn, jnp).astype(self.couplings.dtype)
        system = qj.OpenSystem(H, baths, levels=levels)
        state = qj.steadystate(system, method=method)
        rho = state.rho.reshape(-1)
        return jnp.concatenate([rho.real, rho.imag, qj.heat_currents(system, state)]), state.status

    def expected(self, x: np.ndarray) -> np.ndarray:
        """The same from explicit projectors and the null vector of the whole generator."""
        turn, T_1, T_2, T_3, eta, s, cutoff, lam, width, kappa, damping, resonance = x

        def ohmic(w: float) -> float:
            return eta * cutoff * (w / cutoff) ** s * np.exp(-w / cutoff)

        def drude(w: float) -> float:
            return 2 * lam * width * w / (w**2 + width**2)

        def mode(w: float) -> float:
            return kappa**2 * damping * w / ((resonance**2 - w**2) ** 2 + (damping * w) ** 2)

        H = self.hamiltonian(np.asarray(turn), np)
        rates = [
            oracles.bath_rate(ohmic, 0.0, T_1),
            oracles.bath_rate(drude, 2 * lam / width, T_2),
            oracles.bath_rate(mode, kappa**2 * damping / resonance**4, T_3),
        ]
        rho, _ = oracles.null_state(oracles.generator(H, list(self.couplings), rates))
        heat = oracles.projected_heat_currents(H, list(self.couplings), rates, rho)
        return np.concatenate([rho.real.reshape(-1), rho.imag.reshape(-1), heat])


#             x    T                eta  s    cutoff  Drude     under-damped
POINT = [0.4, 0.7, 1.1, 0.5, 0.6, 1.7, 3.0, 0.4, 1.2, 0.8, 0.5, 1.3]


FAMILIES = {
    "one doublet": (Family(one_doublet, SEPARATE), [("populations", None)]),
    "two doublets": (Family(doublets, COUPLINGS), [("dense", None)]),
    "two doublets, the block": (
        Family(doublets, COUPLINGS),
        [("secular_block", ((0, 1), (2, 3))), ("secular_block", None)],
    ),
}
SLOW = ("two doublets", "two doublets, the block")


@pytest.mark.long
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in FAMILIES]
)
def test_by_temperatures_energies_and_every_spectral_parameter(name: str) -> None:
    """Each with a degenerate level inside its one sector."""
    family, solvers = FAMILIES[name]
    x = np.array(POINT)
    expected = differences(family.expected, x)
    ask = [partial(family.outputs, method=method, levels=levels) for method, levels in solvers]
    for found in derivatives(ask)(x[None]):
        assert_right({name: value[0] for name, value in found.items()}, expected, (1e-9, 1e-7))


@pytest.mark.slow
def test_auto_by_what_it_chooses_between() -> None:
    """Mapped over H it chooses between results: what is not chosen must not spoil the gradient."""
    family, _ = FAMILIES["two doublets"]
    x = np.array(POINT)

    def gradient(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        f, pullback, status = jax.vjp(lambda x: family.outputs(x, "auto", None), x, has_aux=True)
        return pullback(jnp.asarray(direction(f.size)))[0], status

    found, status = compiled(jax.vmap(gradient))(x[None])
    expected = direction(35) @ differences(family.expected, x)["forward"]
    assert status == Status.OK
    np.testing.assert_allclose(found[0], expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
