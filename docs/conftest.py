"""Every code block of the pages runs, page by page from top to bottom, in a folder of the page's own.

Sybil finds the blocks and runs Python and doctests. It has no parser for commands of a shell with what
they print, for specs, and for titles, which name a file that a later block reads.
"""

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import jax
import yaml
from sybil import Example, Sybil
from sybil.evaluators.doctest import NUMBER, DocTestEvaluator, OutputChecker
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.abstract.doctest import DocTestStringParser
from sybil.parsers.markdown import SkipParser
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer

from qthermo_jax.sweeping.execute.planning import make_plan
from qthermo_jax.sweeping.plan.model import find_model
from qthermo_jax.sweeping.spec.reading import parse_spec

SWEEPS = Path(__file__).parents[1] / "sweeps"
_FENCES = FencedCodeBlockLexer(r"[^\n]+", {"language": "info", "source": "source"})
_DOCTESTS = DocTestStringParser(DocTestEvaluator(NUMBER | doctest.ELLIPSIS))
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def in_the_shell(command: str) -> str:
    """What a command prints, its progress aside; it has to succeed."""
    script = f"set -euo pipefail\n{command}"
    run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"{command}\n{run.stdout}{run.stderr}"
    return run.stdout


def session(example: Example) -> None:
    """A terminal's: each `$ ` line runs and prints what follows it, `...` standing for anything."""
    for step in re.split(r"^\$ ", str(example.parsed), flags=re.MULTILINE)[1:]:
        command, _, expected = step.partition("\n")
        printed = in_the_shell(command)
        assert OutputChecker().check_output(expected, printed, _FLAGS), f"{command}\n{printed}"


def spec(example: Example) -> None:
    """A sweep's, whole or, where it names no model, some lines of one."""
    data = tomllib.loads(example.parsed)
    checked = parse_spec({"model": "chain"} | data, example.path)
    if "model" in data:
        make_plan(checked, find_model(checked.model, Path(), checked.observables))


_RUNNERS = {
    "python": PythonEvaluator(),
    "toml": spec,
    "sh": lambda example: in_the_shell(example.parsed) and None,
    "console": session,
    "yaml": lambda example: yaml.safe_load(example.parsed) and None,
    "text": lambda example: None,
}


def blocks(document: Any) -> Any:
    """The code blocks of a page; one with a title becomes a file of that name besides."""
    for region in _FENCES(document):
        language, *options = shlex.split(region.lexemes["info"])
        region.parsed = region.lexemes["source"]
        if language == "pycon":
            for found in _DOCTESTS(region.parsed, document.path):
                found.adjust(region, region.parsed)
                yield found
            continue
        region.evaluator = _written(options, _RUNNERS[language])
        yield region


def _written(options: list[str], runner: Any) -> Any:
    titles = [option.removeprefix("title=") for option in options if option.startswith("title=")]

    def run(example: Example) -> None:
        for title in titles:
            Path(title).write_text(example.parsed, encoding="utf-8")
        runner(example)

    return run


def begin(namespace: dict[str, Any]) -> None:
    """A fresh folder with the sweeps in it, and JAX as it comes."""
    namespace["_before"], namespace["_folder"] = Path.cwd(), tempfile.mkdtemp(prefix="qthermo-docs-")
    os.chdir(namespace["_folder"])
    shutil.copytree(SWEEPS, "sweeps")
    jax.config.update("jax_enable_x64", False)


def end(namespace: dict[str, Any]) -> None:
    """Back, and nothing is left."""
    os.chdir(namespace["_before"])
    shutil.rmtree(namespace["_folder"])


# `qthermo` is the one beside this Python.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
pytest_collect_file = Sybil(
    parsers=[blocks, SkipParser()], patterns=["*.md"], excludes=["gallery/*", "notebooks/*"],
    setup=begin, teardown=end,
).pytest()  # fmt: skip
