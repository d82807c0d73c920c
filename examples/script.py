"""A blocking program without an event loop: brings users from a CSV file. Run it with ``python script.py users.csv``."""

from __future__ import annotations

import csv
import sys

from pydynox import Attr, Model, field, partition_key


class User(Model[str], table="users"):
    """A user. No client is named anywhere: it is made from the environment at the first call."""

    user_id: Attr[str] = partition_key()
    name: Attr[str]
    age: Attr[int] = field(default=0)


def bring(user_id: str, name: str, age: int) -> str:
    """Make one user be as it should; says what was done for that."""
    user = User.sync.get(user_id)
    if user is None:
        User(user_id=user_id, name=name, age=age).sync.create()
        return "created"
    user.name, user.age = name, age
    changed = ", ".join(user.model_changes())
    user.sync.save()  # sends what differs; nothing where nothing does
    return f"changed {changed}" if changed else "is as it should be"


def main(path: str) -> None:
    if not User.table.sync.exists():
        User.table.sync.create()
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            print(row["user_id"], bring(row["user_id"], row["name"], int(row["age"])))


if __name__ == "__main__":
    main(sys.argv[1])
