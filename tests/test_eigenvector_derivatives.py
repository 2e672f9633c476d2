"""Derivatives through the eigenvectors: which parameters reach them, and levels that split."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

import qthermo_jax as qj
from matrices import hermitian, random_matrix
from qthermo_jax import eigenbasis
from qthermo_jax.eigenbasis import splits
from systems import compiled

pytestmark = pytest.mark.accuracy


# --- temperatures never touch the eigenvectors


def eigenvectors_are_derived(
    monkeypatch: pytest.MonkeyPatch, f: Callable[[jax.Array], jax.Array]
) -> bool:
    """Whether derivatives of f, forward over reverse, need those of the eigendecomposition."""
    diagonalise = vars(eigenbasis)["_diagonalise"]
    used = []

    @partial(jax.custom_jvp, nondiff_argnums=(0,))
    def watched(sectors: Any, H: jax.Array, tolerance: jax.Array) -> Any:
        return diagonalise(sectors, H, tolerance)

    @watched.defjvp
    def _(sectors: Any, primals: Any, tangents: Any) -> Any:
        used.append(True)
        return jax.jvp(partial(diagonalise, sectors), primals, tangents)

    with monkeypatch.context() as patched:
        patched.setattr(eigenbasis, "_diagonalise", watched)
        jax.clear_caches()
        jax.make_jaxpr(jax.jit(jax.hessian(lambda x: jnp.sum(f(x)))))(jnp.array([0.5, 0.8]))
    jax.clear_caches()
    return bool(used)


@pytest.mark.long
@pytest.mark.parametrize(
    "method",
    [
        "populations",
        *(pytest.param(m, marks=pytest.mark.slow) for m in ("secular_block", "dense", "auto")),
    ],
)
def test_temperatures_and_rates_never_touch_the_eigenvectors(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by(**parameters: jax.Array) -> jax.Array:
        system = qj.models.chain(sites=2, **parameters)
        state = qj.steadystate(system, method=method)
        return jnp.concatenate([state.level_populations, qj.heat_currents(system, state)])

    assert not eigenvectors_are_derived(monkeypatch, lambda x: by(T_L=x[0], rate=x[1]))
    assert eigenvectors_are_derived(monkeypatch, lambda x: by(T_L=x[0], g=x[1]))


def test_one_eigendecomposition_serves_a_plane_of_temperatures() -> None:
    def gradient(T_L: jax.Array, T_R: jax.Array) -> jax.Array:
        def position(T: jax.Array) -> jax.Array:
            system = qj.models.chain(sites=3, T_L=T[0], T_R=T[1])
            state = qj.steadystate(system, method="populations")
            return qj.observe(system, state, "mean_position")

        return jax.grad(position)(jnp.stack([T_L, T_R]))

    plane = jax.vmap(jax.vmap(gradient, (None, 0)), (0, None))
    text = str(jax.make_jaxpr(plane)(jnp.ones(5), jnp.ones(7)))
    decompositions = [line for line in text.splitlines() if " eigh[" in line]
    assert decompositions
    assert all("f64[1,3,3]" in line for line in decompositions)  # one sector of three, not 35 of them


@pytest.mark.long
def test_at_zero_temperature_derivatives_are_those_of_a_frozen_bath() -> None:
    """All of it sits at the cold site, whatever the other bath does."""

    def populations(T: jax.Array) -> jax.Array:
        return qj.steadystate(
            qj.models.lambda_system(T_1=T[0], T_2=T[1]), method="populations"
        ).populations

    T = jnp.array([0.5, 0.0])
    for derivative in (jax.jacfwd, jax.jacrev):
        np.testing.assert_array_equal(compiled(derivative(populations))(T), 0.0)


# --- the Gibbs state


@pytest.mark.long
def test_the_gibbs_state_of_a_level_that_a_perturbation_splits() -> None:
    """First and second derivatives by the perturbation's strength, at 0, and by T."""
    rng = np.random.default_rng(5)
    K = hermitian(random_matrix(rng, 3, True))
    U = np.linalg.qr(random_matrix(rng, 3, True))[0]
    H = hermitian(U @ np.diag([0.0, 1.0, 1.0]).astype(complex) @ U.conj().T)

    def rho(x: jax.Array) -> jax.Array:
        state = qj.gibbs_state(H + x[0].astype(complex) * K, x[1])
        return jnp.stack([state.real, state.imag])

    x = jnp.array([0.0, 0.4])
    found = compiled(lambda x: (jax.jacfwd(rho)(x), jax.jacrev(rho)(x), jax.hessian(rho)(x)))(x)

    with mpmath.workdps(60):
        step = mpmath.mpf(10) ** -18

        def exact(strength: float, warmer: float) -> np.ndarray:
            """rho at steps away from x."""
            T = mpmath.mpf(float(x[1])) + warmer * step
            weights = mpmath.expm(-(mpmath.matrix(H) + strength * step * mpmath.matrix(K)) / T)
            trace = weights[0, 0] + weights[1, 1] + weights[2, 2]
            return np.array((weights / trace).tolist()).reshape(3, 3)

        def parts(matrix: np.ndarray) -> np.ndarray:
            return np.array([matrix.astype(complex).real, matrix.astype(complex).imag])

        first = np.stack(
            [parts((exact(*e) - exact(*-e)) / (2 * step)) for e in np.eye(2, dtype=int)], axis=-1
        )
        second = np.empty((2, 3, 3, 2, 2))
        for i, a in enumerate(np.eye(2, dtype=int)):
            for j, b in enumerate(np.eye(2, dtype=int)):
                corners = exact(*(a + b)) - exact(*(a - b)) - exact(*(b - a)) + exact(*(-a - b))
                second[..., i, j] = parts(corners / (4 * step**2))
    for one in found[:2]:
        np.testing.assert_allclose(one, first, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(found[2], second, rtol=1e-11, atol=1e-12)


# --- levels that split


@compiled
def split(system: qj.OpenSystem, change: jax.Array) -> tuple[jax.Array, jax.Array]:
    return splits(system.eigenbasis(), change)


SHIFT, PART = np.diag([0.3, 1.0, 1.0]), np.diag([0.0, 1.0, -1.0])
MIX = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
ELSEWHERE = np.array([[0.0, 1.0, 0.5], [1.0, 0.0, 0.0], [0.5, 0.0, 0.0]])


@pytest.mark.parametrize(
    ("change", "sectors", "expected"),
    [
        (SHIFT, [(0, 1, 2)], (False, False)),
        (ELSEWHERE, [(0, 1, 2)], (False, False)),
        (PART, [(0, 1, 2)], (True, False)),
        (MIX, [(0, 1, 2)], (True, False)),
        (SHIFT, [(0,), (1,), (2,)], (False, False)),
        (PART, [(0,), (1,), (2,)], (False, True)),
        (PART, [(0, 1), (2,)], (False, True)),
    ],
)
def test_a_level_splits_inside_a_sector_or_between_sectors(
    change: np.ndarray, sectors: list[tuple[int, ...]], expected: tuple[bool, bool]
) -> None:
    bath = qj.Bath(np.zeros((3, 3)), 1.0, qj.Ohmic(1.0))
    assert split(qj.OpenSystem(np.diag([0.0, 1.0, 1.0]), bath, sectors=sectors), change) == expected


@pytest.mark.long
@pytest.mark.parametrize(
    ("g", "parameter", "expected"),
    [(0.3, "g", (False, False)), (0.3, "h", (False, False)), (0.0, "g", (True, False))],
)
def test_the_chain_splits_no_level_unless_its_sites_are_apart(
    g: float, parameter: str, expected: tuple[bool, bool]
) -> None:
    point = {"g": jnp.asarray(g), "h": jnp.asarray(1.0)}
    tangents = {name: jnp.asarray(float(name == parameter)) for name in point}

    def model(parameters: dict[str, jax.Array]) -> qj.OpenSystem:
        return qj.models.chain(sites=4, **parameters)

    _, change = jax.jvp(lambda parameters: model(parameters).H, (point,), (tangents,))
    assert split(model(point), change) == expected
