"""Derivatives of drawn systems are right, or flagged where the state jumps.

ATTACK_SYSTEMS and ATTACK_SEED set how many the slow test draws, and from which seed on.
"""

import os
from collections.abc import Sequence

import pytest

from attack.cases import DIRECTIONS
from attack.judging import Verdict, failures, summary
from attack.judging_derivatives import Pair, attack, judged
from attack.systems import draw

pytestmark = pytest.mark.accuracy

# Of the quick test: one structure, as compiling takes longer than all else.
QUICK = 16
STRUCTURE = (3, "global", False, None, None, "dense", True)


def assert_no_failure(verdicts: Sequence[Verdict]) -> None:
    assert not failures(verdicts), summary(verdicts)


def test_derivatives_of_drawn_systems() -> None:
    seeds = [seed for seed in range(400) if draw(seed).signature == STRUCTURE][:QUICK]
    assert_no_failure(attack(seeds, ("auto",)))


@pytest.mark.slow
@pytest.mark.timeout(6000)
def test_derivatives_of_many_drawn_systems() -> None:
    first = int(os.environ.get("ATTACK_SEED", "1000000"))
    assert_no_failure(attack(range(first, first + int(os.environ.get("ATTACK_SYSTEMS", "1500")))))


def _named(pair: Pair) -> object:
    quick = pair[0].signature == STRUCTURE
    return pytest.param(pair, id=pair[1].name, marks=() if quick else pytest.mark.slow)


@pytest.mark.parametrize("pair", [_named(pair) for pair in DIRECTIONS])
def test_directions(pair: Pair) -> None:
    verdicts = judged([pair], ("auto",))
    assert verdicts
    assert_no_failure(verdicts)
