"""QuTiP's operators in, its density matrices out; and nothing of it where it is not installed."""

import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip

import oracles
import qthermo_jax as qj

T, ETA = (0.9, 0.3), (0.4, 0.7)
X_1, X_2 = qutip.tensor(qutip.sigmax(), qutip.qeye(2)), qutip.tensor(qutip.qeye(2), qutip.sigmax())
UP = qutip.basis(2, 0).proj()
BARE = 1.0 * qutip.tensor(UP, qutip.qeye(2)) + 1.3 * qutip.tensor(qutip.qeye(2), UP)
EXCHANGE = np.exp(0.3j) * qutip.tensor(qutip.sigmap(), qutip.sigmam())
H = BARE + 0.2 * (EXCHANGE + EXCHANGE.dag())
COHERENCE = 1j * (
    qutip.tensor(qutip.sigmap(), qutip.sigmam()) - qutip.tensor(qutip.sigmam(), qutip.sigmap())
)
EXCITED = [qutip.tensor(UP, qutip.qeye(2)), qutip.tensor(qutip.qeye(2), UP)]
QUBIT = qj.Dimension("qubit", (1, 2))


def two_qubits(as_given: Any, bank: type = list) -> qj.OpenSystem:
    """The same system of Qobj or, `as_given` making them so, of numpy arrays."""
    couplings = as_given(bank((X_1, X_2)))
    observables = {
        "coherence": qj.Observable(as_given(COHERENCE), qj.Quantity("coherence", "c", 0)),
        "excited": qj.Observable(as_given(EXCITED), qj.Quantity("excitation", "p", 0), [QUBIT]),
    }
    baths = qj.Bath(couplings, np.array(T), qj.Ohmic(np.array(ETA)))
    return qj.OpenSystem(as_given(H), baths, local=as_given(BARE), observables=observables)


def as_numpy(operators: Any) -> np.ndarray:
    if isinstance(operators, (list, tuple)):
        return np.stack([as_numpy(operator) for operator in operators])
    full = operators.full()
    return full if full.imag.any() else full.real


def untouched(operators: Any) -> Any:
    return operators


@pytest.mark.parametrize("bank", [list, tuple])
def test_a_system_of_qobj_is_the_system_of_their_arrays(bank: type) -> None:
    given, expected = two_qubits(untouched, bank), two_qubits(as_numpy)
    np.testing.assert_array_equal(given.H, expected.H)
    np.testing.assert_array_equal(given.local, expected.local)
    for own, other in zip(given.observables.values(), expected.observables.values(), strict=True):
        np.testing.assert_array_equal(own.operator, other.operator)
    own, other = given.baths[0].coupling, expected.baths[0].coupling
    assert isinstance(own, qj.SparseCoupling)  # the zeros are known
    assert own.pattern == other.pattern
    np.testing.assert_array_equal(own.values, other.values)


def test_real_operators_stay_real_and_complex_ones_complex() -> None:
    bath = qj.Bath(qutip.sigmax(), 0.5, qj.Flat(1.0))
    assert qj.OpenSystem(qutip.num(2), bath).H.dtype == float
    assert qj.OpenSystem(qutip.num(2) + 0.1 * qutip.sigmay(), bath).H.dtype == complex
    mixed = qj.Bath([qutip.sigmax(), qutip.sigmay()], 0.5, qj.Flat(1.0))
    np.testing.assert_array_equal(mixed.coupling.dense(), as_numpy([qutip.sigmax(), qutip.sigmay()]))


@pytest.mark.parametrize(
    ("qobj", "kind"), [(qutip.basis(2, 0), "ket"), (qutip.spre(qutip.sigmax()), "super")]
)
def test_a_qobj_that_is_no_operator_is_refused(qobj: qutip.Qobj, kind: str) -> None:
    for build in (
        lambda: qj.Bath(qobj, 0.5, qj.Flat(1.0)),
        lambda: qj.Bath([qobj], 0.5, qj.Flat(1.0)),
        lambda: qj.OpenSystem(qobj, qj.Bath(qutip.sigmax(), 0.5, qj.Flat(1.0))),
        lambda: qj.Observable(qobj, qj.Quantity("a number", "q", 0)),
    ):
        with pytest.raises(ValueError, match=f"a Qobj of type '{kind}' is no operator"):
            build()


@pytest.fixture(scope="module")
def solved() -> tuple[qj.OpenSystem, qj.SteadyState]:
    system = two_qubits(untouched)
    return system, qj.steadystate(system, method="dense")


Solved = tuple[qj.OpenSystem, qj.SteadyState]


@pytest.mark.long
def test_the_steady_state_is_qutips(solved: Solved) -> None:
    first, second = (
        oracles.bath_rate(lambda w, eta=eta: eta * w, eta, own) for eta, own in zip(ETA, T, strict=True)
    )
    L = qutip.bloch_redfield_tensor(H, [[X_1, first], [X_2, second]], sec_cutoff=1e-6, fock_basis=True)
    rho = solved[1].to_qutip(H.dims)
    np.testing.assert_allclose(rho.full(), qutip.steadystate(L).full(), atol=1e-10)
    assert (L * qutip.operator_to_vector(rho)).norm() < 1e-12


def test_expectation_values_are_those_of_qutip(solved: Solved) -> None:
    system, state = solved
    rho = state.to_qutip(H.dims)
    assert rho.isherm
    np.testing.assert_allclose(rho.tr(), 1.0, rtol=1e-14)
    coherence = qutip.expect(COHERENCE, rho)
    assert abs(coherence) > 1e-3
    np.testing.assert_allclose(qj.observe(system, state, "coherence"), coherence, rtol=1e-12)
    np.testing.assert_allclose(
        qj.observe(system, state, "excited"), qutip.expect(EXCITED, rho), rtol=1e-13
    )


def test_a_state_keeps_its_elements_and_takes_the_dims_it_is_given(solved: Solved) -> None:
    _, state = solved
    np.testing.assert_array_equal(state.to_qutip().full(), np.asarray(state.rho, complex))
    assert state.to_qutip().dims == [[4], [4]]
    assert state.to_qutip([[2, 2], [2, 2]]).dims == H.dims
    with pytest.raises(ValueError, match="dimensions"):
        state.to_qutip([[3], [3]])


def test_a_batch_of_states_is_refused(solved: Solved) -> None:
    batch = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), solved[1])
    with pytest.raises(ValueError, match=r"not a batch of shape \(2,\)"):
        batch.to_qutip()


def test_without_qutip_it_says_what_to_install(solved: Solved, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "qutip", None)
    with pytest.raises(ImportError, match=r"^to_qutip: no qutip: pip install qutip$"):
        solved[1].to_qutip()
