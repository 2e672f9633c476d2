"""What MkDocs does besides: tables from the code, formulas as MathML, benchmarks' pictures, links."""

import re
from pathlib import Path

import latex2mathml.converter
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from links import broken_links
from tables import TABLES

ROOT = Path(__file__).parents[1]
_TABLE = re.compile(r"^<!-- table: (\w+) -->$", re.MULTILINE)
_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
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


def on_post_build(config: MkDocsConfig) -> None:
    """Every link of the finished site leads somewhere."""
    if broken := broken_links(Path(config.site_dir)):
        raise PluginError("links that lead nowhere:\n  " + "\n  ".join(broken))
