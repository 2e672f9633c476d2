"""Results as a table to read and as JSON to compare, with what they were measured on."""

import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import jax
import numpy as np
from matplotlib.figure import Figure

from benchmarks.timing import Spread

Cell = str | int | float | Spread | None
_PACKAGES = ("qthermo_jax", "jax", "jaxlib", "numpy", "qutip", "qthermo")

# Bars that differ by more than this stand on a logarithmic axis.
_WIDE = 20.0

RESULTS = Path(__file__).parent / "results"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _device() -> str:
    """Name of a folder: "cpu", or what a GPU is called, "nvidia-h100-80gb-hbm3" for example."""
    return re.sub("[^a-z0-9]+", "-", jax.devices()[0].device_kind.lower())


def conditions() -> dict[str, Any]:
    """Hardware and versions."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "devices": [device.device_kind for device in jax.devices()],
        "blas_threads": os.environ.get("OPENBLAS_NUM_THREADS", "all"),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _PACKAGES},
    }


def _text(value: Cell) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _labelled(key: str, value: Cell) -> str:
    return f"{value}" if isinstance(value, str) else f"{value:,} {key}".replace(",", " ")


def megabytes(size: int | None) -> float | None:
    """Of bytes; None of None."""
    return None if size is None else size / 1e6


@dataclass(frozen=True)
class Report:
    """One benchmark's rows, all with the same columns, and remarks under the table.

    Attributes:
        keys: the columns that say what a row is about.
    """

    name: str
    title: str
    keys: Sequence[str]
    rows: Sequence[Mapping[str, Cell]]
    remarks: Mapping[str, Cell] = field(default_factory=dict)

    def markdown(self, where: Mapping[str, Any]) -> str:
        """Title, table, remarks, conditions."""
        columns = list(self.rows[0])
        cells = [columns, ["---"] * len(columns)]
        cells += [[_text(row[column]) for column in columns] for row in self.rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in cells)
        remarks = "".join(f"- {what}: {_text(value)}\n" for what, value in self.remarks.items())
        versions = ", ".join(f"{name} {number}" for name, number in where["versions"].items())
        measured = (
            f"Median (quartiles). {where['processor']}, {where['cores']} cores, "
            f"{', '.join(where['devices'])}; threads of BLAS: {where['blas_threads']}; "
            f"load before: {where['load']:.1f}; {versions}."
        )
        return f"# {self.title}\n\n{table}\n\n{remarks}\n{measured}\n"

    def publish(self, where: Mapping[str, Any], folder: Path | None) -> None:
        """Print it and write NAME.md and NAME.json.

        Args:
            where: `conditions()` from before the measurements.
            folder: default: that of the device.
        """
        folder = folder or RESULTS / _device()
        folder.mkdir(parents=True, exist_ok=True)
        text = self.markdown(where)
        everything = {"conditions": where, **asdict(self)}
        (folder / f"{self.name}.json").write_text(json.dumps(everything, indent=1) + "\n")
        (folder / f"{self.name}.md").write_text(text)
        self._drawn(where).savefig(folder / f"{self.name}.png", dpi=120)
        click.echo(text)

    def _drawn(self, where: Mapping[str, Any]) -> Figure:
        """The first column that was measured, a bar for each row, from quartile to quartile."""
        column = next(key for key in self.rows[0] if isinstance(self.rows[0][key], Spread))
        bars = [(row, row[column]) for row in self.rows]
        labels, found = zip(
            *(
                (", ".join(_labelled(key, row[key]) for key in self.keys if row[key] is not None), value)
                for row, value in bars
                if isinstance(value, Spread)
            ),
            strict=True,
        )
        figure = Figure(figsize=(8, 1.2 + 0.28 * len(found)), layout="constrained")
        axes = figure.subplots()
        medians = np.array([value.median for value in found])
        ends = np.array([[value.lower for value in found], [value.upper for value in found]])
        axes.barh(range(len(found)), medians, xerr=np.abs(ends - medians), color="#0072b2", ecolor="0.5")
        axes.set_yticks(range(len(found)), labels)
        axes.invert_yaxis()
        if medians.max() > _WIDE * medians.min():
            axes.set_xscale("log")
        axes.set_xlabel(column)
        axes.set_title(f"{self.title}\n{where['processor']}, {', '.join(where['devices'])}", fontsize=10)
        return figure
