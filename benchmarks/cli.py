"""Command line of the benchmarks."""

from pathlib import Path
from typing import Any

import click
import jax

from benchmarks import derivatives as _derivatives
from benchmarks import growth as _growth
from benchmarks import limit as _limit
from benchmarks import machines as _machines
from benchmarks import optima as _optima
from benchmarks import peers as _peers
from benchmarks import programs as _programs
from benchmarks import solvers as _solvers
from benchmarks import startup as _startup
from benchmarks import summary as _summary
from benchmarks import sweeps as _sweeps
from benchmarks.report import conditions


class Sizes(click.ParamType):
    """Whole numbers with commas between them."""

    name = "sizes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        """From text, or a default that is a list already."""
        if isinstance(value, list):
            return value
        try:
            return sorted(int(part) for part in value.split(",") if part)
        except ValueError:
            self.fail(f"{value!r} is not like 2,4,10", param, ctx)


_out = click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder of the results."
)
_repeats = click.option("--repeats", default=7, show_default=True, help="Runs of each after a warm-up.")


@click.group(help="What it costs; each command prints a table and writes it to benchmarks/results.")
def main() -> None:
    """In 64 bit, as sweeps compute."""
    jax.config.update("jax_enable_x64", True)


@main.command()
@click.option("--sites", default=10, show_default=True)
@click.option("--points", default=4000, show_default=True)
@click.option("--chunk", default=128, show_default=True, help="Points at a time.")
@_repeats
@_out
def derivatives(sites: int, points: int, chunk: int, repeats: int, out: Path | None) -> None:
    """Derivatives of the populations beside the values."""
    where = conditions()
    _derivatives.measure(sites, points, chunk, repeats).publish(where, out)


@main.command()
@click.option("--sites", type=Sizes(), default="10,20,50,100,200", show_default=True)
@click.option("--qutip-sites", type=Sizes(), default="2,3,4,6,8,10,14,20", show_default=True)
@click.option("--large", is_flag=True, help="1000 sites too.")
@_repeats
@_out
def growth(
    sites: list[int], qutip_sites: list[int], large: bool, repeats: int, out: Path | None
) -> None:
    """Time and memory of one point as the chain grows."""
    where = conditions()
    _growth.measure([*sites, *[1000] * large], qutip_sites, repeats).publish(where, out)


@main.command()
@click.option("--sites", type=Sizes(), default="2,4,10,30,100", show_default=True)
@click.option("--points", type=Sizes(), default="1,100,10000,1000000", show_default=True)
@_repeats
@_out
def solvers(sites: list[int], points: list[int], repeats: int, out: Path | None) -> None:
    """Points per second of each solver."""
    where = conditions()
    _solvers.measure(sites, points, repeats).publish(where, out)


@main.command()
@click.option("--sites", type=Sizes(), default="2,4,10,30,100", show_default=True)
@click.option("--points", type=Sizes(), default="1000,100000,1000000", show_default=True)
@click.option("--large", is_flag=True, help="10^8 points of 4 sites, once.")
@_repeats
@_out
def sweeps(sites: list[int], points: list[int], large: bool, repeats: int, out: Path | None) -> None:
    """Whole sweeps into a file."""
    where = conditions()
    _sweeps.measure(sites, points, repeats, large=large).publish(where, out)


@main.command()
@click.option("--sites", type=Sizes(), default="2,4,10", show_default=True)
@click.option("--points", default=2000, show_default=True, help="Of our own runs; peers take one.")
@_repeats
@_out
def peers(sites: list[int], points: int, repeats: int, out: Path | None) -> None:
    """The same numbers by QuTiP, qthermo and plain numpy."""
    where = conditions()
    _peers.measure(sites, points, repeats).publish(where, out)


@main.command()
@click.option("--sites", type=Sizes(), default="4,10,30", show_default=True)
@click.option("--points", default=100_000, show_default=True)
@_repeats
@_out
def limit(sites: list[int], points: int, repeats: int, out: Path | None) -> None:
    """Share of what the device can do."""
    where = conditions()
    _limit.measure(sites, points, repeats).publish(where, out)


@main.command()
@click.option("--side", default=200, show_default=True, help="Of the map of driven qubits.")
@click.option("--cycles", default=100, show_default=True, help="Side of the map of cycles.")
@_repeats
@_out
def machines(side: int, cycles: int, repeats: int, out: Path | None) -> None:
    """Maps of driven systems and of cycles, beside points by QuTiP and qthermo."""
    where = conditions()
    _machines.measure(side, cycles, repeats).publish(where, out)


@main.command()
@click.option("--sites", default=10, show_default=True)
@click.option("--side", default=50, show_default=True, help="Of the grid of temperatures.")
@_repeats
@_out
def optima(sites: int, side: int, repeats: int, out: Path | None) -> None:
    """A grid of optima beside the sweep of the same grid."""
    where = conditions()
    _optima.measure(sites, side, repeats).publish(where, out)


@main.command()
@click.option("--only", multiple=True, help="A program of .ci/gpu-bounds.toml; may be given again.")
@_repeats
@_out
def programs(only: tuple[str, ...], repeats: int, out: Path | None) -> None:
    """Programs of sweeps, a call of each: their time and their memory traffic."""
    where = conditions()
    _programs.measure(only, repeats).publish(where, out)


@main.command()
@_repeats
@_out
def startup(repeats: int, out: Path | None) -> None:
    """Import and first result, cold and compiled before."""
    where = conditions()
    _startup.measure(repeats).publish(where, out)


@main.command("all")
@_out
@click.pass_context
def everything(context: click.Context, out: Path | None) -> None:
    """Each of them as it is by default."""
    measured = (startup, programs, peers, machines, optima, solvers, derivatives, growth, limit, sweeps)
    for command in measured:
        context.invoke(command, out=out)


@main.command()
def summary() -> None:
    """The committed results in a few rows, into README.md."""
    _summary.write()
