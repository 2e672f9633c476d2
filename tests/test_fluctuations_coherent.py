"""Statistics of currents where coherences matter, against QuTiP, qthermo and explicit generators."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip

import oracles
import qthermo_jax as qj
from problems import atom

pytestmark = pytest.mark.accuracy

# Two coupled qubits, a bath at each end, as the local master equation has them: "01" and "10" cohere.
G, RATES, TEMPERATURES, OMEGA = 0.15, (0.3, 0.5), (1.2, 0.4), (1.0, 1.0)
LOWER = np.array([[0.0, 1.0], [0.0, 0.0]])
SIGMA_X = LOWER + LOWER.T
NUMBER = np.diag([0.0, 1.0])
BARE = OMEGA[0] * np.kron(NUMBER, np.eye(2)) + OMEGA[1] * np.kron(np.eye(2), NUMBER)
H = BARE + G * (np.kron(LOWER, LOWER.T) + np.kron(LOWER.T, LOWER))
COUPLINGS = (np.kron(SIGMA_X, np.eye(2)), np.kron(np.eye(2), SIGMA_X))
LOWERING = (np.kron(LOWER, np.eye(2)), np.kron(np.eye(2), LOWER))


def two_qubits(generator: str, secular_tol: float | None = None) -> qj.OpenSystem:
    baths = [
        qj.Bath(jnp.asarray(S), T, qj.Flat(rate))
        for S, T, rate in zip(COUPLINGS, TEMPERATURES, RATES, strict=True)
    ]
    return qj.OpenSystem(H, baths, local=BARE, generator=generator, secular_tol=secular_tol)


def jumps() -> list[tuple[np.ndarray, float, int]]:
    """Collapse operator, energy given, bath: those of the local master equation."""
    found = []
    for k, (L, T, rate, omega) in enumerate(zip(LOWERING, TEMPERATURES, RATES, OMEGA, strict=True)):
        n = 1 / np.expm1(omega / T)
        found += [(np.sqrt(rate * (n + 1)) * L, omega, k), (np.sqrt(rate * n) * L.T, -omega, k)]
    return found


def tilted(chi: np.ndarray) -> np.ndarray:
    L = oracles.commutator(H).astype(complex)
    for A, omega, k in jumps():
        L = L + oracles.lindblad(A) + np.expm1(chi[k] * omega) * np.kron(A.conj(), A)
    return L


@pytest.mark.thorough
def test_local_equation_as_qutip_has_it() -> None:
    system = two_qubits("local")
    state = qj.steadystate(system)
    collapse = [qutip.Qobj(A) for A, _, _ in jumps()]
    L = qutip.liouvillian(qutip.Qobj(H), collapse)
    currents, shot = [], []
    for k in range(2):
        own = [
            (omega, qutip.sprepost(A, A.dag()))
            for A, (_, omega, at) in zip(collapse, jumps(), strict=True)
            if at == k
        ]
        currents.append(sum(omega * jump for omega, jump in own))
        shot.append(sum(omega**2 * jump for omega, jump in own))
    omegas = [0.0, 0.3]
    # The steady state is given: left to itself, QuTiP adds the collapse operators to L once more.
    _, spectrum, *_ = qutip.countstat_current_noise(
        L,
        collapse[:2],
        wlist=omegas,
        rhoss=qutip.steadystate(L),
        I_ops=currents,
        J_ops=shot,
        sparse=False,
    )
    expected = np.moveaxis(spectrum, -1, 0)
    np.testing.assert_allclose(qj.current_noise(system, state), expected[0], rtol=1e-9)
    found = qj.noise_spectrum(system, state, omegas)
    np.testing.assert_allclose(found[0], qj.current_noise(system, state), rtol=1e-9)
    np.testing.assert_allclose(np.diagonal(found[1]), np.diagonal(expected[1]), rtol=1e-9)


@pytest.mark.long
def test_three_level_maser_as_qthermo_has_it() -> None:
    """In the frame that rotates with the drive, by the local equation: Scovil & Schulz-DuBois (1959)."""
    qthermo = pytest.importorskip("qthermo")
    model = qthermo.models.three_level_maser()
    hot, cold = (np.zeros((3, 3)) for _ in range(2))
    hot[0, 2] = hot[2, 0] = cold[0, 1] = cold[1, 0] = 1.0
    H = np.zeros((3, 3))
    H[1, 2] = H[2, 1] = 0.05
    baths = [qj.Bath(hot, 10.0, qj.Flat(0.02)), qj.Bath(cold, 1.0, qj.Flat(0.02))]
    system = qj.OpenSystem(H, baths, local=np.diag([0.0, 1.0, 3.0]), generator="local")
    state = qj.steadystate(system)
    noise, mean = qj.current_noise(system, state), qj.current_cumulants(system, state, 1)[0]
    for k, name in enumerate(("hot", "cold")):
        found = qthermo.fluctuations.current_statistics(model, {name: "energy"})
        assert -float(mean[k]) == pytest.approx(found.mean, rel=1e-9)
        assert float(noise[k, k]) == pytest.approx(found.noise, rel=1e-9)
    theirs = qthermo.fluctuations.scaled_cgf(model, {"hot": "energy"}, -0.1)
    assert float(qj.scaled_cgf(system, [0.1, 0.0])) == pytest.approx(float(theirs), rel=1e-9)


@pytest.mark.long
def test_generating_function_of_the_local_equation() -> None:
    system = two_qubits("local")
    chi = np.array([0.2, -0.4])
    assert float(qj.scaled_cgf(system, chi)) == pytest.approx(
        np.linalg.eigvals(tilted(chi)).real.max(), rel=1e-11
    )
    # Cumulants from a circle of complex fields around 0, by the residue theorem.
    state = qj.steadystate(system)
    found = np.asarray(qj.current_cumulants(system, state, 4))
    n, radius = 32, 0.3
    angles = np.exp(2j * np.pi * np.arange(n) / n)
    values = [np.linalg.eigvals(tilted(np.array([radius * z, 0.0]))) for z in angles]
    largest = np.array([own[np.argmax(own.real)] for own in values])
    factor = 1.0
    for order in range(1, 5):
        factor *= order
        exact = factor * np.mean(largest * angles**-order).real / radius**order
        assert found[order - 1, 0] == pytest.approx(exact, rel=1e-9)


@pytest.mark.thorough
def test_both_ways_to_the_same_statistics() -> None:
    """A rate equation's jumps, and the recursion on all of rho, which share no line."""
    system = qj.models.three_level_refrigerator(T_c=0.3)
    by_populations = qj.steadystate(system, method="populations")
    by_elements = qj.steadystate(system, method="dense")
    np.testing.assert_allclose(
        qj.current_cumulants(system, by_elements, 3),
        qj.current_cumulants(system, by_populations, 3),
        rtol=1e-10,
    )
    np.testing.assert_allclose(
        qj.current_noise(system, by_elements), qj.current_noise(system, by_populations), rtol=1e-8
    )


