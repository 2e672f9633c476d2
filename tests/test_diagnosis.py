"""Why a system is refused: each fault by name, in agreement with the statuses of the engine."""

import numpy as np
import pytest

import qthermo_jax as qj

H = np.diag([0.0, 1.0, 2.0, 3.5])
S = np.zeros((4, 4))
S[0, 1] = S[1, 0] = S[2, 3] = S[3, 2] = S[1, 2] = S[2, 1] = 1.0
FULL = np.ones((4, 4)) + S


def changed(matrix, row, column, value):
    matrix = np.array(matrix, np.result_type(matrix, value))
    matrix[row, column] = value
    return matrix


def both(matrix, row, column, value):
    return changed(changed(matrix, row, column, value), column, row, value)


def system(hamiltonian=H, coupling=S, T=0.5, spectrum=None, **options):
    """Its second bath, or its second and third, are those that are told."""
    spectrum = qj.Ohmic(1.0) if spectrum is None else spectrum
    baths = [qj.Bath(S, 0.4, qj.Ohmic(1.0)), qj.Bath(coupling, T, spectrum)]
    return qj.OpenSystem(hamiltonian, baths, **options)


HALVES = [(0, 1), (2, 3)]
SPARSE = qj.SparseCoupling(4, [[0, 1, 2, 2]], [[1, 2, 3, 2]], np.array([[1, 1, 1, 0.1j]]))
PARTIAL = {"generator": "partial_secular"}
# id, system, status, sentences
FAULTY = [
    ("T < 0", system(T=-1.0), 1, ["bath 2: temperature -1.0 is below 0"]),
    ("T nan", system(T=np.nan), 1, ["bath 2: temperature nan is not a finite number"]),
    (
        "of a bank",
        system(coupling=np.stack([S, S]), T=np.array([0.1, -2.0])),
        1,
        ["bath 3: temperature -2.0 is below 0"],
    ),
    (
        "a rate below 0",
        system(spectrum=qj.Flat(-1.0)),
        1,
        ["bath 2: a parameter of Flat is out of its range: rate = -1.0"],
    ),
    (
        "a cutoff of 0",
        system(spectrum=qj.DrudeLorentz(1.0, 0.0)),
        1,
        ["bath 2: a parameter of DrudeLorentz is out of its range: reorganisation = 1.0, cutoff = 0.0"],
    ),
    ("H nan", system(both(H, 0, 2, np.nan)), 1, ["H is not finite: element (1, 3) is nan"]),
    ("H inf", system(changed(H, 3, 3, np.inf)), 1, ["H is not finite: element (4, 4) is inf"]),
    (
        "a coupling nan",
        system(coupling=both(FULL, 0, 2, np.nan)),
        1,
        ["bath 2: the coupling is not finite: element (1, 3) is nan"],
    ),
    (
        "a cut-off below 0",
        system(secular_tol=-0.1, **PARTIAL),
        1,
        ["secular_tol: -0.1 is below 0 or not a finite number"],
    ),
    (
        "a coupling that is skew",
        system(coupling=changed(changed(FULL, 0, 2, 0.5), 2, 0, 0.4)),
        2,
        ["bath 2: the coupling is not Hermitian: element (1, 3) is 0.5 and its mirror 0.4"],
    ),
    (
        "H with a loss",
        system(changed(H, 1, 1, 1.0 - 0.5j)),
        2,
        ["H is not Hermitian: element (2, 2) is 1-0.5j on the diagonal"],
    ),
    (
        "few elements, one of them imaginary",
        system(coupling=SPARSE),
        2,
        ["bath 2: the coupling is not Hermitian: element (3, 3) is 0+0.1j on the diagonal"],
    ),
    (
        "sectors that H connects",
        system(both(H, 0, 3, 0.1), sectors=HALVES),
        2,
        ["H connects sectors 1 and 2: element (1, 4) is 0.1"],
    ),
    (
        "local is skew",
        system(local=changed(H, 0, 1, 0.2), generator="local"),
        2,
        ["local is not Hermitian: element (1, 2) is 0.2 and its mirror 0"],
    ),
    (
        "two faults",
        system(T=-1.0, spectrum=qj.Flat(-1.0)),
        1,
        [
            "bath 2: temperature -1.0 is below 0",
            "bath 2: a parameter of Flat is out of its range: rate = -1.0",
        ],
    ),
]


@pytest.mark.long
@pytest.mark.parametrize(
    ("wrong", "status", "told"), [f[1:] for f in FAULTY], ids=[f[0] for f in FAULTY]
)
def test_every_fault_is_named_with_its_bath(wrong, status, told):
    assert int(qj.steadystate(wrong).status) == status
    found = qj.diagnose(wrong)
    assert set(told) <= set(found)
    assert len(found) == len(told) or "finite" in found[0]


SOUND = {
    "plain": system(),
    "dense": system(coupling=FULL),
    "at zero": system(T=0.0),
    "round-off": system(coupling=changed(FULL, 0, 2, 1.0 + 1e-12)),
    "sectors": system(both(H, 0, 1, 0.1), sectors=HALVES),
    "sectors with round-off": system(both(H, 0, 2, 1e-12), sectors=HALVES),
    "a cut-off": system(secular_tol=0.1, **PARTIAL),
    "local that is not asked": system(local=changed(H, 0, 1, 0.2)),
}


@pytest.mark.long
@pytest.mark.parametrize("sound", SOUND.values(), ids=SOUND)
def test_of_a_sound_system_nothing_is_said(sound):
    assert int(qj.steadystate(sound).status) not in (1, 2)
    assert qj.diagnose(sound) == ()


def test_a_unitary_that_was_rounded_is_named():
    U = np.round(np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2), 12)
    H = np.diag([0.0, 1.0])
    hot = qj.Bath(np.array([[0.0, 1.0], [1.0, 0.0]]), 1.0, qj.Ohmic(0.1))
    cycle = qj.Cycle([qj.Stroke(H, 1.0, baths=["hot"]), qj.Stroke(H, 1.0, unitary=U)], {"hot": hot})
    assert qj.limit_cycle(cycle).status == qj.Status.PARAMETER_OUT_OF_RANGE
    (said,) = qj.diagnose(cycle)
    assert "the unitary is none" in said
