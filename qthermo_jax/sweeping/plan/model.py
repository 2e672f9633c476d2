"""A model as the sweep sees it: a function, what its parameters are, and a digest of its sources."""

import hashlib
import inspect
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from qthermo_jax import models
from qthermo_jax.declared import ComputedObservable
from qthermo_jax.labels import Quantity, parameter_kind
from qthermo_jax.sweeping.errors import (
    Issue,
    SpecError,
    Steps,
    first_line,
    of_model,
    path_of,
    unknown_name,
)
from qthermo_jax.sweeping.plan.fingerprint import fingerprint
from qthermo_jax.sweeping.plan.loading import user_modules
from qthermo_jax.system import OpenSystem

REQUIRED = inspect.Parameter.empty


@dataclass(frozen=True)
class Parameter:
    """One parameter of a model.

    Attributes:
        name: as in the function's signature.
        default: `REQUIRED` where there is none.
        structure: bool, int or str if the parameter shapes the system (it is then fixed in a sweep
            and the program is compiled for it); None for a number that can vary.
        choices: the values that a structural parameter takes, if they are listed.
        quantity: its name, symbol and unit.
    """

    name: str
    default: Any
    structure: type | None
    choices: tuple[Any, ...]
    quantity: Quantity

    def check(self, value: Any) -> Any:
        """The value to call the model with; raises `SpecError` if it is of the wrong kind."""
        if self.structure is None:
            if isinstance(value, bool | str):
                raise SpecError(self._takes("a number", value))
            return np.asarray(value, float)
        if type(value) is not self.structure:
            takes = {int: "a whole number", str: "a text", bool: "true or false"}[self.structure]
            raise SpecError(self._takes(takes, value))
        if self.choices and value not in self.choices:
            listed = ", ".join(map(repr, self.choices))
            raise SpecError(self._takes(f"one of {listed}", value))
        return value

    def _takes(self, takes: str, value: Any) -> Issue:
        return Issue(("parameters", self.name), f"takes {takes}, got {value!r}")


