"""Spin chains, lattices, networks and FMO against closed forms, free fermions, QuTiP and plain numpy."""

from collections.abc import Sequence
from typing import Any

import jax
import mpmath
import numpy as np
import pytest
import qutip

import oracles
import qthermo_jax as qj
from qthermo_jax import models
from systems import answer, dense_couplings

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


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
def test_fmo_at_one_temperature_is_in_its_gibbs_state() -> None:
    system = models.fmo(T_in=208.5, T_out=208.5, disorder=30.0, seed=7.0)
    found = answer(system)
    np.testing.assert_allclose(found["rho"], oracles.gibbs(np.asarray(system.H), 208.5), atol=1e-12)
