"""The paper's models against its closed forms, its figure, and QuTiP's Bloch-Redfield tensor."""

import inspect
import re
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
import qthermo_jax as qj
from qthermo_jax import models, theory
from systems import dense_couplings, solved


@pytest.mark.parametrize("name", qj.models.__all__)
def test_every_number_of_a_model_may_be_mapped(name: str) -> None:
    build = getattr(qj.models, name)
    defaults = {key: p.default for key, p in inspect.signature(build).parameters.items()}
    numbers = {key: jnp.full(2, value) for key, value in defaults.items() if type(value) is float}
    mapped = jax.eval_shape(jax.vmap(lambda given: build(**given)), numbers)
    once = jax.eval_shape(build)
    assert [leaf.shape for leaf in jax.tree.leaves(mapped)] == [
        (2, *leaf.shape) for leaf in jax.tree.leaves(once)
    ]


# --- Lambda and V

TEMPERATURES = st.floats(0.05, 5.0)
FREQUENCIES = st.floats(0.5, 2.0)
MODELS = {"lambda": models.lambda_system, "v": models.v_system}


@cache
def unbalance_of(model: str, spectrum: str) -> Any:
    def unbalance(*parameters: jax.Array) -> jax.Array:
        system = MODELS[model](*parameters, spectrum=spectrum)
        return qj.observe(system, qj.steadystate(system), "unbalance")

    return jax.jit(unbalance)


@pytest.mark.long
@pytest.mark.parametrize("spectrum", ["flat", "ohmic"])
@given(omega_1=FREQUENCIES, omega_2=FREQUENCIES, T_1=TEMPERATURES, T_2=TEMPERATURES)
def test_lambda_unbalance_is_equation_8(
    spectrum: str, omega_1: float, omega_2: float, T_1: float, T_2: float
) -> None:
    n_1, n_2 = (1 / np.expm1(omega / T) for omega, T in ((omega_1, T_1), (omega_2, T_2)))
    actual = unbalance_of("lambda", spectrum)(omega_1, omega_2, T_1, T_2, 0.7)
    np.testing.assert_allclose(actual, theory.Delta_ss(n_1, n_2), atol=1e-12)


@pytest.mark.long
@given(omega_1=FREQUENCIES, omega_2=FREQUENCIES, T_1=TEMPERATURES, T_2=TEMPERATURES)
def test_v_unbalance_is_the_twin_of_equation_8(
    omega_1: float, omega_2: float, T_1: float, T_2: float
) -> None:
    n_1, n_2 = (1 / np.expm1(omega / T) for omega, T in ((omega_1, T_1), (omega_2, T_2)))
    actual = unbalance_of("v", "flat")(omega_1, omega_2, T_1, T_2, 0.7)
    np.testing.assert_allclose(actual, theory.Delta_ss_V(n_1, n_2), atol=1e-12)


@pytest.mark.long
@pytest.mark.parametrize("T_1", [0.05, 0.5, 5.0])
def test_a_bath_at_zero_temperature_takes_the_whole_particle(T_1: float) -> None:
    assert unbalance_of("lambda", "flat")(1.0, 1.0, T_1, 0.0, 1.0) == 1.0
    assert unbalance_of("lambda", "flat")(1.0, 1.0, 0.0, T_1, 1.0) == -1.0


