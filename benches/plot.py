"""results.svg: the cost of a get with each client, as bars. Drawn without a library, readable on light and dark pages."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from wire import CONCURRENT, FLOOR, ONE_BY_ONE, OURS, SYNC

if TYPE_CHECKING:
    from wire import Prices

WIDTH, LEFT, RIGHT = 760, 130, 70
BAR, STEP, GROUP = 16, 22, 42
TITLES = {
    CONCURRENT: "64 calls in flight",
    ONE_BY_ONE: "awaited one by one",
    SYNC: "blocking",
}
STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328; }
  .title { font-size: 15px; font-weight: 600; }
  .group { font-weight: 600; }
  .note, .reference { fill: #59636e; }
  .ours { font-weight: 600; }
  rect { fill: #a9b4c0; }
  rect.ours { fill: #d9480f; }
  rect.reference { fill: none; stroke: #818b98; stroke-dasharray: 3 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .note, .reference { fill: #9198a1; }
    rect { fill: #57606a; }
    rect.ours { fill: #ff922b; }
    rect.reference { fill: none; stroke: #8b949e; }
  }
"""


def kind(client: str) -> str:
    """How a client is drawn."""
    return {OURS: "ours", FLOOR: "reference"}.get(client, "peer")


def bars(prices: Prices, manner: str) -> list[tuple[str, float]]:
    """The clients that support this manner, cheapest first, and the floor for comparison."""
    found = {client: operations["get"][manner] for client, operations in prices.items() if manner in operations.get("get", {})}
    if FLOOR in prices:
        found[FLOOR] = prices[FLOOR]["get"][SYNC]
    return sorted(found.items(), key=lambda bar: bar[1])


def text(x: float, y: float, words: str, *classes: str, end: bool = False) -> str:
    """One line of text."""
    anchor = ' text-anchor="end"' if end else ""
    return f'<text class="{" ".join(classes)}" x="{x:.1f}" y="{y:.1f}"{anchor}>{escape(words)}</text>'


def drawn(prices: Prices, machine: str) -> str:
    """The whole picture."""
    groups = {manner: bars(prices, manner) for manner in TITLES}
    longest = max(us for group in groups.values() for _, us in group)
    scale = (WIDTH - LEFT - RIGHT) / longest
    parts = [text(16, 28, "CPU time of one get in the client: microseconds, less is better", "title")]
    y = 28.0
    for manner, group in groups.items():
        y += GROUP
        parts.append(text(16, y, TITLES[manner], "group"))
        y += 10
        for client, us in group:
            look = kind(client)
            width = max(us * scale, 1)
            parts.append(text(LEFT - 10, y + BAR - 3.5, client, look, end=True))
            parts.append(f'<rect class="{look}" x="{LEFT}" y="{y:.1f}" width="{width:.1f}" height="{BAR}" rx="2"/>')
            parts.append(text(LEFT + width + 6, y + BAR - 3.5, f"{us:.0f}", look))
            y += STEP
    y += 24
    parts.append(text(16, y, f"Item of 12 attributes, 440 bytes; null server on the other core; {machine}.", "note"))
    parts.append(text(16, y + 18, "raw socket: blocking, a prepared request, nothing parsed.", "note"))
    height = y + 34
    body = "\n".join(parts)
    label = "Microseconds of CPU per get, by client"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'role="img" aria-label="{label}">\n<title>{label}</title>\n<style>{STYLE}</style>\n{body}\n</svg>\n'
    )
