"""Strict settings for every test: 64 bit, no silent promotion, annotated shapes checked at run time."""

import atexit
import importlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import pytest
from hypothesis import HealthCheck, settings
from jaxtyping import config as jaxtyping_config
from jaxtyping import install_import_hook

# Most of the time goes into compilation: without XLA's optimisations it is a fifth less, and with its
# older emitter of loops, where it still has that, half of the rest. The processes that tests start
# inherit it. `make test-accuracy` and `make test-all` compile as users do.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "true")
_FAST = os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] == "true"
jax.config.update("jax_disable_most_optimizations", _FAST)
if _FAST and jax.__version_info__ < (0, 11):
    _flags = os.environ.get("XLA_FLAGS", "")
    os.environ["XLA_FLAGS"] = f"{_flags} --xla_cpu_use_fusion_emitters=false"
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

# The processes that tests start, wherever they do, import the package from where these tests are.
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")))
)

# The workers and the processes that tests start share what each has compiled, in folders that go when
# the run ends. The first process makes them. JAX's own, which knows a program by all that it is made of,
# may be one that several runs share.
for _variable in ("JAX_COMPILATION_CACHE_DIR", "QTHERMO_CACHE_DIR"):
    if _variable not in os.environ:
        os.environ[_variable] = tempfile.mkdtemp(prefix="qthermo_jax-tests-")
        atexit.register(shutil.rmtree, os.environ[_variable], ignore_errors=True)
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.2"
jax.config.update("jax_compilation_cache_dir", os.environ["JAX_COMPILATION_CACHE_DIR"])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)

# Shared examples for everybody (derandomize); compilation makes the first example slow (deadline).
_ALWAYS = {
    "deadline": None,
    "derandomize": True,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
settings.register_profile("default", max_examples=30, **_ALWAYS)
settings.register_profile("thorough", max_examples=1000, **_ALWAYS)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# Before the package is imported for the first time: the hook rewrites modules as they load.
install_import_hook("qthermo_jax", "beartype.beartype")


# Each program that JAX keeps takes some of the memory maps of a process, of which Linux allows 65 530:
# past them, compiling ends in a segmentation fault.
_MAPS, _MANY_MAPS = Path("/proc/self/maps"), 20_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The examples of docstrings compile a program each: they are long."""
    for item in items:
        if isinstance(item, pytest.DoctestItem):
            item.add_marker(pytest.mark.long)


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Let go of what was compiled, after a file that leaves very many programs."""
    if nextitem is not None and nextitem.path == item.path:
        return
    if _MAPS.exists() and _MAPS.read_bytes().count(b"\n") > _MANY_MAPS:
        jax.clear_caches()
        importlib.import_module("qthermo_jax.sweeping.compute.kept").Kept.forget()


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Annotations off, as users run: the package's own checks must speak for themselves."""
    jaxtyping_config.update("jaxtyping_disable", True)
    yield
    jaxtyping_config.update("jaxtyping_disable", False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and the working directory while the test runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def qthermo(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the command in this process: (exit code, standard output, standard error)."""

    main = importlib.import_module("qthermo_jax.cli").main  # not before the hook above

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["qthermo", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code, *capsys.readouterr()

    return call
