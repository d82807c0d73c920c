"""Finds what is wrong with a built site: dead links and anchors, and anything that a browser would fetch from the network."""

from __future__ import annotations

import html.parser
import re
import urllib.parse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

#: Attributes whose address is fetched as soon as the page is shown; links are followed only if someone asks.
FETCHED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src"), ("video", "src")}
HEADING = re.compile(r"h[1-6]")
#: A link element of these kinds fetches nothing.
NOT_FETCHED = {"canonical", "next", "prev", "alternate", "edit"}


class Page(html.parser.HTMLParser):
    """The links, anchors and fetched addresses of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.anchors: set[str] = set()
        self.headings: list[int] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what one element says."""
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if HEADING.fullmatch(tag):
            self.headings.append(int(tag[1]))
        for name, value in found.items():
            if (tag, name) in FETCHED and not (tag == "link" and found.get("rel") in NOT_FETCHED):
                self.fetched.append(value)


def problems(site: pathlib.Path) -> list[str]:
    """One line for each thing that is wrong."""
    read = {path: Page(path.read_text()) for path in sorted(site.rglob("*.html"))}
    return [line for path, page in read.items() for line in of_page(site, path, page, read)]


def of_page(site: pathlib.Path, path: pathlib.Path, page: Page, read: dict[pathlib.Path, Page]) -> Iterator[str]:
    """What is wrong with one page."""
    name = path.relative_to(site)
    for address in page.fetched:
        if urllib.parse.urlsplit(address).netloc:
            yield f"{name} fetches {address}"
        elif not target(site, path, address).exists():
            yield f"{name} fetches {address}, which is not there"
    for address in page.links:
        parts = urllib.parse.urlsplit(address)
        if parts.scheme or parts.netloc or name.name == "404.html":
            continue
        found = target(site, path, address)
        if not found.exists():
            yield f"{name} links to {address}, which is not there"
        elif parts.fragment and found in read and urllib.parse.unquote(parts.fragment) not in read[found].anchors:
            yield f"{name} links to {address}, an anchor that is not there"
    if page.headings.count(1) != 1:
        yield f"{name} has {page.headings.count(1)} headings of the first level"
    for above, below in zip(page.headings, page.headings[1:], strict=False):
        if below > above + 1:
            yield f"{name} goes from a heading of level {above} to one of level {below}"


def target(site: pathlib.Path, path: pathlib.Path, address: str) -> pathlib.Path:
    """The file that an address of a page leads to."""
    relative = urllib.parse.unquote(urllib.parse.urlsplit(address).path)
    if not relative:
        return path
    found = site / relative.lstrip("/") if relative.startswith("/") else path.parent / relative
    found = found.resolve()
    return found / "index.html" if found.is_dir() else found
