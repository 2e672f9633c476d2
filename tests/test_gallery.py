"""The gallery of models against closed forms, high-precision rate equations, QuTiP and plain numpy."""

import inspect
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import qutip
from mpmath import mpf

import oracles
import qthermo_jax as qj
from qthermo_jax import models
from qthermo_jax.response import amplification, rectification
from systems import dense_couplings


@partial(jax.jit, static_argnames="method")
def answer(system: qj.OpenSystem, method: str = "populations") -> dict[str, jax.Array]:
    """What most of these tests ask of a system; one compilation for each structure."""
    state = qj.steadystate(system, method=method)
    return {"rho": state.rho, "status": state.status, "J": qj.heat_currents(system, state)}


def ohmic(omega: mpf, T: mpf) -> mpf:
    """gamma(omega) for J = omega, gamma(0) = T."""
    if omega == 0:
        return T
    return omega / -mpmath.expm1(-omega / T)


def flat(omega: mpf, T: mpf) -> mpf:
    return mpmath.sign(omega) / -mpmath.expm1(-omega / T)


def cycle_current(forward: Sequence[mpf], backward: Sequence[mpf]) -> mpf:
    """Probability current round a cycle of states: matrix-tree theorem (Schnakenberg, 1976).

    forward[m] leads from state m to state m + 1, backward[m] back. A spanning tree leaves out one edge
    m; those after it point forward up to the tree's root, the others backward.
    """
    n = len(forward)
    trees = mpf(0)
    for m in range(n):
        for ahead in range(n):
            edges = [(m + 1 + step) % n for step in range(n - 1)]
            trees += mpmath.fprod(
                [forward[e] for e in edges[:ahead]] + [backward[e] for e in edges[ahead:]]
            )
    return (mpmath.fprod(forward) - mpmath.fprod(backward)) / trees


@pytest.mark.parametrize("name", models.__all__)
def test_every_number_of_a_model_may_be_mapped(name: str) -> None:
    build = getattr(models, name)
    defaults = {key: p.default for key, p in inspect.signature(build).parameters.items()}
    numbers = {key: jnp.full(2, value) for key, value in defaults.items() if type(value) is float}
    mapped = jax.eval_shape(jax.vmap(lambda given: build(**given).H), numbers)
    assert mapped.shape == (2, build().dimension, build().dimension)


# --- diode


@jax.jit
def diode(*parameters: jax.Array) -> dict[str, jax.Array]:
    system = models.thermal_diode(*parameters)
    state = qj.steadystate(system, method="populations")
    return {
        "J": qj.heat_currents(system, state),
        "R": rectification(system, state),
        "excitations": qj.observe(system, state, "excitations"),
    }


def heat_to_the_right(h_L: float, h_R: float, Delta: float, T_L: float, T_R: float) -> mpf:
    """uu -R- ud -L- dd -R- du -L- uu: 2 Delta a turn goes from the left bath into the right one."""
    h_L, h_R, Delta, T_L, T_R = (mpf(x) for x in (h_L, h_R, Delta, T_L, T_R))
    emitted = [(h_R + Delta, T_R), (h_L - Delta, T_L), (Delta - h_R, T_R), (-h_L - Delta, T_L)]
    turns = cycle_current(
        [ohmic(omega, T) for omega, T in emitted], [ohmic(-omega, T) for omega, T in emitted]
    )
    return 2 * Delta * turns


DIODES = [(1.0, 0.0, 0.5, 1.0, 0.2), (0.7, 0.1, 1.3, 0.1, 0.4), (1.0, 0.3, 0.2, 0.5, 0.9)]


@pytest.mark.parametrize("point", DIODES)
def test_a_diode_carries_and_rectifies_heat_as_its_closed_form(point: tuple[float, ...]) -> None:
    *fields, T_L, T_R = point
    there, back = heat_to_the_right(*point), heat_to_the_right(*fields, T_R, T_L)
    found = diode(*point)
    np.testing.assert_allclose(found["J"], [-float(there), float(there)], rtol=1e-12)
    expected = abs(there + back) / max(abs(there), abs(back))
    np.testing.assert_allclose(found["R"], float(expected), rtol=1e-11)


