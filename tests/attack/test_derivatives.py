"""Derivatives of drawn systems are right, or flagged where the state jumps.

ATTACK_SYSTEMS and ATTACK_SEED set how many the slow test draws, and from which seed on.
"""

import os

import pytest

from attack.cases import DIRECTIONS, STRUCTURE, quick_or_slow
from attack.judging import assert_no_failure
from attack.judging_derivatives import Pair, attack, judged
from attack.systems import draw

pytestmark = pytest.mark.accuracy

# Systems of the quick test.
QUICK = 16


@pytest.mark.long
def test_derivatives_of_drawn_systems() -> None:
    seeds = [seed for seed in range(400) if draw(seed).signature == STRUCTURE][:QUICK]
    assert_no_failure(attack(seeds, ("auto",)))


@pytest.mark.slow
@pytest.mark.timeout(6000)
def test_derivatives_of_many_drawn_systems() -> None:
    first = int(os.environ.get("ATTACK_SEED", "1000000"))
    assert_no_failure(attack(range(first, first + int(os.environ.get("ATTACK_SYSTEMS", "1500")))))


@pytest.mark.long
@pytest.mark.parametrize("pair", [quick_or_slow(pair, pair[0], pair[1].name) for pair in DIRECTIONS])
def test_directions(pair: Pair) -> None:
    verdicts = judged([pair], ("auto",))
    assert verdicts
    assert_no_failure(verdicts)
