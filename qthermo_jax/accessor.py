"""What the result of a sweep can do by itself: `data.qthermo.plot()`, `.ok`, `.flagged`, `.spec`.

Importing this module tells xarray. `qthermo_jax.sweep` and `qthermo_jax.open_result` come from here, so
that their results have it; who opens a file with xarray alone imports this module as well.
"""

import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import xarray as xr

from qthermo_jax.steady import Status
from qthermo_jax.summary import counted
from qthermo_jax.sweeping import FitResult, SpecError, fit, follow, open_result, optimise, sweep

if TYPE_CHECKING:
    from qthermo_jax.plotting import Picture

__all__ = ["FitResult", "Result", "fit", "follow", "open_result", "optimise", "sweep"]


@xr.register_dataset_accessor("qthermo")
class Result:
    """The result of a sweep, as `data.qthermo`.

    >>> data = sweep("lambda_system", axes={"T_2": [0.0, 0.5]}, parameters={"T_1": 0.5})
    >>> data.qthermo.explain()
    '2 x state found'
    """

    def __init__(self, data: xr.Dataset) -> None:
        self._data = data

    @property
    def _result(self) -> xr.Dataset:
        if "status" not in self._data:
            raise SpecError("not a result of a sweep: the dataset has no variable status")
        return self._data

    @property
    def ok(self) -> xr.DataArray:
        """Where a state was found; true or false, over the axes of the sweep."""
        return self._result["status"] == Status.OK

    @property
    def flagged(self) -> xr.DataArray:
        """Where none was found, or is not there yet; true or false, over the axes of the sweep."""
        return ~self.ok

    def explain(self) -> str:
        """How many points have which status, in words."""
        return counted(self._result["status"].values, Status, "meaning")

    @property
    def spec(self) -> str:
        """The spec that the sweep came from, verbatim: TOML, or JSON for a sweep from Python."""
        return str(self._result.attrs["spec"])

    def plot(
        self,
        variable: str | None = None,
        *,
        x: str | None = None,
        y: str | None = None,
        hue: str | None = None,
        select: Mapping[str, object] | None = None,
        lines: Sequence[tuple[xr.Dataset, str | None]] = (),
        beside: Sequence[xr.Dataset] = (),
        scale: str | None = None,
        title: bool = True,
        caption: bool = True,
    ) -> "Picture":
        """One variable as `qthermo plot` draws it; a notebook shows it, `savefig` keeps it.

        Args:
            select: dimensions that are fixed, each with its value or one near it, in the results beside
                it too; the picture's title says which was taken.
            variable, x, y, hue, lines, beside, scale, title, caption: as for
                `qthermo_jax.plotting.plot`.

        Raises:
            PlotError: a `ValueError` with one line: what cannot be drawn, and what can.
        """
        # Matplotlib takes its time to load, and not every sweep is drawn.
        plotting = importlib.import_module("qthermo_jax.plotting")
        choices = [f"{name}={at}" for name, at in (select or {}).items()]
        part, *others = (plotting.select(data, *choices) for data in (self._result, *beside))
        picture: Picture = plotting.plot(
            part,
            variable,
            x=x,
            y=y,
            hue=hue,
            lines=lines,
            beside=others,
            scale=scale,
            title=title,
            caption=caption,
        )
        return picture
