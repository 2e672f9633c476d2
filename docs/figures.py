"""Pictures for the pages: digits, a trajectory, large deviations. Writes docs/figures/*.png.

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


def trajectory() -> Figure:
    """Levels of the three-level refrigerator over time, and the energy that its baths were given."""
    system, end = qj.models.three_level_refrigerator(T_c=0.5, T_h=0.6, T_w=2.0), 60.0
    record = qj.trajectories(system, [end], jax.random.key(5), n=1, initial="0")
    happened = np.isfinite(record.jump_times[0])
    times = np.concatenate([[0.0], record.jump_times[0][happened], [end]])
    levels = np.concatenate([[record.initial[0]], record.states[0][happened]])
    figure = Figure(figsize=(6.4, 4.6), dpi=150, layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=(1, 2))
    above.stairs(levels, times, baseline=None, color="black")
    above.set(ylabel="level", yticks=range(3), yticklabels=[f"|{label}⟩" for label in system.labels])
    baths, energies = record.baths[0][happened], record.energies[0][happened]
    for bath, (name, colour) in enumerate([("cold", "C0"), ("hot", "C3"), ("work", "C1")]):
        given = np.concatenate([[0.0], np.cumsum(np.where(baths == bath, energies, 0.0))])
        below.stairs(given, times, baseline=None, color=colour, label=f"{name} bath")
    below.set(xlabel=r"time $\times\ J$", ylabel=r"energy given / $\omega_h$", xlim=(0, end))
    below.legend()
    return figure


def large_deviations() -> Figure:
    """How improbable heat currents into the diode's cold bath are, and their fluctuation symmetry."""
    system = qj.models.thermal_diode(T_L=1.0, T_R=0.25)
    state = qj.steadystate(system, method="populations")
    J, S = float(qj.heat_currents(system, state)[1]), float(qj.current_noise(system, state)[1, 1])
    improbability = jax.jit(jax.vmap(lambda j: qj.rate_function(system, 1, j, method="populations")))
    times = np.linspace(-2.0, 5.0, 141)
    found, unit = np.asarray(improbability(jnp.asarray(times * J))), 1e-2
    force = float(1 / system.temperatures[1] - 1 / system.temperatures[0])

    figure = Figure(figsize=(8.0, 3.8), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(times, found / unit, color="C0", label=r"$I(j)$")
    normal = (times - 1.0) ** 2 * J**2 / (2 * S)
    left.plot(times, normal / unit, "--", color="0.5", lw=1, label=r"normal: $(j - J)^2/(2 S)$")
    marks = np.linspace(0.25, 2.0, 8)
    forth, back = (np.asarray(improbability(jnp.asarray(sign * marks * J))) for sign in (1, -1))
    shifted = (forth + marks * J * force) / unit
    left.plot(-marks, shifted, "o", color="C3", ms=4, mfc="none", label=r"$I(-j) + (-j)\,\Delta\beta$")
    left.axvline(1.0, color="0.8", lw=0.8, zorder=0)
    left.set(xlabel="heat current into the cold bath $j / J$", ylabel=r"$I(j)$ / $10^{-2} h_L$")
    left.set_ylim(bottom=0)
    left.legend()

    steps = np.array([0.0, 2.1])
    right.plot(steps, steps * J * force / unit, color="black", lw=1, label=r"$j\,\Delta\beta$")
    right.plot(marks, (back - forth) / unit, "o", color="C3", ms=4, mfc="none", label=r"$I(-j) - I(j)$")
    right.set(xlabel="$j / J$", ylabel=r"$I(-j) - I(j)$ / $10^{-2} h_L$", xlim=(0, None), ylim=(0, None))
    right.legend()
    return figure


def main() -> None:
    """Draw all."""
    jax.config.update("jax_enable_x64", True)
    FIGURES.mkdir(exist_ok=True)
    digits().savefig(FIGURES / "digits.png")
    trajectory().savefig(FIGURES / "trajectory.png")
    large_deviations().savefig(FIGURES / "large_deviations.png")


if __name__ == "__main__":
    main()
