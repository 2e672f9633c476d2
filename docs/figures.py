"""The picture of the accuracy page, docs/figures/digits.png: digits of the solvers by temperature.

The exact numbers are those of the tests: it runs with PYTHONPATH=tests. It takes a minute, so
`make docs` runs it, not each build of MkDocs.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import exact
import qthermo_jax as qj

FIGURES = Path(__file__).parent / "figures"
SITES, G, DIGITS = 4, 0.3, 300


def digits() -> Figure:
    """Relative error of the worst population of the chain out of equilibrium, by solver."""
    T = np.geomspace(0.004, 1.0, 30)
    references = [exact.chain(SITES, G, 2 * cold, cold, DIGITS).populations for cold in T]

    def populations(T: jax.Array, method: str) -> jax.Array:
        system = qj.models.chain(SITES, g=G, T_L=2 * T, T_R=T)
        return qj.steadystate(system, method=method).populations

    figure = Figure(figsize=(6.4, 3.8), dpi=150, layout="constrained")
    canvas = figure.add_subplot()
    for method, style in (("populations", "o-"), ("secular_block", "s--"), ("dense", "^:")):
        found = np.asarray(jax.vmap(lambda T, method=method: populations(T, method))(jnp.asarray(T)))
        pairs = zip(found, references, strict=True)
        worst = [exact.relative_errors(own, true, exact.SMALLEST).max() for own, true in pairs]
        canvas.loglog(T, worst, style, ms=4, lw=1, label=method)
    canvas.set(xlabel="temperature of the cold end / h", ylabel="largest relative error of a population")
    canvas.legend()
    return figure


def main() -> None:
    """Draw it."""
    jax.config.update("jax_enable_x64", True)
    FIGURES.mkdir(exist_ok=True)
    digits().savefig(FIGURES / "digits.png")


if __name__ == "__main__":
    main()
