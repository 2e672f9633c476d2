"""What the tests of stored results share."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

from qthermo_jax.sweeping.compute import engine
from six_points import stop_after, swept


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "result.h5"


@pytest.fixture
def whole(tmp_path: Path) -> xr.Dataset:
    """The same sweep undisturbed."""
    return swept(tmp_path / "undisturbed.h5")


@pytest.fixture
def solved(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Where the tiles that are solved begin."""
    starts: list[int] = []
    solve = engine.Engine.solve

    def recorded(self: engine.Engine, boxes: Any) -> Iterator[Any]:
        for box, tile in solve(self, boxes):
            starts.append(box[0].start)
            yield box, tile

    monkeypatch.setattr(engine.Engine, "solve", recorded)
    return starts


@pytest.fixture
def interrupted(out: Path) -> Path:
    """An output of which one tile of three is there."""
    with pytest.MonkeyPatch.context() as patched:
        stop_after(1, patched)
        with pytest.raises(KeyboardInterrupt):
            swept(out)
    return out
