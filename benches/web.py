"""Count what routes of FastAPI cost, called in process, and compare them with the limits: ``python benches/web.py [--limits]``.

The machinery is that of ``make guard``, which runs this with ``--limits``: valgrind counts the instructions of a request, with
the null server in place of DynamoDB. A GET of one item costs at most 1.5 times the same route returning a ready dictionary of
that item, and a page of 100 at most a quarter of the same page as pydantic models built by hand. Such ratios hold on any machine.
Build with optimisation first, as ``make guard`` does. Exits with 1 if a limit is exceeded. ``--limits`` runs only the routes that
have one.
"""

from __future__ import annotations

import pathlib
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
sys.path.insert(1, str(HERE / "guard"))

import counts  # noqa: E402 (in the folder of the guard)
from server import NullDynamoDB  # noqa: E402

#: Route, the route that it is compared with, and the most that it costs in comparison.
LIMITS = [("item", "ready dictionary", 1.5), ("page", "page by hand", 0.25)]


def main() -> int:
    routes = sorted({name for limit in LIMITS for name in limit[:2]}) if "--limits" in sys.argv[1:] else []
    if shutil.which("valgrind") is None:
        print("web: NOT RUN, valgrind is missing (Debian: apt-get install valgrind; elsewhere: from your system's packages)")
        return 0
    with tempfile.TemporaryDirectory(prefix="pydynox-web-") as name, NullDynamoDB() as server:
        folder = pathlib.Path(name)
        command = [sys.executable, HERE / "guard" / "served.py", counts.compiled(folder), server.url, *routes]
        figures = counts.of_valgrind(command, folder, 0)
    print(counts.table(figures, {}))
    exceeded = 0
    for route, other, limit in LIMITS:
        ratio = figures[route]["instructions"] / figures[other]["instructions"]
        exceeded += ratio > limit
        print(f"web: {route} / {other}: {ratio:.3f} (at most {limit})")
    return 1 if exceeded else 0


if __name__ == "__main__":
    sys.exit(main())
