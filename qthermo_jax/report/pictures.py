"""The pictures of a page: one for each variable, inside the page."""

import base64
import io
import math
import warnings
from dataclasses import dataclass

import xarray as xr

from qthermo_jax.labels import printable
from qthermo_jax.plotting import drawable, plot, select
from qthermo_jax.plotting.labels import plain_label
from qthermo_jax.results.schema import STATUS

# Pictures of a page, and points of a picture: more are not told apart.
MOST, POINTS = 12, 1 << 18
_TEXTS = ("title", "long_name", "symbol", "units")


@dataclass(frozen=True)
class Drawn:
    """A picture.

    Attributes:
        name: of the variable.
        caption: what it is, and what of it is shown.
        source: the image as a `data:` address; "" if it could not be drawn, which the caption then says.
    """

    name: str
    caption: str
    source: str = ""


def pictures_of(data: xr.Dataset) -> list[Drawn]:
    """A picture of each of the first variables; images, not vectors: nothing in them is markup."""
    thin, told = _thinned(_with_texts(data))
    return [_drawn(thin, name, told) for name in drawable(data)[:MOST]]


def _drawn(data: xr.Dataset, name: str, told: str) -> Drawn:
    caption, shown = printable(plain_label(data[name])) + told, printable(name)
    image = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of letters that the font lacks
            # The page says itself what was held.
            figure = plot(_at_most_three(data, name), name, caption=False)
            figure.savefig(image, format="png", dpi=130)
    except (ValueError, TypeError, RuntimeError) as error:
        why = printable(str(error).strip().partition("\n")[0])
        return Drawn(shown, f"{caption}: cannot be drawn: {why}")
    return Drawn(shown, caption, f"data:image/png;base64,{base64.b64encode(image.getvalue()).decode()}")


def _at_most_three(data: xr.Dataset, name: str) -> xr.Dataset:
    """The middle of the shortest axes, where a variable has more than three dimensions."""
    array = data[name]
    axes = sorted(data[STATUS.name].dims, key=lambda dim: data.sizes[dim])
    for dim in axes[: max(0, array.ndim - 3)]:
        at = data[dim].values[data.sizes[dim] // 2] if dim in data.coords else data.sizes[dim] // 2
        data = select(data, f"{dim}={at}")
    return data


def _thinned(data: xr.Dataset) -> tuple[xr.Dataset, str]:
    """Every so many values of the long axes, where there are more points than a picture shows."""
    axes = sorted(data[STATUS.name].dims, key=lambda dim: data.sizes[dim])
    left, steps = float(POINTS), {}
    for done, dim in enumerate(axes):
        size = data.sizes[dim]
        steps[dim] = math.ceil(size / max(1.0, left ** (1 / (len(axes) - done))))
        left /= math.ceil(size / steps[dim])
    told = [f"one in {step} values of {dim}" for dim, step in steps.items() if step > 1]
    return data.isel({dim: slice(None, None, step) for dim, step in steps.items()}), "".join(
        f"; {own}" for own in told
    )


def _with_texts(data: xr.Dataset) -> xr.Dataset:
    """The same with texts where pictures take texts, whatever a file has there."""
    data = data.copy()
    for attrs in (data.attrs, *(data[name].attrs for name in data.variables)):
        attrs.update({key: printable(str(attrs[key])) for key in _TEXTS if key in attrs})
    return data
