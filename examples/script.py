"""A blocking program without an event loop that imports users from a CSV file. Run it with ``python script.py users.csv``."""

from __future__ import annotations

import csv
import sys

from pydynox import Attr, Model, field, partition_key


class User(Model[str], table="users"):
    """A user. No client is configured, so the first call creates one from the environment."""

    user_id: Attr[str] = partition_key()
    name: Attr[str]
    age: Attr[int] = field(default=0)


def import_user(user_id: str, name: str, age: int) -> str:
    """Create or update one user; returns a description of what was done."""
    user = User.sync.get(user_id)
    if user is None:
        User(user_id=user_id, name=name, age=age).sync.create()
        return "created"
    user.name, user.age = name, age
    changes = ", ".join(user.model_changes())
    user.sync.save()  # sends only the differences, and nothing if there are none
    return f"changed {changes}" if changes else "unchanged"


def main(path: str) -> None:
    if not User.table.sync.exists():
        User.table.sync.create()
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            print(row["user_id"], import_user(row["user_id"], row["name"], int(row["age"])))


if __name__ == "__main__":
    main(sys.argv[1])
