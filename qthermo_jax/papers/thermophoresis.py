"""Quantum thermophoresis: the paper that the package starts from."""

from collections.abc import Iterator

import numpy as np

from qthermo_jax import models, theory
from qthermo_jax.baths import Bath, Flat
from qthermo_jax.catalogue import observe
from qthermo_jax.currents import heat_currents
from qthermo_jax.dynamics import evolve
from qthermo_jax.papers.record import Paper, Relation, Statement, farthest, observed, occupation
from qthermo_jax.system import OpenSystem

_T = (0.2, 0.5, 1.0, 3.0)


def _three_levels() -> Iterator[Statement]:
    pairs = np.array([(T_1, T_2) for T_1 in _T for T_2 in _T])
    n_1, n_2 = occupation(1.0, pairs[:, 0]), occupation(1.0, pairs[:, 1])
    for where, model, formula in (
        ("Eq. 8", models.lambda_system, theory.Delta_ss),
        ("Eqs. 13, 14", models.v_system, theory.Delta_ss_V),
    ):
        found = [observed(model(T_1=T_1, T_2=T_2), "unbalance") for T_1, T_2 in pairs]
        claim = f"steady unbalance P_2 - P_1 of the {model.__name__}, {len(pairs)} pairs of temperatures"
        yield farthest(where, claim, np.asarray(formula(n_1, n_2)), np.array(found), 1e-12)
    full = float(observed(models.lambda_system(T_1=0.7, T_2=0.0), "unbalance"))
    yield Statement("below Eq. 8", "T_2 = 0: full concentration at the cold side", 1.0, full, 1e-15)
    couplings = np.zeros((2, 3, 3))
    for bath in range(2):
        couplings[bath, bath, 2] = couplings[bath, 2, bath] = 1.0
    classical = Bath(couplings, np.array([1.0, 0.5]), Flat(np.ones(2)), spontaneous=False)
    system = OpenSystem(np.diag([-1.0, -1.0, 0.0]), classical)
    p = observed(system, "level_populations")
    claim = "without spontaneous emission there is no thermophoresis"
    yield Statement("below Eq. 8", claim, 0.0, float(p[1] - p[0]), 1e-15)


def _chain() -> Iterator[Statement]:
    ends = ((0.25, 0.05), (0.4, 0.2), (1.0, 0.8), (0.6, 0.4), (0.9, 0.1))
    weak = [_profile(0.1, *temperatures) for temperatures in ends]
    least = min(float(np.diff(profile).min()) for profile in weak)
    claim = "g = 0.1 h: the closer to the cold bath, the more populated (least step to the next site)"
    yield Statement("Fig. 2(b), (c)", claim, 0.0, least, relation=Relation.ABOVE)
    warm, cold = _profile(1.3, 0.8, 0.4), _profile(1.3, 0.3, 0.1)
    claim = "g = 1.3 h, T_L = 0.8 h, T_R = 0.4 h: the site of highest population"
    yield Statement("Fig. 2(d)", claim, 3.0, float(np.argmax(warm) + 1))
    claim = "there the population decreases from site 4 to 10 (least step down)"
    yield Statement("Fig. 2(d)", claim, 0.0, float(-np.diff(warm[3:]).max()), relation=Relation.ABOVE)
    claim = "g = 1.3 h, T_L = 0.3 h, T_R = 0.1 h: the peak is around sites 5 and 6 (their mean)"
    yield Statement("Fig. 2(e)", claim, 5.5, float(np.argsort(cold)[-2:].mean() + 1))


def _profile(g: float, T_L: float, T_R: float) -> np.ndarray:
    return observed(models.chain(sites=10, h=1.0, g=g, T_L=T_L, T_R=T_R, rate=1.0), "site_populations")


def _dufour() -> Iterator[Statement]:
    p, n = np.array([0.1, 0.3, 0.6]), float(occupation(1.0, 0.5))
    system = models.lambda_system(T_1=0.5, T_2=0.5)
    state = evolve(system, 0.0, p)
    J = np.asarray(heat_currents(system, state))
    claim = "J_k = omega Gamma [(n + 1) P_e - n P_k] of an inverted system"
    where = "Quantum Dufour effect"
    yield farthest(where, claim, (n + 1) * p[2] - n * p[:2], J, 1e-13)
    claim = "P_2 > P_1 makes J_1 > J_2 (their difference)"
    yield Statement(where, claim, 0.0, float(J[0] - J[1]), relation=Relation.ABOVE)
    unbalance = float(observe(system, state, "unbalance"))
    yield Statement("Eq. 7", "Delta = P_2 - P_1", float(p[1] - p[0]), unbalance, 1e-15)


def compute() -> Iterator[Statement]:
    """Lambda and V systems, the chain of ten sites, and the Dufour effect."""
    yield from _three_levels()
    yield from _chain()
    yield from _dufour()


PAPER = Paper(
    "M. Matos, T. Werlang, D. Valente, Quantum thermophoresis",
    "closed forms of the three-level systems, statements about the figures of the chain",
    compute,
)
