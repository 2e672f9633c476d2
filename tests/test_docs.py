"""The documentation's tools: tables from the code, the gallery; and that nothing is left out."""

import importlib.util
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import qthermo_jax as qj

TOP = Path(__file__).parents[1]
DOCS = TOP / "docs"


def tool(name: str) -> ModuleType:
    """A script of docs/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_the_tables_of_the_readme_are_those_of_the_code() -> None:
    text = (TOP / "README.md").read_text(encoding="utf-8")
    assert tool("tables").with_tables(text) == text, "python docs/tables.py"


def test_the_table_of_statuses_has_every_status_with_its_number_and_meaning() -> None:
    rows = tool("tables").TABLES["statuses"]().splitlines()[2:]
    assert rows == [f"| {own.value} | `{own.name}` | {own.meaning} |" for own in qj.Status]


def test_the_floors_are_those_of_the_import_contract_and_every_module_stands_on_one() -> None:
    on_floors = [module for floor in tool("tables").floors() for module in floor]
    package = {file.stem for file in (TOP / "qthermo_jax").glob("*.py")}
    package |= {file.parent.name for file in (TOP / "qthermo_jax").glob("*/__init__.py")}
    assert sorted(on_floors) == sorted(package - {"__init__"})


def test_every_public_name_is_in_the_reference() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (DOCS / "reference").glob("*.md"))
    asked = set(re.findall(r"^::: qthermo_jax\.(\w+)", pages, re.MULTILINE))
    assert set(qj.__all__) - asked == {"__version__", "models"}
    assert tool("tables").models_reference().count(":::") == len(qj.models.__all__)


def test_every_page_that_is_kept_is_in_the_navigation() -> None:
    listed = re.findall(r"^ +- (?:\w+: )?([\w/-]+\.md)$", (TOP / "mkdocs.yml").read_text(), re.MULTILINE)
    kept = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    made = {page for page in listed if page.startswith(("gallery/", "notebooks/"))}
    assert {page for page in kept if not page.startswith(("gallery/", "notebooks/"))} == {*listed} - made
    assert made - {"gallery/index.md"} == {
        f"notebooks/{notebook.stem}.md" for notebook in (TOP / "notebooks").glob("*.py")
    }


def test_the_gallery_has_every_sweep_with_its_text_its_commands_and_its_spec() -> None:
    gallery = tool("gallery")
    specs = sorted((TOP / "sweeps").glob("*.toml"))
    entries = [gallery.read(spec) for spec in specs]
    assert {spec.stem for spec in specs} > gallery.SLOW
    for entry, spec in zip(entries, specs, strict=True):
        assert entry.text, f"{spec.name}: no head comment"
        assert entry.title == tomllib.loads(spec.read_text(encoding="utf-8"))["title"]
    drawn = [entry for entry in entries if entry.name not in gallery.SLOW]
    page = gallery.page(entries, drawn)
    for entry in entries:
        assert f"qthermo run sweeps/{entry.name}.toml" in page
        assert all((f"]({picture})" in page) == (entry in drawn) for picture in entry.pictures)
    assert "`make docs-all` draws them too" in page


def test_the_ways_to_draw_a_sweep_come_from_its_head_comment() -> None:
    entry = tool("gallery").read(TOP / "sweeps" / "figure2_ohmic.toml")
    assert entry.plots == tuple(f"results/figure2_ohmic.h5 --select T_L={T}" for T in ("0.8", "0.3"))
    assert "qthermo" not in entry.text
