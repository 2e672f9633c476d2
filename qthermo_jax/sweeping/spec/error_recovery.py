"""A faulty spec put right issue by issue, so that one mistake does not hide the next."""

import copy
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from qthermo_jax.sweeping.errors import Issue, Steps

# Places that hold a name, like the positions in lists: what was meant stands there, and not as a key.
_NAMES = {("model",), ("evolution", "initial")}

# Tables of which a key may be missing that only the model asks for, or a range.
_MISSES = {"parameters", "axes"}


class Draft:
    """A copy of a spec's data, and the issues that were found in it.

    Args:
        data: as it was read; it is left alone.

    Attributes:
        data: repaired so far.
        issues: what was found so far, with positions in lists as they are in the file.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = copy.deepcopy(data)
        self.issues: list[Issue] = []
        self._repairs: Counter[Steps] = Counter()
        self._dropped: defaultdict[Steps, list[int]] = defaultdict(list)

    def repair(self, found: Iterable[Issue]) -> bool:
        """Note the issues that are found at a time and repair them; False if that is beyond guessing."""
        before = set(self._repairs)
        leaves = {place[-1] for place in before if place and isinstance(place[-1], str)}
        known = [(issue, self._in_the_file(issue.steps)) for issue in found]
        for issue, place in known:
            # A name that was wrong elsewhere is missing here: an echo.
            if place not in before and not (place and place[-1] in leaves):
                self.issues.append(replace(issue, steps=place))
        # From the last entry of a list to the first: dropping one moves those behind it.
        return False not in [self._repaired(issue, place) for issue, place in reversed(known)]

    def _repaired(self, issue: Issue, place: Steps) -> bool:
        steps, meant = issue.steps, issue.suggestion
        self._repairs[place] += 1
        if steps[:1] in (
            ("optimise",),
            ("root",),
            ("refine",),
        ):  # what it mentions may be an axis, or none without it
            return False
        if not steps or self._repairs[place] > 2:
            return False
        if steps in _NAMES:
            return self._renamed_value(steps, meant)
        if steps[0] in _MISSES and self._lacks(steps):
            return self._filled_in(steps)
        if steps[0] == "axes" and len(steps) > 1 and not meant and self._repairs[place] == 1:
            return self._made_harmless(str(steps[1]))
        if isinstance(steps[-1], int):
            return self._renamed_entry(steps, meant)
        return self._renamed_key(steps, meant)

    def _lacks(self, steps: Steps) -> bool:
        """Whether a key is not there, or not even the table that it belongs to."""
        table = self._table(steps)
        return len(steps) > 1 and not isinstance(table, list) and steps[-1] not in (table or {})

    def _filled_in(self, steps: Steps) -> bool:
        if steps[0] == "parameters":
            self.data.setdefault("parameters", {})
        table = self._table(steps)
        if isinstance(table, dict):
            table[steps[-1]] = 1
        return table is not None

    def _made_harmless(self, axis: str) -> bool:
        """One point on an axis whose values are wrong."""
        axes = self.data.get("axes")
        if not isinstance(axes, dict) or axis not in axes:
            return False
        values = axes[axis]
        moves_several = isinstance(values, dict) and not {"start", "stop", "num"} & set(values)
        axes[axis] = {name: [1.0] for name in values} if moves_several and values else [1.0]
        return True

    def _renamed_value(self, steps: Steps, meant: str | None) -> bool:
        table = self._table(steps)
        if not isinstance(table, dict) or (meant is None and steps == ("model",)):
            return False
        if meant:
            table[steps[-1]] = meant
        else:
            table.pop(steps[-1], None)
        return True

    def _renamed_entry(self, steps: Steps, meant: str | None) -> bool:
        """An entry of a list as the one that was meant, unless that is there; else without it."""
        table, position = self._table(steps), steps[-1]
        if not isinstance(table, list) or not isinstance(position, int) or position >= len(table):
            return False
        if meant and meant not in table:
            table[position] = meant
        else:
            self._dropped[steps[:-1]].append(self._position_in_the_file(steps[:-1], position))
            del table[position]
        return True

    def _renamed_key(self, steps: Steps, meant: str | None) -> bool:
        """What has a wrong name under the one that was meant, unless that is there; else without it."""
        table, key = self._table(steps), steps[-1]
        if not isinstance(table, dict) or key not in table:
            return False
        if steps[0] == "fit" and not meant and len(table) == 1:  # which leaves nothing to fit
            return False
        value = table.pop(key)
        if meant:
            table.setdefault(meant, value)
        return True

    def _table(self, steps: Steps) -> Any:
        """What holds the last step of a path; None if it is not there."""
        inside: Any = self.data
        for step in steps[:-1]:
            if not isinstance(inside, dict) or step not in inside:
                return None
            inside = inside[step]
        return inside

    def _in_the_file(self, steps: Steps) -> Steps:
        """The same with the position in a list that the file has, where earlier ones were dropped."""
        if not steps or not isinstance(steps[-1], int):
            return steps
        return (*steps[:-1], self._position_in_the_file(steps[:-1], steps[-1]))

    def _position_in_the_file(self, owner: Steps, position: int) -> int:
        for dropped in sorted(self._dropped[owner]):
            position += dropped <= position
        return position
