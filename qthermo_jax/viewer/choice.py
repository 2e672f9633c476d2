"""What somebody chose to look at, as the query of a link and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

_AT = "at."


@dataclass(frozen=True)
class Choice:
    """The settings of a page; "" stands for the page's own default.

    Attributes:
        observable: the variable that is shown first.
        further: others below it.
        x, y, curves: dimensions: along the x axis, along the y axis of a map, of one curve each.
        scale: of the values.
        second: where a second result is drawn.
        at: the label of the value at which each other dimension is fixed, by its name.
    """

    observable: str = ""
    further: tuple[str, ...] = ()
    x: str = ""
    y: str = ""
    curves: str = ""
    scale: str = ""
    second: str = ""
    at: Mapping[str, str] = field(default_factory=dict)

    @property
    def query(self) -> str:
        """The part of a link behind its question mark.

        >>> Choice("heat_currents", x="g", at={"T_L": "0.1"}).query
        'observable=heat_currents&x=g&at.T_L=0.1'
        """
        single = {key: getattr(self, key) for key in _SINGLE}
        pairs = [(key, value) for key, value in single.items() if value]
        pairs += [("further", name) for name in self.further]
        pairs += [(_AT + dim, label) for dim, label in self.at.items()]
        return urlencode(pairs)

    @classmethod
    def of_query(cls, arguments: Mapping[str, Sequence[bytes]]) -> "Choice":
        """What a link asks for; what it names that a page does not have is the page's to refuse.

        Args:
            arguments: of a request, as tornado gives them.
        """
        texts = {
            key: [value.decode(errors="replace") for value in values]
            for key, values in arguments.items()
        }
        single = {key: texts[key][0] for key in _SINGLE if texts.get(key)}
        at = {key.removeprefix(_AT): found[0] for key, found in texts.items() if key.startswith(_AT)}
        return cls(**single, further=tuple(texts.get("further", ())), at=at)


_SINGLE = ("observable", "x", "y", "curves", "scale", "second")
