"""The process that ``run.py`` counts: runs each operation about a hundred times, between two marks.

``guarded.py MARKS URL ENCRYPTED_URL``. MARKS is the compiled ``marks.c``. Under valgrind, the marks delimit the counted region;
without it, the interpreter's allocations are counted. Prints a line of JSON with each operation's calls and allocations.
"""

from __future__ import annotations

import ctypes
import json
import pathlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: Calls per operation, after a fifth as many uncounted ones. The counts of single calls differ: a hash table grows, or an answer
#: arrives in several parts.
CALLS = {"page of 100": 20, "batch_get of 100": 20, "batch_write of 25": 20, "condition": 500}
FEWEST = 100


class Marks:
    """The two marks, and the interpreter's allocations between them."""

    def __init__(self, path: str) -> None:
        self._library = ctypes.PyDLL(path)
        self._library.allocations_so_far.restype = ctypes.c_long
        self._library.count_allocations()
        self.rows: dict[str, tuple[int, int]] = {}

    def around(self, name: str, call: Callable[[int], object], calls: int) -> None:
        """Count the cost of this many calls."""
        numbers, encoded = range(calls), name.encode()
        before = self._library.allocations_so_far()
        self._library.begin(encoded)
        for number in numbers:
            call(number)
        self._library.end(encoded)
        self.rows[name] = (calls, self._library.allocations_so_far() - before)


def operations(url: str, encrypted_url: str) -> dict[str, Callable[[int], object]]:
    """The counted operations. They block, so their own thread drives the runtime and no other thread changes a count."""
    from clients import ours
    from data import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, SORT_KEY, item, values
    from model import Plain, User, plain_repository
    from patient import Patient, keyring, make_patient
    from pydynox import Credentials, DynamoDBClient

    client = ours.open_client(url)
    sealing = DynamoDBClient(
        region=REGION, endpoint_url=encrypted_url, credentials=Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY), keyring=keyring()
    )
    keys, users = ours.KEYS[:50], ours.USERS[:50]
    unchanged = User.model_from_item(item(1))
    patient, many = make_patient(), ours.WHOLE_KEYS
    repository, plain = plain_repository(), [Plain(**values(number)) for number in range(50)]

    def pair(number: int) -> None:
        with client.sync.transaction() as tx:
            tx.put(users[number % 50])
            tx.put(users[(number + 1) % 50])

    def sealed(call: Callable[[], object]) -> Callable[[int], object]:
        def run(_: int) -> object:
            with sealing.as_default():
                return call()

        return run

    def is_adult_named_ada(_: int) -> object:
        return (User.age > 17) & (User.name == "Ada")

    return {
        "get": lambda number: User.sync.get(keys[number % 50], SORT_KEY),
        "put": lambda number: users[number % 50].sync.put(),
        "repository put": lambda number: repository.sync.put(plain[number % 50]),
        "save changed": lambda number: ours.changed(number % 50).sync.save(),
        "save unchanged": lambda _: unchanged.sync.save(),
        "update": lambda number: User.key(keys[number % 50], SORT_KEY).sync.update(User.age.set(number)),
        "page of 100": lambda number: User.sync.query(keys[number % 50]).limit(100).all(),
        "batch_get of 100": lambda _: client.sync.batch_get_all(many),
        "batch_write of 25": lambda _: client.sync.batch_save(users[:25]),
        "transaction of 2": pair,
        "encrypted put": sealed(patient.sync.put),
        "encrypted get": sealed(lambda: Patient.sync.get("p1")),
        "condition": is_adult_named_ada,
    }


def main() -> None:
    """Count everything once."""
    path, url, encrypted_url = sys.argv[1:]
    sys.path.insert(1, str(pathlib.Path(__file__).parent.parent))  # the modules of the other benches
    marks = Marks(path)

    def bring_in(_: int) -> Any:
        import pydynox

        return pydynox.Model  # a lazy import would otherwise be counted at the first use

    marks.around("nothing", lambda _: None, 1)
    marks.around("import", bring_in, 1)
    import gc

    calls = operations(url, encrypted_url)
    # The collector's schedule depends on much earlier allocations, so its cost would land on changing operations.
    gc.collect()
    gc.freeze()
    gc.disable()
    for name, call in calls.items():
        count = CALLS.get(name, FEWEST)
        for number in range(count // 5):
            call(number)
        marks.around(name, call, count)
    print(json.dumps(marks.rows))


if __name__ == "__main__":
    main()
