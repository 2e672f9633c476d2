"""What MkDocs and its plugins do not do: tables from the code, MathML, the benchmarks' pictures.

Arithmatex finds the formulas but leaves drawing them to a script from the network, and no plugin that is
installed calls functions of the package. MkDocs finds broken links itself: `validation` in mkdocs.yml.
"""

import re
from pathlib import Path

import latex2mathml.converter
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tables import TABLES

ROOT = Path(__file__).parents[1]
_TABLE = re.compile(r"^<!-- table: (\w+) -->$", re.MULTILINE)
_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
_FROM_ELSEWHERE = re.compile(
    r"""<(?:script|img|link)\b[^>]*?\b(?:src|href)=["']?((?:https?:)?//[^"'\s>]+)"""
)
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The benchmarks' pictures, as benchmarks/<device>/<name>.png."""
    results = ROOT / "benchmarks" / "results"
    for picture in sorted(results.glob("*/*.png")):
        where = f"benchmarks/{picture.relative_to(results).as_posix()}"
        files.append(File.generated(config, where, abs_src_path=str(picture)))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Each `<!-- table: name -->` becomes that table of `tables.py`."""
    return _TABLE.sub(lambda found: TABLES[found[1]](), markdown)


def on_page_content(html: str, **_: object) -> str:
    """LaTeX becomes MathML, which browsers draw by themselves."""
    return _FORMULA.sub(_as_mathml, html)


def _as_mathml(found: re.Match[str]) -> str:
    latex = re.sub("|".join(_ENTITIES), lambda entity: _ENTITIES[entity[0]], found[2])
    return latex2mathml.converter.convert(latex, display="block" if found[1] == "div" else "inline")


def on_post_page(output: str, page: Page, **_: object) -> str:
    """The site works without a network: a script, a picture or a font from elsewhere is an error."""
    if found := _FROM_ELSEWHERE.search(output):
        raise PluginError(f"{page.file.src_uri} loads {found[1]} from another machine")
    return output
