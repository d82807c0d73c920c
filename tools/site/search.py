"""Asks the search of the built site, from disk, for messages of errors, in a headless Chromium where there is one.

python tools/site/search.py SITE
"""

from __future__ import annotations

import json
import pathlib
import re
import sys
from typing import Any, NamedTuple

import browser

#: Headings that are texts of errors, by page: their level, and of how many one is tried.
ASKED_OF = {"faq.html": (3, 1), "messages.html": (4, 40)}
#: A text with fewer words says too little to be told from others.
WORDS = 5
#: So many of them must be found: for a text with few words of its own, another page may have more of the query.
SHARE = 0.9
#: What a reader's message has in the place of a placeholder.
FILLED = "Zebra.stripes[17]"
PLACEHOLDER = re.compile(r"&lt;[^&]*&gt;")
#: Types one word into the box, as a reader does, and waits for the first result.
TYPED = """(async () => {
  const until = async found => {
    for (const start = Date.now(); ;) {
      if (Date.now() - start > 100_000) throw new Error("the search shows no result");
      const it = found();
      if (it) return it;
      await new Promise(next => setTimeout(next, 20));
    }
  };
  const roots = () => [...document.querySelectorAll("*")].map(element => element.shadowRoot).filter(Boolean);
  const inside = selector => () => roots().map(root => root.querySelector(selector)).find(Boolean);
  (await until(() => document.querySelector(".md-search__button"))).click();
  const box = await until(inside("input"));
  box.value = "budget";
  box.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true }));
  return (await until(inside("a[href*='.html']"))).textContent;
})()"""
#: Sends each query to a worker of the search, as the theme does; answers with the first three locations of each.
ASKED = """(async queries => {
  const worker = new Worker(JSON.parse(document.getElementById("__config").textContent).search);
  const ask = message => new Promise((done, failed) => {
    worker.onmessage = answer => answer.data.type === 4 ? failed("the worker failed") : done(answer.data.data);
    worker.postMessage(message);
  });
  const here = new URL(".", location).href;
  const filter = { input: { type: "operator", data: { operator: "and", operands: [] } },
                   aggregation: { input: [{ type: "term", data: { field: "tags" } }] } };
  await ask({ type: 0, data: __index });
  const found = [];
  for (const input of queries) {
    const answer = await ask({ type: 2, data: { input, filter } });
    found.push(answer.items.slice(0, 3).map(item => __index.items[item.id].location.split(here).pop()));
  }
  return found;
})"""


class Question(NamedTuple):
    """What is typed, and the entries one of which must be among the first three."""

    text: str
    entries: tuple[str, ...]


def plain(html: str) -> str:
    """The text of a heading."""
    text = re.sub(r"<[^>]*>", "", PLACEHOLDER.sub(FILLED, html))
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&#39;", "'").replace("&amp;", "&")


def questions(index: dict[str, Any]) -> list[Question]:
    """The headings that are texts of errors. What two entries say in the same words is found if one of them is."""
    found: dict[str, list[str]] = {}
    for item in index["items"]:
        page = item["location"].partition("#")[0]
        words = re.findall(r"[A-Za-z]{2,}", plain(item["title"]).replace(FILLED, ""))
        if page in ASKED_OF and item["level"] == ASKED_OF[page][0] and len(words) >= WORDS:
            found.setdefault(plain(item["title"]), []).append(item["location"])
    tried: list[Question] = []
    for page, (_, step) in ASKED_OF.items():
        of_page = [Question(text, tuple(entries)) for text, entries in found.items() if entries[0].startswith(page)]
        tried += of_page[::step]
    return tried


def main() -> int:
    """Ask, and say what was not found."""
    chromium = browser.found()
    if chromium is None:
        print("no Chromium here: the search was not tried")
        return 0
    site = pathlib.Path(sys.argv[1]).absolute()
    asked = questions(json.loads((site / "search.json").read_text()))
    try:
        with browser.page(chromium, (site / "index.html").as_uri()) as page:
            first = page.run(TYPED)
            answers = page.run(f"{ASKED}({json.dumps([question.text for question in asked])})")
    except browser.SilentError:
        print("Chromium ended before it answered: the search was not tried")
        return 0
    missed = [
        (question, answer) for question, answer in zip(asked, answers, strict=True) if not set(answer) & set(question.entries)
    ]
    for question, answer in missed:
        print(f"the search does not find {question.text!r} but {answer}", file=sys.stderr)
    counts = f"{len(asked) - len(missed)} of {len(asked)} messages"
    print(f"the search works from disk: finds {counts}, and for 'budget' {first.split()[0]!r}")
    return int(len(missed) > len(asked) * (1 - SHARE))


if __name__ == "__main__":
    sys.exit(main())
