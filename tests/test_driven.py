"""Periodically driven systems by the Floquet-Davies master equation, against independent answers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip
from hypothesis import assume, given, settings

import qthermo_jax as qj
from driven_systems import FINE, SIGMA_Z, as_complex, driven_qubit, solved
from floquet_oracle import (
    Drive,
    distance_on_circle,
    exact_quasi_energies,
    floquet_answer,
    random_drive,
)
from matrices import SIGMA_X
from qthermo_jax.steady import Status
from systems import SEEDS, random_draw

# --- without a drive


@pytest.mark.long
@pytest.mark.parametrize("spectrum", ["generic", "degenerate", "ladder"])
def test_without_a_drive_everything_is_that_of_the_steady_state(spectrum: str) -> None:
    system = random_draw(5, 3, is_complex=True, spectrum=spectrum).system
    steady = qj.steadystate(system, method="dense")
    state = solved(qj.DrivenSystem([system.H], 2.7, system.baths))
    assert (state.status, steady.status) == (Status.OK, Status.OK)
    np.testing.assert_allclose(state.rho, steady.rho, rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        state.heat_currents, qj.heat_currents(system, steady), rtol=1e-12, atol=1e-13
    )
    sigma = qj.entropy_production(system, steady)
    np.testing.assert_allclose(state.entropy_production, sigma, rtol=1e-11)
    assert abs(state.power) < 1e-14
    np.testing.assert_allclose(state.mean_energies, np.linalg.eigvalsh(system.H), atol=1e-13)


@pytest.mark.long
def test_at_one_temperature_without_a_drive_it_is_the_gibbs_state() -> None:
    state = solved(driven_qubit(0.0, T=(0.4, 0.4)))
    np.testing.assert_allclose(state.rho, qj.gibbs_state(jnp.asarray(SIGMA_Z), 0.4), atol=1e-13)
    assert abs(state.entropy_production) < 1e-15


# --- against other programs


@pytest.mark.long
@pytest.mark.parametrize(
    ("amplitude", "frequency", "T"), [(0.2, 0.9, 0.5), (0.8, 1.7, 0.2), (1.5, 1.1, 1.0)]
)
def test_a_qubit_with_one_bath_is_that_of_qutip(amplitude: float, frequency: float, T: float) -> None:
    eta, period = 0.02, 2 * np.pi / frequency
    H = [qutip.Qobj(SIGMA_Z), [amplitude * qutip.sigmax(), lambda t: np.cos(frequency * t)]]
    options = {"atol": 1e-13, "rtol": 1e-12, "method": "dop853"}
    basis = qutip.FloquetBasis(H, period, options=options)
    spectrum = (qutip.sigmax(), lambda w: eta * w / (2 * np.pi) * (w > 0))
    solver = qutip.FMESolver(basis, [spectrum], w_th=T, kmax=12, nT=240)
    R = solver.rhs(0.0).full()
    R[0] = np.eye(2).reshape(-1)
    rho = np.linalg.solve(R, np.array([1.0, 0, 0, 0], complex)).reshape(2, 2).T
    expected = basis.from_floquet_basis(qutip.Qobj(rho)).full()
    drive = Drive([SIGMA_Z, amplitude / 2 * SIGMA_X], period, [SIGMA_X], [T], [eta])
    state = solved(drive.system())
    assert state.status == Status.OK
    np.testing.assert_allclose(state.rho, expected, rtol=0, atol=1e-6)
    assert distance_on_circle(state.quasi_energies, basis.e_quasi, period) < 1e-8


@pytest.mark.long
@pytest.mark.parametrize(("seed", "d"), [(0, 2), (1, 3), (2, 3)])
def test_two_baths_are_the_double_sum_over_photons(seed: int, d: int) -> None:
    drive = random_drive(seed, d)
    expected = floquet_answer(drive, photons=24)
    state = solved(drive.system(**FINE))
    assert state.status == Status.OK
    np.testing.assert_allclose(state.heat_currents, expected.J, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(state.power, expected.power, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(state.entropy_production, expected.entropy, rtol=1e-10)
    np.testing.assert_allclose(state.rho, expected.rho, rtol=0, atol=1e-10)


@pytest.mark.long
def test_quasi_energies_are_those_of_the_monodromy_matrix() -> None:
    drive = random_drive(3, 2, components=3)
    exact = exact_quasi_energies(drive)
    basis = qj.floquet_basis(drive.system(steps=256))
    assert distance_on_circle(basis.quasi_energies, exact, drive.period) < 1e-13
    coarse = qj.floquet_basis(drive.system())
    apart = distance_on_circle(coarse.quasi_energies, exact, drive.period)
    assert 0 < apart <= coarse.basis.energy_error


@pytest.mark.long
def test_a_function_of_time_is_its_fourier_components() -> None:
    frequency = 1.3

    def H(t: jax.Array) -> jax.Array:
        return as_complex(jnp.asarray(SIGMA_Z) + 0.3 * jnp.cos(frequency * t) * jnp.asarray(SIGMA_X))

    system = driven_qubit(0.3, frequency)
    state = solved(qj.DrivenSystem(H, 2 * jnp.pi / frequency, system.baths))
    expected = solved(system)
    np.testing.assert_allclose(state.heat_currents, expected.heat_currents, rtol=1e-12)
    np.testing.assert_allclose(state.rho_at, expected.rho_at, atol=1e-13)


@pytest.mark.long
def test_an_offset_of_the_energy_changes_nothing_but_the_quasi_energies() -> None:
    system = driven_qubit()
    shifted = qj.DrivenSystem(
        {0: jnp.asarray(SIGMA_Z) + 1000.0 * jnp.eye(2), 1: 0.15 * jnp.asarray(SIGMA_X)},
        system.period,
        system.baths,
    )
    state, expected = solved(shifted), solved(system)
    np.testing.assert_allclose(state.heat_currents, expected.heat_currents, rtol=1e-10)
    np.testing.assert_allclose(state.mean_energies - 1000.0, expected.mean_energies, atol=1e-10)


# --- laws


@pytest.mark.long
@settings(max_examples=10)
@given(seed=SEEDS)
def test_the_laws_of_thermodynamics_and_the_bounds(seed: int) -> None:
    drive = random_drive(seed, 3)
    state = solved(drive.system())
    if state.status in (Status.TOO_FEW_STEPS, Status.TOO_FEW_PHOTONS):
        assert np.isnan(state.power)
    assume(state.status not in (Status.TOO_FEW_STEPS, Status.TOO_FEW_PHOTONS))
    assert state.status == Status.OK
    assert state.error < 1e-5
    gross = float(np.max(np.abs(state.heat_currents)))
    assert abs(state.energy_balance) <= 1e-12 * gross
    assert state.entropy_production >= 0
    sigma = float(np.sum(state.heat_currents / np.array(drive.T)))
    np.testing.assert_allclose(state.entropy_production, sigma, rtol=1e-9, atol=1e-12 * gross)
    rho = np.asarray(state.rho_at)
    np.testing.assert_allclose(np.trace(rho, axis1=1, axis2=2), 1.0, atol=1e-12)
    assert np.linalg.eigvalsh(rho).min() > -1e-12
    fine = solved(drive.system(**FINE))
    assert np.all(np.abs(state.heat_currents - fine.heat_currents) <= state.heat_bounds)
    assert np.max(np.abs(state.rho - fine.rho)) <= state.error


@pytest.mark.long
@settings(max_examples=8)
@given(seed=SEEDS)
def test_bounds_cover_what_too_few_steps_do(seed: int) -> None:
    drive = random_drive(seed, 2, strength=0.6)
    coarse, fine = (qj.floquet_basis(drive.system(steps=n, photons=4)) for n in (16, 256))
    apart = distance_on_circle(coarse.quasi_energies, fine.quasi_energies, drive.period)
    assert apart <= coarse.basis.energy_error


@pytest.mark.long
@settings(max_examples=8)
@given(seed=SEEDS)
def test_the_tail_covers_what_too_few_photons_leave_out(seed: int) -> None:
    drive = random_drive(seed, 2)
    few, fine = solved(drive.system(photons=6)), solved(drive.system(**FINE))
    assume(few.status == Status.OK)  # most are: hypothesis says if they are not
    assert np.all(np.abs(few.heat_currents - fine.heat_currents) <= few.heat_bounds)
    assert np.all(few.heat_bounds <= 1e-4 * np.max(np.abs(fine.heat_currents)))


def test_power_heats_the_baths_at_resonance() -> None:
    state = solved(driven_qubit(0.2, 1.0, T=(0.3, 0.3)))
    assert state.power > 0
    np.testing.assert_allclose(np.sum(state.heat_currents), state.power, rtol=1e-12)


def test_the_state_over_the_period_obeys_its_modes() -> None:
    system = driven_qubit()
    state, basis = solved(system), qj.floquet_basis(system)
    modes = np.asarray(basis.modes)
    expected = np.einsum("mia,a,mja->mij", modes, state.populations, modes.conj())
    np.testing.assert_allclose(state.rho_at, expected, atol=1e-13)
    np.testing.assert_allclose(state.rho_at[0], state.rho, atol=1e-13)
    sigma_z = jnp.asarray(SIGMA_Z)
    mean = np.mean([np.trace(SIGMA_Z @ rho).real for rho in np.asarray(state.rho_at)])
    np.testing.assert_allclose(state.mean(sigma_z), mean, rtol=1e-12)


# --- degenerate quasi-energies


@pytest.mark.long
def test_dense_and_populations_agree_where_both_are_exact() -> None:
    system = random_drive(4, 3).system()
    alone, dense = solved(system), solved(system, method="dense")
    assert (alone.status, dense.status) == (Status.OK, Status.OK)
    assert (alone.method, dense.method) == (qj.Method.POPULATIONS, qj.Method.DENSE)
    np.testing.assert_allclose(alone.rho, dense.rho, atol=1e-12)
    np.testing.assert_allclose(alone.heat_currents, dense.heat_currents, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(alone.entropy_production, dense.entropy_production, rtol=1e-9)


@pytest.mark.long
def test_populations_that_drive_coherences_are_flagged_and_kept_by_auto() -> None:
    system = random_draw(3, 3, is_complex=True, spectrum="degenerate").system
    driven = qj.DrivenSystem([system.H], 2.0, system.baths)
    assert np.min(np.diff(np.linalg.eigvalsh(system.H))) < 1e-9
    assert solved(driven, method="populations").status == Status.METHOD_NOT_EXACT
    state = solved(driven)
    assert state.status == Status.OK
    assert state.method == qj.Method.DENSE


@pytest.mark.long
def test_degenerate_quasi_energies_of_the_first_zone_are_one_level() -> None:
    """Energies that differ by the frequency: no coherence between them, as without a drive."""
    system = random_draw(1, 3, is_complex=True, spectrum="ladder").system
    spacing = np.diff(np.linalg.eigvalsh(system.H))[0]
    driven = qj.DrivenSystem([system.H], 2 * np.pi / spacing, system.baths)
    basis = qj.floquet_basis(driven)
    assert len(set(np.asarray(basis.basis.level).tolist())) == 1
    state, steady = solved(driven), qj.steadystate(system, method="dense")
    assert state.status == Status.OK
    np.testing.assert_allclose(state.rho, steady.rho, atol=1e-12)


@pytest.mark.long
def test_two_qubits_that_do_not_know_of_each_other_are_two_qubits() -> None:
    """|01> and |10> have one quasi-energy, and the basis of their level is arbitrary."""
    one, period = np.eye(2), 4.0
    H = [np.kron(own, one) + np.kron(one, own) for own in (SIGMA_Z, 0.2 * SIGMA_X)]
    couplings = [jnp.asarray(np.kron(SIGMA_X, one)), jnp.asarray(np.kron(one, SIGMA_X))]
    given = [(1.0, 0.02), (0.3, 0.01)]
    baths = [qj.Bath(S, T, qj.Ohmic(eta)) for S, (T, eta) in zip(couplings, given, strict=True)]
    state = solved(qj.DrivenSystem(H, period, baths), method="dense")
    assert state.status == Status.OK
    parts = [
        solved(qj.DrivenSystem([SIGMA_Z, 0.2 * SIGMA_X], period, [qj.Bath(SIGMA_X, T, qj.Ohmic(eta))]))
        for T, eta in given
    ]
    expected = np.kron(*(np.asarray(part.rho) for part in parts))
    np.testing.assert_allclose(state.rho, expected, rtol=0, atol=1e-9)
    J = [float(part.heat_currents[0]) for part in parts]
    np.testing.assert_allclose(state.heat_currents, J, rtol=1e-8)
    assert state.entropy_production > 0


@pytest.mark.slow
def test_a_wide_level_is_that_of_the_steady_state() -> None:
    one = np.eye(2)
    H = np.kron(1.001 * SIGMA_Z, one) + np.kron(one, SIGMA_Z)
    couplings = [np.kron(SIGMA_X, one) + 0.5 * np.kron(one, SIGMA_X), np.kron(one, SIGMA_X)]
    given = zip(couplings, (1.0, 0.3), (0.02, 0.01), strict=True)
    baths = [qj.Bath(jnp.asarray(S), T, qj.Ohmic(eta)) for S, T, eta in given]
    driven = qj.DrivenSystem([H], 5.1, baths, secular_tol=0.05)
    state = solved(driven, method="dense")
    steady = qj.steadystate(qj.OpenSystem(H, baths, secular_tol=0.05), method="dense")
    assert (state.status, steady.status) == (Status.OK, Status.OK)
    np.testing.assert_allclose(state.rho, steady.rho, atol=1e-11)
    assert np.max(np.abs(np.asarray(state.coherences))) > 1e-3


# --- derivatives and maps


def found(parameters: jax.Array) -> dict[str, jax.Array]:
    """Of a qubit's amplitude, frequency and hot temperature."""
    amplitude, frequency, T = parameters
    state = qj.periodic_state(driven_qubit(amplitude, frequency, T=(T, 0.3)))
    names = ("heat_currents", "power", "entropy_production", "quasi_energies", "rho_at")
    return {name: getattr(state, name) for name in names}