def test_limits_of_rectification() -> None:
    np.testing.assert_allclose(diode(1.0, 1.0, 0.5, 1.0, 0.2)["R"], 0.0, atol=1e-13)
    assert diode(1.0, 0.0, 0.5, 0.4, 0.4)["R"] == 0.0
    # A left bath at T = 0 only takes up: the cycle cannot turn.
    cold = diode(1.0, 0.0, 0.5, 0.0, 0.4)
    np.testing.assert_allclose(cold["R"], 1.0, rtol=1e-12)
    assert cold["J"][0] == 0.0
    assert np.isnan(cold["J"][1])  # opposite fluxes cancel: no digit of it is known


def test_a_diode_at_one_temperature_is_in_its_gibbs_state() -> None:
    """(h_L, h_R, Delta) = (1, 0.2, 0.5): E = (s_L + 0.2 s_R + 0.5 s_L s_R)/2."""
    p = oracles.gibbs(np.diag([0.85, 0.15, -0.65, -0.35]), 0.4).diagonal()
    found = diode(1.0, 0.2, 0.5, 0.4, 0.4)
    np.testing.assert_allclose(found["excitations"], [p[0] + p[1], p[0] + p[2]], rtol=1e-13)
    np.testing.assert_allclose(found["J"], 0.0, atol=1e-16)


def test_rectification_is_for_two_baths() -> None:
    assert "rectification" in qj.measures(models.lambda_system())
    system = models.chain(sites=3)
    assert "rectification" not in qj.measures(system)
    state = jax.eval_shape(qj.steadystate, system)
    with pytest.raises(ValueError, match="two baths, not of 3"):
        jax.eval_shape(rectification, system, state)


# --- transistor


def transistor_currents(T: Sequence[mpf]) -> list[mpf]:
    """Heat into L, M, R at the published working point, from the eight rate equations of its states."""
    spins = [(a, b, c) for a in (1, -1) for b in (1, -1) for c in (1, -1)]
    energy = [mpf(L * M + M * R) / 2 for L, M, R in spins]
    flips = [
        (i, spins.index(tuple(s if q != k else -s for q, s in enumerate(spin))), k)
        for i, spin in enumerate(spins)
        for k in range(3)
    ]
    W = mpmath.zeros(8)
    for i, j, k in flips:  # i -> j
        gamma = ohmic(energy[i] - energy[j], T[k])
        W[j, i] += gamma
        W[i, i] -= gamma
    for i in range(8):
        W[0, i] = 1
    p = mpmath.lu_solve(W, mpmath.matrix([1] + [0] * 7))
    J = [mpf(0)] * 3
    for i, j, k in flips:
        omega = energy[i] - energy[j]
        J[k] += omega * ohmic(omega, T[k]) * p[i]
    return J


@jax.jit
def transistor(T_M: jax.Array) -> dict[str, jax.Array]:
    system = models.thermal_transistor(T_M=T_M)
    state = qj.steadystate(system, method="populations")
    return {
        "J": qj.heat_currents(system, state),
        "amplification": amplification(system, state),
        "status": state.status,
    }


@pytest.mark.parametrize("T_M", [0.02, 0.1, 0.2])
def test_a_transistor_carries_and_amplifies_heat_as_its_rate_equation(T_M: float) -> None:
    with mpmath.workdps(80):
        T_L, T_R = mpf(0.2), mpf(0.02)
        J = [float(current) for current in transistor_currents([T_L, mpf(T_M), T_R])]
        slopes = [
            mpmath.diff(lambda T, k=k: transistor_currents([T_L, T, T_R])[k], mpf(T_M)) for k in range(3)
        ]
        by_base = [float(slope / slopes[1]) for slope in slopes]
    found = transistor(T_M)
    assert found["status"] == qj.Status.OK
    np.testing.assert_allclose(found["J"], J, rtol=1e-10)
    alpha = np.asarray(found["amplification"])
    np.testing.assert_allclose(alpha[:, 1], by_base, rtol=1e-8)
    np.testing.assert_allclose(alpha.diagonal(), 1.0, rtol=1e-15)
    np.testing.assert_allclose(alpha[0, 1] + alpha[2, 1], -1.0, rtol=1e-6)


def test_the_transistor_amplifies_at_its_published_working_point() -> None:
    """Joulain et al., Fig. 3: far above 1 at low T_M, the base current far below the others."""
    found = transistor(0.05)
    assert (np.abs(found["amplification"][[0, 2], 1]) > 100).all()
    assert abs(found["J"][1]) < 0.01 * abs(found["J"][0])
    # It diverges where the base current is largest, at T_M = 0.1251.
    assert transistor(0.125)["amplification"][2, 1] > 1000
    assert transistor(0.1252)["amplification"][2, 1] < -1000


