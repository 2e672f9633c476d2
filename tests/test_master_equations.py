"""Partial secular, Redfield and local master equations against explicit ones and QuTiP's."""

from collections.abc import Sequence

import jax
import numpy as np
import pytest
import qutip
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
import qthermo_jax as qj
from matrices import hermitian, random_matrix
from oracles import Rate

pytestmark = pytest.mark.accuracy

T, ETA = (0.9, 0.3), (0.05, 0.02)
RATES = [oracles.bath_rate(lambda w, eta=eta: eta * w, eta, t) for eta, t in zip(ETA, T, strict=True)]


def baths(couplings: Sequence[np.ndarray]) -> list[qj.Bath]:
    return [qj.Bath(S, t, qj.Ohmic(eta)) for S, t, eta in zip(couplings, T, ETA, strict=True)]


def drawn(seed: int, d: int = 3) -> tuple[np.ndarray, list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    H, *couplings = (hermitian(random_matrix(rng, d, is_complex=True)) for _ in range(3))
    return H, couplings


def redfield(H: np.ndarray, S: np.ndarray, gamma: Rate) -> np.ndarray:
    """Lambda rho S - S Lambda rho + h.c., from an explicit double loop."""
    energies, states = np.linalg.eigh(H)
    inside = states.conj().T @ S @ states
    Lambda = np.zeros_like(inside, complex)
    for i, low in enumerate(energies):
        for j, high in enumerate(energies):
            Lambda[i, j] = gamma(high - low) * inside[i, j] / 2
    Lambda = states @ Lambda @ states.conj().T
    one, back = np.eye(len(H)), Lambda.conj().T
    feeds = np.kron(S.T, Lambda) + np.kron(back.T, S)
    return feeds - np.kron(one, S @ Lambda) - np.kron((back @ S).T, one)


def explicit(
    name: str, H: np.ndarray, bare: np.ndarray, couplings: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """The dissipator of each bath."""
    if name == "redfield":
        return [redfield(H, S, gamma) for S, gamma in zip(couplings, RATES, strict=True)]
    return [oracles.bath_generator(bare, S, gamma) for S, gamma in zip(couplings, RATES, strict=True)]


@jax.jit
def answers(system: qj.OpenSystem) -> dict[str, jax.Array]:
    state = qj.steadystate(system)
    return {
        "L": qj.liouvillian(system),
        "rho": state.rho,
        "status": state.status,
        "currents": qj.heat_currents(system, state),
        "lowest": qj.min_eigenvalue(system, state),
    }


@pytest.mark.long
@pytest.mark.parametrize("name", ["redfield", "local"])
@given(seed=st.integers(0, 1000))
@settings(max_examples=10)
def test_generator_state_and_currents_are_the_explicit_ones(name: str, seed: int) -> None:
    H, couplings = drawn(seed)
    bare = np.diag(H.diagonal()).astype(complex)
    found = answers(qj.OpenSystem(H, baths(couplings), generator=name, local=bare))
    parts = explicit(name, H, bare, couplings)
    L = oracles.commutator(H) + sum(parts)
    np.testing.assert_allclose(found["L"], L, atol=1e-12)
    rho, _ = oracles.null_state(L)
    if np.linalg.eigvalsh(rho)[0] < -1e-9:
        assert found["status"] == qj.Status.NOT_POSITIVE
        return
    assert found["status"] == qj.Status.OK
    np.testing.assert_allclose(found["rho"], rho, atol=1e-10)
    taken = [-np.trace(oracles.unstack(part @ oracles.stack(rho)) @ H).real for part in parts]
    np.testing.assert_allclose(found["currents"], taken, atol=1e-11)


@pytest.mark.long
def test_a_redfield_state_with_a_negative_eigenvalue_is_flagged() -> None:
    """A cold, strongly coupled bath: -4e-4 by the explicit generator."""
    H, couplings = drawn(4)
    T, eta = (0.05, 0.3), (0.4, 0.1)
    gammas = [oracles.bath_rate(lambda w, e=e: e * w, e, t) for e, t in zip(eta, T, strict=True)]
    parts = [redfield(H, S, gamma) for S, gamma in zip(couplings, gammas, strict=True)]
    rho, _ = oracles.null_state(oracles.commutator(H) + sum(parts))
    assert np.linalg.eigvalsh(rho)[0] < -4e-4
    own = [qj.Bath(S, t, qj.Ohmic(e)) for S, t, e in zip(couplings, T, eta, strict=True)]
    found = answers(qj.OpenSystem(H, own, generator="redfield"))
    assert found["status"] == qj.Status.NOT_POSITIVE
    assert np.isnan(found["rho"]).all()


def test_redfield_is_qutips() -> None:
    H, couplings = (np.real(part) for part in drawn(3))
    terms = [[qutip.Qobj(S), gamma] for S, gamma in zip(couplings, RATES, strict=True)]
    tensor = qutip.bloch_redfield_tensor(qutip.Qobj(H), terms, sec_cutoff=-1, fock_basis=True)
    system = qj.OpenSystem(H.astype(complex), baths(couplings), generator="redfield")
    np.testing.assert_allclose(qj.liouvillian(system), tensor.full(), atol=1e-12)


# --- partial secular


def grouped_generator(H: np.ndarray, couplings: Sequence[np.ndarray], cutoff: float) -> list[np.ndarray]:
    """sum gamma(mean omega) D[A], A the elements whose frequencies lie together within the cut-off."""
    energies, states = np.linalg.eigh(H)
    frequencies = (energies[None, :] - energies[:, None]).reshape(-1)
    parts = []
    for S, gamma in zip(couplings, RATES, strict=True):
        inside, part = (states.conj().T @ S @ states).reshape(-1), 0
        for members in oracles.clusters(frequencies, cutoff):
            A = np.zeros_like(inside)
            A[members] = inside[members]
            A = states @ A.reshape(len(H), -1) @ states.conj().T
            part = part + gamma(frequencies[members].mean()) * oracles.lindblad(A)
        parts.append(part)
    return parts


def two_qubits(detuning: float, g: float, **kind: object) -> qj.OpenSystem:
    """Each with its own bath, exchanging excitations."""
    x, lower, one = np.array([[0, 1], [1, 0]]), np.array([[0, 0], [1, 0]]), np.eye(2)
    up = np.diag([1.0, 0.0])
    bare = np.kron(up, one) + (1.0 + detuning) * np.kron(one, up)
    H = bare + g * (np.kron(lower.T, lower) + np.kron(lower, lower.T))
    couplings = [np.kron(x, one), np.kron(one, x)]
    rates = (T, (0.02, 0.02))
    own = [qj.Bath(1.0 * S, t, qj.Ohmic(eta)) for S, t, eta in zip(couplings, *rates, strict=True)]
    return qj.OpenSystem(H, own, local=bare, **kind)


@pytest.mark.long
@given(seed=st.integers(0, 1000))
@settings(max_examples=8)
def test_partial_secular_groups_frequencies_and_is_completely_positive(seed: int) -> None:
    H, couplings = drawn(seed)
    system = qj.OpenSystem(H, baths(couplings), generator="partial_secular", secular_tol=0.7)
    found, parts = answers(system), grouped_generator(H, couplings, 0.7)
    np.testing.assert_allclose(found["L"], oracles.commutator(H) + sum(parts), atol=1e-11)
    taken = [-np.trace(oracles.unstack(part @ oracles.stack(found["rho"])) @ H).real for part in parts]
    np.testing.assert_allclose(found["currents"], taken, atol=1e-11)
    np.testing.assert_allclose(sum(taken), 0.0, atol=1e-12)
    channel = scipy.linalg.expm(np.asarray(found["L"]) * 0.3).reshape(3, 3, 3, 3)
    choi = channel.transpose(3, 1, 2, 0).reshape(9, 9)
    assert np.linalg.eigvalsh(choi)[0] > -1e-12


@jax.jit
def into_the_cold_bath(system: qj.OpenSystem) -> jax.Array:
    return qj.heat_currents(system, qj.steadystate(system, method="dense"))[1]


@pytest.mark.thorough
def test_two_resonant_qubits_tell_the_generators_apart() -> None:
    """g below the rates: the secular approximation fails, and grouping the close lines repairs it."""
    tolerances = {"global": None, "redfield": None, "partial_secular": 0.1}
    currents = {
        name: into_the_cold_bath(two_qubits(0.0, 0.005, generator=name, secular_tol=tol))
        for name, tol in tolerances.items()
    }
    assert currents["global"] > 1.5 * currents["redfield"]
    np.testing.assert_allclose(currents["partial_secular"], currents["redfield"], rtol=0.02)
    ratio = qj.observe(two_qubits(0.0, 0.005), qj.steadystate(two_qubits(0.0, 0.005)), "secular_ratio")
    assert ratio > 1


@pytest.mark.thorough
def test_local_lets_heat_flow_from_cold_to_hot() -> None:
    """Levy & Kosloff (2014): where omega_h/T_h > omega_c/T_c. The global one obeys the second law."""
    system = two_qubits(4.0, 0.05).with_temperatures(jax.numpy.array([0.3, 0.9]))
    for name, sign in (("global", 1), ("local", -1)):  # 5/0.9 > 1/0.3
        own = system.with_generator(name)
        assert sign * qj.entropy_production(own, qj.steadystate(own)) > 0


@pytest.mark.long
@pytest.mark.parametrize("element", [0.2, np.nan])
def test_a_bare_hamiltonian_that_connects_sectors_is_flagged(element: float) -> None:
    """Its eigenvectors are looked for sector by sector, as those of H."""
    bare = np.diag([0.0, 1.0, 1.5])
    bare[0, 2] = bare[2, 0] = element
    S = qj.Bath(np.ones((3, 3)), 0.5, qj.Ohmic(0.1))
    system = qj.OpenSystem(np.diag([0.0, 1.0, 1.5]), S, local=bare, sectors=[(0, 1), (2,)])
    assert answers(system.with_generator("local"))["status"] == qj.Status.NOT_HERMITIAN
    assert answers(system)["status"] == qj.Status.OK


def test_what_a_generator_lacks_is_said(unchecked: None) -> None:
    system = qj.models.lambda_system()
    with pytest.raises(ValueError, match="'davies' is not one of global, partial_secular, redfield"):
        system.with_generator("davies")
    with pytest.raises(ValueError, match="'local' needs the Hamiltonian without interactions"):
        system.with_generator("local")
    with pytest.raises(ValueError, match="'partial_secular' needs a cut-off"):
        system.with_generator("partial_secular")
    with pytest.raises(ValueError, match="'redfield' takes method 'dense', not 'populations'"):
        qj.steadystate(system.with_generator("redfield"), method="populations")