@pytest.mark.long
def test_unbalance_has_the_exact_derivative() -> None:
    def exact(T: mpmath.mpf) -> mpmath.mpf:
        n_1, n_2 = 1 / mpmath.expm1(1 / T), 1 / mpmath.expm1(mpmath.mpf(1) / mpmath.mpf("0.5"))
        return (n_1 - n_2) / (3 * n_1 * n_2 + n_1 + n_2)

    slope = jax.grad(unbalance_of("lambda", "flat"), argnums=2)(1.0, 1.0, 0.8, 0.5, 1.0)
    np.testing.assert_allclose(slope, float(mpmath.diff(exact, mpmath.mpf(0.8))), rtol=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_energies_are_those_of_the_paper(model: str) -> None:
    system = MODELS[model](omega_1=1.5, omega_2=0.6)
    expected = {"lambda": [-1.5, -0.6, 0.0], "v": [0.0, 1.5, 0.6]}[model]
    np.testing.assert_array_equal(system.H, np.diag(expected))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("model", ["lambda", "v", "chain"])
def test_an_unknown_spectrum_is_refused_by_name(model: str) -> None:
    build = {**MODELS, "chain": models.chain}[model]
    with pytest.raises(ValueError, match="'white' is not one of flat, ohmic"):
        build(spectrum="white")


eigenbasis = jax.jit(qj.OpenSystem.eigenbasis)

# --- chain: structure


@pytest.mark.parametrize("sites", [1, 2, 5, 10])
@pytest.mark.parametrize("g", [0.1, 1.3])
def test_excited_modes_have_their_closed_form(sites: int, g: float) -> None:
    basis = eigenbasis(models.chain(sites=sites, h=1.2, g=g))
    m = np.arange(sites, 0, -1)
    expected = 1.2 + 2 * g * np.cos(m * np.pi / (sites + 1))
    np.testing.assert_array_equal(basis.energies[:sites], 0.0)
    np.testing.assert_allclose(basis.energies[sites:], expected, atol=1e-14)


def test_a_chain_is_what_its_docstring_writes() -> None:
    system = models.chain(sites=3, h=1.2, g=0.3, rate=0.5)
    excited = np.array([[1.2, 0.3, 0.0], [0.3, 1.2, 0.3], [0.0, 0.3, 1.2]])
    np.testing.assert_array_equal(system.H, np.block([[np.zeros((3, 6))], [np.zeros((3, 3)), excited]]))
    for site, S in enumerate(dense_couplings(system)):
        expected = np.zeros((6, 6))
        expected[site, 3 + site] = expected[3 + site, site] = 1.0
        np.testing.assert_array_equal(S, expected)
    assert system.labels == ("g_1", "g_2", "g_3", "e_1", "e_2", "e_3")
    assert system.sectors == ((0,), (1,), (2,), (3, 4, 5))
    assert system.levels == ((0, 1, 2), (3,), (4,), (5,))
    np.testing.assert_array_equal(system.baths[0].spectrum.rate, 0.5)


def test_temperatures_are_linear_between_the_ends() -> None:
    np.testing.assert_allclose(
        models.chain(sites=5, T_L=1.0, T_R=0.2).temperatures, [1.0, 0.8, 0.6, 0.4, 0.2], rtol=1e-15
    )
    np.testing.assert_array_equal(models.chain(sites=4, T_L=0.0, T_R=0.0).temperatures, 0.0)


def test_parameters_may_differ_from_site_to_site() -> None:
    h, g = np.array([1.0, 1.1, 1.2]), np.array([0.2, 0.3])
    T, rate = np.array([0.5, 0.1, 0.9]), np.array([1.0, 2.0, 3.0])
    system = models.chain(sites=3, h=h, g=g, temperatures=T, rate=rate, spectrum="ohmic")
    np.testing.assert_array_equal(np.diag(system.H)[3:], h)
    np.testing.assert_array_equal(np.diag(system.H, 1)[3:], g)
    np.testing.assert_array_equal(system.temperatures, T)
    np.testing.assert_array_equal(system.baths[0].spectrum.eta, rate)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sites": 0}, "sites = 0: a chain has at least one site"),
        ({"sites": 3, "h": np.ones(2)}, "h has shape (2,), not () or (3,)"),
        ({"sites": 3, "g": np.ones(3)}, "g has shape (3,), not () or (2,)"),
        ({"sites": 3, "temperatures": np.ones(4)}, "temperatures has shape (4,), not () or (3,)"),
        ({"sites": 3, "rate": np.ones((3, 1))}, "rate has shape (3, 1), not () or (3,)"),
    ],
)
def test_a_wrong_argument_of_the_chain_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        models.chain(**arguments)


# --- chain: Fig. 2


