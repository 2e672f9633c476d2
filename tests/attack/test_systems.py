"""No point of a drawn system, or of a system that once was wrong, is wrong without a word.

ATTACK_SYSTEMS and ATTACK_SEED set how many the slow test draws, and from which seed on.
"""

import os
from collections import Counter

import numpy as np
import pytest

import oracles
from attack.cases import CASES, STRUCTURE, quick_or_slow
from attack.exact_generator import rate
from attack.exact_levels import Real
from attack.exact_states import steady
from attack.judging import COLD, NEEDLESS, VAGUE, assert_no_failure, attack, judge, judged, summary
from attack.solving import METHODS, solved
from attack.systems import Bath, Draw, draw

pytestmark = pytest.mark.accuracy

# Their currents were outside their bounds: a coupling's element is near the round-off of its rotation,
# and what it carries flows through the well known couplings too.
POORLY_KNOWN_LINKS = (9400292, 9400677, 9401280, 9403591)

# Systems of the quick tests.
QUICK = 60
QUICK_METHODS = ("auto", "dense")


def _rate(bath: Bath) -> oracles.Rate:
    return lambda w: float(rate(bath.kind, bath.parameters, Real(bath.T), w))


@pytest.mark.parametrize("seed", [34, 142, 150, 391])
def test_the_exact_solution_of_a_tame_system(seed: int) -> None:
    """The exact solution is that of the projectors' generator in doubles, to what doubles hold."""
    drawn = draw(seed)
    assert drawn.family == "tame"
    couplings, rates = [bath.coupling for bath in drawn.baths], [_rate(bath) for bath in drawn.baths]
    rho, _ = oracles.null_state(oracles.generator(drawn.H, couplings, rates))
    exact = steady(drawn)
    assert exact.rho is not None
    np.testing.assert_allclose(np.array(exact.rho, complex), rho, atol=1e-10)
    currents = oracles.projected_heat_currents(drawn.H, couplings, rates, rho)
    gross = float(exact.gross)
    np.testing.assert_allclose(np.array(exact.currents, float), currents, atol=1e-10 * gross)


def test_drawn_systems() -> None:
    seeds = [seed for seed in range(400) if draw(seed).signature == STRUCTURE][:QUICK]
    assert_no_failure(attack(seeds, QUICK_METHODS))


@pytest.mark.long
def test_currents_through_a_poorly_known_link() -> None:
    assert_no_failure(attack(POORLY_KNOWN_LINKS, ("populations",)))


@pytest.mark.long
@pytest.mark.parametrize(("seed", "verdict"), [(34, COLD), (9600352, VAGUE)])
def test_a_current_that_is_not_given_counts_where_the_input_tells_it(seed: int, verdict: str) -> None:
    """Round-off moves currents of a tame system by some 1e-16 of them, those at an offset by 1e-6."""
    drawn = draw(seed)
    exact = steady(drawn)
    nothing = np.full(len(exact.currents), np.nan)
    (found,) = solved([drawn], methods=("auto",))
    assert judge(drawn, exact, "auto", found["auto"] | {"currents": nothing}).verdict == verdict


@pytest.mark.slow
@pytest.mark.timeout(6000)
def test_many_drawn_systems() -> None:
    first = int(os.environ.get("ATTACK_SEED", "1000000"))
    verdicts = attack(range(first, first + int(os.environ.get("ATTACK_SYSTEMS", "5000"))))
    assert_no_failure(verdicts)
    counts = Counter(verdict.verdict for verdict in verdicts)
    assert counts[NEEDLESS] + counts[COLD] <= len(verdicts) / 100, summary(verdicts)


@pytest.mark.parametrize("case", [quick_or_slow(case, case, case.family) for case in CASES])
def test_cases(case: Draw) -> None:
    verdicts = judged([case], QUICK_METHODS if case.signature == STRUCTURE else METHODS)
    assert_no_failure(verdicts)
    assert all(verdict.verdict != NEEDLESS for verdict in verdicts), summary(verdicts)
