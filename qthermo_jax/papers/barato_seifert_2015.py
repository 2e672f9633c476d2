"""The thermodynamic uncertainty relation."""

from collections.abc import Iterator

import numpy as np

from qthermo_jax import models
from qthermo_jax.papers.record import Paper, Relation, Statement, observed


def compute() -> Iterator[Statement]:
    """S_kk sigma/(2 J_k^2) of the heat into each bath, for machines that are rate equations."""
    systems = {
        "thermal_diode": [models.thermal_diode(T_L=T, T_R=0.2) for T in (0.3, 1.0, 4.0)],
        "three_level_refrigerator": [
            models.three_level_refrigerator(omega_c=own) for own in (0.1, 0.3, 0.6)
        ],
        "thermal_transistor": [models.thermal_transistor(omega_L=0.3, T_M=T) for T in (0.03, 0.1)],
    }
    for name, own in systems.items():
        least = min(float(np.min(observed(system, "tur_ratio"))) for system in own)
        claim = f"the ratio is 1 or more: the least of {name} at {len(own)} points"
        yield Statement("uncertainty relation", claim, 1.0, least, relation=Relation.ABOVE)
    near = models.thermal_diode(T_L=0.5 * 1.001, T_R=0.5)
    claim = "near equilibrium, in linear response, the bound is reached: T_L = 1.001 T_R"
    yield Statement("linear response", claim, 1.0, float(observed(near, "tur_ratio")[0]), 1e-5)


PAPER = Paper(
    "A. C. Barato, U. Seifert, Thermodynamic uncertainty relation for biomolecular processes, "
    "Phys. Rev. Lett. 114, 158101 (2015)",
    "dissipation bounds how regular a current is; equality in linear response",
    compute,
)