@cache
def compiled_chain(sites: int, spectrum: str, method: str = "populations") -> Any:
    """Site populations, level populations, mean position and status; one compilation each."""

    def answer(g: jax.Array, T_L: jax.Array, T_R: jax.Array) -> dict[str, jax.Array]:
        system = models.chain(sites=sites, g=g, T_L=T_L, T_R=T_R, spectrum=spectrum)
        state = qj.steadystate(system, method=method)
        return {
            "sites": qj.site_populations(system, state),
            "levels": qj.level_populations(system, state),
            "mean_position": qj.observe(system, state, "mean_position"),
            "status": state.status,
        }

    return jax.jit(answer)


@pytest.mark.long
@pytest.mark.parametrize(
    ("g", "T_L", "T_R", "highest"),
    [
        (1.3, 0.8, 0.4, [3]),  # (d): towards the hot end
        (1.3, 0.3, 0.1, [5, 6]),  # (e): a particle in a box
        (0.1, 0.8, 0.4, [10]),  # towards the cold end
        (0.1, 0.3, 0.1, [10]),
    ],
)
def test_figure_2_has_its_highest_sites(g: float, T_L: float, T_R: float, highest: list[int]) -> None:
    populations = np.asarray(compiled_chain(10, "flat")(g, T_L, T_R)["sites"])
    ranked = 1 + np.argsort(populations)[::-1]
    assert sorted(ranked[: len(highest)]) == highest


@pytest.mark.long
def test_a_particle_in_a_box_is_symmetric_and_peaks_in_the_middle() -> None:
    P = np.asarray(compiled_chain(10, "flat")(1.3, 0.3, 0.1)["sites"])
    np.testing.assert_allclose(P, P[::-1], atol=0.01)
    assert (np.diff(P[:5]) > 0).all()


def test_site_populations_are_ground_plus_excited() -> None:
    answer = compiled_chain(10, "flat")(0.3, 0.8, 0.4)
    levels, sites = np.asarray(answer["levels"]), np.asarray(answer["sites"])
    np.testing.assert_allclose(sites, levels[:10] + levels[10:], atol=1e-15)
    np.testing.assert_allclose(sites.sum(), 1.0, atol=1e-14)
    np.testing.assert_allclose(answer["mean_position"], sites @ np.arange(1, 11), atol=1e-13)


def test_a_mirrored_gradient_mirrors_the_chain() -> None:
    chain = compiled_chain(4, "flat")
    there, back = chain(0.4, 0.8, 0.2)["sites"], chain(0.4, 0.2, 0.8)["sites"]
    np.testing.assert_allclose(there, back[::-1], atol=1e-13)


# --- chain: QuTiP


def chain_from_qutip(sites: int, spectrum: str, g: float, T_L: float, T_R: float) -> np.ndarray:
    """Populations of |g_1> ... |e_N>, the chain written down again."""
    excited = np.eye(sites) + g * (np.eye(sites, k=1) + np.eye(sites, k=-1))
    H = np.zeros((2 * sites, 2 * sites))
    H[sites:, sites:] = excited
    couplings, rates = [], []
    for site, T in enumerate(np.linspace(T_L, T_R, sites)):
        S = np.zeros_like(H)
        S[site, sites + site] = S[sites + site, site] = 1.0
        couplings.append(S)
        rates.append(
            oracles.bath_rate(lambda w: w, 1.0, float(T))
            if spectrum == "ohmic"
            else oracles.bath_rate(lambda _: 1.0, 0.0, float(T))  # A(0) = 0: its rate is never asked for
        )
    states = np.eye(2 * sites)
    states[sites:, sites:] = np.linalg.eigh(excited)[1]
    return oracles.bloch_redfield_populations(H, couplings, rates, states)


Chain = tuple[int, str, float, float, float]
EVERY_KIND = [(sites, spectrum) for spectrum in ("flat", "ohmic") for sites in range(2, 11)]
# Each kind costs a compilation: these suffice where time counts.
BOTH_SOLVERS = (3,)
FEWER_KINDS = [kind for kind in EVERY_KIND if kind[0] in {"flat": (2, 5, 10), "ohmic": (3, 10)}[kind[1]]]


