"""Occupations, spectral densities and rates against 50-digit arithmetic.

A unit in the last place of omega/T moves e^{-omega/T} by omega/T units: that much, and no more, is
granted when a value is compared with the one of the exact ratio.
"""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import qutip
from mpmath import mpf

import qthermo_jax as qj
from oracles import exact_occupation, exact_rate
from qthermo_jax.baths import rates_both_ways

TEMPERATURES = (1e-3, 0.37, 1.0, 290.0)
RATIOS = np.concatenate([np.geomspace(1e-12, 1e4, 65), [1.0, 700.0, 799.0, 800.0, 801.0]])

DENSITIES = {
    "flat": qj.Flat(0.7),
    "ohmic": qj.Ohmic(0.7),
    "sub-ohmic": qj.OhmicFamily(0.7, 0.5, 3.0),
    "ohmic with cut-off": qj.OhmicFamily(0.7, 1.0, 3.0),
    "super-ohmic": qj.OhmicFamily(0.7, 3.0, 3.0),
    "Drude-Lorentz": qj.DrudeLorentz(0.7, 3.0),
    "under-damped": qj.UnderDamped(0.7, 0.2, 1.3),
}
CONTINUOUS = [name for name in DENSITIES if name not in ("flat", "sub-ohmic")]


def exact_J(name: str, omega: float) -> mpf:
    w, a, c = mpf(omega), mpf(0.7), mpf(3.0)
    if name == "under-damped":
        width, resonance = mpf(0.2), mpf(1.3)
        return a**2 * width * w / ((resonance**2 - w**2) ** 2 + (width * w) ** 2)
    s = {"sub-ohmic": mpf(0.5), "ohmic with cut-off": mpf(1), "super-ohmic": mpf(3)}.get(name)
    if s is not None:
        return a * w**s * c ** (1 - s) * mpmath.exp(-w / c)
    return {"flat": a, "ohmic": a * w, "Drude-Lorentz": 2 * a * c * w / (w**2 + c**2)}[name]


def assert_ulps(actual: np.ndarray, exact: list[mpf], allowed: np.ndarray | float) -> None:
    """|actual - exact| <= allowed units in the last place; subnormal numbers may be flushed to 0."""
    tiny = mpf(float(np.finfo(float).tiny))
    bounds = np.broadcast_to(allowed, len(exact))
    for got, want, bound in zip(np.asarray(actual), exact, bounds, strict=True):
        ulp = max(mpf(float(np.spacing(float(abs(want))))), tiny)
        error = abs(mpf(float(got)) - want) / ulp
        assert error <= bound, f"{got} is {float(error):.1f} ulp from {float(want)}, not {bound}"


@pytest.mark.parametrize("T", TEMPERATURES)
def test_occupation_is_exact_to_a_few_ulp(T: float) -> None:
    omega = RATIOS * T
    exact = [exact_occupation(w, T) for w in omega]
    assert_ulps(qj.n_thermal(omega, T), exact, 4 + np.minimum(RATIOS, 745))


@pytest.mark.parametrize("T", TEMPERATURES)
@pytest.mark.parametrize("sign", [1, -1])
def test_rates_are_exact_to_a_few_ulp(T: float, sign: int) -> None:
    omega = sign * RATIOS * T
    exact = [exact_rate(mpf(0.7), w, T) for w in omega]
    # Emission is J (n + 1), which e^{-omega/T} hardly moves; absorption follows it.
    allowed = 5 + (0.0 if sign > 0 else 1.0) * np.minimum(RATIOS, 745)
    assert_ulps(qj.rate(qj.Flat(0.7), omega, T), exact, allowed)


def test_rates_of_both_directions_are_exact_and_change_places_with_the_sign() -> None:
    omega = np.array([-2.0, -0.4, 0.4, 2.0])
    forth, back = rates_both_ways(qj.Flat(0.7), omega, 0.37)
    assert_ulps(forth, [exact_rate(mpf(0.7), w, 0.37) for w in omega], 15)
    assert_ulps(back, [exact_rate(mpf(0.7), -w, 0.37) for w in omega], 15)


@pytest.mark.parametrize("name", DENSITIES)
def test_spectral_densities_are_exact_to_a_few_ulp(name: str) -> None:
    omega = np.concatenate([np.geomspace(1e-12, 1e3, 40), [1.3, 1.3000001, 3.0]])
    assert_ulps(DENSITIES[name](jnp.asarray(omega)), [exact_J(name, w) for w in omega], 8 + omega / 3.0)


