"""What a compiled program costs on a GPU, counted in the text that XLA prints of it."""

import math
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

# What starts no kernel: names of values, and the ends of what was started before.
_FREE = {
    "parameter",
    "constant",
    "tuple",
    "get-tuple-element",
    "bitcast",
    "after-all",
    "fusion-done",
    "async-done",
    "copy-done",
}

_READS_A_PART = {"slice", "dynamic-slice", "gather"}

# Operations of floating-point numbers that take one instruction of the processor for each element, or,
# roughly, so many.
_ONE = {"add", "subtract", "multiply", "maximum", "minimum", "negate", "abs", "compare", "select"}
_SEVERAL = dict.fromkeys(("divide", "sqrt", "rsqrt", "cbrt", "remainder"), 8) | dict.fromkeys(
    (
        "exponential",
        "exponential-minus-one",
        "log",
        "log-plus-one",
        "power",
        "tanh",
        "sine",
        "cosine",
        "tan",
        "atan2",
        "logistic",
        "erf",
    ),
    20,
)
_WEIGHTS = dict.fromkeys(_ONE, 1) | _SEVERAL

_ARRAY = re.compile(r"\b([a-z]+\d*)\w*\[([\d,]*)\]")
_NAME = re.compile(r"%([\w.\-]+)")


class Cost(NamedTuple):
    """Of one run of a program, or of a part of it.

    Attributes:
        launches: of kernels, copies and calls of libraries.
        traffic: bytes that they read from memory and write there. What the caches keep counts too, and
            what a library reads and writes more than once counts once.
        operations: instructions of floating-point numbers, roughly; those of libraries are not counted.
    """

    launches: int = 0
    traffic: int = 0
    operations: int = 0

    def plus(self, other: "Cost") -> "Cost":
        """Both, one after the other."""
        return Cost(*(own + its for own, its in zip(self, other, strict=True)))

    def times(self, number: int) -> "Cost":
        """The same so often."""
        return Cost(*(number * own for own in self))


class _Instruction(NamedTuple):
    name: str
    type: str
    opcode: str
    operands: tuple[str, ...]
    attributes: str
    is_root: bool


class _Computation(NamedTuple):
    instructions: dict[str, _Instruction]
    root: _Instruction

    def users(self, name: str) -> Iterator[_Instruction]:
        return (own for own in self.instructions.values() if name in own.operands)


def costs_of(text: str) -> tuple[Cost, Cost]:
    """What one run costs at least and at most, as far as the text tells.

    At least: each condition takes its cheapest branch, and a loop that something computed ends takes no
    step. At most: each takes its dearest branch, and such a loop takes one step.

    Args:
        text: of a compiled program, as `jax.stages.Compiled.as_text` returns it.
    """
    computations, main = _parsed(text)
    return (
        _cost(main, computations, dearest=False),
        _cost(main, computations, dearest=True),
    )


def _parsed(text: str) -> tuple[dict[str, _Computation], str]:
    """All computations by name, and the name of the one that starts."""
    found: dict[str, _Computation] = {}
    main = name = ""
    own: dict[str, _Instruction] = {}
    for line in text.splitlines():
        if line.startswith(("%", "ENTRY")):
            match = _NAME.search(line)
            name, own = (match.group(1) if match else ""), {}
            main = name if line.startswith("ENTRY") else main
        elif line.startswith("}") and own:
            root = next(one for one in own.values() if one.is_root)
            found[name] = _Computation(own, root)
        elif " = " in line and line.startswith("  "):
            instruction = _instruction(line)
            own[instruction.name] = instruction
    return found, main


def _instruction(line: str) -> _Instruction:
    named, told = line.strip().split(" = ", 1)
    end = _closed(told) if told.startswith("(") else told.index(" ")
    opcode, rest = told[end:].strip().split("(", 1)
    closed = _closed(f"({rest}") - 1
    operands = tuple(_NAME.findall(rest[: closed - 1]))
    name = named.removeprefix("ROOT ").lstrip("%")
    return _Instruction(name, told[:end], opcode, operands, rest[closed:], named.startswith("ROOT "))


def _closed(text: str) -> int:
    """Where the bracket that a text begins with is closed."""
    depth = 0
    for position, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if not depth:
            return position + 1
    raise ValueError(f"a bracket is not closed: {text}")


def _arrays(type_: str) -> Iterator[tuple[str, int]]:
    """The kind of the numbers of each array of a type, and how many it has."""
    for kind, sides in _ARRAY.findall(type_):
        yield kind, math.prod(int(side) for side in sides.split(",") if side)