@pytest.mark.thorough
@pytest.mark.parametrize(("generator", "tolerance"), [("partial_secular", 0.5), ("redfield", None)])
def test_cumulants_are_derivatives_of_the_generating_function(
    generator: str, tolerance: float | None
) -> None:
    system = two_qubits(generator, tolerance)
    state = qj.steadystate(system)
    by_chi = jax.hessian(lambda chi: qj.scaled_cgf(system, chi, method="dense"))
    np.testing.assert_allclose(by_chi(jnp.zeros(2)), qj.current_noise(system, state), rtol=1e-9)


@pytest.mark.thorough
def test_fluctuation_theorem_of_the_partially_secular_equation() -> None:
    system = two_qubits("partial_secular", 0.5)
    chi, beta = np.array([0.3, -0.2]), 1 / np.array(TEMPERATURES)
    there = float(qj.scaled_cgf(system, chi, method="dense"))
    assert float(qj.scaled_cgf(system, -chi - beta, method="dense")) == pytest.approx(there, rel=1e-9)


@pytest.mark.long
def test_energy_in_a_finite_time() -> None:
    """One bath gets what a two-level system has lost: its variance is that of a coin."""
    omega, T, rate = 1.3, 0.7, 0.4
    n = 1 / np.expm1(omega / T)
    times = np.array([0.0, 0.2, 1.0, 5.0])
    equal = n / (2 * n + 1)
    excited = equal + (1 - equal) * np.exp(-rate * (2 * n + 1) * times)
    counted = qj.finite_time_cumulants(atom((T, qj.Flat(rate)), omega=omega), times, [0.0, 1.0])
    np.testing.assert_allclose(counted.mean[:, 0], omega * (1 - excited), rtol=1e-10)
    np.testing.assert_allclose(
        counted.covariance[:, 0, 0], omega**2 * excited * (1 - excited), rtol=1e-9
    )


@pytest.mark.thorough
def test_a_long_time_is_the_steady_state() -> None:
    system = two_qubits("local")
    state = qj.steadystate(system)
    counted = qj.finite_time_cumulants(system, [200.0, 300.0], [0.0, 0.0, 0.0, 1.0])
    per_time = (counted.covariance[1] - counted.covariance[0]) / 100.0
    np.testing.assert_allclose(per_time, qj.current_noise(system, state), rtol=1e-8)
    moved = (counted.mean[1] - counted.mean[0]) / 100.0
    np.testing.assert_allclose(moved, qj.current_cumulants(system, state, 1)[0], rtol=1e-9)


@pytest.mark.thorough
def test_symmetry_of_the_rate_function() -> None:
    """I(j) - I(-j) = -j (beta_1 - beta_2), the fluctuation theorem, and I'' = 1/S at the mean."""
    system = qj.models.thermal_diode(T_L=1.0, T_R=0.5)
    state = qj.steadystate(system, method="populations")
    J = float(qj.heat_currents(system, state)[0])
    T = np.asarray(system.temperatures)

    def I(j: jax.Array) -> jax.Array:  # noqa: E743, its name in the literature
        return qj.rate_function(system, 0, j, method="populations")

    for j in (0.5 * J, 2 * J):
        difference = float(I(j)) - float(I(-j))
        assert difference == pytest.approx(-j * (1 / T[0] - 1 / T[1]), rel=1e-8)
    curvature = float(jax.hessian(I)(jnp.array(J)))
    assert curvature == pytest.approx(1 / float(qj.current_noise(system, state)[0, 0]), rel=1e-8)


@pytest.mark.long
def test_statistics_by_name_in_a_sweep() -> None:
    names = ["current_noise", "current_cumulants", "fano", "tur_ratio", "kur_ratio"]
    found = qj.sweep("three_level_refrigerator", axes={"T_h": [0.8, 1.0]}, observables=names)
    assert found.current_noise.dims == ("T_h", "bath", "other_bath")
    assert found.current_cumulants.dims == ("T_h", "cumulant", "bath")
    assert found.current_noise.attrs["units"].endswith("^3")
    system = qj.models.three_level_refrigerator(T_h=0.8)
    state = qj.steadystate(system)
    for name in ("current_noise", "fano", "tur_ratio", "kur_ratio"):
        expected = getattr(qj, name)(system, state)
        np.testing.assert_allclose(found[name].isel(T_h=0), expected, rtol=1e-12)