@pytest.mark.parametrize("name", DENSITIES)
@pytest.mark.parametrize("T", TEMPERATURES)
def test_detailed_balance_holds_to_a_few_ulp(name: str, T: float) -> None:
    ratios = RATIOS[RATIOS < 650]  # below, neither side is subnormal
    omega = ratios * T
    J = np.asarray(DENSITIES[name](jnp.asarray(omega)))
    normal = J > 1e-20
    up, down = qj.rate(DENSITIES[name], -omega, T), qj.rate(DENSITIES[name], omega, T)
    balance = np.exp(-(omega / T)) * np.asarray(down)
    np.testing.assert_array_max_ulp(np.asarray(up)[normal], balance[normal], maxulp=6)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_rate_is_continuous_at_zero_frequency(name: str) -> None:
    at_zero = qj.rate(DENSITIES[name], 0.0, 0.37)
    for omega in (1e-9, -1e-9):
        np.testing.assert_allclose(qj.rate(DENSITIES[name], omega, 0.37), at_zero, rtol=1e-8, atol=1e-15)


@pytest.mark.parametrize("name", ["flat", "sub-ohmic"])
@pytest.mark.parametrize("T", [0.0, 0.37])
def test_rate_at_zero_frequency_diverges_where_its_limit_does(name: str, T: float) -> None:
    assert qj.rate(DENSITIES[name], 0.0, T) == np.inf


def test_nothing_happens_at_zero_frequency_above_the_ohmic_power() -> None:
    assert qj.rate(qj.OhmicFamily(0.7, 1.5, 3.0), 0.0, 0.37) == 0.0


@pytest.mark.long
@pytest.mark.parametrize("omega", [1e-20, 1.0, 1e4])
@pytest.mark.parametrize("T", [0.0, 1e-310, 1e-300, 1e-30])
def test_a_frozen_bath_is_empty_in_value_and_in_every_derivative(omega: float, T: float) -> None:
    assert qj.n_thermal(omega, T) == 0.0
    for argument in (0, 1):
        slope = jax.grad(qj.n_thermal, argnums=argument)
        assert slope(omega, T) == 0.0
        assert jax.grad(slope, argnums=argument)(omega, T) == 0.0


@pytest.mark.parametrize("name", DENSITIES)
def test_a_bath_at_zero_temperature_only_takes(name: str) -> None:
    density, omega = DENSITIES[name], 0.9
    assert qj.rate(density, -omega, 0.0) == 0.0
    assert qj.rate(density, omega, 0.0) == density(jnp.asarray(omega))
    for sign in (1.0, -1.0):
        d_omega, d_T = jax.grad(qj.rate, argnums=(1, 2))(density, sign * omega, 0.0)
        assert np.isfinite(d_omega)
        assert d_T == 0.0


@pytest.mark.parametrize("name", DENSITIES)
def test_no_derivative_of_a_rate_at_zero_frequency_is_nan(name: str) -> None:
    for T in (0.0, 0.37):
        d_omega, d_T = jax.grad(qj.rate, argnums=(1, 2))(DENSITIES[name], 0.0, T)
        assert np.isfinite(d_omega)
        assert np.isfinite(d_T)


def test_negative_temperature_is_nan() -> None:
    assert np.isnan(qj.n_thermal(1.0, -0.1))
    assert np.isnan(qj.rate(qj.Flat(1.0), jnp.array([1.0, -1.0]), -1e-300)).all()


@pytest.mark.parametrize("T", [0.05, 0.37, 2.0])
def test_derivatives_of_the_occupation_are_exact(T: float) -> None:
    omega = 1.1
    by_T = mpmath.diff(lambda t: 1 / mpmath.expm1(omega / t), T)
    by_omega = mpmath.diff(lambda w: 1 / mpmath.expm1(w / T), omega)
    np.testing.assert_allclose(jax.grad(qj.n_thermal, 1)(omega, T), float(by_T), rtol=1e-13)
    np.testing.assert_allclose(jax.grad(qj.n_thermal, 0)(omega, T), float(by_omega), rtol=1e-13)


@pytest.mark.parametrize("name", DENSITIES)
def test_jit_and_vmap_change_nothing(name: str) -> None:
    density, omega, T = DENSITIES[name], np.array([-2.0, -0.3, 0.0, 0.3, 2.0]), np.array([0.0, 0.4])
    eager = np.stack([qj.rate(density, omega, t) for t in T])
    mapped = jax.jit(jax.vmap(jax.vmap(qj.rate, (None, 0, None)), (None, None, 0)))(density, omega, T)
    np.testing.assert_allclose(mapped, eager, rtol=1e-15)


