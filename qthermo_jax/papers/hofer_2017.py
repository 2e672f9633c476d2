"""Local against global master equations: two coupled oscillators, which can be solved exactly."""

from collections.abc import Iterator

import numpy as np

from qthermo_jax.baths import Bath, Flat
from qthermo_jax.operators import destroy, embed
from qthermo_jax.papers.record import Paper, Relation, Statement, observed, occupation
from qthermo_jax.system import OpenSystem

# Frequency 1; cold enough that three levels of each oscillator hold all but 1e-6.
_T_H, _T_C, _KAPPA, _LEVELS = 0.2, 0.1, 2e-3, 3
_POINTS = 20_000


def _oscillators(g: float) -> OpenSystem:
    """Two oscillators that exchange quanta, each with a bath of its own."""
    a, b = (embed(destroy(_LEVELS), own, (_LEVELS, _LEVELS)) for own in range(2))
    bare = a.T @ a + b.T @ b
    baths = Bath(np.stack([a + a.T, b + b.T]), np.array([_T_H, _T_C]), Flat(np.full(2, _KAPPA)))
    return OpenSystem(bare + g * (a.T @ b + b.T @ a), baths, local=bare)


def _exact(g: float) -> float:
    """Heat into the cold bath by the quantum Langevin equations of oscillators in wide bands.

    The integral of omega |t|^2 (n_h - n_c)/(2 pi), t = kappa g/((omega - 1 + i kappa/2)^2 - g^2): a
    product of two Lorentzians of width kappa, around 1 - g and 1 + g.
    """
    # Each Lorentzian takes its share of the integrand, and its angle as the variable: midpoints.
    angle = (np.arange(_POINTS) + 0.5) / _POINTS * np.pi - np.pi / 2
    weight = np.pi / _POINTS * _KAPPA / 2 / np.cos(angle) ** 2
    total = 0.0
    for pole in (1 - g, 1 + g):
        omega = pole + _KAPPA / 2 * np.tan(angle)
        near, far = ((omega - own) ** 2 + _KAPPA**2 / 4 for own in (pole, 2 - pole))
        share = far**2 / (near**2 + far**2)
        quanta = (_KAPPA * g) ** 2 / (near * far) * (occupation(omega, _T_H) - occupation(omega, _T_C))
        # What is left of the tails beyond is 1e-5 of the whole.
        inside = (omega > 0) & (omega < 2)
        total += float(np.sum(np.where(inside, omega * share * quanta * weight, 0.0)))
    return total / (2 * np.pi)


def compute() -> Iterator[Statement]:
    """Heat into the cold bath by both equations over the exact one, at three couplings."""
    ratios = {}
    for g in (0.25 * _KAPPA, 20 * _KAPPA, 0.3):
        system, exact = _oscillators(g), _exact(g)
        for generator in ("local", "global"):
            J = observed(system.with_generator(generator), "heat_currents", "dense")[1]
            ratios[g, generator] = float(J) / exact
    weak, between, strong = sorted({g for g, _ in ratios})
    for where, g, generator in (
        ("weak coupling, g = kappa/4: local", weak, "local"),
        ("intermediate coupling, g = 20 kappa: local", between, "local"),
        ("intermediate coupling, g = 20 kappa: global", between, "global"),
        ("strong coupling, g = 0.3 omega: global", strong, "global"),
    ):
        yield Statement(
            "abstract", f"{where} agrees with the exact heat current", 1.0, ratios[g, generator], 0.02
        )
    claim = "weak coupling: global fails, heat over the exact one"
    yield Statement("abstract", claim, 2.0, ratios[weak, "global"], relation=Relation.ABOVE)
    claim = "strong coupling: global is preferable, error of local over that of global"
    off = [abs(ratios[strong, own] - 1) for own in ("local", "global")]
    yield Statement("abstract", claim, 10.0, off[0] / off[1], relation=Relation.ABOVE)


PAPER = Paper(
    "P. P. Hofer, M. Perarnau-Llobet, L. D. M. Miranda, G. Haack, R. Silva, J. B. Brask, N. Brunner, "
    "Markovian master equations for quantum thermal machines: local versus global approach, "
    "New J. Phys. 19, 123037 (2017)",
    "local and global master equations of two oscillators against the exact heat current",
    compute,
)