# --- refrigerators

THREE_LEVELS = [(0.3, 1.0, 0.5, 0.6, 2.0), (0.5, 1.3, 0.2, 0.7, 0.9), (0.8, 1.0, 0.4, 0.1, 0.3)]


@jax.jit
def three_level(*parameters: jax.Array) -> tuple[jax.Array, jax.Array]:
    system = models.three_level_refrigerator(*parameters)
    state = qj.steadystate(system, method="populations")
    return qj.heat_currents(system, state), qj.observe(system, state, "cooling_power")


@pytest.mark.parametrize("point", THREE_LEVELS)
def test_a_three_level_refrigerator_exchanges_heat_in_the_ratio_of_its_frequencies(
    point: tuple[float, ...],
) -> None:
    omega_c, omega_h, T_c, T_h, T_w = (mpf(x) for x in point)
    omega_w = omega_h - omega_c
    emitted = [(-omega_c, T_c), (-omega_w, T_w), (omega_h, T_h)]  # 0 -> 1 -> 2 -> 0
    turns = cycle_current([flat(*edge) for edge in emitted], [flat(-omega, T) for omega, T in emitted])
    expected = [float(turns * omega) for omega in (-omega_c, omega_h, -omega_w)]
    J, cooling = three_level(*point)
    np.testing.assert_allclose(J, expected, rtol=1e-12)
    np.testing.assert_allclose(cooling, -expected[0], rtol=1e-11)


def test_the_cooling_window_closes_at_carnots_point() -> None:
    omega_c, omega_h, T_h, T_w = 0.3, 1.0, 0.6, 2.0
    T_carnot = omega_c / (omega_h / T_h - (omega_h - omega_c) / T_w)
    at = [three_level(omega_c, omega_h, T_carnot * f, T_h, T_w)[1] for f in (0.999, 1.0, 1.001)]
    assert np.isnan(at[1])  # opposite fluxes cancel: no digit of it is known
    assert at[0] < 0 < at[2]


def linden() -> tuple[qutip.Qobj, qutip.Qobj, list[qutip.Qobj]]:
    """H_0, the interaction and the couplings, from kets; E = 1, 5, 4, g = 0.3."""
    ket = qutip.ket  # |0> first
    excited, flip = qutip.num(2), qutip.sigmax()
    bare = sum(
        E * qutip.expand_operator(excited, dims=[2, 2, 2], targets=k)
        for k, E in enumerate([1.0, 5.0, 4.0])
    )
    swap = ket("010") * ket("101").dag()
    couplings = [qutip.expand_operator(flip, dims=[2, 2, 2], targets=k) for k in range(3)]
    return bare, 0.3 * (swap + swap.dag()), couplings


def test_a_three_qubit_refrigerator_is_the_published_one_in_its_global_steady_state() -> None:
    bare, interaction, couplings = linden()
    T = (1.0, 1.2, 4.0)
    system = models.three_qubit_refrigerator(1.0, 4.0, 0.3, *T, rate=0.02)
    H, S = (bare + interaction).full().real, [coupling.full().real for coupling in couplings]
    np.testing.assert_array_equal(system.H, H)
    np.testing.assert_array_equal(system.local, bare.full().real)
    np.testing.assert_array_equal(dense_couplings(system), S)
    energies = jax.jit(qj.OpenSystem.eigenbasis)(system).energies
    np.testing.assert_allclose(np.sort(energies), (bare + interaction).eigenenergies(), atol=1e-14)

    rates = [oracles.bath_rate(lambda w: 0.02 * w, 0.02, temperature) for temperature in T]
    rho, isolation = oracles.null_state(oracles.generator(H, S, rates))
    assert isolation > 1e-6
    found = answer(system)
    assert found["status"] == qj.Status.OK
    np.testing.assert_allclose(found["rho"], rho, atol=1e-12)
    expected = oracles.projected_heat_currents(H, S, rates, rho)
    np.testing.assert_allclose(found["J"], expected, atol=1e-13)
    assert found["J"][0] < 0 < found["J"][1]  # it cools
    excitations = system.observables["excitations"].operator @ rho.diagonal().real
    np.testing.assert_allclose(excitations[0], np.trace(rho @ linden_number(0)).real, rtol=1e-12)
    assert excitations[0] < 1 / (1 + np.exp(1.0 / T[0]))  # and qubit 1 is colder than its bath