def random_chains(number: int, kinds: list[tuple[int, str]]) -> list[Chain]:
    """The kinds go round; the corners of the ranges of g, T_L and T_R are among the points."""
    rng = np.random.default_rng(2026)
    points = [(g, T_L, T_R) for g in (0.05, 1.6) for T_L in (0.05, 2.0) for T_R in (0.05, 2.0)]
    points += [
        (rng.uniform(0.05, 1.6), rng.uniform(0.05, 2.0), rng.uniform(0.05, 2.0))
        for _ in range(number - len(points))
    ]
    order = rng.permutation(number)
    return [(*kinds[k % len(kinds)], *points[order[k]]) for k in range(number)]


def assert_agrees_with_qutip(chain: Chain) -> None:
    sites, spectrum, *point = chain
    expected = chain_from_qutip(sites, spectrum, *point)
    for method in ["populations", "dense"] if sites in BOTH_SOLVERS else ["populations"]:
        answer = compiled_chain(sites, spectrum, method)(*point)
        assert answer["status"] == qj.Status.OK
        np.testing.assert_allclose(answer["levels"], expected, atol=1e-10, err_msg=f"{chain} {method}")


@pytest.mark.thorough
def test_twenty_random_chains_agree_with_qutip() -> None:
    for chain in random_chains(20, FEWER_KINDS):
        assert_agrees_with_qutip(chain)


@pytest.mark.slow
def test_many_random_chains_agree_with_qutip() -> None:
    for chain in random_chains(1000, EVERY_KIND):
        assert_agrees_with_qutip(chain)


@pytest.mark.long
def test_a_chain_at_one_temperature_is_in_its_gibbs_state() -> None:
    system = models.chain(sites=4, g=0.7, T_L=0.6, T_R=0.6)
    result = solved(system)
    np.testing.assert_allclose(result["rho"], oracles.gibbs(np.asarray(system.H), 0.6), atol=1e-12)
    np.testing.assert_allclose(result["heat_currents"], 0.0, atol=1e-12)


@pytest.mark.slow
def test_a_chain_maps_over_every_parameter_at_once() -> None:
    def sites(g: jax.Array, T_L: jax.Array, h: jax.Array) -> jax.Array:
        system = models.chain(sites=2, g=g, T_L=T_L, h=h)
        return qj.site_populations(system, qj.steadystate(system))

    mapped = jax.jit(jax.vmap(sites))(
        jnp.array([0.2, 0.9]), jnp.array([0.3, 0.8]), jnp.array([1.0, 1.4])
    )
    np.testing.assert_allclose(mapped[1], jax.jit(sites)(0.9, 0.8, 1.4), atol=1e-14)


@jax.jit
def long_chain(T: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    system = qj.models.chain(sites=200, g=0.7, T_L=T, T_R=T)
    state = qj.steadystate(system, method="populations")
    return state.populations, state.status, qj.heat_currents(system, state), state.error


@pytest.mark.slow
def test_two_hundred_sites_in_equilibrium_are_the_gibbs_state_of_the_closed_form() -> None:
    """d = 400: the dense generator would have 2.6e10 elements. E_m = 1 + 1.4 cos(m pi/201)."""
    T = 0.3
    populations, status, currents, error = long_chain(jnp.asarray(T))
    modes = np.sort(1.0 + 1.4 * np.cos(np.arange(1, 201) * np.pi / 201))
    weights = np.exp(-np.concatenate([np.zeros(200), modes]) / T)
    assert status == qj.Status.OK
    expected = weights / weights.sum()
    np.testing.assert_allclose(populations, expected, rtol=1e-10)
    assert np.abs(populations / expected - 1).max() < error
    np.testing.assert_allclose(currents, 0.0, atol=1e-13)
    needs = long_chain.lower(jnp.asarray(T)).compile().memory_analysis().temp_size_in_bytes
    assert needs < 1e9
