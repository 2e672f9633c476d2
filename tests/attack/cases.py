"""Systems on which the package once was wrong, each by its name.

They are draws like those of `systems.py`, so that the same exact solution and judge apply.
"""

import numpy as np
import pytest

from attack.exact_derivatives import Direction
from attack.systems import FLAT, OHMIC, Bath, Draw


def bath(coupling: np.ndarray, T: float, kind: int, strength: float) -> Bath:
    return Bath(np.asarray(coupling, complex), T, kind, (strength, 1.0, 1.0))


def _between(d: int, i: int, j: int, value: complex = 1.0) -> np.ndarray:
    S = np.zeros((d, d), complex)
    S[i, j], S[j, i] = value, np.conj(value)
    return S


def _case(name: str, H: np.ndarray, *baths: Bath, **options: object) -> Draw:
    d = len(H)
    idle = Bath(np.zeros((d, d), complex), 1.0, OHMIC, (1.0, 1.0, 1.0))
    padded = (*baths, *[idle] * (3 - len(baths)))
    return Draw(-1, name, np.asarray(H, complex), padded, **options)  # type: ignore[arg-type]


def dark_state(r: float, angle: float = 0.7) -> Draw:
    """A dark state that is conserved, beside a fast bath that acts alike on both states of the level."""
    bright = _between(3, 0, 1, np.cos(angle)) + _between(3, 0, 2, np.sin(angle))
    H = np.diag([0.0, 1.0, 1.0])
    return _case(f"dark state, r = {r:g}", H, bath(H, 1.0, OHMIC, 1.0), bath(bright, 0.5, OHMIC, r))


def weak_dephasing(r: float, angle: float = 0.3) -> Draw:
    """Two states of one level: the identity does nothing, and dephasing leaves many states."""
    v = np.array([np.cos(angle), np.sin(angle)])
    return _case(
        f"identity, and dephasing of {r:g}",
        np.eye(2),
        bath(np.eye(2), 1.0, OHMIC, 1.0),
        bath(np.outer(v, v), 1.0, OHMIC, r),
    )


def fast_identity() -> Draw:
    """Four levels, an identity bath a million times as strong as those that do something."""
    rng = np.random.default_rng(3)
    S = [rng.normal(size=(4, 4)) for _ in range(2)]
    active = [bath(A + A.T, T, OHMIC, 1e-6) for A, T in zip(S, (0.4, 1.1), strict=True)]
    H = np.diag([0.0, 0.7, 1.3, 2.1])
    return _case("fast identity", H, bath(np.eye(4), 1.0, OHMIC, 1.0), *active)


def offset(c: float) -> Draw:
    S = _between(3, 0, 1) + _between(3, 1, 2) + _between(3, 0, 2)
    H = np.diag([0.0, 1.0, 2.5]) + c * np.eye(3)
    return _case(f"offset {c:g}", H, bath(S, 0.7, OHMIC, 0.1), bath(_between(3, 0, 2), 0.3, OHMIC, 0.1))


def tiny_element() -> Draw:
    """An exact element of 5e-11 connects a state faster than another bath, which is colder."""
    S = _between(3, 0, 1) + _between(3, 0, 2, 5e-11)
    cold = bath(_between(3, 0, 2), 0.1, OHMIC, 1e-30)
    H = np.diag([0.0, 0.6, 1.0])
    return _case("tiny element", H, bath(S, 1.0, FLAT, 1.0), cold, sectors=((0,), (1,), (2,)))


def diode() -> Draw:
    """The thermal diode at h_L = 1, h_R = 0, Delta = 0.5: currents of 1e-28 between cold baths."""
    z, x, one = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]]), np.eye(2)
    left, both = np.kron(z, one), np.kron(z, z)
    return _case(
        "diode",
        (left + 0.5 * both) / 2,
        bath(np.kron(x, one), 0.02, OHMIC, 1.0),
        bath(np.kron(one, x), 0.0266220735785953, OHMIC, 1.0),
        sectors=((0,), (1,), (2,), (3,)),
    )


def one_state() -> Draw:
    """Nothing can happen in one dimension."""
    return _case("one state", np.zeros((1, 1)), bath(np.eye(1), 1.0, OHMIC, 1.0))


CASES = [
    dark_state(1.0),
    dark_state(1e-3),
    dark_state(1e-4),
    dark_state(1e-6),
    weak_dephasing(1e-4),
    weak_dephasing(1e-7),
    fast_identity(),
    offset(1e10),
    offset(1.5e10),
    offset(1e12),
    tiny_element(),
    diode(),
    one_state(),
]


# --- derivatives


def _along(draw: Draw, name: str, dH: np.ndarray) -> tuple[Draw, Direction]:
    n, d = len(draw.baths), draw.dimension
    still = np.zeros((n, d, d)), np.zeros(n), np.zeros((n, 3))
    return draw, Direction(name, np.asarray(dH, complex), *still)


def group_of_frequencies() -> tuple[Draw, Direction]:
    """Two frequencies that act together, at the rate of their mean, which moves by half of each."""
    S = _between(3, 0, 1) + _between(3, 1, 2)
    H = np.diag([0.0, 1.0, 2.02])
    draw = _case("group", H, bath(S, 0.5, OHMIC, 0.01), generator="partial_secular", secular_tol=0.1)
    return _along(draw, "partial_secular, a group's frequency", np.diag([0.0, 0.0, 1.0]))


def _coherent_level() -> Draw:
    """Two states of one level that baths of different temperatures drive to a coherence."""
    one = _between(3, 0, 1, 0.8) + _between(3, 0, 2, 0.6)
    other = _between(3, 0, 1, 0.3) - _between(3, 0, 2, 0.9)
    H = np.diag([0.0, 1.0, 1.0])
    return _case("coherence", H, bath(one, 1.0, OHMIC, 0.1), bath(other, 0.3, OHMIC, 0.2))


DIRECTIONS = [
    group_of_frequencies(),
    _along(_coherent_level(), "a level keeps together", np.diag([0.0, 1.0, 1.0])),
    _along(_coherent_level(), "a level splits", np.diag([0.0, 1.0, 0.0])),
    _along(_coherent_level(), "a level splits by 1e-6 of dH", np.diag([1.0, 1e-6, 0.0])),
    _along(_coherent_level(), "a level splits by 1e-9 of dH", np.diag([1.0, 1e-9, 0.0])),
    _along(_coherent_level(), "a level splits to second order", _between(3, 0, 1)),
]


# The structure of the quick tests: they have one, as compiling takes longer than all else.
STRUCTURE = (3, "global", False, None, None, "dense", True)


def quick_or_slow(case: object, drawn: Draw, name: str) -> object:
    """A case as a parameter of a test: slow if its system has another structure."""
    marks = () if drawn.signature == STRUCTURE else pytest.mark.slow
    return pytest.param(case, id=name, marks=marks)
