"""Links of a finished site: those inside have to be there, those outside have to be addresses."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADED = {"script": "src", "img": "src", "link": "href"}
_HOST = re.compile(r"[\w-]+(\.[\w-]+)+(:\d+)?")


class _Page(HTMLParser):
    """What a page can be linked by, what it links to, and what it loads by itself."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what it has of these."""
        given = {name: value for name, value in attrs if value}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag in _LOADED and _LOADED[tag] in given:
            self.loads.append(given[_LOADED[tag]])
        elif tag == "a" and "href" in given:
            self.links.append(given["href"])


def broken_links(site: Path) -> list[str]:
    """`page: link` for each that leads nowhere, is no address, or is loaded from another machine."""
    files = [file for file in sorted(site.rglob("*.html")) if file.name != "404.html"]
    pages = {file.resolve(): _Page(file.read_text(encoding="utf-8")) for file in files}
    return [
        f"{file.relative_to(site.resolve())}: {link}"
        for file, page in pages.items()
        for link in _broken(file, page, pages)
    ]


def _broken(file: Path, page: _Page, pages: dict[Path, _Page]) -> Iterator[str]:
    yield from (link for link in page.loads if urlsplit(link).scheme not in ("", "data"))
    for link in page.links + page.loads:
        parts = urlsplit(link)
        if parts.scheme in ("http", "https"):
            if not _HOST.fullmatch(parts.netloc) or re.search(r"\s", link):
                yield link
        elif not parts.scheme:
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            target = target / "index.html" if target.is_dir() else target
            found = pages.get(target)
            missing = found is not None and parts.fragment and unquote(parts.fragment) not in found.ids
            if not target.is_file() or missing:
                yield link