@dataclass(frozen=True)
class Model:
    """A model function with what the sweep needs to know about it.

    Attributes:
        name: as it was asked for.
        function: parameters -> system.
        parameters: those that it takes.
        digest: of its sources, for results that a later process finds.
        built_in: whether the package brings all of it.
    """

    name: str
    function: Callable[..., OpenSystem]
    parameters: dict[str, Parameter]
    digest: str
    built_in: bool = False

    @cached_property
    def digest_now(self) -> str:
        """Of its function as it is in memory, for programs that are made of it."""
        return self.name if self.built_in else f"{self.digest} {fingerprint(self.function, now=True)}"

    @property
    def summary(self) -> str:
        """First line of its docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]


def find_model(
    reference: str | Callable[..., OpenSystem],
    folder: Path,
    observables: Sequence[str | ComputedObservable] = (),
) -> Model:
    """The model that a name, a `file.py:function`, a `module:function` or a function stands for.

    Args:
        reference: the `model` key of a spec, or the function itself.
        folder: what a relative file path starts from.
        observables: those that are functions, or references to functions, become the model's own.

    Raises:
        SpecError: there is no such model or observable, or it cannot be loaded.
    """
    model = _find(reference, folder)
    brought, digests = {}, [model.digest]
    for position, given in enumerate(observables):
        if isinstance(given, ComputedObservable):
            brought[given.name] = given
            labels = repr((given.quantity, given.dims))
            digests.append(fingerprint(given.function.func, given.arguments, labels))
        elif ":" in given:
            found, digest = _find_function(given, folder, ("observables", position))
            name = observable_name(given)
            brought[name] = (
                found
                if isinstance(found, ComputedObservable)
                else ComputedObservable(found, Quantity(name))
            )
            digests.append(digest)
    if not brought:
        return model
    return replace(
        model,
        function=partial(_with_observables, model.function, brought),
        built_in=False,
        digest=hashlib.sha256("".join(digests).encode()).hexdigest(),
    )


def _with_observables(
    function: Callable[..., Any], brought: dict[str, ComputedObservable], **numbers: Any
) -> Any:
    return function(**numbers).with_observables(brought)


def observable_name(observable: str | ComputedObservable) -> str:
    """What an observable is called in files: the last part of a reference to a function."""
    return (
        observable.name if isinstance(observable, ComputedObservable) else observable.rpartition(":")[2]
    )


def place_of(name: str, observables: Sequence[str]) -> Steps:
    """Where a spec asks for an observable; where it does not, it is the model that brings it."""
    asked = [observable_name(given) for given in observables]
    return ("observables", asked.index(name)) if name in asked else ("model",)


def written_reference(reference: str | Callable[..., OpenSystem]) -> str:
    """How a spec names a model that is given as a function; what is a name already stays."""
    return getattr(reference, "__qualname__", repr(reference)) if callable(reference) else reference


def _find(reference: str | Callable[..., OpenSystem], folder: Path) -> Model:
    if callable(reference):
        return _described(written_reference(reference), reference, fingerprint(reference))
    if ":" not in reference:
        if reference.endswith(".py"):
            lacks = f"{reference}: names a function in it too, {reference}:NAME"
            raise SpecError(Issue(("model",), lacks))
        if reference not in models.__all__:
            unknown = unknown_name(("model",), "model", reference, models.__all__)
            raise SpecError(replace(unknown, message=f"{unknown.message} (or file.py:function)"))
        found = _described(reference, getattr(models, reference), reference)
        return replace(found, built_in=True)
    return _described(reference, *_find_function(reference, folder, ("model",)))


def _find_function(reference: str, folder: Path, steps: Steps) -> tuple[Any, str]:
    """What a reference stands for, and the digest of the user's own sources that it comes from."""
    source, _, name = reference.rpartition(":")
    with _told_in_one_line(steps, source):
        if source.endswith(".py") and not (folder / source).is_file():
            raise SpecError(Issue(steps, f"no file {folder / source}"))
        own = user_modules(source, folder)
    function = getattr(own.root, name, None)
    if isinstance(function, ComputedObservable):
        computed = own.bound(function.function.func)
        return ComputedObservable(
            computed, function.quantity, function.dims, function.arguments
        ), own.digest
    if not callable(function):
        listed = [key for key, value in vars(own.root).items() if _defined_in(value, own.root)]
        unknown = unknown_name(steps, "function", name, listed, subject=f"{path_of(steps)}: {source}")
        meant = unknown.suggestion and f"{source}:{unknown.suggestion}"
        raise SpecError(replace(unknown, suggestion=meant))
    return own.bound(function), own.digest


def _defined_in(value: Any, module: types.ModuleType) -> bool:
    return inspect.isfunction(value) and value.__module__ == module.__name__


@contextmanager
def _told_in_one_line(steps: Steps, source: str) -> Iterator[None]:
    """Around a user's module while it runs: whatever it raises is bad input."""
    try:
        yield
    except SpecError as error:  # what loads modules does not know which key names them
        placed = [one if one.steps else replace(one, steps=steps, subject="") for one in error.issues]
        raise SpecError(*placed) from error.__cause__
    except (Exception, SystemExit) as error:
        message = f"{source}: {type(error).__name__}: {first_line(error)}"
        raise SpecError(Issue(steps, message)) from error


def _described(name: str, function: Callable[..., OpenSystem], digest: str) -> Model:
    try:
        hints = get_type_hints(inspect.unwrap(function), include_extras=True)
    except (NameError, TypeError) as error:
        unread = f"its annotations cannot be read: {first_line(error)}"
        raise SpecError(of_model(name, unread)) from None
    try:
        signature = inspect.signature(function)
    except ValueError:
        unknown = "is not a Python function: its parameters are not known"
        raise SpecError(of_model(name, unknown)) from None
    parameters = {}
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        structure, choices, quantity = parameter_kind(hints.get(parameter.name), parameter.default)
        parameters[parameter.name] = Parameter(
            parameter.name, parameter.default, structure, choices, quantity
        )
    return Model(name, function, parameters, digest)
