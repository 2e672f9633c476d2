"""Resident memory of this process."""

import contextlib
import resource
from pathlib import Path

_STATUS = Path("/proc/self/status")


def _of_status(key: str) -> int:
    (line,) = [line for line in _STATUS.read_text().splitlines() if line.startswith(f"{key}:")]
    return 1024 * int(line.split()[1])


def resident() -> int:
    """Bytes now; where the system does not say, the peak."""
    return _of_status("VmRSS") if _STATUS.exists() else peak()


def peak() -> int:
    """Largest number of bytes so far, or since `forget_peak`.

    VmHWM where there is one: ru_maxrss of a process that another one started begins with what that one
    held, which would hide everything smaller.
    """
    if _STATUS.exists():
        return _of_status("VmHWM")
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def forget_peak() -> None:
    """Begin anew, where the system allows it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
