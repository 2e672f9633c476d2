"""Which parts hold which tiles: those of the same cut of the grid, and those of any other."""

from collections import Counter
from pathlib import Path

from qthermo_jax.sweeping.schedule.report import TileReport, counted
from qthermo_jax.sweeping.schedule.tiling import Box, Tiling, overlap, without
from qthermo_jax.sweeping.store.files import Source
from qthermo_jax.sweeping.store.tile_files import TileFiles


def find_sources(
    tile_files: TileFiles, tiling: Tiling, boxes: list[Box]
) -> tuple[list[Source], list[Box], TileReport]:
    """What shows each tile, the tiles that have to be computed, and what the others hold.

    A tile that another cut of the grid covers in part alone is computed as a whole.
    """
    lacking, own = tile_files.survey(boxes)
    statuses = Counter(own.statuses)
    found = {_corner(box): _Cover(box) for box in lacking}
    for path, tile_file in tile_files.others(boxes) if found else ():
        for tile in tiling.over(tile_file.box):
            cover = found.get(_corner(tile))
            if cover is not None:
                for box in cover.take(path, tile_file.box):
                    cover.statuses += counted(tile_file.inside(box)["status"])
    sources: list[Source] = []
    missing: list[Box] = []
    for box in boxes:
        cover = found.get(_corner(box))
        if cover is not None and not cover.rest:
            sources += cover.sources
            statuses += cover.statuses
            continue
        sources.append(Source(tile_files.path(box), box, box))
        if cover is not None:
            missing.append(box)
    return sources, missing, TileReport(statuses.total(), statuses, earlier=True)


class _Cover:
    """What other parts hold of a tile.

    Attributes:
        sources: boxes of the tile that they hold, none of which overlap.
        statuses: of the points in these.
        rest: boxes of the tile that none of them holds.
    """

    def __init__(self, tile: Box) -> None:
        self.sources: list[Source] = []
        self.statuses: Counter[int] = Counter()
        self.rest = [tile]

    def take(self, path: Path, whole: Box) -> list[Box]:
        """Take from a part what is lacking; the boxes that were."""
        taken, rest = [], []
        for box in self.rest:
            shared = overlap(box, whole)
            if shared is None:
                rest.append(box)
            else:
                taken.append(shared)
                rest += without(box, shared)
        self.rest = rest
        self.sources += [Source(path, box, whole) for box in taken]
        return taken


def _corner(box: Box) -> tuple[int, ...]:
    return tuple(side.start for side in box)
