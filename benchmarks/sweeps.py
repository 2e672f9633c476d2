"""Whole sweeps into a file: how fast, beside solving alone, and whether memory stays flat."""

from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.process import measured
from benchmarks.report import Cell, Report, megabytes
from benchmarks.timing import Spread

# Seconds that one sweep may take: a larger one of the same chain says nothing new.
_PATIENCE_S = 5.0


def _row(
    sites: int, points: int, repeats: int, precision: str = "float64", devices: int | None = None
) -> dict[str, Cell]:
    found = measured(
        "benchmarks.one_sweep",
        devices,
        sites=sites,
        points=points,
        precision=precision,
        repeats=repeats,
    )
    whole, alone = (np.array(found[key]) for key in ("seconds", "solving_seconds"))
    return {
        "sites": sites,
        "precision": precision,
        "virtual devices": devices,
        "points": found["points"],
        "tiles": found["tiles"],
        "runs": repeats,
        "points/s, solving alone": Spread.of(found["points"] / alone),
        "points/s, with the file": Spread.of(found["points"] / whole),
        "whole over solving alone": Spread.of(whole / alone),
        "compile, s": found["compile_s"],
        "host memory, MB": megabytes(found["host_bytes"]),
        "one tile on the device, MB": megabytes(found["device_bytes"]),
        "file, MB": megabytes(found["file_bytes"]),
    }


def _sizes(sizes: Sequence[int], points: Sequence[int], repeats: int) -> Iterator[dict[str, Cell]]:
    for precision in ("float64", "float32"):
        for sites in sizes:
            rate = np.inf
            for count in points:
                if count > _PATIENCE_S * rate:
                    break
                yield (row := _row(sites, count, repeats, precision))
                reached = row["points/s, solving alone"]
                assert isinstance(reached, Spread)
                rate = reached.median


def measure(sizes: Sequence[int], points: Sequence[int], repeats: int, *, large: bool) -> Report:
    """A row for each chain, precision and number of points; virtual devices; 10^8 points if asked."""
    rows = list(_sizes(sizes, points, repeats))
    sites, count = (own[len(own) // 2] for own in (sizes, points))
    rows += [_row(sites, count, repeats, devices=devices) for devices in (1, 2)]
    if large:
        rows.append(_row(4, 10**8, 1))
    return Report(
        "sweeps",
        "Mean position of the chain on a plane of g and T_L, 32 bit on the disk",
        ["sites", "precision", "virtual devices", "points"],
        rows,
        {"left out: sweeps of more seconds than": _PATIENCE_S},
    )
