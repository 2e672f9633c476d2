"""Docstrings as Markdown: their doctests become code blocks, and <X> stays text.

mkdocstrings makes code blocks of doctests only in a section "Examples:"; here they stand beside the
sentence that they show. And Markdown takes an expectation value <X> for HTML.
"""

import re

import griffe

# A doctest with what it prints, up to the next empty line.
_DOCTEST = re.compile(r"^>>> .*?(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(```.*?```|`[^`]*`)", re.DOTALL)


def as_markdown(text: str) -> str:
    """A docstring with fences around its doctests and without HTML.

    >>> as_markdown("<X> is `<Y>`.")
    '&lt;X> is `<Y>`.'
    """
    fenced = _DOCTEST.sub(lambda found: f"```pycon\n{found[0]}\n```", text)
    parts = _CODE.split(fenced)
    parts[::2] = [part.replace("<", "&lt;") for part in parts[::2]]
    return "".join(parts)


class Docstrings(griffe.Extension):
    """Rewrites every docstring of the package as it is read."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Of a module, a class, a function or an attribute."""
        if obj.docstring:
            obj.docstring.value = as_markdown(obj.docstring.value)
