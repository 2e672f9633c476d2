"""The user's own modules: which of them a source imports, directly or through others, and where.

Own is what lies in the user's folders: not the standard library, nothing installed, not this package.
Sources are read and parsed and never run here, so that imports inside functions are found as well.
"""

import ast
import hashlib
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import resolve_name
from pathlib import Path

import qthermo_jax

# Calls that import what their first argument names.
_IMPORTING = {"import_module", "__import__"}


def _library_folders() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    listed = [paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    listed += [*site.getsitepackages(), site.getusersitepackages()]
    return tuple({folder for path in listed for folder in (Path(path), Path(path).resolve())})


_LIBRARIES = _library_folders()
_PACKAGE = Path(qthermo_jax.__file__).resolve().parent


def is_user_file(file: str) -> bool:
    """Whether a file is there and the user's own."""
    return _in_folder_of_user(file) and Path(file).is_file()


@lru_cache(1 << 14)
def _in_folder_of_user(file: str) -> bool:
    for path in (Path(file).absolute(), Path(file).resolve()):
        folders = set(path.parents)
        if _PACKAGE in folders or not folders.isdisjoint(_LIBRARIES):
            return False
        if {"site-packages", "dist-packages"} & set(path.parts):
            return False
    return True


@lru_cache(1 << 10)
def imported_names(source: bytes, package: str) -> tuple[str, ...]:
    """The absolute names that a source imports: modules, and what may be modules inside packages.

    Args:
        package: that the source belongs to, "" for none.

    >>> imported_names(b"from . import a", "p")
    ('p', 'p.a')
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ()  # whoever runs it says so
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        for name in _names_in(node):
            try:
                found[resolve_name(name, package)] = None
            except ImportError:  # beyond the outermost package: whoever runs it says so
                continue
    return tuple(found)


def _names_in(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            base = "." * level + (module or "")
            yield base
            dot = "." if module else ""
            yield from (f"{base}{dot}{alias.name}" for alias in names if alias.name != "*")
        case ast.Call(
            func=ast.Attribute(attr=called) | ast.Name(id=called),
            args=[ast.Constant(value=str(name)), *_],
        ) if called in _IMPORTING:
            yield name


@dataclass(frozen=True)
class Search:
    """Where the user's own modules are looked for.

    Attributes:
        folder: where, before the places that Python knows; the folder of a model's file.
        home: the file or folder of an installed package that counts as the user's own too.
        loaded: take modules that are imported already from where they came.
    """

    folder: Path | None = None
    home: Path | None = None
    loaded: bool = False

    def covers(self, file: str) -> bool:
        """Whether a file is the user's own, or of the package that counts as such."""
        return is_user_file(file) or (
            self.home is not None and self.home in (Path(file), *Path(file).parents)
        )

    def find(self, name: str, path: Iterable[str] | None = None) -> ModuleSpec | None:
        """One of the user's own modules; None for any other.

        Args:
            path: of the package that it belongs to, if it does.
        """
        spec = self._spec(name, path)
        if spec is None:
            return None
        if spec.has_location and spec.origin:
            return spec if self.covers(spec.origin) else None
        # A folder without __init__.py is a package as well: what is in it decides.
        return spec if spec.submodule_search_locations else None

    def _spec(self, name: str, path: Iterable[str] | None) -> ModuleSpec | None:
        if self.loaded and name in sys.modules:
            return getattr(sys.modules[name], "__spec__", None)
        if name.partition(".")[0] in sys.stdlib_module_names:
            return None
        if path is None and self.folder is not None:
            spec = PathFinder.find_spec(name, [str(self.folder)])
            if spec is not None:
                return spec
        for finder in sys.meta_path:
            if getattr(finder, "finds_user_modules", False):
                continue
            spec = finder.find_spec(name, list(path) if path is not None else None, None)
            if spec is not None:
                return spec
        return None

    def digests(self, source: bytes, package: str = "", names: Iterable[str] = ()) -> dict[str, str]:
        """SHA-256 of every own module that a source imports, and of those that these import.

        Args:
            package: that the source belongs to.
            names: of further modules to begin with.
        """
        found: dict[str, str] = {}
        todo = [*names, *imported_names(source, package)]
        seen = set(todo)
        while todo:
            for name, spec in self._along(todo.pop()):
                if name in found or not (spec.has_location and spec.origin):
                    continue
                read = Path(spec.origin).read_bytes()
                found[name] = hashlib.sha256(read).hexdigest()
                if spec.origin.endswith(".py"):
                    inside = spec.submodule_search_locations is not None
                    more = imported_names(read, name if inside else name.rpartition(".")[0])
                    todo += [each for each in more if each not in seen]
                    seen.update(more)
        return found

    def _along(self, name: str) -> Iterator[tuple[str, ModuleSpec]]:
        """A module and the packages around it, from the outermost on, as far as there are any."""
        path: list[str] | None = None
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            spec = self.find(".".join(parts[:end]), path)
            if spec is None:
                return
            yield spec.name, spec
            if spec.submodule_search_locations is None:
                return
            path = list(spec.submodule_search_locations)


def in_one(digests: dict[str, str]) -> str:
    """One digest of many, whatever their order."""
    listed = "\n".join(f"{name} {digest}" for name, digest in sorted(digests.items()))
    return hashlib.sha256(listed.encode()).hexdigest()
