"""Models and observables from the user's files, loaded as these are on the disk now.

A user's own modules are read from their sources: not from Python's cache, which takes an edit within the
same second for none, and not from what the process imported before. So the digest is of the source that
was run. The modules are in `sys.modules` only while they are loaded and called: models in two folders
may each have a `helper.py`, and what a notebook imported stays as it is.
"""

import functools
import hashlib
import importlib
import importlib.util
import sys
import threading
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from typing import Any

from qthermo_jax.sweeping.errors import SpecError
from qthermo_jax.sweeping.plan.sources import Search, in_one, is_user_file

# One process has one `sys.modules`.
_lock = threading.RLock()

# How often a file is read again that is edited while it is loaded.
_TRIES = 3

# Of the process itself; they are never replaced.
_MAIN = {"__main__", "__mp_main__"}


class UserModules:
    """The user's own modules that one reference needs.

    Args:
        source: `path/to/file.py` or the name of a module.
        folder: what a relative path starts from.

    Attributes:
        root: the module that the reference names.
        digest: of its source and of all own modules that it imports.

    Raises:
        SpecError: it is being edited.
        Exception: whatever the user's modules raise.
    """

    root: types.ModuleType

    def __init__(self, source: str, folder: Path) -> None:
        self._file = (folder / source).absolute() if source.endswith(".py") else None
        self._source = source
        self._modules: dict[str, types.ModuleType] = {}
        self._run: dict[str, str] = {}
        self._bound: dict[int, Callable[..., Any]] = {}
        importlib.invalidate_caches()
        if self._file:
            self._search = Search(folder=self._file.parent)
        else:
            self._search = Search(home=home_of(source))
        for _ in range(_TRIES):
            self._modules.clear()
            self._run.clear()
            self._known = self._on_disk()
            with self.active():
                self.root = self._loaded()
            self._known = {**self._on_disk(), **self._run}
            if self.is_current():
                break
        else:
            raise SpecError(f"{source}: is being edited; run it again")
        self.digest = in_one(self._known)

    def is_current(self) -> bool:
        """Whether the files on the disk are those that were loaded."""
        return self._known == self._on_disk()

    def _on_disk(self) -> dict[str, str]:
        """Digests of the sources, by name; the model's own file has none."""
        if not self._file:
            return self._search.digests(b"", names=[self._source, *self._run])
        source = self._file.read_bytes()
        imported = self._search.digests(source, names=[name for name in self._run if name])
        return {"": hashlib.sha256(source).hexdigest(), **imported}

    def _loaded(self) -> types.ModuleType:
        if not self._file:
            return importlib.import_module(self._source)
        name = f"qthermo_model_{self._file.stem}"
        loader = _Loader(name, str(self._file), self._ran, "")
        spec = ModuleSpec(name, loader, origin=loader.path)
        spec.has_location = True
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses look for it there
        loader.exec_module(module)
        return module

    def bound(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, which finds the own modules that it imports when it is called."""
        if id(function) not in self._bound:  # not every function has a hash, and the modules keep them
            self._bound[id(function)] = _Bound(function, self.active)
        return self._bound[id(function)]

    def _ran(self, name: str, digest: str) -> None:
        """Told of each source before it runs."""
        if self._known.get(name, digest) != digest and hasattr(self, "digest"):
            raise SpecError(f"{self._source}: the module {name} was edited meanwhile; run it again")
        self._run[name] = digest

    @contextmanager
    def active(self) -> Iterator[None]:
        """While the modules are those that Python finds."""
        finder = _Finder(self._search, self._ran)
        with _lock:
            aside = _taken_out()
            sys.modules.update(self._modules)
            sys.meta_path.insert(0, finder)
            try:
                yield
            finally:
                sys.meta_path.remove(finder)
                self._modules |= _taken_out()
                sys.modules.update(aside)


class _Bound:
    """A function that is called while its own modules are those that Python finds."""

    def __init__(
        self, function: Callable[..., Any], active: Callable[[], AbstractContextManager[None]]
    ) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._active = active

    def __call__(self, *args: Any, **named: Any) -> Any:
        with self._active():
            return self._function(*args, **named)


def _taken_out() -> dict[str, types.ModuleType]:
    """Take the user's own modules out of those that Python knows."""
    own = {name: module for name, module in sys.modules.copy().items() if _is_of_user(name, module)}
    for name in own:
        del sys.modules[name]
    return own


def _is_of_user(name: str, module: object) -> bool:
    if name in _MAIN or not isinstance(module, types.ModuleType):
        return False
    file = vars(module).get("__file__")
    return isinstance(file, str) and file.endswith(".py") and is_user_file(file)


def home_of(name: str) -> Path | None:
    """Where the installed package is that a module belongs to; None where it is not installed."""
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or top == __name__.partition(".")[0]:
        return None
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.origin or not spec.has_location:
        return None
    return Path(spec.origin).parent if spec.submodule_search_locations else Path(spec.origin)


class _Finder(MetaPathFinder):
    """Finds the user's own modules before anybody else does."""

    finds_user_modules = True

    def __init__(self, search: Search, ran: Callable[[str, str], None]) -> None:
        self._search = search
        self._ran = ran

    def find_spec(
        self, fullname: str, path: Iterable[str] | None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        """As importlib asks."""
        spec = self._search.find(fullname, path)
        if (
            spec is not None
            and spec.origin
            and spec.origin.endswith(".py")
            and is_user_file(spec.origin)
        ):
            spec.loader = _Loader(fullname, spec.origin, self._ran, fullname)
        return spec


class _Loader(SourceFileLoader):
    """Runs a source as it is on the disk, and tells its digest."""

    def __init__(self, name: str, path: str, ran: Callable[[str, str], None], told: str) -> None:
        super().__init__(name, path)
        self._ran = ran
        self._told = told

    def get_code(self, fullname: str) -> types.CodeType:
        """Compile the source, whatever Python's cache holds."""
        source = self.get_data(self.path)
        self._ran(self._told, hashlib.sha256(source).hexdigest())
        code: types.CodeType = self.source_to_code(source, self.path)
        return code


_kept: dict[tuple[str, Path], UserModules] = {}


def user_modules(source: str, folder: Path) -> UserModules:
    """The modules that a reference needs, loaded before if nothing was edited since.

    Raises:
        SpecError: it is being edited.
        Exception: whatever the user's modules raise.
    """
    key = (source, folder.absolute())
    with _lock:
        if key not in _kept or not _kept[key].is_current():
            _kept[key] = UserModules(source, folder)
        return _kept[key]
