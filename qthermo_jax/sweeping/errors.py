"""The exceptions of sweeps, and the words for a name that is not known."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

# Characters of a value that an error shows.
_SHOWN = 100


class SpecError(ValueError):
    """Bad input to a sweep: one line that names the key, what it got and what it takes."""


class StoreError(Exception):
    """A result cannot be written or read, in one line; what was finished is kept."""


class TilesFailed(Exception):
    """Some tiles failed again and again; the rest is finished and kept."""


class Interrupted(Exception):
    """A sweep was asked to stop, and did after the tiles in flight."""


def unknown_name(what: str, name: str, allowed: Iterable[str]) -> str:
    """One line about a name that is none of the allowed ones, with the nearest right one.

    >>> unknown_name("key", "titel", ["title", "model"])
    "unknown key 'titel'; did you mean 'title'? allowed: model, title"
    """
    choices = sorted(allowed)
    given, name = shown(name), name[:_SHOWN]
    alike = [choice for choice in choices if choice.casefold() == name.casefold()]
    plain = {choice.casefold(): choice for choice in reversed(choices)}
    near = (get_close_matches(name, choices, n=1), get_close_matches(name.casefold(), plain, n=1))
    nearest = alike or near[0] or [plain[found] for found in near[1]]
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ";"
    return f"unknown {what} {given}{hint} allowed: {', '.join(choices) or '(none)'}"


def shown(value: object) -> str:
    """A value as an error shows it: in one line, and not all of a long one.

    >>> shown("a" * 300)[-30:]
    'aaaaaaaaaa... (302 characters)'
    """
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} characters)"


def shown_key(part: object) -> str:
    """A step of a key's path; one that is not plain is quoted."""
    text = str(part)
    return text if text.isprintable() and len(text) <= _SHOWN else shown(text)


@contextmanager
def raised_by_model(name: str) -> Iterator[None]:
    """Around a user's model while it runs: whatever it raises is bad input, in one line."""
    try:
        yield
    except SpecError:
        raise
    except Exception as error:
        raise SpecError(f"model {name}: {type(error).__name__}: {first_line(error)}") from error


def suggested(message: str) -> str | None:
    """The name that a line by `unknown_name` thinks was meant.

    >>> suggested(unknown_name("key", "titel", ["title", "model"]))
    'title'
    """
    found = re.search(r"did you mean '(.+?)'", message)
    return found and found[1]


def no_device() -> str:
    """One line about a JAX that has nothing to compute on."""
    asked = os.environ.get("JAX_PLATFORMS", "")
    return f"JAX finds no device for JAX_PLATFORMS={asked}; unset it to take what there is"


def first_line(error: BaseException) -> str:
    """The first line of what an exception says."""
    return (str(error).strip().splitlines() or [""])[0]
