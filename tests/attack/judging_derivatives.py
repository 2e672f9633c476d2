"""Whether the package's derivatives are right, or flagged where there are none."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from attack.exact_derivatives import Direction, Slopes, draw_direction, slopes
from attack.judging import FLAGGED, NEEDLESS, RIGHT, WRONG, Verdict
from attack.rounding import perturbed
from attack.solving import METHODS, arrays_of, solved
from attack.systems import Draw, draw
from qthermo_jax.steady import Status

# A derivative that is given may be off by this part of it, as its status says; one that is flagged as
# inaccurate should be off by this part at least.
GIVEN, PART = 1e-3, 1e-9

# And by so many times what round-off of the input does to it.
TIMES = 300.0

Pair = tuple[Draw, Direction]


def _step_of(draw: Draw, direction: Direction) -> dict[str, Any]:
    still = {name: np.zeros_like(value) for name, value in arrays_of(draw).items()}
    moving = {
        "H": direction.H,
        "couplings": direction.couplings,
        "T": direction.T,
        "parameters": direction.parameters,
    }
    return {name: np.asarray(moving.get(name, zero), zero.dtype) for name, zero in still.items()}


def _far(values: np.ndarray, exact: np.ndarray, least: float = 1.0) -> float:
    """The largest error relative to the largest derivative, or to what a direction of size 1 may do."""
    size = max(float(np.abs(exact).max()), least)
    return float(np.abs(values - exact).max()) / size if size > 0 else 0.0


def _allowed(pair: Pair, exact: Slopes) -> tuple[float, float] | None:
    """How far off derivatives of rho and of the currents may be; None where nothing is left of them."""
    allowed = np.full(2, PART)
    assert exact.rho is not None
    assert exact.currents is not None
    for seed in range(2):
        moved = slopes(perturbed(pair[0], seed=seed), pair[1])
        if moved.rho is None or moved.currents is None:
            return None
        gross = float(exact.base.gross)
        change = [_far(moved.rho, exact.rho), _far(moved.currents, exact.currents, gross)]
        allowed = np.maximum(allowed, TIMES * np.array(change))
    return float(allowed[0]), float(allowed[1])


def judge(pair: Pair, exact: Slopes, method: str, found: dict[str, np.ndarray]) -> Verdict | None:
    """The verdict on the derivative that one method gives; None where the point itself is flagged."""
    draw, direction = pair
    own = (draw.seed, f"{draw.generator}, {direction.name}", method)
    if "raised" in found:
        return Verdict(*own, WRONG, f"raised ValueError: {found['raised']}")
    if int(found["status"]) != Status.OK or exact.exists is None:
        return None
    flag = Status(int(found["flag"]))
    if flag == Status.NO_DERIVATIVE:
        return Verdict(*own, FLAGGED if exact.splits or not exact.exists else NEEDLESS, flag.name)
    if not exact.exists:
        return Verdict(*own, WRONG, "OK, but the state jumps")
    assert exact.rho is not None
    assert exact.currents is not None
    allowed = _allowed(pair, exact)
    gross = float(exact.base.gross)
    far = _far(found["rho"], exact.rho), _far(found["currents"], exact.currents, gross)
    if flag != Status.OK:
        return Verdict(*own, FLAGGED if allowed is None or far[0] > PART else NEEDLESS, flag.name)
    if allowed is None:
        return None
    right = far[0] <= max(allowed[0], GIVEN)
    return Verdict(*own, RIGHT if right else WRONG, "OK", allowed[0], far[0], far[1])


def judged(pairs: Sequence[Pair], methods: Sequence[str] = METHODS) -> list[Verdict]:
    """Verdicts on draws along directions, where there is one steady state."""
    exacts = [slopes(*pair) for pair in pairs]
    clear = [
        (pair, exact)
        for pair, exact in zip(pairs, exacts, strict=True)
        if exact.exists is not None and not exact.base.levels.ambiguous
    ]
    steps = [_step_of(*pair) for pair, _ in clear]
    results = solved([pair[0] for pair, _ in clear], steps, methods)
    verdicts = [
        judge(pair, exact, method, found)
        for (pair, exact), by_method in zip(clear, results, strict=True)
        for method, found in by_method.items()
    ]
    return [verdict for verdict in verdicts if verdict is not None]


def with_direction(seed: int) -> Pair:
    """The system of a seed with a direction."""
    drawn = draw(seed)
    return drawn, draw_direction(drawn)


def attack(seeds: Iterable[int], methods: Sequence[str] = METHODS) -> list[Verdict]:
    """Verdicts on derivatives of the global and partially secular systems of these seeds."""
    pairs = map(with_direction, seeds)
    secular = [pair for pair in pairs if pair[0].generator in ("global", "partial_secular")]
    return judged(secular, methods)