def _bytes(type_: str) -> int:
    """That the arrays of a type take; what is smaller than a byte takes one."""
    total = 0
    for kind, number in _arrays(type_):
        bits = 8 if kind == "pred" else int(re.sub(r"\D", "", kind) or 0)
        total += number * max(bits // 8, 1)
    return total


def _named(instruction: _Instruction, attribute: str) -> list[str]:
    """The computations that an attribute of an instruction names."""
    match = re.search(rf"\b{attribute}=(\{{[^}}]*\}}|%[\w.\-]+)", instruction.attributes)
    return _NAME.findall(match.group(1)) if match else []


def _cost(name: str, computations: dict[str, _Computation], *, dearest: bool) -> Cost:
    """Of a computation that runs kernels."""
    total, own = Cost(), computations[name]
    for instruction in own.instructions.values():
        total = total.plus(_cost_of_one(instruction, own, computations, dearest=dearest))
    return total


def _cost_of_one(
    instruction: _Instruction,
    around: _Computation,
    computations: dict[str, _Computation],
    *,
    dearest: bool,
) -> Cost:
    def inner(attribute: str) -> list[Cost]:
        names = _named(instruction, attribute)
        return [_cost(name, computations, dearest=dearest) for name in names]

    match instruction.opcode:
        case opcode if opcode in _FREE:
            return Cost()
        case "while":
            steps = re.search(r'"known_trip_count":\{"n":"(\d+)"', instruction.attributes)
            (body,), (condition,) = inner("body"), inner("condition")
            return body.plus(condition).times(int(steps.group(1)) if steps else int(dearest))
        case "conditional":
            branches = [
                cost
                for attribute in ("branch_computations", "true_computation", "false_computation")
                for cost in inner(attribute)
            ]
            choose = max if dearest else min
            return choose(branches, key=lambda cost: cost.traffic)
        case "call" | "async-start":
            (called,) = inner("to_apply") or inner("calls")
            return called
        case "fusion" | "fusion-start":
            (fused,) = _named(instruction, "calls")
            return Cost(1, *_of_fusion(computations[fused]))
    moved = sum(_bytes(around.instructions[name].type) for name in instruction.operands)
    return Cost(1, moved + _bytes(instruction.type), _operations(instruction, around))


def _of_fusion(fused: _Computation) -> tuple[int, int]:
    """Bytes that a kernel moves, and its operations."""
    everything = fused.instructions.values()
    read = sum(_read(own.name, fused) for own in everything if own.opcode == "parameter")
    outcomes = fused.root.operands if fused.root.opcode == "tuple" else (fused.root.name,)
    written = sum(_written(name, fused) for name in outcomes)
    return read + written, sum(_operations(own, fused) for own in everything)


def _read(name: str, fused: _Computation) -> int:
    """Bytes of a value that a kernel reads: only some where it takes parts of it."""
    whole, parts = _bytes(fused.instructions[name].type), 0
    for user in fused.users(name):
        first = user.operands[0] == name
        if user.opcode == "bitcast":
            parts += _read(user.name, fused)
        elif first and user.opcode in _READS_A_PART:
            parts += _bytes(user.type)
        elif not (first and user.opcode in ("dynamic-update-slice", "scatter")):
            return whole
    return min(whole, parts)


def _written(name: str, fused: _Computation) -> int:
    """Bytes of a result that a kernel writes: a part where it changes an array in its place."""
    own = fused.instructions[name]
    if own.opcode == "bitcast":
        return _written(own.operands[0], fused)
    part = {"dynamic-update-slice": 1, "scatter": 2}.get(own.opcode)
    return _bytes(own.type if part is None else fused.instructions[own.operands[part]].type)


def _operations(instruction: _Instruction, around: _Computation) -> int:
    """Instructions of floating-point numbers, roughly; a complex number takes four."""

    def elements(type_: str) -> int:
        kinds = ((kind[0], number) for kind, number in _arrays(type_))
        return sum(number * {"f": 1, "b": 1, "c": 4}.get(kind, 0) for kind, number in kinds)

    def operand(number: int) -> str:
        return around.instructions[instruction.operands[number]].type

    opcode = instruction.opcode
    if opcode == "dot":
        summed = re.search(r"lhs_contracting_dims=\{([\d,]*)\}", instruction.attributes)
        (_, sides), *_ = _ARRAY.findall(operand(0))
        lengths = [int(side) for side in sides.split(",")]
        axes: Sequence[str] = summed.group(1).split(",") if summed else ()
        return elements(instruction.type) * math.prod(lengths[int(axis)] for axis in axes if axis)
    if opcode in ("reduce", "reduce-window"):
        return elements(operand(0))
    if opcode == "compare":
        return elements(operand(0))
    return _WEIGHTS.get(opcode, 0) * elements(instruction.type)
