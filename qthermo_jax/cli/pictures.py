"""Pictures of results: `qthermo plot | view`."""

import importlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click

from qthermo_jax.cli.arguments import file_argument, files_argument
from qthermo_jax.cli.completion import variable_names
from qthermo_jax.cli.placing import check_target, put_in_place

_SCALES = ("linear", "log", "symlog")  # those of `plotting`, which takes a second to load


@click.command("plot")
@files_argument
@click.option(
    "--out", type=click.Path(path_type=Path), help="Default: FILE.png, FILE_FILE.png; or .svg, .pdf"
)
@click.option("--variable", shell_complete=variable_names, help="Default: the first that can be drawn.")
@click.option("--x", metavar="NAME", help="Dimension along the x axis.")
@click.option("--y", metavar="NAME", help="Dimension along the y axis: draws a map.")
@click.option("--hue", metavar="NAME", help="Dimension of which each entry is one curve of a panel.")
@click.option(
    "--select", "choices", multiple=True, metavar="NAME=VALUE", help="Fix a dimension; may be repeated."
)
@click.option(
    "--line",
    "lines",
    multiple=True,
    metavar="FILE[:VARIABLE]",
    help="Draw a result over a map's axis, or over curves.",
)
@click.option(
    "--scale",
    type=click.Choice(_SCALES),
    help="Of the values. Default: log where they are positive and a linear one would show half as 0.",
)
@click.option("--no-title", is_flag=True, help="Leave out the sweep's title.")
@click.option("--no-caption", is_flag=True, help="Leave out the model and its fixed parameters.")
def draw(
    files: tuple[Path, ...],
    out: Path | None,
    choices: tuple[str, ...],
    lines: tuple[str, ...],
    no_title: bool,
    no_caption: bool,
    **asked: str | None,
) -> None:
    """Draw the result FILE, or several results with the same variable in one picture.

    Curves of several results share a panel, and a legend says what tells the results apart: the
    parameters that differ, or the files' names. Maps stand side by side and share their colours.
    """
    over = [_file_and_name(given) for given in lines]
    options: dict[str, Any] = {**asked, "title": not no_title, "caption": not no_caption}
    click.echo(picture_of(*files, target=out, choices=choices, lines=over, **options))


def picture_of(
    *paths: Path,
    target: Path | None = None,
    choices: Sequence[str] = (),
    lines: Sequence[tuple[Path, str | None]] = (),
    **asked: Any,
) -> Path:
    """Draw a result, or several, into a file, by default FILE.png; its path comes back.

    Args:
        asked: further arguments of `qthermo_jax.plotting.plot`.
    """
    from qthermo_jax.plotting import plot, select
    from qthermo_jax.sweeping import open_result

    with ExitStack() as files:
        tell = partial(click.echo, err=True)
        opened = [files.enter_context(open_result(path)) for path in paths]
        over = [(files.enter_context(open_result(path)), name) for path, name in lines]
        first, *beside = (select(data, *choices, tell=tell) for data in opened)
        figure = plot(first, lines=over, beside=beside, **asked)
    if target is None:
        target = paths[0].with_name("_".join(path.stem for path in paths) + ".png")
    check_format("--out", target)
    check_target(target, paths[0], overwrite=True)
    with put_in_place(target) as written:
        figure.savefig(written, format=target.suffix.lstrip("."))
    return target


def check_format(option: str, picture: Path) -> None:
    """Whether Matplotlib writes pictures of this kind.

    Raises:
        SpecError: it does not.
    """
    from matplotlib.backend_bases import FigureCanvasBase

    from qthermo_jax.sweeping.errors import SpecError

    if picture.suffix.lstrip(".") not in FigureCanvasBase.get_supported_filetypes():
        raise SpecError(f"{option} {picture}: takes .png, .svg or .pdf")


@contextmanager
def drawing() -> Iterator[Callable[[Path], None]]:
    """Meanwhile results are drawn in a thread of their own, while the next sweep computes.

    What drawing needs is loaded there too, while the first sweep is compiled. Each picture's path is
    printed once it is there, in the order of the results, and all of them before this is left. A picture
    that cannot be drawn ends no sweep: its error is raised after the last one.

    Yields:
        what begins to draw a result into FILE.png.
    """
    begun: deque[Future[Path]] = deque()
    failed: list[Future[Path]] = []

    def tell_first() -> None:
        picture = begun.popleft()
        if picture.exception() is None:
            click.echo(picture.result())
        else:
            failed.append(picture)

    def draw(file: Path) -> None:
        begun.append(thread.submit(picture_of, file))
        while begun and begun[0].done():
            tell_first()

    with ThreadPoolExecutor(1) as thread:
        for module in ("xarray", "matplotlib.figure"):
            thread.submit(importlib.import_module, module)
        try:
            yield draw
        finally:
            while begun:
                tell_first()
        for picture in failed:
            picture.result()  # raises what kept it from being drawn


@click.command()
@file_argument
@click.argument("second", required=False, type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Default: any that is free.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def view(file: Path, second: Path | None, port: int, no_browser: bool) -> None:
    """Look at the result FILE in the browser: curves or maps, with a slider for each other axis.

    The result SECOND, which has the same variables, is drawn over the first or beside it.
    """
    from qthermo_jax.sweeping import SpecError, open_result

    with ExitStack() as files:
        data = files.enter_context(open_result(file))
        other = files.enter_context(open_result(second)) if second else None
        try:
            # Bokeh is an extra.
            from qthermo_jax.viewer import serve
        except ModuleNotFoundError as error:
            raise SpecError(f'view: no {error.name}: pip install "qthermo_jax[view]"') from None
        try:
            serve(
                data,
                other,
                port,
                browser=not no_browser,
                tell=lambda url: click.echo(f"{url}  Ctrl-C ends it"),
            )
        except KeyboardInterrupt:
            click.echo("stopped")


def _file_and_name(given: str) -> tuple[Path, str | None]:
    """FILE or FILE:VARIABLE, taken apart."""
    file, colon, name = given.rpartition(":")
    return (Path(given), None) if Path(given).is_file() or not colon else (Path(file), name)
