"""The digest of a function that was given from Python: its sources, and what it holds in memory.

The sources are those of its own module and of the user's own modules that this imports. What is in
memory counts where no source says it: functions of a notebook, values in closures and defaults, and code
that is not what its file says, since that was edited after it was imported.
"""

import functools
import hashlib
import sys
import types
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np

from qthermo_jax.sweeping.plan.loading import home_of
from qthermo_jax.sweeping.plan.sources import Search, in_one, is_user_file

# Values that are compared by what they print as.
_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), range, slice)


def fingerprint(function: Callable[..., Any], *arguments: Any, now: bool = False) -> str:
    """Digest of all that a function and its arguments are made of.

    Args:
        now: take things as they are at this moment, for programs that are made of them. Lists, dicts
            and attributes of classes count too, and a function that holds an object which cannot be
            pickled never has the same digest twice. Without it such objects count by their type alone,
            and a later process finds the same digest.
    """
    walk = _Walk(now=now)
    root = _innermost(function)
    module = getattr(root, "__module__", None) or ""
    home = home_of(module)
    found = sys.modules.get(module)
    file = getattr(found, "__file__", None)
    if home and isinstance(file, str) and not is_user_file(file) and Path(file).is_file():
        search = Search(home=home, loaded=True)
        walk.feed("installed", in_one(search.digests(b"", names=[module])))
    walk.visit(function)
    for argument in arguments:
        walk.visit(argument)
    return walk.digest


def _innermost(function: Any) -> Any:
    while isinstance(function, functools.partial) or hasattr(function, "__wrapped__"):
        function = function.func if isinstance(function, functools.partial) else function.__wrapped__
    return function


