"""What a number is called: the words that files, tables and pictures put beside it."""

import inspect
import re
import types
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin


@dataclass(frozen=True)
class Quantity:
    """A physical quantity's name, symbol and unit.

    Attributes:
        long_name: in words.
        symbol: mathtext without dollar signs, `T_L`.
        energy_power: its unit as a power of the energy unit (hbar = k_B = 1): 1 for energies,
            temperatures and rates, 2 for heat currents, 0 for pure numbers; None where it depends.
        neutral: the value that separates two regimes; maps draw it as a boundary.
        source: where a closed form comes from; pictures then draw it as a line behind the numbers.
        values: what 0, 1, 2 ... stand for, where the number is one of these; maps draw regions.
    """

    long_name: str = ""
    symbol: str = ""
    energy_power: int | None = None
    neutral: float | None = None
    source: str = ""
    values: tuple[str, ...] = ()

    def unit(self, energy_unit: str) -> str:
        """The unit as text.

        >>> Quantity("heat current", "J", 2).unit("h")
        'h^2'
        """
        if self.energy_power is None:
            return ""
        is_word = re.fullmatch(r"\\?\w+", energy_unit)
        raised = energy_unit if is_word else f"({energy_unit})"
        return {0: "1", 1: energy_unit}.get(self.energy_power, f"{raised}^{self.energy_power}")


@dataclass(frozen=True)
class Dimension:
    """A named dimension of an observable with the label of each of its entries.

    >>> Dimension("qubit", (1, 2), "qubit").labels
    (1, 2)
    """

    name: str
    labels: tuple[int | float | str, ...]
    long_name: str = ""


def parameter_kind(hint: Any, default: Any) -> tuple[type | None, tuple[Any, ...], Quantity]:
    """What a parameter of a model is, from its annotation, or its default where there is none.

    Args:
        hint: its annotation, None for none.
        default: its default, `inspect.Parameter.empty` for none.

    Returns:
        bool, int or str if it shapes the system, None for a number that can vary; the values that it
        takes, if they are listed; its name, symbol and unit.

    >>> parameter_kind(Annotated[float, Quantity("temperature", "T", 1)], 1.0)[2].symbol
    'T'
    """
    quantity = Quantity()
    if get_origin(hint) is Annotated:
        hint, *notes = get_args(hint)
        quantity = next((note for note in notes if isinstance(note, Quantity)), quantity)
    if get_origin(hint) in (Union, types.UnionType):
        kept = [option for option in get_args(hint) if option is not type(None)]
        hint = kept[0] if len(kept) == 1 else object
    if get_origin(hint) is Literal:
        choices = get_args(hint)
        return type(choices[0]), choices, quantity
    if hint is None and default is not inspect.Parameter.empty:
        hint = type(default)
    return (hint if hint in (bool, int, str) else None), (), quantity


def printable(text: str, kept: str = "") -> str:
    r"""A text in which letters that cannot be printed are escaped, line breaks among them.

    Args:
        kept: such letters that stay.

    >>> printable("a\nb.toml: cannot be read")
    'a\\nb.toml: cannot be read'
    """
    return "".join(
        letter
        if letter.isprintable() or letter in kept
        else letter.encode("unicode_escape", "surrogatepass").decode()
        for letter in text
    )
