"""What a running sweep tells: points, speed, time left, what is flagged and what failed."""

from collections import Counter

import numpy as np
import pytest

from qthermo_jax import monitor
from qthermo_jax.monitor import Tally, watched
from qthermo_jax.steady import Status
from qthermo_jax.sweeping.schedule.report import TileReport, counted


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(monitor.time, "monotonic", lambda: now[0])
    return now


def test_a_tally_counts_what_this_run_and_earlier_ones_did(clock: list[float]) -> None:
    tally = Tally(100)
    tally.add(TileReport(40, Counter({0: 40}), earlier=True))
    assert tally.seconds_left is None
    clock[0] = 2.0
    tally.add(TileReport(20, Counter({0: 17, int(Status.NOT_UNIQUE): 3})))
    tally.add(TileReport(10, failure="tile g 0.1 ... 0.2"))
    assert (tally.points, tally.speed, tally.seconds_left) == (60, 10.0, 4.0)
    assert tally.statuses == {0: 57, Status.NOT_UNIQUE: 3}
    assert tally.remarks == "10 points/s, 3 flagged, tiles failed: 1"


def test_lines_are_few(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with watched("mine", Tally(100)) as watch:
        for second in range(12):
            clock[0] = float(second)
            watch(TileReport(1))
    assert capsys.readouterr().err.splitlines() == [
        "mine: 6 of 100 points, 1.2 points/s, 78 s left",
        "mine: 11 of 100 points, 1.1 points/s, 81 s left",
    ]


def test_where_nobody_knows_the_number_of_points_none_is_told(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with watched("refined", Tally(None)) as watch:
        clock[0] = 6.0
        watch(TileReport(3))
    assert capsys.readouterr().err == "refined: 3 points, 0.5 points/s\n"


def test_codes_are_counted_slab_by_slab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qthermo_jax.sweeping.schedule.report._AT_A_TIME", 3)
    codes = np.array([[-1, 0, 0, 7], [7, 7, 0, -1]], np.int8)
    assert counted(codes) == {-1: 2, 0: 3, 7: 3}
