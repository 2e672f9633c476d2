"""Colours, marks and scales that all pictures share."""

import math
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.axis import Axis

from qthermo_jax.plotting.labels import label

SCALES = ("linear", "log", "symlog")
# Up to this many entries stand in a legend, or along an axis, one by one.
LEGIBLE = 10

# Okabe and Ito's colours, which stay apart for colour-blind readers; yellow, too pale on white, last.
CATEGORIES = [
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#F0E442",
]
MARKERS = "os^Dv<>p"
DASHES = ("-", "--", "-.", ":")
# A side of a value that is smaller than this part of it, or of the other side, is round-off.
_ROUND_OFF = 1e-12
# How much steps may differ that are called equal.
_ALIKE = 1e-5
# So many ticks at least stand along an axis.
_FEWEST_TICKS = 3
# What is smaller by this factor than the largest value lies at the foot of a linear scale.
_HIDDEN = 1e3
# What stands where there is no value, one each a reason: at the foot of curves, over the cells of maps.
FLAG_MARKS = "x+1234"
FLAG_HATCHES = ("////", "....", "xxxx", "||||", "----", "oo")
FLAG_COLOUR = "0.35"
STYLE: Any = {
    "font.size": 9.0,
    "axes.labelsize": 10.0,
    "axes.titlesize": 10.0,
    "figure.titlesize": 10.0,
    "legend.fontsize": 8.0,
    "legend.framealpha": 0.8,
    "legend.edgecolor": "none",
    "lines.linewidth": 1.3,
    "lines.markersize": 4.0,
    "hatch.linewidth": 0.6,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "mathtext.fontset": "cm",
}


def name_x(canvas: Axes, x: xr.DataArray) -> None:
    """The label and the scale to the right."""
    canvas.set_xlabel(label(x))
    if is_geometric(x.values):
        canvas.set_xscale("log")
        name_few_decades(canvas.xaxis, x.values)


def name_few_decades(axis: Axis, values: np.ndarray) -> None:
    """Plain numbers at 1, 2, 5, 10, ... of a logarithmic axis of two decades at most."""
    if values.max() > 100 * values.min():
        return
    low, high = values.min(), values.max()
    locator: mpl.ticker.Locator = mpl.ticker.LogLocator(subs=(1.0, 2.0, 5.0))
    ticks = locator.tick_values(low, high)
    if ((ticks >= low) & (ticks <= high)).sum() < _FEWEST_TICKS:
        locator = mpl.ticker.MaxNLocator(5)
    axis.set_major_locator(locator)
    axis.set_major_formatter(mpl.ticker.FuncFormatter(lambda value, _: f"{value:.10g}"))
    axis.set_minor_formatter(mpl.ticker.NullFormatter())


def natural_scale(values: np.ndarray) -> str:
    """Logarithmic for values > 0 of which a linear scale would show half as 0, otherwise linear."""
    finite = values[np.isfinite(values)]
    if not finite.size or finite.min() <= 0.0:
        return "linear"
    return "log" if finite.max() > _HIDDEN * np.median(finite) else "linear"


def scale_of(values: xr.DataArray, is_map: bool) -> str:
    """The scale that shows most; colours on both sides of a neutral value stay linear."""
    finite = values.values[np.isfinite(values.values)]
    if is_map and finite.size and reaches(finite, values.attrs.get("neutral", math.nan))[0]:
        return "linear"
    return natural_scale(finite)


def reaches(values: np.ndarray, middle: float, part: float = _ROUND_OFF) -> tuple[bool, bool]:
    """Whether finite values reach below and above a middle by more than round-off.

    Args:
        part: of the middle and of the larger side that is round-off.
    """
    below, above = middle - float(values.min()), float(values.max()) - middle
    least = part * max(below, above, abs(middle))
    return bool(below > least), bool(above > least)


def linear_below(values: np.ndarray) -> float:
    """The size above which a symlog scale is logarithmic: nine of ten values."""
    sizes = np.abs(values[np.isfinite(values) & (values != 0.0)])
    return float(np.quantile(sizes, 0.1)) if sizes.size else 1.0


def norm_of(values: np.ndarray) -> mpl.colors.Normalize:
    """Colours along an axis."""
    norm = mpl.colors.LogNorm if is_geometric(values) else mpl.colors.Normalize
    return norm(values.min(), values.max())


def is_geometric(values: np.ndarray) -> bool:
    """Whether values grow by one factor from each to the next."""
    if not np.issubdtype(values.dtype, np.number) or values.size < 3 or not (values > 0).all():
        return False
    return bool(np.isfinite(values).all()) and are_regular(np.log(values))


def are_regular(values: np.ndarray) -> bool:
    """Whether values grow by one step from each to the next."""
    steps = np.diff(values)
    return bool(steps[0] != 0.0 and np.allclose(steps, steps[0], rtol=_ALIKE, atol=0.0))