def linden_number(qubit: int) -> np.ndarray:
    return qutip.expand_operator(qutip.num(2), dims=[2, 2, 2], targets=qubit).full()


# --- spin chains


def spins_from_qutip(sites: int, J: float, h: float, axes: str) -> np.ndarray:
    sigma = {"x": qutip.sigmax(), "y": qutip.sigmay(), "z": qutip.sigmaz()}

    def at(axis: str, site: int) -> qutip.Qobj:
        return qutip.expand_operator(sigma[axis], dims=[2] * sites, targets=site)

    field = sum(h / 2 * at("z", site) for site in range(sites))
    bonds = [J / 2 * at(a, k) * at(a, k + 1) for a in axes for k in range(sites - 1)]
    return (field + sum(bonds)).full().real


@pytest.mark.parametrize(("kind", "axes"), [("XX", "xy"), ("Ising", "x"), ("Heisenberg", "xyz")])
def test_spin_chains_are_those_of_qutip(kind: str, axes: str) -> None:
    system = models.spin_chain(sites=4, kind=kind, J=0.3, h=0.8)
    np.testing.assert_allclose(system.H, spins_from_qutip(4, 0.3, 0.8, axes), atol=1e-15)
    home = {state: number for number, sector in enumerate(system.sectors) for state in sector}
    for row, column in np.argwhere(np.asarray(system.H)):
        assert home[row] == home[column]
    first, last = dense_couplings(system)
    np.testing.assert_array_equal(first, np.kron(qutip.sigmax().full().real, np.eye(8)))
    np.testing.assert_array_equal(last, np.kron(np.eye(8), qutip.sigmax().full().real))


def free_fermions(
    sites: int, J: float, h: float, T: Sequence[float], eta: float
) -> tuple[np.ndarray, np.ndarray]:
    """Site magnetisations and heat currents of the XX chain between ohmic baths.

    sigma_x at an end is c + c^dag there, up to the parity. So each mode relaxes by itself, at bath b
    with the weight of that end, J_b phi_kb^2.
    """
    k = np.arange(1, sites + 1)
    energies = h + 2 * J * np.cos(np.pi * k / (sites + 1))
    phi = np.sqrt(2 / (sites + 1)) * np.sin(np.pi * np.outer(k, k) / (sites + 1))
    weight = eta * energies[:, None] * phi[:, [0, -1]] ** 2
    n = 1 / np.expm1(energies[:, None] / np.asarray(T))
    filled = np.sum(weight * n, axis=1) / np.sum(weight * (1 + 2 * n), axis=1)
    heat = energies @ (weight * ((1 + 2 * n) * filled[:, None] - n))
    return 2 * filled @ phi**2 - 1, heat


def assert_xx_agrees_with_free_fermions(sites: int, method: str) -> None:
    system = models.spin_chain(sites=sites, J=0.3, h=1.1, T_L=1.2, T_R=0.3, rate=0.1)
    magnetisation, heat = free_fermions(sites, 0.3, 1.1, (1.2, 0.3), 0.1)
    found = answer(system, method)
    assert found["status"] == qj.Status.OK
    np.testing.assert_allclose(found["J"], heat, rtol=1e-11)
    observed = system.observables["magnetisation"].operator @ found["rho"].diagonal().real
    np.testing.assert_allclose(observed, magnetisation, atol=1e-12)


def test_an_xx_chain_is_one_of_free_fermions() -> None:
    assert_xx_agrees_with_free_fermions(3, "populations")


@pytest.mark.slow
@pytest.mark.parametrize(("sites", "method"), [(4, "secular_block"), (4, "dense"), (5, "secular_block")])
def test_longer_xx_chains_too(sites: int, method: str) -> None:
    """From four sites on levels are degenerate, and the baths drive coherences inside them."""
    assert_xx_agrees_with_free_fermions(sites, method)


def assert_levels_are_where_energies_are_equal(system: qj.OpenSystem) -> None:
    energies = np.concatenate(
        [np.linalg.eigvalsh(np.asarray(system.H)[np.ix_(s, s)]) for s in map(list, system.sectors)]
    )
    sector = np.repeat(np.arange(len(system.sectors)), [len(s) for s in system.sectors])
    level = np.empty(energies.size, int)
    for number, members in enumerate(system.levels):
        level[list(members)] = number
    near = np.abs(energies[:, None] - energies[None, :]) < 1e-9
    alike = (sector[:, None] == sector[None, :]) & (
        np.array([len(s) for s in system.sectors])[sector] > 1
    )
    np.testing.assert_array_equal((level[:, None] == level[None, :])[alike], near[alike])


