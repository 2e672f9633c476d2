"""Measurements in a fresh process, whose memory nothing else has touched."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parent.parent
_PATIENCE_S = 1800


def measured(module: str, devices: int | None = None, **options: object) -> dict[str, Any]:
    """What `python -m module --option value ...` prints as JSON, run with one thread of BLAS.

    Two threads on two cores that others used too were up to ten times slower, with every solver.

    Args:
        devices: virtual ones that the CPU shows itself as; each of them takes threads of its own.
    """
    own = {"OPENBLAS_NUM_THREADS": "1", **os.environ}
    if devices:
        own |= {"XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}"}
    command = [sys.executable, "-m", module]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    done = subprocess.run(
        command,
        cwd=_ROOT,
        env=own,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result
