"""How tables, sizes and statuses are told."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qthermo_jax.steady import Status
from qthermo_jax.sweeping.store.reasons import ATTRIBUTE

if TYPE_CHECKING:
    import xarray as xr
    from rich.table import Table


def print_table(table: "Table") -> None:
    """To a terminal as wide as it is; elsewhere no line is broken."""
    from rich.console import Console

    console = Console(markup=False, emoji=False)  # brackets and colons in a title are no markup
    if not console.is_terminal:
        console.width = 10_000
    console.print(table, highlight=False)


def in_words(statuses: Mapping[int, int]) -> str:
    """How many points have which status."""
    return ", ".join(f"{n} {Status(code).meaning}" for code, n in sorted(statuses.items()))


def causes(data: "xr.Dataset") -> list[str]:
    """What was wrong at the first point of each status that has several causes, one line each."""
    told: str = data["status"].attrs.get(ATTRIBUTE, "")
    return told.splitlines()


def in_bytes(n_bytes: int) -> str:
    """A size with its unit."""
    amount = float(n_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} TB"
