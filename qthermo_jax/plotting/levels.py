"""Level diagrams: the eigenstates of a system at their energies, and the jumps that its baths drive."""

from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from qthermo_jax.plotting.picture import Picture, title_of
from qthermo_jax.plotting.selection import PlotError
from qthermo_jax.plotting.style import CATEGORIES, STYLE
from qthermo_jax.steady import State, Status, steadystate
from qthermo_jax.system import OpenSystem

# Levels whose distance is this part of the whole stand side by side.
_CLOSE = 0.06
# Half the width of a level; neighbours are 1 apart.
_HALF = 0.36
# Up to this many levels have a name, and this many jumps their rate, written beside them.
_NAMED_LEVELS, _NAMED_JUMPS = 12, 12
# Up to this many jumps are drawn: the fastest ones.
_JUMPS = 60
# A jump slower than the fastest by this many decades has the thinnest arrow.
_DECADES = 3.0
# A state is called like the basis state that holds this part of it.
_MOSTLY = 0.9


@dataclass(frozen=True)
class _Jumps:
    """What the baths do: jumps start -> end at their rates, each array (J,), fastest first."""

    bath: np.ndarray
    start: np.ndarray
    end: np.ndarray
    rate: np.ndarray


def plot_levels(system: OpenSystem, state: State | None = None) -> Picture:
    """Draw the levels of a system with their populations, and its jumps with their rates.

    The levels are the eigenstates between which the master equation has its jumps: those of H, or of H_0
    for "local". The colour of a level is its population, <i|rho|i>. An arrow is a jump i -> j by one
    bath at the rate |S_ij|^2 gamma(omega), in units of energy; the bath's colour says which. The sixty
    fastest are drawn, and up to twelve have their rate beside them.

    Args:
        state: whose populations are shown; default: the steady state.

    Returns:
        a figure with one panel and a colour bar.

    Raises:
        PlotError: a batch of systems, a state of another dimension, or H is not finite.
    """
    if system.H.ndim != 2 or any(bath.T.ndim != 1 for bath in system.baths):
        raise PlotError("one system is drawn, not a batch of systems")
    if not all(np.isfinite(matrix).all() for matrix in system.hamiltonians.values()):
        raise PlotError("H is not finite: `diagnose` says where")
    state = steadystate(system) if state is None else state
    if state.populations.shape != (system.dimension,):
        raise PlotError(
            f"a state with populations of shape {state.populations.shape} does not fit the "
            f"{system.dimension} levels of this system"
        )
    transitions = system.transitions(system.eigenbasis())
    basis = transitions.basis
    energies = np.asarray(basis.energies, float)
    vectors = np.asarray(basis.vectors)
    populations = np.einsum("ai,ab,bi->i", vectors.conj(), np.asarray(state.rho), vectors).real
    pairs = transitions.pairs
    jumps, total = _fastest(pairs.bath, pairs.i, pairs.j, np.asarray(transitions.rates))
    with mpl.rc_context(STYLE):
        middles = _columns(energies)
        width = 1.8 + 1.5 * (np.ptp(middles) + 1.0)
        figure = Picture(figsize=(min(width, 12.0), 4.0), dpi=200, layout="constrained")
        canvas = figure.add_subplot()
        _draw_levels(canvas, energies, middles, populations)
        _name_levels(canvas, energies, middles, populations, _names(system, vectors))
        _draw_jumps(canvas, energies, middles, jumps, system.n_baths)
        canvas.set_title(title_of(_title(state, jumps, total)))
    return figure


def _title(state: State, jumps: _Jumps, total: int) -> list[str]:
    """What a reader has to know: no state, or jumps that are left out; often nothing."""
    told = [] if int(state.status) == Status.OK else [f"no populations: {state.explain()}"]
    if jumps.rate.size < total:
        told.append(f"{jumps.rate.size} fastest of {total} jumps")
    return told


def _fastest(bath: np.ndarray, i: np.ndarray, j: np.ndarray, rates: np.ndarray) -> tuple[_Jumps, int]:
    """The fastest jumps between different states, and how many there are.

    Args:
        bath, i, j: of each transition, (P,).
        rates: of j -> i, and of i -> j, (2, P).
    """
    both = _Jumps(np.tile(bath, 2), np.concatenate([j, i]), np.concatenate([i, j]), rates.ravel())
    there = np.flatnonzero((both.rate > 0.0) & np.isfinite(both.rate) & (both.start != both.end))
    order = there[np.argsort(-both.rate[there], kind="stable")][:_JUMPS]
    return _Jumps(*(part[order] for part in (both.bath, both.start, both.end, both.rate))), there.size


def _columns(energies: np.ndarray) -> np.ndarray:
    """The middle of each level along x: levels that are close in energy stand side by side, (d,)."""
    order = np.argsort(energies, kind="stable")
    gaps = np.diff(energies[order])
    # A group ends where the next level is far.
    group = np.concatenate([[0], np.cumsum(gaps > _CLOSE * max(np.ptp(energies), 1e-300))])
    middles = np.empty(energies.size)
    for number in range(group[-1] + 1):
        members = order[group == number]
        middles[members] = np.arange(members.size) - (members.size - 1) / 2
    return middles


