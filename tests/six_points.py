"""Six points of the Lambda system in three tiles, for the tests of what is stored."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

import qthermo_jax as qj
from qthermo_jax.steady import bytes_per_point
from qthermo_jax.sweeping.compute import engine

THREE_LEVELS = bytes_per_point(qj.models.lambda_system(), qj.Method.POPULATIONS)
T = [0.1, 0.2, 0.3, 0.5, 0.8, 1.3]
SIX: dict[str, Any] = {"axes": {"T_2": T}, "memory": 2 * THREE_LEVELS}


def swept(out: Path, **changed: Any) -> xr.Dataset:
    """Six points of the Lambda system in three tiles."""
    with qj.sweep("lambda_system", **{**SIX, **changed}, out=out) as data:
        return data.load()


def stop_after(tiles: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail when so many tiles are solved."""
    solve = engine.Engine.solve

    def stops(self: engine.Engine, boxes: Any) -> Iterator[Any]:
        for count, done in enumerate(solve(self, boxes)):
            if count == tiles:
                raise KeyboardInterrupt
            yield done

    monkeypatch.setattr(engine.Engine, "solve", stops)
