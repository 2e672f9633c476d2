"""Formulas in a spec, `power - 0.1*heat[1]`: read by Python's grammar, of which a few forms are taken.

Nothing is ever evaluated as Python: names stand for numbers of the sweep, and the functions are those of
`FUNCTIONS`.
"""

import ast
import math
import operator
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Label = int | float | str

# By the name in formulas, that of the function in `numpy` and `jax.numpy`.
FUNCTIONS = {"abs": "abs", "exp": "exp", "log": "log", "sqrt": "sqrt"}

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}

_TAKEN = (
    "numbers, names, elements like heat[1], + - * / **, parentheses and "
    + ", ".join(FUNCTIONS)
    + "(...)"
)


@dataclass(frozen=True)
class Name:
    """A number of the sweep.

    Attributes:
        name: of a parameter, an axis or an observable.
        labels: those of an observable's element, one for each of its dimensions.
    """

    name: str
    labels: tuple[Label, ...] = ()

    def __str__(self) -> str:
        listed = ", ".join(repr(label) for label in self.labels)
        return f"{self.name}[{listed}]" if listed else self.name


@dataclass(frozen=True)
class Expression:
    """A formula.

    Attributes:
        text: as it was given.
        tree: what Python's grammar makes of it; it holds nothing but the forms that are taken.

    >>> formula = Expression.parsed("2*power - heat[1]**2")
    >>> [str(name) for name in formula.names]
    ['power', 'heat[1]']
    >>> formula.value({Name("power"): 3.0, Name("heat", (1,)): 2.0}, math)
    2.0
    """

    text: str
    tree: ast.expr

    @classmethod
    def parsed(cls, text: str) -> "Expression":
        """The formula that a text is.

        Raises:
            ValueError: it is none, in one line.
        """
        return cls(text, _checked(_parsed(text), text))

    @property
    def names(self) -> tuple[Name, ...]:
        """Each that it holds, once, in its order."""
        return tuple(dict.fromkeys(_names(self.tree)))

    @property
    def is_name(self) -> bool:
        """Whether it is one name and nothing else."""
        return isinstance(self.tree, ast.Name | ast.Subscript)

    def value(self, numbers: Mapping[Name, Any], library: Any) -> Any:
        """What it comes to.

        Args:
            numbers: of all its names; arrays that are broadcast if they are arrays.
            library: `numpy` or what has the same functions, for `FUNCTIONS`.
        """
        return _value(self.tree, numbers, library)


@dataclass(frozen=True)
class Constraint:
    """A condition: `margin` is not below 0.

    >>> Constraint.parsed("efficiency >= 0.2")[0].margin.value({Name("efficiency"): 0.5}, math)
    0.3
    """

    text: str
    margin: Expression

    @classmethod
    def parsed(cls, text: str) -> tuple["Constraint", ...]:
        """The conditions that a text is: one for each sign in it, `0.1 <= efficiency <= 0.5` has two.

        Raises:
            ValueError: it is none, in one line.
        """
        tree = _parsed(text)
        if not isinstance(tree, ast.Compare):
            raise ValueError(f"{text!r} is no condition: it takes <= or >= between two formulas")
        sides = [_checked(side, text) for side in (tree.left, *tree.comparators)]
        found = []
        for sign, left, right in zip(tree.ops, sides[:-1], sides[1:], strict=True):
            if not isinstance(sign, ast.GtE | ast.LtE):
                raise ValueError(f"{text!r}: a condition takes <= or >=")
            more, less = (left, right) if isinstance(sign, ast.GtE) else (right, left)
            found.append(cls(text, Expression(text, ast.BinOp(more, ast.Sub(), less))))
        return tuple(found)


def _parsed(text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd characters in the labels of elements
            return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"{text!r} is no formula: it takes {_TAKEN}") from None


def _checked(tree: ast.expr, text: str) -> ast.expr:
    """The same tree; raises `ValueError` for a form that is not taken."""
    match tree:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            if not abs(number) < math.inf or abs(number) > 1e300:
                raise ValueError(f"{text!r}: a number takes at most 1e300")
        case ast.Name():
            pass
        case ast.Subscript(value=ast.Name()):
            _labels(tree, text)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            _checked(left, text)
            _checked(right, text)
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            _checked(operand, text)
        case ast.Call(func=ast.Name(id=called), args=[argument], keywords=[]) if called in FUNCTIONS:
            _checked(argument, text)
        case _:
            part = ast.unparse(tree)
            raise ValueError(f"{text!r}: no formula has {part!r}; it takes {_TAKEN}")
    return tree


def _labels(element: ast.Subscript, text: str = "") -> tuple[Label, ...]:
    """The labels in brackets, a minus sign before a number included."""
    inside = element.slice
    found: list[Label] = []
    for own in inside.elts if isinstance(inside, ast.Tuple) else [inside]:
        sign = -1 if isinstance(own, ast.UnaryOp) and isinstance(own.op, ast.USub) else 1
        bare = own.operand if isinstance(own, ast.UnaryOp) and sign < 0 else own
        match bare:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                found.append(sign * number)
            case ast.Constant(value=str() as label) if sign > 0:
                found.append(label)
            case _:
                raise ValueError(f"{text!r}: an element takes labels, heat[1] or x['a', 2]")
    return tuple(found)


def _names(tree: ast.expr) -> Iterator[Name]:
    match tree:
        case ast.Name(id=name):
            yield Name(name)
        case ast.Subscript(value=ast.Name(id=name)):
            yield Name(name, _labels(tree))
        case ast.BinOp(left=left, right=right):
            yield from _names(left)
            yield from _names(right)
        case ast.UnaryOp(operand=operand):
            yield from _names(operand)
        case ast.Call(args=[argument]):
            yield from _names(argument)


def _value(tree: ast.expr, numbers: Mapping[Name, Any], library: Any) -> Any:
    match tree:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return numbers[Name(name)]
        case ast.Subscript(value=ast.Name(id=name)):
            return numbers[Name(name, _labels(tree))]
        case ast.BinOp(left=left, op=op, right=ast.Constant(value=int() as power)) if isinstance(
            op, ast.Pow
        ):
            return _value(left, numbers, library) ** power  # exact, and differentiable at 0
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_value(left, numbers, library), _value(right, numbers, library))
        case ast.UnaryOp(op=op, operand=operand):
            return _UNARY[type(op)](_value(operand, numbers, library))
        case ast.Call(func=ast.Name(id=called), args=[argument]):
            function = getattr(library, FUNCTIONS[called])
            return function(_value(argument, numbers, library))
    raise AssertionError(tree)  # what is not taken is refused where the text is read