def _names(system: OpenSystem, vectors: np.ndarray) -> list[str]:
    """The basis state that an eigenstate mostly is, or its number."""
    weights = np.abs(vectors) ** 2
    return [
        system.labels[weights[:, state].argmax()]
        if weights[:, state].max() > _MOSTLY
        else f"#{state + 1}"
        for state in range(weights.shape[1])
    ]


def _draw_levels(
    canvas: Axes, energies: np.ndarray, middles: np.ndarray, populations: np.ndarray
) -> None:
    segments = [
        [(x - _HALF, energy), (x + _HALF, energy)] for x, energy in zip(middles, energies, strict=True)
    ]
    known = populations[np.isfinite(populations)]
    norm = mpl.colors.Normalize(0.0, max(known.max(), 1e-300) if known.size else 1.0)
    ramp = mpl.colormaps["viridis_r"].with_extremes(bad="0.6")
    levels = LineCollection(segments, linewidths=3.5, cmap=ramp, norm=norm, capstyle="butt", zorder=2)
    levels.set_array(np.ma.masked_invalid(populations))
    canvas.add_collection(levels)
    canvas.set_xlim(middles.min() - 1.0, middles.max() + 1.0)
    margin = 0.12 * np.ptp(energies) or 0.5
    canvas.set_ylim(energies.min() - margin, energies.max() + margin)
    canvas.set_xticks([])
    canvas.set_ylabel("energy")
    canvas.figure.colorbar(levels, ax=canvas, label="population")


def _name_levels(
    canvas: Axes,
    energies: np.ndarray,
    middles: np.ndarray,
    populations: np.ndarray,
    names: list[str],
) -> None:
    """Name and population to the right of each level, where there are few."""
    if energies.size > _NAMED_LEVELS:
        return
    for energy, x, population, name in zip(energies, middles, populations, names, strict=True):
        text = f"{name}\n{population:.2g}" if np.isfinite(population) else name
        place = (x + _HALF, energy)
        canvas.annotate(text, place, (3.0, 0.0), textcoords="offset points", va="center", fontsize=7.0)


def _draw_jumps(
    canvas: Axes, energies: np.ndarray, middles: np.ndarray, jumps: _Jumps, baths: int
) -> None:
    """Arrows from level to level, each at a place of its own along both levels."""
    colours: list[Any] = [CATEGORIES[bath % len(CATEGORIES)] for bath in range(baths)]
    if baths > len(CATEGORIES):
        colours = [mpl.colormaps["plasma"](bath / (baths - 1)) for bath in range(baths)]
    ends = np.concatenate([jumps.start, jumps.end])
    other = np.concatenate([jumps.end, jumps.start])
    at = _places(ends, middles[other], np.tile(jumps.bath, 2), middles)
    count = jumps.rate.size
    for number in range(count):
        start, end = jumps.start[number], jumps.end[number]
        slower = np.log10(jumps.rate[0] / jumps.rate[number])
        colour = colours[jumps.bath[number]]
        level = abs(energies[start] - energies[end]) < _CLOSE * np.ptp(energies)
        tail, head = (at[number], energies[start]), (at[count + number], energies[end])
        canvas.annotate(
            "",
            head,
            tail,
            arrowprops={
                "arrowstyle": "-|>",
                "color": colour,
                "linewidth": 0.5 + 1.3 * max(0.0, 1.0 - slower / _DECADES),
                "connectionstyle": "arc3,rad=0.3" if level else "arc3",
                "shrinkA": 2.0,
                "shrinkB": 2.0,
            },
        )
        if count <= _NAMED_JUMPS:
            # After a third of the way: the numbers of a jump and of its reverse do not overlap.
            x, y = (2.0 * np.array(tail) + np.array(head)) / 3.0
            box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}
            text = f"{jumps.rate[number]:.3g}"
            canvas.text(x, y, text, color=colour, fontsize=6.5, ha="center", va="center", bbox=box)
    there = np.unique(jumps.bath)
    handles = [Line2D([], [], color=colours[bath], label=f"bath {bath + 1}") for bath in there]
    if handles:
        canvas.figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 5))


def _places(level: np.ndarray, towards: np.ndarray, bath: np.ndarray, middles: np.ndarray) -> np.ndarray:
    """Where each end of an arrow meets its level: side by side, those to the left on the left.

    Args:
        level: that it meets; towards: the middle of the level at its other end; bath: that drives it.
    """
    at = np.empty(level.size)
    for own in np.unique(level):
        members = np.flatnonzero(level == own)
        order = members[np.lexsort((members % (level.size // 2), bath[members], towards[members]))]
        slots = (np.arange(order.size) + 0.5) / order.size
        at[order] = middles[own] + _HALF * (2.0 * slots - 1.0)
    return at
