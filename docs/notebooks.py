"""Executes the notebooks (text, in notebooks/) and writes them as pages into docs/notebooks/."""

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jupytext
from nbconvert import MarkdownExporter
from nbconvert.preprocessors import ExecutePreprocessor
from traitlets.config import Config

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "notebooks"


def convert(notebook: Path) -> None:
    """Run one from top to bottom, in the repository's root; an error in a cell is an error."""
    content = jupytext.read(notebook)
    with tempfile.TemporaryDirectory() as private:
        # The kernel is spoken to through sockets in a folder of its own, not through open ports.
        sockets = {"transport": "ipc", "ip": f"{private}/kernel"}
        runner = ExecutePreprocessor(timeout=300, config=Config({"KernelManager": sockets}))
        runner.preprocess(content, {"metadata": {"path": str(ROOT)}})
    names = {"output_files_dir": f"{notebook.stem}_files", "unique_key": notebook.stem}
    text, extracted = MarkdownExporter().from_notebook_node(content, dict(names))
    text += f"\nThis page is `notebooks/{notebook.name}`, run when the site was built.\n"
    PAGES.mkdir(exist_ok=True)
    for name, data in extracted["outputs"].items():
        (PAGES / name).parent.mkdir(exist_ok=True)
        (PAGES / name).write_bytes(data)
    (PAGES / f"{notebook.stem}.md").write_text(text, encoding="utf-8")


def main() -> None:
    """All of them, two at a time: each has a process of its own."""
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        for _ in pool.map(convert, sorted((ROOT / "notebooks").glob("*.py"))):
            pass


if __name__ == "__main__":
    main()
