"""Results that are made up for a report, and its page as a parser of HTML sees it."""

import base64
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import xarray as xr

from qthermo_jax.report import made_page
from qthermo_jax.report.checks import LAWS, VALIDITY, Check

# Every element of a page; none of them loads or runs anything but an image.
_PARTS = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "br", "span", "code", "pre"}
ELEMENTS = _PARTS | {"table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "img"}
VOID = {"meta", "br", "img"}


class Read(HTMLParser):
    """A page as a parser of HTML sees it: its elements, and the text of each row of a table."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        assert len(attrs) == len(dict(attrs))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def row(self, begins: str) -> list[str]:
        (found,) = (row for row in self.rows if row and row[0].strip().startswith(begins))
        return [cell.strip() for cell in found]


def assert_loads_and_runs_nothing(page: Read) -> None:
    assert {tag for tag, _ in page.elements} <= ELEMENTS
    for tag, attrs in page.elements:
        assert not any(name.startswith("on") or name in ("href", "style", "srcset") for name in attrs)
        if "src" in attrs:
            assert tag == "img"
            kind, _, image = attrs["src"].partition(",")
            assert kind == "data:image/png;base64"
            assert base64.b64decode(image, validate=True).startswith(b"\x89PNG")
    policies = [own["content"] for tag, own in page.elements if "http-equiv" in own]
    assert policies == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def words_of(checks: Iterable[Check]) -> dict[str, str]:
    return {name: own for check in checks for name, own in check.needs.items()}


OF_MACHINES = [check for check in LAWS if check.machine]
OTHERS = [check for check in (*LAWS, *VALIDITY) if check not in OF_MACHINES]


def made(**variables: tuple[tuple[str, ...], np.ndarray]) -> xr.Dataset:
    """A result over g and T, 2 x 3 points that have a state, with the package's own observables."""
    return made_with(words_of(OTHERS), **variables)


def made_with(words: dict[str, str], **variables: tuple[tuple[str, ...], np.ndarray]) -> xr.Dataset:
    status = np.zeros((2, 3), "int8")
    arrays = {
        name: (dims, values, {"long_name": words[name]}) for name, (dims, values) in variables.items()
    }
    return xr.Dataset(
        {**arrays, "status": (("g", "T"), status), "method": (("g", "T"), status + np.int8(1))},
        {"g": [0.1, 0.2], "T": [1.0, 2.0, 3.0]},
        {"title": "Made", "generator": "global", "precision": "float64"},
    )


def written(data: xr.Dataset, path: Path) -> Path:
    data.to_netcdf(path, engine="h5netcdf")
    return path


def page_of(data: xr.Dataset, folder: Path) -> Read:
    path = written(data, folder / "made.h5")
    with xr.open_dataset(path, engine="h5netcdf") as found:
        return Read(made_page(found, path, "intact").html)


GRID = ("g", "T")