@pytest.mark.parametrize("sign", [1, -1])
def test_degenerate_levels_are_declared(sign: int) -> None:
    for sites in (4, 5):
        assert_levels_are_where_energies_are_equal(models.spin_chain(sites=sites, J=0.3 * sign))
    for rows, columns in ((3, 3), (2, 5)):
        lattice = models.square_lattice(rows=rows, columns=columns, g=0.2 * sign)
        assert_levels_are_where_energies_are_equal(lattice)


@pytest.mark.parametrize("kind", ["Ising", "Heisenberg"])
def test_spin_chains_at_one_temperature_are_in_their_gibbs_state(kind: str) -> None:
    system = models.spin_chain(sites=3, kind=kind, J=0.7, T_L=0.6, T_R=0.6)
    found = answer(system)
    np.testing.assert_allclose(found["rho"], oracles.gibbs(np.asarray(system.H), 0.6), atol=1e-12)
    np.testing.assert_allclose(found["J"], 0.0, atol=1e-13)


# --- sites with any bonds


def test_a_lattice_of_one_row_is_the_chain() -> None:
    lattice = models.square_lattice(rows=1, columns=4, h=1.2, g=0.3, T_L=0.9, T_R=0.2, rate=0.5)
    chain = models.chain(sites=4, h=1.2, g=0.3, T_L=0.9, T_R=0.2, rate=0.5)
    position = lattice.observables["mean_column"].operator
    np.testing.assert_array_equal(position, chain.observables["mean_position"].operator)
    for ours, theirs in zip(numbers(lattice), numbers(chain), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert (lattice.sectors, lattice.levels) == (chain.sectors, chain.levels)


def numbers(system: qj.OpenSystem) -> list[jax.Array]:
    return jax.tree.leaves([system.H, system.baths, system.observables["site_populations"]])


def test_a_lattice_has_the_modes_of_its_closed_form() -> None:
    system = models.square_lattice(rows=3, columns=4, h=1.2, g=0.3)
    a, b = np.meshgrid(np.arange(1, 4) * np.pi / 4, np.arange(1, 5) * np.pi / 5)
    expected = np.sort(1.2 + 0.6 * (np.cos(a) + np.cos(b)), axis=None)
    np.testing.assert_allclose(np.linalg.eigvalsh(system.H[12:, 12:]), expected, atol=1e-14)
    by_column = system.observables["column_populations"].operator
    sites = system.observables["site_populations"].operator
    np.testing.assert_array_equal(by_column, np.asarray(sites).reshape(3, 4, 24).sum(axis=0))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["secular_block", "dense"])
def test_a_lattice_agrees_with_explicit_projectors(method: str) -> None:
    system = models.square_lattice(rows=3, columns=3, g=0.3, T_L=0.8, T_R=0.3)
    H, S = np.asarray(system.H), dense_couplings(system)
    # A(0) = 0 here, so the rate at frequency 0 is never asked for.
    rates = [oracles.bath_rate(lambda _: 1.0, 0.0, float(T)) for T in system.temperatures]
    rho, isolation = oracles.null_state(oracles.generator(H, S, rates))
    assert isolation > 1e-9
    found = answer(system, method)
    assert found["status"] == qj.Status.OK
    np.testing.assert_allclose(found["rho"], rho, atol=1e-10)