values, slopes = jax.jit(found), jax.jit(jax.jacfwd(found))


@pytest.mark.long
@pytest.mark.parametrize("direction", [0, 1, 2])
def test_derivatives_are_those_of_differences(direction: int) -> None:
    at, h = np.array([0.3, 1.3, 1.0]), 1e-3
    step = h * np.eye(3)[direction]
    around = {n: values(jnp.asarray(at + n * step)) for n in (-2, -1, 1, 2)}
    for name, exact in slopes(jnp.asarray(at)).items():
        first, second = (around[n][name] - around[-n][name] for n in (1, 2))
        difference = (8 * first - second) / (12 * h)
        scale = np.max(np.abs(difference))
        np.testing.assert_allclose(
            exact[..., direction], difference, rtol=1e-7, atol=1e-7 * scale + 1e-11
        )


@pytest.mark.long
@pytest.mark.parametrize("frequency", [1.0, 0.5, 2.0])
def test_derivatives_are_finite_where_quasi_energies_are_degenerate(frequency: float) -> None:
    """Without a drive, at resonances: the level splits with the amplitude, and nothing is NaN."""
    at = jnp.array([0.0, frequency, 1.0])
    for slope in jax.tree.leaves(slopes(at)):
        assert np.isfinite(slope).all()
    h = 1e-3
    more, less = (values(at + jnp.array([0.0, 0.0, sign * h])) for sign in (1, -1))
    difference = (more["heat_currents"] - less["heat_currents"]) / (2 * h)
    np.testing.assert_allclose(slopes(at)["heat_currents"][:, 2], difference, rtol=1e-5, atol=1e-12)


@pytest.mark.long
def test_a_gradient_is_the_forward_derivative() -> None:
    at = jnp.array([0.3, 1.3, 1.0])
    gradient = jax.jit(jax.grad(lambda x: found(x)["power"]))(at)
    np.testing.assert_allclose(gradient, slopes(at)["power"], rtol=1e-10)


@pytest.mark.slow
def test_a_batch_of_a_thousand_points_is_its_points() -> None:
    amplitudes = jnp.linspace(0.0, 0.6, 1000)
    hot = jnp.ones(1000).at[3].set(-1.0)
    systems = jax.jit(jax.vmap(lambda a, T: driven_qubit(a, T=(T, 0.3))))(amplitudes, hot)
    batch = jax.jit(jax.vmap(qj.periodic_state))(systems)
    assert batch.heat_currents.shape == (1000, 2)
    assert batch.status[3] == Status.PARAMETER_OUT_OF_RANGE
    assert np.isnan(batch.power[3])
    assert np.mean(batch.status == Status.OK) > 0.99
    one = solved(driven_qubit(float(amplitudes[500])))
    np.testing.assert_allclose(batch.heat_currents[500], one.heat_currents, rtol=1e-12)
