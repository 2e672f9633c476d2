"""The figure itself, and the words around its panels: a title, and a caption with what was held."""

import io
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

import xarray as xr
from matplotlib.figure import Figure

from qthermo_jax.plotting.labels import mathtext, plain, readable
from qthermo_jax.results.schema import INTERPOLATED

# Letters that fit into a line of a title, and into an inch of a caption.
_TITLE_WIDTH, _LETTERS_AN_INCH = 52, 20
_CAPTION_LINES = 4
_LONGEST = 20_000
_NO_BREAK = "\N{NO-BREAK SPACE}"
# So many differences between results still fit into a legend.
_MOST_DIFFERENCES = 2
_TOLD_BY = ("model", "generator", "secular_tol", "method", "precision")
_ABOUT = ("model", "generator", "energy_unit")


class Picture(Figure):
    """A figure that a notebook shows although pyplot does not know of it."""

    def _repr_png_(self) -> bytes:
        image = io.BytesIO()
        self.savefig(image, format="png")
        return image.getvalue()


def title_of(lines: Sequence[str]) -> str:
    """The lines that are not empty, broken where they are too long."""
    return "\n".join(textwrap.fill(line, _TITLE_WIDTH) for line in lines if line)


def headline(data: xr.Dataset) -> list[str]:
    """The lines of a result's title: what it is called, and what a selection fixed."""
    return [readable(str(data.attrs.get("title", ""))), ", ".join(data.attrs.get("selected", []))]


def parameters_of(data: xr.Dataset) -> dict[str, str]:
    """The fixed parameters of a result, each with its value as text.

    >>> parameters_of(xr.Dataset(attrs={"parameters": "sites = 6, T = [0.1, 0.2]"}))
    {'sites': '6', 'T': '[0.1, 0.2]'}
    """
    listed = str(data.attrs.get("parameters", ""))[:_LONGEST]
    return dict(re.findall(r"(\w+) = (.*?)(?=, \w+ = |$)", listed, flags=re.DOTALL))


def shared(texts: Sequence[dict[str, str]]) -> dict[str, str]:
    """The entries that all of them have alike."""
    first, *others = texts
    return {key: text for key, text in first.items() if all(own.get(key) == text for own in others)}


def names_of(results: Sequence[xr.Dataset]) -> list[str]:
    """What tells results apart: the parameters that differ, else the files, titles or numbers.

    >>> own = [xr.Dataset(attrs={"parameters": f"g = {g}, T = 1.0"}) for g in (0.1, 0.2)]
    >>> names_of(own)
    ['g = 0.1', 'g = 0.2']
    """
    facts = [
        {key: str(data.attrs[key]) for key in _TOLD_BY if key in data.attrs} | parameters_of(data)
        for data in results
    ]
    same = shared(facts)
    differing = [{key: fact for key, fact in own.items() if key not in same} for own in facts]
    by_facts = [", ".join(f"{key} = {fact}" for key, fact in own.items()) for own in differing]
    if max(map(len, differing)) > _MOST_DIFFERENCES or len(set(map(frozenset, differing))) > 1:
        by_facts = []
    sources = [str(data.encoding.get("source", "")) for data in results]
    files = [Path(source.removesuffix(".h5")) for source in sources]
    by_file, by_folder = (["/".join(file.parts[-deep:]) for file in files] for deep in (1, 2))
    by_title = [str(data.attrs.get("title", "")) for data in results]
    for names in (by_facts, by_file, by_folder, by_title):
        if all(names) and len(set(names)) == len(results):
            return names
    return [f"result {number + 1}" for number in range(len(results))]


def write_caption(figure: Figure, results: Sequence[xr.Dataset], has_title: bool) -> None:
    """Below the panels: model, master equation and fixed parameters, as far as all results share them.

    Of refined grids it says how many points were computed.

    Args:
        has_title: whether a title names the dimensions that were fixed by a selection.
    """
    about = shared([{key: str(data.attrs.get(key, "")) for key in _ABOUT} for data in results])
    fixed = shared([parameters_of(data) for data in results])
    held = [plain(f"{name} = {value}") for name, value in fixed.items()]
    picked = [headline(data)[1] for data in results]
    if not has_title and picked[0] and len(set(picked)) == 1:
        held.append(picked[0])
    generator = f" ({about['generator']})" if about.get("generator") else ""
    # A line ends between parameters, not inside one.
    listed = ", ".join(each.replace(" ", _NO_BREAK) for each in held)
    text = ": ".join(part for part in (plain(about.get("model", "") + generator), listed) if part)
    if held and (unit := about.get("energy_unit", "")) not in ("", "energy"):
        text += f"; energies{_NO_BREAK}in{_NO_BREAK}{readable(f'${mathtext(unit)}$')}"
    there = [data[INTERPOLATED.name].values == 0 for data in results if INTERPOLATED.name in data]
    if there:
        computed, points = sum(own.sum() for own in there), sum(own.size for own in there)
        text += f"; {computed} of {points} points computed, the others interpolated"
    if text:
        width = int(_LETTERS_AN_INCH * figure.get_figwidth())
        lines = textwrap.wrap(text, width, max_lines=_CAPTION_LINES, placeholder=" ...")
        figure.supxlabel("\n".join(lines), fontsize=6.5, color="0.35")
