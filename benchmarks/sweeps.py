"""Whole sweeps into a file: how fast, beside solving alone, and whether memory stays flat."""

from collections.abc import Sequence

import numpy as np

from benchmarks.process import measured
from benchmarks.report import Cell, Report, megabytes
from benchmarks.timing import Spread


def measure(sizes: Sequence[int], points: Sequence[int], repeats: int, *, large: bool) -> Report:
    """One row for each chain and number of points; if asked, 10^8 points of four sites, once."""
    runs = [(sites, count, repeats) for sites in sizes for count in points]
    runs += [(4, 10**8, 1)] * large
    rows: list[dict[str, Cell]] = []
    for sites, count, times in runs:
        found = measured("benchmarks.one_sweep", sites=sites, points=count, repeats=times)
        whole, alone = (np.array(found[key]) for key in ("seconds", "solving_seconds"))
        rows.append(
            {
                "sites": sites,
                "points": found["points"],
                "tiles": found["tiles"],
                "runs": times,
                "whole sweep, s": Spread.of(whole),
                "points/s": Spread.of(found["points"] / whole),
                "whole over solving alone": Spread.of(whole / alone),
                "compile, s": found["compile_s"],
                "host memory, MB": megabytes(found["host_bytes"]),
                "one tile on the device, MB": megabytes(found["device_bytes"]),
                "file, MB": megabytes(found["file_bytes"]),
            }
        )
    title = "Mean position of the chain on a plane of g and T_L, 32 bit on the disk"
    return Report("sweeps", title, ["sites", "points"], rows)
