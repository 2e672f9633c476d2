"""What was measured, what a fit gives there, and what is left over."""

from typing import Protocol, runtime_checkable

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from qthermo_jax.plotting.labels import label, mathtext


@runtime_checkable
class Compared(Protocol):
    """A fit."""

    @property
    def data(self) -> xr.Dataset:
        """`measured`, `error`, `model`, `residual` over (point, formula); `unit` of each formula."""


def plot_fit(found: Compared) -> Figure:
    """One column of panels a formula: above the numbers, below what is left over in standard errors.

    They are drawn over the first column of the data that changes.
    """
    data = found.data
    columns = [name for name in data.coords if data[name].dims == ("point",)]
    changing = [name for name in columns if len(np.unique(data[name])) > 1]
    x = data[(changing or columns)[0]]
    order = np.argsort(x.values)
    formulas = data["formula"].values
    figure = Figure(figsize=(5.0 * len(formulas), 5.0), layout="constrained")
    panels = figure.subplots(2, len(formulas), sharex=True, squeeze=False, height_ratios=(3, 1))
    for (above, below), formula in zip(panels.T, formulas, strict=True):
        own = data.sel(formula=formula)
        above.errorbar(
            x, own.measured, own.error, fmt="o", ms=4, capsize=2, color="black", label="measured"
        )
        above.plot(x[order], own.model[order], color="#0072B2", marker=".", label="fit")
        unit = str(own.unit.values)
        above.set_ylabel(f"{formula} (${mathtext(unit)}$)" if unit not in ("", "1") else str(formula))
        above.legend()
        below.axhline(0.0, color="0.6", lw=1.0)
        below.errorbar(x, own.residual, 1.0, fmt="o", ms=4, capsize=2, color="black")
        below.set(xlabel=label(x), ylabel="residual / error")
    return figure
