"""What stands beside the curves: names, symbols, units."""

import re
import textwrap
from functools import cache

import numpy as np
import xarray as xr
from matplotlib.mathtext import MathTextParser

from qthermo_jax.sweeping.spec.root import ALONG
from qthermo_jax.sweeping.spec.units import known_unit

_WIDTH = 40
# Of numbers that are told: as few as tell them apart.
_DIGITS = (4, 8, 12, 17)


def label(array: xr.DataArray, width: int = _WIDTH) -> str:
    """`long name  symbol (unit)`, on several lines where one is longer than a width in letters."""
    symbol = array.attrs.get("symbol", "")
    long_name = array.attrs.get("long_name") or ("" if symbol else str(array.name))
    lines = textwrap.wrap(long_name, width)
    marks = readable(f"${symbol}$") if symbol else ""
    marks += f" ({readable(f'${unit}$')})" if (unit := unit_of(array)) else ""
    marks = marks.strip()
    if lines and marks and len(lines[-1]) + _length(marks) < width:
        lines[-1] += f" {marks}"
    elif marks:
        lines.append(marks)
    return "\n".join(lines)


def plain(text: str) -> str:
    """A text that is no formula, whatever letters it holds."""
    return text.replace("$", r"\$")


@cache
def readable(text: str) -> str:
    r"""A text with formulas between dollar signs; as it is written where one of them cannot be set.

    >>> readable("costs $x^2$"), readable("costs $x_$")
    ('costs $x^2$', 'costs \\$x_\\$')
    """
    try:
        MathTextParser("path").parse(text)
    except ValueError:
        return plain(text)
    return text


def plain_label(array: xr.DataArray) -> str:
    r"""`long name (unit)` where no mathtext is set.

    >>> attrs = {"long_name": "temperature of bath 1", "units": r"\omega_1"}
    >>> plain_label(xr.DataArray([0.1], dims="T_1", name="T_1", attrs=attrs))
    'temperature of bath 1 (omega_1)'
    """
    unit = re.sub(r"[\\{}]", "", str(array.attrs.get("units", "1")))
    words = str(array.attrs.get("long_name") or array.name)
    return words if unit in ("1", "") else f"{words} ({unit})"


def plain_values(labels: xr.DataArray) -> list[str]:
    """The points of a dimension as words, alike only where their values are."""
    values = labels.values.tolist()
    if np.issubdtype(labels.dtype, np.floating):
        for digits in _DIGITS:
            words = [f"{value:.{digits}g}" for value in values]
            if len(set(words)) == len(set(values)):
                return words
    return [str(value) for value in values]


def plain_value(labels: xr.DataArray, index: int) -> str:
    """One point of a dimension as a word, which tells it from the other points.

    >>> plain_value(xr.DataArray([1000.0, 1000.25, 1000.5], dims="omega"), 1)
    '1000.25'
    """
    values, value = labels.values, labels.values[index]
    if not np.issubdtype(labels.dtype, np.floating):
        return str(value)
    below, above = values[values < value], values[values > value]
    beside = [*([below.max()] if below.size else []), *([above.min()] if above.size else [])]
    words = [[f"{each:.{digits}g}" for each in (value, *beside)] for digits in _DIGITS]
    return next((own for own, *others in words if own not in others), words[-1][0])


def _length(mathtext: str) -> int:
    """About as many letters as it is wide."""
    return len(re.sub(r"\\[A-Za-z]+|[${}^_ ]", lambda found: "x" * (len(found[0]) > 1), mathtext))


def unit_of(array: xr.DataArray) -> str:
    """The unit as mathtext without dollar signs, nothing for a pure number."""
    unit = str(array.attrs.get("units", "1"))
    return "" if unit in ("1", "") else mathtext(unit)


def mathtext(unit: str) -> str:
    r"""A unit of one letter, but kelvin, is set as a symbol; one of several factors is raised whole.

    >>> mathtext("h"), mathtext("K")
    ('h', '\\mathrm{K}')
    """
    if raised := re.fullmatch(r"(.+)\^\{?(-?\d+)\}?", unit):
        base = raised[1].removeprefix("(").removesuffix(")")
        inner = mathtext(base)
        if not re.fullmatch(r"\\?\w+", base):
            inner = f"({inner})"
        return f"{inner}^{{{raised[2]}}}"
    return unit if len(unit) == 1 and not known_unit(unit) else rf"\mathrm{{{unit}}}"


def along(data: xr.Dataset, dimension: str) -> xr.DataArray:
    """What the points of a dimension are labelled with."""
    if dimension in data.coords:
        return data[dimension]
    return xr.DataArray(np.arange(data.sizes[dimension]), dims=dimension, name=dimension)


def unit_along(data: xr.Dataset, name: str) -> str:
    """The unit of a variable, or of what the points of a dimension are labelled with."""
    array = data[name] if name in data else along(data, name)
    return str(array.attrs.get("units", "1"))


def in_parts(at: xr.DataArray, x: xr.DataArray, y: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Points over an axis as matplotlib draws them; along the lines of a [root], a gap between lines.

    Args:
        at: the axis.
        x, y: over it.
    """
    if at.name != ALONG:
        return x.values, y.values
    begins = np.flatnonzero(np.diff(np.floor(at.values))) + 1
    if len(begins) + 1 == at.size:  # single points, of which gaps would leave nothing
        return x.values, y.values
    right, up = (np.insert(own.values.astype(float), begins, np.nan) for own in (x, y))
    return right, up


def moving(data: xr.Dataset, dimension: str) -> list[xr.DataArray]:
    """All that moves along a dimension: its own labels, and parameters that move together with them."""
    others = [data[name] for name in data.coords if data[name].dims == (dimension,)]
    return [along(data, dimension), *(each for each in others if each.name != dimension)]


def value_of(data: xr.Dataset, dimension: str, index: int) -> str:
    """`g = 0.1`; for parameters that move together without a coordinate of their own, all of them."""
    own, *others = moving(data, dimension)
    shown = others if _is_counted(own) and others else [own]
    return ", ".join(_equation(each, index) for each in shown)


def held_at(data: xr.Dataset, dimension: str, index: int) -> str:
    """`value_of` with all that moves along the dimension, for pictures that hold it."""
    own, *others = moving(data, dimension)
    shown = others if _is_counted(own) and others else [own, *others]
    return ", ".join(_equation(each, index) for each in shown)


def _is_counted(labels: xr.DataArray) -> bool:
    """Whether the points of a dimension have numbers, 0, 1, 2, ..., and no value of their own."""
    return np.issubdtype(labels.dtype, np.integer)


def entry_of(data: xr.Dataset, dimension: str, index: int) -> str:
    """One entry of a dimension: `g = 0.1` along an axis of the sweep, `bath 1` along another one."""
    if dimension in data["status"].dims:
        return value_of(data, dimension, index)
    return f"{dimension.replace('_', ' ')} {along(data, dimension).values[index]}"


def _equation(array: xr.DataArray, index: int) -> str:
    name = readable(f"${array.attrs['symbol']}$") if array.attrs.get("symbol") else str(array.name)
    number, unit = plain_value(array, index), unit_of(array)
    return f"{name} = {number} {readable(f'${unit}$')}" if unit else f"{name} = {number}"
