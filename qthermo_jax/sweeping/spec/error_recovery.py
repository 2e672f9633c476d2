"""A faulty spec put right fault by fault, so that one mistake does not hide the next."""

import copy
import re
from collections import Counter, defaultdict
from typing import Any

from qthermo_jax.sweeping.errors import suggested

Path = tuple[str, ...]


def key_of(fault: str) -> str:
    """The key that a line is about, "" if none.

    >>> key_of("axes.T_2: unknown key 'stopp'; did you mean 'stop'? allowed: num, start, stop")
    'axes.T_2.stopp'
    """
    found = re.match(r"(model|observable) \S+: |([\w\-.\[\]]+): ", fault)
    key = (found[1] or found[2]) if found else ""
    key = "observables" if key == "observable" else key
    unknown = re.search(r"unknown key '(.+?)'", fault)
    return ".".join(filter(None, [key, unknown and unknown[1]]))


def parts_of(key: str) -> Path:
    """Of `axes.g.num` or `observables[1]`, one step into the data each."""
    return tuple(part for part in re.split(r"[.\[\]]", key) if part)


def _is_position(step: str) -> bool:
    """Whether a step is a place in a list; digits of other scripts and superscripts name keys."""
    return step.isascii() and step.isdigit()


class Draft:
    """A copy of a spec's data, and the faults that were found in it.

    Args:
        data: as it was read; it is left alone.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = copy.deepcopy(data)
        self.faults: list[str] = []
        self._repairs: Counter[Path] = Counter()
        self._dropped: defaultdict[Path, list[int]] = defaultdict(list)

    def repair(self, found: list[str]) -> bool:
        """Note the faults that are found at a time and repair them; False if that is beyond guessing."""
        before = set(self._repairs)
        leaves = {place[-1] for place in before if place and not _is_position(place[-1])}
        ways = [(fault, parts_of(key_of(fault))) for fault in found]
        places = [self._in_the_file(path) for _, path in ways]
        for (fault, path), place in zip(ways, places, strict=True):
            # A name that was wrong elsewhere is missing here: an echo.
            if place not in before and not (place and place[-1] in leaves):
                self.faults.append(
                    fault.replace(f"[{path[-1]}]", f"[{place[-1]}]", 1) if path else fault
                )
        # From the last entry of a list to the first: dropping one moves those behind it.
        order = reversed(list(zip(ways, places, strict=True)))
        return False not in [self._repaired(path, place, fault) for (fault, path), place in order]

    def _repaired(self, path: Path, place: Path, fault: str) -> bool:
        self._repairs[place] += 1
        if not path or self._repairs[place] > 2:
            return False
        meant = suggested(fault)
        if path == ("model",):
            self.data["model"] = meant
            return meant is not None
        if fault.startswith(f"{'.'.join(path)}: missing"):
            return self._filled_in(path)
        if path[0] == "axes" and len(path) > 1 and not meant and self._repairs[place] == 1:
            return self._made_harmless(path[1])
        return self._renamed(path, meant)

    def _filled_in(self, path: Path) -> bool:
        table = self.data.setdefault("parameters", {}) if path[0] == "parameters" else self._table(path)
        if isinstance(table, dict):  # else the axis that it was in was repaired as a whole
            table[path[-1]] = 1
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

    def _renamed(self, path: Path, meant: str | None) -> bool:
        """What has a wrong name under the one that was meant, unless that is there; else without it."""
        table, last = self._table(path), path[-1]
        if isinstance(table, list) and _is_position(last) and int(last) < len(table):
            if meant and meant not in table:
                table[int(last)] = meant
            else:
                self._dropped[path[:-1]].append(int(self._in_the_file(path)[-1]))
                del table[int(last)]
            return True
        if not isinstance(table, dict) or last not in table:
            return False
        value = table.pop(last)
        if meant:
            table.setdefault(meant, value)
        return True

    def _table(self, path: Path) -> Any:
        """What holds the last step of a path; None if it is not there."""
        inside: Any = self.data
        for step in path[:-1]:
            if not isinstance(inside, dict) or step not in inside:
                return None
            inside = inside[step]
        return inside

    def _in_the_file(self, path: Path) -> Path:
        """The same with the position in a list that the file has, where earlier ones were dropped."""
        if path[:-1] not in self._dropped or not _is_position(path[-1]):
            return path
        position = int(path[-1])
        for dropped in sorted(self._dropped[path[:-1]]):
            position += dropped <= position
        return (*path[:-1], str(position))