def test_a_bank_of_densities_maps_over_its_parameters() -> None:
    bank = qj.OhmicFamily(np.array([0.2, 0.4]), np.array([1.0, 3.0]), np.array([2.0, 5.0]))
    rates = jax.vmap(qj.rate, (0, None, 0))(bank, np.array([0.5, -0.5]), np.array([0.3, 0.6]))
    for k in range(2):
        alone = qj.OhmicFamily(bank.eta[k], bank.s[k], bank.cutoff[k])
        np.testing.assert_allclose(rates[k], qj.rate(alone, np.array([0.5, -0.5]), [0.3, 0.6][k]))


def test_occupation_agrees_with_qutip() -> None:
    omega, T = np.geomspace(0.05, 20.0, 30), 0.7
    np.testing.assert_allclose(qj.n_thermal(omega, T), qutip.n_thermal(omega, T), rtol=1e-13)


@pytest.mark.parametrize(
    ("density", "fits"),
    [
        (qj.Flat(0.0), True),
        (qj.Flat(-1e-3), False),
        (qj.Flat(np.inf), False),
        (qj.Ohmic(1.0), True),
        (qj.Ohmic(np.nan), False),
        (qj.OhmicFamily(1.0, 0.5, 2.0), True),
        (qj.OhmicFamily(1.0, 0.0, 2.0), False),
        (qj.OhmicFamily(1.0, 1.0, 0.0), False),
        (qj.OhmicFamily(-1.0, 1.0, 1.0), False),
        (qj.DrudeLorentz(0.5, 2.0), True),
        (qj.DrudeLorentz(-0.5, 2.0), False),
        (qj.DrudeLorentz(0.5, -2.0), False),
        (qj.UnderDamped(-0.5, 0.1, 1.0), True),  # only the square of the coupling enters
        (qj.UnderDamped(np.inf, 0.1, 1.0), False),
        (qj.UnderDamped(0.5, 0.0, 1.0), False),
        (qj.UnderDamped(0.5, 0.1, 0.0), False),
    ],
)
def test_in_range_knows_the_physical_parameters(density: qj.SpectralDensity, fits: bool) -> None:
    assert bool(density.in_range()) == fits


def test_parameters_may_be_integers() -> None:
    assert qj.rate(qj.Flat(2), 1, 0) == 2.0


# --- without spontaneous emission


@pytest.mark.parametrize("T", TEMPERATURES)
@pytest.mark.parametrize("sign", [1, -1])
def test_without_spontaneous_emission_both_rates_are_that_of_absorption(T: float, sign: int) -> None:
    omega = RATIOS * T
    exact = [exact_rate(mpf(0.7), -w, T) for w in omega]
    found = qj.rate(qj.Flat(0.7), sign * omega, T, spontaneous=False)
    assert_ulps(found, exact, 5 + np.minimum(RATIOS, 745))


@pytest.mark.parametrize("name", DENSITIES)
def test_without_spontaneous_emission_the_rate_at_zero_frequency_stays(name: str) -> None:
    for T in (0.0, 0.37):
        assert qj.rate(DENSITIES[name], 0.0, T, False) == qj.rate(DENSITIES[name], 0.0, T)


def two_level_atom(T: float) -> qj.OpenSystem:
    sigma_x = np.array([[0.0, 1.0], [1.0, 0.0]])
    return qj.OpenSystem(np.diag([0.0, 1.0]), qj.Bath(sigma_x, T, qj.Flat(1.0), spontaneous=False))


@pytest.mark.long
def test_a_system_keeps_what_its_baths_do_not_do() -> None:
    system = two_level_atom(0.3).with_temperatures(jnp.array([0.5])).with_generator("redfield")
    assert not system.baths[0].spontaneous
    # Up and down at one rate: the state of infinite temperature.
    np.testing.assert_allclose(qj.steadystate(system).populations, 0.5, rtol=1e-14)
    assert qj.Bath(np.eye(2), 0.3, qj.Flat(1.0)).spontaneous


@pytest.mark.parametrize("method", ["populations", "dense"])
def test_a_bath_at_zero_temperature_that_does_not_emit_does_nothing(method: str) -> None:
    system = two_level_atom(0.0)
    state = qj.steadystate(system, method=method)
    assert state.status == qj.Status.NOT_UNIQUE
    assert np.isnan(state.populations).all()
    # What is left is -i[H, .].
    np.testing.assert_array_equal(np.asarray(qj.liouvillian(system)).real, 0.0)
