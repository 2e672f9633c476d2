"""Small sweeps for the attacks on what they keep: of one program, so that each takes milliseconds."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import qthermo_jax as qj
from qthermo_jax.steady import bytes_per_point
from qthermo_jax.sweeping import Interrupted, Store, Sweep, run_to_file
from qthermo_jax.sweeping.compute import engine
from qthermo_jax.sweeping.execute import extending
from qthermo_jax.sweeping.execute.planning import make_plan
from qthermo_jax.sweeping.plan.model import find_model
from qthermo_jax.sweeping.plan.record import Plan
from qthermo_jax.sweeping.spec.reading import parse_spec

POINT = bytes_per_point(qj.models.lambda_system(), qj.Method.POPULATIONS)
T = (0.1, 0.2, 0.3, 0.5, 0.8, 1.3)


@cache
def job_of(points: int = 2, T_2: tuple[float, ...] = T) -> Sweep:
    """Points of the Lambda system along T_2, so many a tile."""
    described = {"model": "lambda_system", "axes": {"T_2": list(T_2)} if T_2 else {}}
    plan = make_plan(
        parse_spec(described, "here"), find_model("lambda_system", Path()), points * POINT, 1
    )
    return Sweep(plan, "", "lambda_system", Path())


class Solver:
    """Solves tiles in this process and notes which; it keeps what it has computed for every later call.

    Attributes:
        tiles: the corners of the tiles that were asked for.
        asked: these with the digest of their sweep.
    """

    def __init__(self) -> None:
        self.tiles: list[tuple[int, ...]] = []
        self.asked: list[tuple[str, tuple[int, ...]]] = []
        self._known: dict[Any, Any] = {}
        self._plans: dict[str, Plan] = {}

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """In place of the engine's own."""
        solve, solver = engine.Engine.solve, self

        def remembered(self: engine.Engine, boxes: Any) -> Iterator[Any]:
            digest = self._plan.digest
            for box in boxes:
                key = (digest, repr(box))
                solver.tiles.append(tuple(side.start for side in box))
                solver.asked.append((digest, solver.tiles[-1]))
                if key not in solver._known:
                    ((_, solver._known[key]),) = solve(self, [box])
                yield box, {name: values.copy() for name, values in solver._known[key].items()}

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(engine.Engine, "solve", remembered)
            patched.setattr(extending, "make_plan", self._planned)
            yield

    def _planned(self, spec: Any, *told: Any) -> Plan:
        """The plan of a piece, made once."""
        key = spec.model_dump_json()
        if key not in self._plans:
            self._plans[key] = make_plan(spec, *told)
        return self._plans[key]


def run(job: Sweep, out: Path, tiles: int | None = None, **how: Any) -> None:
    """Run a sweep to its end, or until so many tiles are solved."""
    left = [tiles]

    def stop() -> bool:
        if left[0] is None:
            return False
        left[0] -= 1
        return left[0] < 0

    try:
        run_to_file(job, Store(out, job.plan, **how), stop=stop)
    except Interrupted:
        assert tiles is not None
