"""What was made once is not made again: in this process, and in later ones of the same user."""

import hashlib
import json
import os
import platform
import sys
import sysconfig
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from threading import Lock, RLock
from typing import Any, Generic, TypeVar

import jax

import qthermo_jax
from qthermo_jax import cache

T = TypeVar("T")

# What JAX says and keeps, which no program is made of.
_NO_MATTER = ("jax_compilation_cache", "jax_persistent_cache", "jax_log", "jax_debug_log", "jax_explain")


# One for each kind of things.
_ALL: list["Kept[Any]"] = []


class Kept(Generic[T]):
    """Things by the digest of what they are made of: the latest used ones in memory, others on the disk.

    Args:
        kind: of the things, which names their files.
        most: how many stay in memory.
        saved: the bytes of a thing; None if it cannot be kept on the disk.
        loaded: a thing from its bytes; whatever it raises, the thing is made.
    """

    def __init__(
        self,
        kind: str,
        most: int,
        saved: Callable[[T], bytes | None] = lambda _: None,
        loaded: Callable[[bytes], T] | None = None,
    ) -> None:
        self._kind = kind
        self._most = most
        self._saved = saved
        self._loaded = loaded
        self._things: OrderedDict[str, T] = OrderedDict()
        self._making: dict[str, RLock] = {}
        self._lock = Lock()
        _ALL.append(self)

    def get(self, statics: Mapping[str, Any], make: Callable[[], T]) -> T:
        """The thing that is made of `statics`; made once, however many threads ask for it at a time."""
        key = digest([statics, _configuration()])
        with self._lock:
            making = self._making.setdefault(key, RLock())
        with making:
            with self._lock:
                found = self._things.get(key)
            if found is None:
                found = self._from_disk(key, make)
            with self._lock:
                self._things[key] = found
                self._things.move_to_end(key)
                while len(self._things) > self._most:
                    self._things.popitem(last=False)
                self._making.pop(key, None)
        return found

    def _clear(self) -> None:
        with self._lock:
            self._things.clear()

    @staticmethod
    def forget() -> None:
        """Let go of everything in memory, of every kind."""
        for kept in _ALL:
            kept._clear()  # noqa: SLF001 - a method of this class

    def _from_disk(self, key: str, make: Callable[[], T]) -> T:
        if self._loaded is None or cache.folder() is None:
            return make()
        name = f"{self._kind}-{digest([key, environment()])}"
        content = cache.read(name)
        if content is not None:
            try:
                return self._loaded(content)
            except Exception:  # noqa: BLE001 - whatever a file of another version makes of it
                pass
        made = make()
        content = self._saved(made)
        if content is not None:
            cache.write(name, content)
        return made


def digest(described: Any) -> str:
    """SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def _configuration() -> dict[str, str]:
    """JAX's, as it holds for this thread."""
    options = jax.config.values.items()
    return {
        name: str(getattr(jax.config, name, value))
        for name, value in options
        if not name.startswith(_NO_MATTER)
    }


@lru_cache(1)
def environment() -> dict[str, Any]:
    """What a file of another process may have been made with, and must not differ in."""
    device = jax.devices()[0]
    return {
        "sources": _sources(),
        "installed": _installed(),
        "python": sys.version,
        "jax": jax.__version__,
        "device": [device.platform, device.device_kind, device.client.platform_version],
        "processor": [platform.machine(), _processor_features(), os.cpu_count()],
        "flags": {name: value for name, value in os.environ.items() if _is_flag(name)},
    }


def _is_flag(variable: str) -> bool:
    return variable.startswith(("XLA_", "JAX_")) and not variable.lower().startswith(_NO_MATTER)


def _sources() -> str:
    """Digest of this package's code."""
    told = hashlib.sha256()
    folder = Path(qthermo_jax.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        told.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return told.hexdigest()


def _installed() -> list[str]:
    """Names and versions of the packages that are installed beside this one."""
    folders = {Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("platlib"))}
    found = (entry for folder in folders if folder.is_dir() for entry in folder.iterdir())
    return sorted(entry.name for entry in found if entry.suffix in (".dist-info", ".egg-info"))


def _processor_features() -> str:
    """What machine code may be made for, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")
