"""Absorption refrigerators at maximum power: at most 3/4 of Carnot's performance."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qthermo_jax.baths import Bath, OhmicFamily
from qthermo_jax.couplings import SparseCoupling
from qthermo_jax.currents import heat_currents
from qthermo_jax.papers.record import Paper, Relation, Statement
from qthermo_jax.precision import compiled
from qthermo_jax.steady import steadystate
from qthermo_jax.system import OpenSystem

# J = omega^3 in three dimensions of space; the cut-off is far above every frequency.
_CUT_OFF, _HOT = 1e4, 1.0


def _cooling(omega_c: Float[Array, ""], T: Float[Array, "3"]) -> Float[Array, ""]:
    """Heat per time out of the cold bath of a three-level machine; baths cold, hot, work."""
    spectrum = OhmicFamily(jnp.full(3, 1e-2 * _CUT_OFF**2), jnp.full(3, 3.0), jnp.full(3, _CUT_OFF))
    coupling = SparseCoupling(3, rows=[0, 0, 1], columns=[1, 2, 2])
    H = jnp.diag(jnp.stack([jnp.zeros_like(omega_c), omega_c, jnp.full_like(omega_c, _HOT)]))
    system = OpenSystem(H, Bath(coupling, T, spectrum), sectors=[(0,), (1,), (2,)], levels=[])
    cooling: Float[Array, ""] = -heat_currents(system, steadystate(system, method="populations"))[0]
    return cooling


def _of_carnot(T_c: float, T_h: float, T_w: float) -> float:
    """The performance omega_c/(omega_h - omega_c) where omega_c cools most, over Carnot's."""
    cooling = compiled(jax.vmap(_cooling, (0, None)))
    carnot = (1 - T_h / T_w) / (T_h / T_c - 1)
    closes = _HOT * carnot / (1 + carnot)
    omega_c = np.linspace(0.0, closes, 2002)[1:-1]
    best = omega_c[int(np.argmax(cooling(omega_c, jnp.array([T_c, T_h, T_w]))))]
    return float(best / (_HOT - best) / carnot)


def compute() -> Iterator[Statement]:
    """At four sets of temperatures, the last ones far from each other."""
    for T in ((0.5, 0.6, 2.0), (1.0, 2.0, 4.0), (5.0, 6.0, 300.0)):
        told = ", ".join(f"{own:g}" for own in T)
        claim = f"at most 3/4 of Carnot's performance at maximum power; T = {told}"
        yield Statement("abstract", claim, 0.75, _of_carnot(*T), relation=Relation.BELOW)
    claim = "large differences of temperature saturate the bound; T = 1, 200, 1e5"
    yield Statement("abstract", claim, 0.75, _of_carnot(1.0, 200.0, 1e5), 2e-3)


PAPER = Paper(
    "L. A. Correa, J. P. Palao, G. Adesso, D. Alonso, Phys. Rev. E 87, 042131 (2013)",
    "the bound of 3/4 on the performance at maximum cooling power, on the three-level machine",
    compute,
)
