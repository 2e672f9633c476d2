"""The gallery: runs the sweeps, draws them as their head comments say, writes docs/gallery/index.md.

mkdocs-gallery runs Python scripts; these are specs, which `qthermo run` and `qthermo plot` take.

`python docs/gallery.py [--all]`; without --all those that take longer than about 15 s are only listed.
"""

import contextlib
import io
import multiprocessing
import os
import re
import shlex
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from qthermo_jax.cli import app

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "gallery" / "index.md"
SLOW = frozenset(
    {
        "boundary",
        "boundary_map",
        "generators",
        "generators_cold",
        "otto_optimum",
        "spin_chain",
        "transistor",
    }
)

_HEAD = """# Gallery

The sweeps of the folder `sweeps/`, run and drawn when this page was built, by the commands beside it.
What each shows, and which figure or equation it reproduces, is the head comment of its spec. "The paper"
is *Quantum thermophoresis* (M. Matos, T. Werlang, D. Valente).
"""
_PLOT = re.compile(r"^qthermo plot (.+)$")


@dataclass(frozen=True)
class Entry:
    """A sweep as the gallery shows it.

    Attributes:
        name: of its file, without `.toml`.
        title: its own.
        text: its head comment without the commands.
        source: the spec below the head comment.
        plots: arguments of `qthermo plot`, for each picture.
    """

    name: str
    title: str
    text: str
    source: str
    plots: tuple[str, ...]

    @property
    def pictures(self) -> list[str]:
        """A file for each plot."""
        return [f"{self.name}-{number}.png" for number, _ in enumerate(self.plots, 1)]


def read(spec: Path) -> Entry:
    """What a spec's file says about itself."""
    lines = spec.read_text(encoding="utf-8").splitlines()
    size = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    head = [line.removeprefix("#").strip() for line in lines[:size]]
    plots = [found[1] for line in head if (found := _PLOT.match(line))]
    words = [line for line in head if not _PLOT.match(line) and not line.startswith("To draw")]
    source = "\n".join(lines[size:])
    return Entry(
        spec.stem,
        tomllib.loads(source)["title"],
        "\n".join(words),
        source,
        tuple(plots) or (f"results/{spec.stem}.h5",),
    )


def _quietly(arguments: Sequence[str]) -> None:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        app(list(arguments), standalone_mode=False)


def _run(name: str) -> None:
    _quietly(["run", f"sweeps/{name}.toml"])


def _draw(entry: Entry) -> None:
    for plot, picture in zip(entry.plots, entry.pictures, strict=True):
        _quietly(["plot", *shlex.split(plot), "--out", str(PAGE.parent / picture)])


def draw_all(entries: Sequence[Entry]) -> None:
    """Run the sweeps in a scratch folder, two at a time, then draw them."""
    PAGE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        shutil.copytree(ROOT / "sweeps", "sweeps")
        workers = min(2, os.cpu_count() or 1)
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
            for _ in pool.map(_run, [entry.name for entry in entries]):
                pass
            for _ in pool.map(_draw, entries):
                pass


def page(entries: Sequence[Entry], drawn: Sequence[Entry]) -> str:
    """The page: small pictures that lead to the large ones, each with its text, commands and spec."""
    thumbnails = [
        f"[![{entry.title}]({entry.pictures[0]}){{ width=200 }}](#{entry.name})" for entry in drawn
    ]
    parts = [_HEAD, '<div class="thumbnails" markdown>\n', *thumbnails, "\n</div>\n"]
    if left_out := [entry for entry in entries if entry not in drawn]:
        names = ", ".join(f"[{entry.name}](#{entry.name})" for entry in left_out)
        parts.append(
            f"Not drawn in this build, since each takes longer than 15 s: {names}. "
            "`make docs-all` draws them too.\n"
        )
    return "\n".join(parts + [_section(entry, entry in drawn) for entry in entries])


def _section(entry: Entry, drawn: bool) -> str:
    commands = [f"qthermo run sweeps/{entry.name}.toml", *(f"qthermo plot {p}" for p in entry.plots)]
    pictures = [f"![{entry.title}]({picture}){{ width=560 }}" for picture in entry.pictures]
    return "\n".join(
        [
            f"\n## {entry.title} {{ #{entry.name} }}\n",
            f"{entry.text}\n",
            *(pictures if drawn else ["*Not drawn in this build.*"]),
            "\n```sh",
            *commands,
            "```\n",
            f'```toml title="sweeps/{entry.name}.toml"',
            entry.source,
            "```\n",
        ]
    )


def main(arguments: Sequence[str]) -> None:
    """Build the page."""
    entries = [read(spec) for spec in sorted((ROOT / "sweeps").glob("*.toml"))]
    drawn = [entry for entry in entries if "--all" in arguments or entry.name not in SLOW]
    draw_all(drawn)
    PAGE.write_text(page(entries, drawn), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