class _Walk:
    """Looks at every object once, in an order that depends on nothing but the objects."""

    def __init__(self, *, now: bool = False) -> None:
        self._now = now
        self._hash = hashlib.sha256()
        self._seen: dict[object, int] = {}
        self._kept: list[object] = []  # so that no id is used twice

    @property
    def digest(self) -> str:
        """Of what was looked at."""
        return self._hash.hexdigest()

    def feed(self, kind: str, *told: str | bytes) -> None:
        """Take in bytes, with their lengths: no two sequences read alike."""
        for each in (kind, *told):
            data = each.encode() if isinstance(each, str) else each
            self._hash.update(len(data).to_bytes(8, "little") + data)

    def visit(self, value: Any) -> None:
        """Take in an object and what it consists of."""
        if isinstance(value, _PLAIN):
            self.feed(type(value).__name__, repr(value))
            return
        if id(value) in self._seen:
            self.feed("again", str(self._seen[id(value)]))
            return
        self._seen[id(value)] = len(self._seen)
        self._kept.append(value)
        self._visit_new(value)

    def _visit_new(self, value: Any) -> None:
        match value:
            case types.FunctionType():
                self._function(value)
            case types.MethodType():
                self._all("method", [value.__self__, value.__func__])
            case types.CodeType():
                self.feed("code", _code_digest(value))
            case types.ModuleType():
                self._module(value)
            case type():
                self._class(value)
            case functools.partial():
                self._all("partial", [value.func, value.args, value.keywords])
            case _ if hasattr(value, "__wrapped__") and callable(value):  # of jax.jit, a cache, a model
                self._all("wrapped", [value.__wrapped__])
            case _:
                self._visit_data(value)

    def _visit_data(self, value: Any) -> None:
        match value:
            case tuple() | list():
                self._all(type(value).__qualname__, value)
            case dict() if type(value) is dict:
                self._all("dict", (part for item in value.items() for part in item))
            case set() | frozenset():
                self.feed("set", *sorted(self._digest_of(each) for each in value))
            case _ if hasattr(value, "dtype") and hasattr(value, "shape"):
                self._array(value)
            case _:
                self._object(value)

    def _all(self, kind: str, values: Any) -> None:
        listed = list(values)
        self.feed(kind, str(len(listed)))
        for each in listed:
            self.visit(each)

    def _digest_of(self, value: object) -> str:
        walk = _Walk(now=self._now)
        walk.visit(value)
        return walk.digest

    def _array(self, value: Any) -> None:
        try:
            array = np.asarray(value)
        except Exception:  # noqa: BLE001 - a key of JAX, a traced value: any library's own words
            self._unknown("object", type(value).__qualname__)
            return
        if array.dtype.hasobject:
            self._all("array", array.reshape(-1).tolist())
        else:
            self.feed("array", array.dtype.str, str(array.shape), array.tobytes())

    def _object(self, value: Any) -> None:
        """By its class and by what pickle would keep of it, taken apart."""
        self._class(type(value))
        try:
            parts = value.__reduce_ex__(4)
        except Exception:  # noqa: BLE001 - whatever an object raises that cannot be pickled
            self._unknown("opaque")
            return
        if isinstance(parts, str):
            self.feed("name", parts)
            return
        call, arguments, *rest = parts
        self._all("object", [call, arguments, *map(_listed, rest)])

    def _unknown(self, *told: str) -> None:
        """Take in an object that nothing is known of."""
        self.feed(*told, *([token_hex()] if self._now else []))

    def _class(self, value: type) -> None:
        self.feed("class", value.__module__, value.__qualname__)
        module = sys.modules.get(value.__module__)
        if self._source_of(module) is not None:
            self._module(module)
            if self._now:
                data = {name: member for name, member in vars(value).items() if _is_data(member)}
                self._all("data", (part for item in data.items() for part in item))
                self._all("bases", value.__bases__)
        elif module is None or value.__module__ == "__main__":  # of a notebook
            members = {k: v for k, v in vars(value).items() if k not in ("__dict__", "__weakref__")}
            self._all("members", (part for item in members.items() for part in item))
            self._all("bases", value.__bases__)

    def _source_of(self, module: object) -> Path | None:
        """The file of a module of the user's own."""
        file = getattr(module, "__file__", None) if isinstance(module, types.ModuleType) else None
        return Path(file) if isinstance(file, str) and is_user_file(file) else None

    def _module(self, module: Any) -> None:
        """By its source and those that it imports; another's by its name."""
        file = self._source_of(module)
        self.feed("module", module.__name__ if module.__name__ != "__main__" else "")
        if file is not None:
            self._source(file, module.__package__ or "")

    def _source(self, file: Path, package: str) -> None:
        if ("source", file) in self._seen:
            return
        self._seen["source", file] = len(self._seen)
        source = file.read_bytes()
        self.feed("source", source, in_one(Search(file.parent, loaded=True).digests(source, package)))

    def _function(self, function: types.FunctionType) -> None:
        code = function.__code__
        self.feed("function", function.__qualname__)
        self._all("closure", _contents(function))
        self._all("defaults", [function.__defaults__, function.__kwdefaults__])
        file = Path(code.co_filename)
        from_file = file.suffix == ".py" and file.is_file()
        if from_file and not is_user_file(str(file)):  # of a library
            self.feed("library", function.__module__ or "")
            return
        if from_file:
            # Workers have another __main__: the function carries its package along.
            self._source(file, function.__globals__.get("__package__") or "")
        if not (from_file and _code_digest(code) in _codes_of(file.read_bytes())):
            self.feed("code", _code_digest(code))
        self._globals(function, constants_only=from_file and not self._now)

    def _globals(self, function: types.FunctionType, *, constants_only: bool) -> None:
        """What the function's names mean.

        A module's lists and dicts may be caches, which fill while it is used: its source says what they
        were.
        """
        names = list(_names(function.__code__))
        for name in names:
            if name not in function.__globals__:
                continue
            value = function.__globals__[name]
            if isinstance(value, types.ModuleType):
                self._attributes(value, names)
            elif not constants_only or _is_constant(value):
                self.feed("global", name)
                self.visit(value)

    def _attributes(self, module: types.ModuleType, names: list[str]) -> None:
        self._module(module)
        if self._source_of(module) is None:
            return
        for name in names:
            value = vars(module).get(name)
            if isinstance(value, types.ModuleType):
                key = ("attributes", id(value), tuple(names))
                if key not in self._seen:
                    self._seen[key] = len(self._seen)
                    self._attributes(value, names)
            elif name in vars(module) and (self._now or _is_constant(value)):
                self.feed("attribute", name)
                self.visit(value)


def _is_constant(value: object) -> bool:
    """Functions, classes, numbers, texts, arrays, tuples of them: nothing that fills while used."""
    if isinstance(value, tuple | frozenset):
        return all(map(_is_constant, value))
    known = (*_PLAIN, types.FunctionType, type, functools.partial)
    return isinstance(value, known) or hasattr(value, "__wrapped__") or hasattr(value, "dtype")


def _is_data(value: object) -> bool:
    """Numbers, texts, arrays, and what holds such things."""
    return isinstance(value, (*_PLAIN, tuple, list, dict, set, frozenset)) or hasattr(value, "dtype")


def _contents(function: types.FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not assigned yet
            yield None


def _listed(part: Any) -> Any:
    """What pickle gives as an iterator."""
    return list(part) if isinstance(part, Iterator) else part


def _nested(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _nested(constant)


def _names(code: types.CodeType) -> dict[str, None]:
    """The names of globals and attributes in a function and the functions inside it."""
    return {name: None for each in _nested(code) for name in each.co_names}


def _code_digest(code: types.CodeType) -> str:
    """Of what a function does, wherever it stands."""
    walk = _Walk()
    told = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    walk.feed("code", code.co_name, code.co_code, repr(told), repr(counts), code.co_exceptiontable)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            walk.feed("inside", _code_digest(constant))
        else:
            walk.visit(constant)
    return walk.digest


@lru_cache(256)
def _codes_of(source: bytes) -> frozenset[str]:
    """All functions that a source defines."""
    try:
        whole = compile(source, "", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return frozenset()
    return frozenset(map(_code_digest, _nested(whole)))
