"""A spec with a [root] as one of a sweep along the lines on which a formula has a value."""

from collections.abc import Callable
from typing import Any

import numpy as np

from qthermo_jax.sweeping.errors import Issue, SpecError
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.spec.expression import Expression
from qthermo_jax.sweeping.spec.root import ALONG


def followed(
    data: dict[str, Any], planned: Callable[[dict[str, Any]], Plan]
) -> tuple[Plan, tuple[Issue, ...]]:
    """The plan of a spec, where it has a [root] over the places instead of the axes of their plane.

    Args:
        data: of the spec, plain.
        planned: the plan of a spec without a [root], from its data.

    Returns:
        the plan, and what is odd about the lines.

    Raises:
        SpecError: the spec has issues, or no such place is found.
    """
    plan = planned(data)
    root = plan.spec.root
    if root is None:
        return plan, ()
    # They load xarray, which no other run to a file needs.
    from qthermo_jax.sweeping.execute.lines import Plane, lines_in, parts_behind  # noqa: PLC0415
    from qthermo_jax.sweeping.execute.pointwise import Pointwise  # noqa: PLC0415

    own = ("root", "axes", "observables", "derivatives", "output", "labels")
    bare = {key: value for key, value in data.items() if key not in own}
    formula = Expression.parsed(root.formula)
    names = tuple(axis.name for axis in plan.axes)
    pointwise = Pointwise(lambda asked: planned(bare | asked), plan, (formula,), names)
    for axis in plan.axes:
        if not np.isfinite(axis.as_given[axis.name]).all():
            raise SpecError(
                Issue(("axes", axis.name), "has a number that is not finite; a [root] takes none")
            )
    plane = Plane(plan, root, pointwise)
    lines, lost = lines_in(plane)
    where = f"{root.formula} is {root.value:g}"
    if not lines:
        raise SpecError(
            Issue(("root",), f"no place was found between the points of the axes at which {where}")
        )
    places = np.concatenate(lines)
    along = np.concatenate([number + parts_behind(line) for number, line in enumerate(lines)])
    columns = {ALONG: along.tolist()} | {k: v.tolist() for k, v in plane.values(places).items()}
    labelled = {ALONG: {"long_name": "number of the line and part of it"}} | data.get("labels", {})
    rewritten = {key: value for key, value in data.items() if key != "root"}
    rewritten |= {"axes": {ALONG: columns}, "labels": labelled}
    rewritten["title"] = data.get("title") or f"{root.formula} = {root.value:g}"
    odd = (
        f"{lost} of {lost + len(places)} points left out: no place was found near them at which {where}"
    )
    return planned(rewritten), (Issue(("root",), odd),) if lost else ()
