"""What can be wrong with a sweep: issues of a spec, exceptions, the words for an unknown name."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches

# Characters of a value that an error shows.
_SHOWN = 100

# A place in a spec: keys, and positions in lists from 0.
Steps = tuple[str | int, ...]


@dataclass(frozen=True)
class Issue:
    """One problem of a spec, as data: what finds it makes one, and nobody reads the sentence again.

    Attributes:
        steps: the place in the spec that it is about, () for the whole; `path` is the same as text.
        message: what was given and what is allowed, without the place.
        suggestion: the name that was meant, to stand where `steps` leads; None if none is near.
        line: of the file, from 1; None where it is about no line, and for a spec from Python.
        subject: what the sentence begins with if that is not the path: "model chain".
        source: the file that it is in; "" for a spec from Python.

    >>> print(Issue(("axes", "T_2", "num"), "missing"))
    axes.T_2.num: missing
    """

    steps: Steps
    message: str
    suggestion: str | None = None
    line: int | None = None
    subject: str | None = None
    source: str = ""

    @property
    def path(self) -> str:
        """The place as text, "axes.T_L" or "observables[0]"; long and unprintable names are quoted."""
        return path_of(self.steps)

    def __str__(self) -> str:
        subject = self.path if self.subject is None else self.subject
        return f"{subject}: {self.message}" if subject else self.message

    def told(self, kind: str = "") -> str:
        """The sentence behind the file and the line that it is about, and behind its kind.

        >>> Issue(("axes", "g"), "empty", line=3, source="spec.toml").told("error")
        'spec.toml:3: error: axes.g: empty'
        """
        place = f"{self.source}:{self.line}" if self.source and self.line else self.source
        return ": ".join(part for part in (place, kind, str(self)) if part)


def path_of(steps: Steps) -> str:
    """A place in a spec as text.

    >>> path_of(("observables", 1))
    'observables[1]'
    """
    told = [f"[{step}]" if isinstance(step, int) else f".{shown_key(step)}" for step in steps]
    return "".join(told).removeprefix(".")


class SpecError(ValueError):
    """Bad input to a sweep: one line for each issue, what was given and what is allowed.

    Args:
        found: the issues; a text is one that is about no place in a spec.
        source: the file of those that name none.

    Attributes:
        issues: what was found.

    >>> raise SpecError(Issue(("model",), "missing"))
    Traceback (most recent call last):
    ...
    qthermo_jax.sweeping.errors.SpecError: model: missing
    """

    def __init__(self, *found: Issue | str, source: str = "") -> None:
        super().__init__(*found)
        issues = (one if isinstance(one, Issue) else Issue((), one) for one in found)
        self.issues = tuple(replace(one, source=one.source or source) for one in issues)

    @property
    def lines(self) -> list[str]:
        """One for each issue; a file's name inside it may hold a line break."""
        return [issue.told() for issue in self.issues]

    def __str__(self) -> str:
        return "\n".join(self.lines)


class SpecWarning(UserWarning):
    """Something in a sweep is allowed but odd; `qthermo check` says the same."""


class StoreError(Exception):
    """A result cannot be written or read, in one line; what was finished is kept."""


class TilesFailed(Exception):
    """Some tiles failed again and again; the rest is finished and kept."""


class Interrupted(Exception):
    """A sweep was asked to stop, and did after the tiles in flight."""


def unknown_name(
    steps: Steps, what: str, name: str, allowed: Iterable[str], *, subject: str | None = None
) -> Issue:
    """The issue of a name that is none of the allowed ones, with the nearest right one.

    >>> print(unknown_name(("titel",), "key", "titel", ["title", "model"], subject=""))
    unknown key 'titel'; did you mean 'title'? allowed: model, title
    """
    choices = sorted(allowed)
    given, name = shown(name), name[:_SHOWN]
    alike = [choice for choice in choices if choice.casefold() == name.casefold()]
    plain = {choice.casefold(): choice for choice in reversed(choices)}
    near = (get_close_matches(name, choices, n=1), get_close_matches(name.casefold(), plain, n=1))
    nearest = alike or near[0] or [plain[found] for found in near[1]]
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ";"
    message = f"unknown {what} {given}{hint} allowed: {', '.join(choices) or '(none)'}"
    return Issue(steps, message, nearest[0] if nearest else None, subject=subject)


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
        raise SpecError(of_model(name, f"{type(error).__name__}: {first_line(error)}")) from error


def of_model(name: str, message: str) -> Issue:
    """An issue of the model that a spec names.

    >>> print(of_model("chain", "has no baths"))
    model chain: has no baths
    """
    return Issue(("model",), message, subject=f"model {name}")


def no_device() -> str:
    """One line about a JAX that has nothing to compute on."""
    asked = os.environ.get("JAX_PLATFORMS", "")
    return f"JAX finds no device for JAX_PLATFORMS={asked}; unset it to take what there is"


def first_line(error: BaseException) -> str:
    """The first line of what an exception says."""
    return (str(error).strip().splitlines() or [""])[0]
