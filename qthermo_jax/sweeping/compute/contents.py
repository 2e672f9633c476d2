"""What a traced function consists of when it is lowered for a platform, which need not be there.

JAX lowers a function for CUDA on any machine, without a package of CUDA's. Nothing is compiled.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jax.interpreters.mlir import ir
from jax.stages import Traced

# The platforms for which programs are made differently.
PLATFORMS = ("cpu", "cuda")

Shape = tuple[int, ...]

_CALLBACKS = ("pure_callback", "io_callback", "debug_callback")

# Operations that take a part of an array or write one, at a place that is computed; by the numbers of
# the operands that are the array and what is written (None: the result is what is read).
_PARTS = {
    "stablehlo.dynamic_slice": None,
    "stablehlo.gather": None,
    "stablehlo.dynamic_update_slice": 1,
    "stablehlo.scatter": 2,
}


@dataclass(frozen=True)
class Loop:
    """A loop of a program.

    Attributes:
        steps: how many it takes; None if something that is computed ends it.
        parts: for each operation inside that reads or writes part of an array at a place that is
            computed, the shape of the array and that of the part.
    """

    steps: int | None
    parts: tuple[tuple[Shape, Shape], ...]


@dataclass(frozen=True)
class Contents:
    """What a program consists of before XLA compiles it; a function that is called twice counts once.

    Attributes:
        callbacks: calls of Python on the host. A program with any is not lowered: all else is empty.
        custom_calls: how often a library is called, by the name of the call.
        loops: in the order of the program; one inside another stands by itself too.
        conditionals: number of choices between branches.
        products: number of matrix products by the type and the precision of their numbers, ("f32",
            "HIGHEST") for example.
    """

    callbacks: int = 0
    custom_calls: Mapping[str, int] = field(default_factory=dict)
    loops: tuple[Loop, ...] = ()
    conditionals: int = 0
    products: Mapping[tuple[str, str], int] = field(default_factory=dict)


def contents_of(traced: Traced, platform: str) -> Contents:
    """What a function consists of, lowered for a platform.

    Args:
        traced: what the method `trace` of a function that JAX compiles returns.
        platform: one of `PLATFORMS`.
    """
    callbacks = sum(own.primitive.name in _CALLBACKS for own in _equations(traced.jaxpr.jaxpr))
    if callbacks:
        return Contents(callbacks)
    module = traced.lower(lowering_platforms=(platform,)).compiler_ir("stablehlo")
    functions = {_text(function, "sym_name"): function for function in module.body.operations}
    found = list(_operations(functions["main"], functions, set()))
    named: dict[str, list[Any]] = {}
    for operation in found:
        named.setdefault(operation.name, []).append(operation)
    calls = Counter(_text(call, "call_target_name") for call in named.get("stablehlo.custom_call", ()))
    return Contents(
        custom_calls=dict(calls),
        loops=tuple(_loop(own, functions) for own in named.get("stablehlo.while", ())),
        conditionals=len(named.get("stablehlo.case", ())) + len(named.get("stablehlo.if", ())),
        products=Counter(_product(own) for own in named.get("stablehlo.dot_general", ())),
    )


def equations_of(traced: Traced) -> int:
    """How many equations of JAX a function consists of."""
    return sum(1 for _ in _equations(traced.jaxpr.jaxpr))


def _equations(jaxpr: Any) -> Iterator[Any]:
    for equation in jaxpr.eqns:
        yield equation
        for inside in _inside(equation.params.values()):
            yield from _equations(inside)


def _inside(parameters: Iterable[Any]) -> Iterator[Any]:
    """The functions among the parameters of an equation."""
    for parameter in parameters:
        if isinstance(parameter, tuple | list):
            yield from _inside(parameter)
        elif hasattr(parameter, "eqns"):
            yield parameter
        elif hasattr(parameter, "jaxpr"):
            yield parameter.jaxpr


def _operations(outer: Any, functions: Mapping[str, Any], called: set[str]) -> Iterator[Any]:
    """All operations inside another one, in its regions and in the functions that it calls."""
    for region in outer.regions:
        for block in region.blocks:
            for view in block.operations:
                operation = view.operation
                yield operation
                yield from _operations(operation, functions, called)
                if operation.name == "func.call":
                    name = ir.FlatSymbolRefAttr(operation.attributes["callee"]).value
                    if name not in called:
                        called.add(name)
                        yield from _operations(functions[name], functions, called)


def _text(operation: Any, attribute: str) -> str:
    return str(ir.StringAttr(operation.attributes[attribute]).value)


def _shape(value: Any) -> Shape:
    return tuple(ir.RankedTensorType(value.type).shape)


def _product(operation: Any) -> tuple[str, str]:
    element = str(ir.RankedTensorType(operation.results[0].type).element_type)
    asked = {str(own).split()[-1].rstrip(">") for own in operation.attributes["precision_config"]}
    return element, "/".join(sorted(asked))


def _loop(operation: Any, functions: Mapping[str, Any]) -> Loop:
    parts = []
    for own in _operations(operation, functions, set()):
        if own.name in _PARTS:
            written = _PARTS[own.name]
            part = own.results[0] if written is None else own.operands[written]
            parts.append((_shape(own.operands[0]), _shape(part)))
    return Loop(_steps(operation), tuple(parts))


def _steps(loop: Any) -> int | None:
    """How many steps a loop takes that counts by ones between two numbers that the program names."""
    condition, body = (region.blocks[0] for region in loop.regions)
    *_, end = condition.operations
    *_, back = body.operations
    compared = end.operation.operands[0].owner
    if isinstance(compared, ir.Block) or compared.name != "stablehlo.compare":
        return None

    def at_first(value: Any) -> int | None:
        """A number that the condition reads, as it is in the first step."""
        if isinstance(value.owner, ir.Block):
            value = loop.operands[ir.BlockArgument(value).arg_number]
        return _constant(value)

    counter, last = compared.operands
    if not isinstance(counter.owner, ir.Block):
        return None
    number = ir.BlockArgument(counter).arg_number
    step = back.operation.operands[number].owner
    if isinstance(step, ir.Block) or step.name != "stablehlo.add":
        return None
    if _constant(step.operands[1]) != 1 or _moves(last, back):
        return None
    first, beyond = at_first(counter), at_first(last)
    return None if first is None or beyond is None else beyond - first


def _moves(value: Any, back: Any) -> bool:
    """Whether a number that the condition of a loop reads is changed by its body."""
    if not isinstance(value.owner, ir.Block):
        return False
    number = ir.BlockArgument(value).arg_number
    returned = back.operation.operands[number]
    return not isinstance(returned.owner, ir.Block) or ir.BlockArgument(returned).arg_number != number


def _constant(value: Any) -> int | None:
    """The whole number that a value is, if the program names it."""
    made_by = value.owner
    if isinstance(made_by, ir.Block) or made_by.name != "stablehlo.constant":
        return None
    number = np.asarray(ir.DenseElementsAttr(made_by.attributes["value"]))
    return int(number) if number.shape == () and number.dtype.kind in "iu" else None
