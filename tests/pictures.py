"""Results to draw, and what stands below their pictures."""

import numpy as np
import xarray as xr


def sweep_of(axes, variables, status=None, coords=None):
    """A result as `sweep` returns it: {name: (own dims, values, attributes)}."""
    shape = tuple(len(values) for values in axes.values())
    status = np.zeros(shape, "int8") if status is None else np.array(status, "int8")
    data = {name: ((*axes, *dims), values, attrs) for name, (dims, values, attrs) in variables.items()}
    data["status"] = (tuple(axes), status, {})
    attributes = {"g": {"symbol": "g", "long_name": "tunnelling", "units": "h"}}
    labels = {name: (name, values, attributes.get(name, {})) for name, values in axes.items()}
    return xr.Dataset(data, {**labels, **(coords or {})}, {"title": "A title"})


SITES = {"site": ("site", [1, 2, 3], {"long_name": "site"})}
POPULATION = {"long_name": "population", "symbol": "P", "units": "1"}


def reasons(figure):
    """What stands below a picture."""
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]
