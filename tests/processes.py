"""Processes that tests start, and waiting for what they do."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TOP = Path(__file__).parents[1]

# The command line in a process of its own, as the installed script runs it.
QTHERMO = [sys.executable, "-c", "from qthermo_jax.cli import main; main()"]

# A sweep of four points, one of them with a temperature below 0.
SPEC = """
title = "Unbalance"
model = "lambda_system"
energy_unit = "h"
observables = ["unbalance", "heat_currents"]
[parameters]
T_1 = 1.0
[axes]
T_2 = [0.0, 0.5, 1.0, -1.0]
"""


def in_a_fresh_interpreter(code: str, **environment: str) -> str:
    """What a program prints, run by another Python in which each warning is an error."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return run.stdout.strip()


def until(happened: Callable[[], Any], seconds: float = 90.0) -> Any:
    """Wait until a condition holds, and return what it returned; a failure after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < deadline, f"nothing happened in {seconds} s"
        time.sleep(0.01)
    return found