def test_a_network_has_the_bonds_it_is_told() -> None:
    h, g = np.array([1.0, 1.1, 1.2, 1.3]), np.array([0.1, 0.2, 0.3])
    system = models.network("1-2 1-4 4-3", h=h, g=g, T_L=0.8, T_R=0.2)
    block = np.diag(h)
    for (a, b), tunnelling in zip(((0, 1), (0, 3), (3, 2)), g, strict=True):
        block[a, b] = block[b, a] = tunnelling
    np.testing.assert_array_equal(system.H[4:, 4:], block)
    np.testing.assert_allclose(system.temperatures, [0.8, 0.6, 0.4, 0.2], rtol=1e-15)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("build", "arguments", "message"),
    [
        (models.network, {"bonds": "1-2 2"}, "bonds = '1-2 2': pairs of sites"),
        (models.network, {"bonds": ""}, "bonds = '': pairs of sites"),
        (models.network, {"bonds": "1-1"}, r"bond \(1, 1\) is no pair of different sites from 1 to 1"),
        (models.network, {"bonds": "0-2"}, r"bond \(0, 2\) is no pair of different sites from 1 to 2"),
        (models.network, {"bonds": "1-2 2-1"}, "hold a pair twice"),
        (models.network, {"bonds": "1-2", "g": np.ones(2)}, r"g has shape \(2,\), not \(\) or \(1,\)"),
        (models.square_lattice, {"rows": 0}, "rows = 0, columns = 3: a lattice has at least one site"),
        (models.spin_chain, {"sites": 1}, "sites = 1: a spin chain has at least two"),
        (models.spin_chain, {"kind": "XY"}, "kind 'XY' is not one of XX, Ising, Heisenberg"),
    ],
)
def test_a_wrong_argument_is_refused(build: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**arguments)


# --- FMO

# Adolphs and Renger, Biophys. J. 91, 2778 (2006), C. tepidum, in cm^-1 above 12210; typed again.
PUBLISHED = """
200
-87.7 320
5.5 30.8 0
-5.9 8.2 -53.5 110
6.7 0.7 -2.2 -70.7 270
-13.7 11.8 -9.6 -17.0 81.1 420
-9.9 4.3 6.0 -63.3 -1.3 39.7 230
"""


def published() -> np.ndarray:
    lower = np.zeros((7, 7))
    lower[np.tril_indices(7)] = [float(word) for word in PUBLISHED.split()]
    return lower + np.tril(lower, -1).T


def test_fmo_has_the_published_energies() -> None:
    energies = jax.jit(qj.OpenSystem.eigenbasis)(models.fmo()).energies
    np.testing.assert_allclose(energies, np.linalg.eigvalsh(published()), atol=1e-11)


def test_a_seed_is_a_draw_of_the_disorder() -> None:
    seeds = np.append(np.arange(100.0), 3.0)
    H = jax.jit(jax.vmap(lambda seed: models.fmo(disorder=50.0, seed=seed).H))(seeds)
    np.testing.assert_array_equal(H[3], H[-1])
    moved = np.asarray(H)[:-1] - published()
    drawn = np.einsum("skk->sk", moved) / 50
    np.testing.assert_array_equal(moved[:, ~np.eye(7, dtype=bool)], 0.0)
    assert np.unique(drawn).size == drawn.size
    assert abs(drawn.mean()) < 0.1
    assert abs(drawn.std() - 1) < 0.1


def test_fmo_relaxes_by_the_golden_rule() -> None:
    """gamma = 2 J (1 + n), where J has the reorganisation energy 35: the integral of J/(pi omega)."""
    system = models.fmo(T_in=250.0, T_out=100.0)
    with mpmath.workdps(15):
        over_omega = mpmath.quad(lambda w: 2 * 35 * 106.2 / (w**2 + 106.2**2), [0, 100, mpmath.inf])
    np.testing.assert_allclose(float(over_omega / mpmath.pi), 35, rtol=1e-12)

    def twice_J(w: float) -> float:
        return 4 * 35 * 106.2 * w / (w**2 + 106.2**2)

    T = [250.0, 175.0, 100.0, 100.0, 175.0, 250.0, 175.0]
    rates = [oracles.bath_rate(twice_J, 4 * 35 / 106.2, temperature) for temperature in T]
    S = [np.diag(row) for row in np.eye(7)]
    rho, isolation = oracles.null_state(oracles.generator(published(), S, rates))
    assert isolation > 1e-6
    found = answer(system)
    assert found["status"] == qj.Status.OK
    np.testing.assert_allclose(found["rho"], rho, atol=1e-12)
    expected = oracles.projected_heat_currents(published(), S, rates, rho)
    np.testing.assert_allclose(found["J"], expected, rtol=1e-9)


def test_fmo_at_one_temperature_is_in_its_gibbs_state() -> None:
    system = models.fmo(T_in=208.5, T_out=208.5, disorder=30.0, seed=7.0)
    found = answer(system)
    np.testing.assert_allclose(found["rho"], oracles.gibbs(np.asarray(system.H), 208.5), atol=1e-12)
