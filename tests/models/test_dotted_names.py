"""Names with dots in them: a path by its steps, and what a text with dots is not taken for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydynox import Attr, DynamoDBClient, GlobalSecondaryIndex, Model, attr, field, partition_key, sort_key
from pydynox.exceptions import ConditionFailedError, ValidationError

from tests.conftest import Drive


class File(Model[str, str], table="files"):
    """Every name as it is stored has a dot in it."""

    folder: Attr[str] = partition_key(attribute_name="key.folder")
    name: Attr[str] = sort_key(attribute_name="key.name")
    owner: Attr[str | None] = field(default=None, attribute_name="meta.owner")
    sizes: Attr[dict[str, int]] = field(default_factory=dict, attribute_name="a.b")

    by_owner = GlobalSecondaryIndex(owner, name)


@pytest.fixture(autouse=True)
def table(client: DynamoDBClient, drive: Drive) -> None:
    drive(File.table.create())


KEY = {"key.folder": "docs", "key.name": "example.txt"}


def test_a_list_is_taken_step_by_step(client: DynamoDBClient, drive: Drive) -> None:
    item = {**KEY, "example.txt": 1, "a.b": [{"c.d": 5, 'q"': 6}]}
    drive(client.put_item("files", item, condition=attr(["example.txt"]).not_exists()))
    with pytest.raises(ConditionFailedError):
        drive(client.put_item("files", item, condition=attr(["example.txt"]).not_exists()))

    drive(client.update_item("files", KEY, attr(["a.b", 0, "c.d"]).add(1), condition=attr(("a.b", 0, "c.d")) == 5))
    assert drive(client.get_item("files", KEY)) == {**item, "a.b": [{"c.d": 6, 'q"': 6}]}
    assert repr(attr(["a.b", 0, "c.d"])) == '<path ["a.b"][0]["c.d"]>'
    drive(client.delete_item("files", KEY, condition=attr(["a.b", 0, 'q"']) == 6))
    assert drive(client.get_item("files", KEY)) is None


@pytest.mark.deviates(moto="takes a placeholder in a projection for a path once it stands for a name with a dot")
def test_a_projection_takes_lists_too(client: DynamoDBClient, drive: Drive) -> None:
    drive(client.put_item("files", {**KEY, "example.txt": 1, "a.b": [{"c.d": 5, "e": 6}]}))
    found = drive(client.get_item("files", KEY, projection=[["a.b", 0, "c.d"], ["example.txt"]]))
    assert found == {"example.txt": 1, "a.b": [{"c.d": 5}]}


def test_a_query_reads_by_keys_with_dots(client: DynamoDBClient, drive: Drive) -> None:
    for name in ("a.txt", "b.txt"):
        drive(client.put_item("files", {"key.folder": "docs", "key.name": name, "x.y": {"z": name}}))
    query = client.query("files", {"key.folder": "docs"}, attr(["key.name"]) > "a.txt")
    assert [row["key.name"] for row in drive(query.all())] == ["b.txt"]
    assert drive(query.select(attr(["x.y", "z"])).all()) == [("b.txt",)]
    assert drive(client.query("files", attr(["key.folder"]) == "docs").filter(attr(["x.y", "z"]) == "a.txt").count()) == 1
    with pytest.raises(ValidationError, match=r'a key whose name has a dot in it is attr\(\["key.name"\]\)'):
        client.query("files", {"key.folder": "docs"}, attr("key.name") > "a.txt")


def test_a_model_is_read_and_written_by_names_with_dots(client: DynamoDBClient, drive: Drive) -> None:
    one = File(folder="docs", name="a.txt", owner="ada", sizes={"x.y": 1})
    drive(one.create())
    key = File.key("docs", "a.txt")
    assert drive(key.exists())
    assert drive(File.query("docs", File.name > "a").all()) == [one]
    assert drive(File.by_owner.query("ada", File.name.begins_with("a.")).all()) == [one]
    assert drive(File.query("docs").select(File.owner, File.sizes["x.y"]).all()) == [("ada", 1)]
    page = drive(File.query("docs").page(1))
    assert page.items == [one]
    assert page.cursor is None or drive(File.query("docs").after(page.cursor).all()) == []
    assert drive(File.scan(segments=2).filter(attr(["meta.owner"]) == "ada").count()) == 1
    one.sizes["x.y"] = 2
    drive(one.save(condition=attr(["meta.owner"]) == "ada"))
    assert drive(key.update(attr(["a.b", "x.y"]).add(1))).sizes == {"x.y": 3}
    assert drive(client.batch_get(key)) == drive(client.transact_get(key))

    async def together() -> None:
        async with client.transaction() as tx:
            tx.check(key, attr(["meta.owner"]) == "ada")
            tx.create(File(folder="docs", name="b.txt"), condition=attr(["meta.owner"]).not_exists())

    drive(together())
    rows = drive(client.execute('SELECT * FROM "files" WHERE "key.folder" = ?', "docs", model=File))
    assert [row.name for row in rows] == ["a.txt", "b.txt"]


WRONG: dict[str, tuple[Callable[[DynamoDBClient], Any], str]] = {
    "a quoted name": (lambda _: attr('"a.b"'), "contains a quote or a backslash"),
    "quoted in the middle": (lambda _: attr("a.'b.c'"), "contains a quote or a backslash"),
    "backticks": (lambda _: attr("`a.b`"), "contains a quote or a backslash"),
    "an escaped dot": (lambda _: attr(r"a\.b"), "contains a quote or a backslash"),
    "an empty list": (lambda _: attr([]), "must begin with the name of an attribute"),
    "a list that begins with a position": (lambda _: attr([0, "a"]), "must begin with the name of an attribute"),
    "an empty name": (lambda _: attr(["a", ""]), "cannot have an empty name"),
    "put_item": (
        lambda client: client.put_item("files", {**KEY, "example.txt": 1}, condition=attr("example.txt").not_exists()),
        r'there is an attribute with exactly this name: write attr\(\["example.txt"\]\)',
    ),
    "update_item": (
        lambda client: client.update_item("files", KEY, attr("x").set(1), condition=attr("key.name").exists()),
        r'write attr\(\["key.name"\]\)',
    ),
    "delete_item": (
        lambda client: client.delete_item("files", KEY, condition=attr("key.name").exists()),
        r'write attr\(\["key.name"\]\)',
    ),
    "a condition of a model": (
        lambda _: File(folder="d", name="n").create(condition=attr("meta.owner").not_exists()),
        r'write attr\(\["meta.owner"\]\)',
    ),
    "an action of a model": (lambda _: File.key("d", "n").apply(attr("meta.owner").set("x")), r'write attr\(\["meta.owner"\]\)'),
    "a filter of a model": (
        lambda _: File.scan().filter(attr("meta.owner") == "x").all(),
        r'write attr\(\["meta.owner"\]\)',
    ),
}


@pytest.mark.engines("embedded")
@pytest.mark.parametrize("case", WRONG)
def test_what_would_look_elsewhere_is_refused(client: DynamoDBClient, drive: Drive, case: str) -> None:
    act, message = WRONG[case]
    with pytest.raises(ValidationError, match=message):
        drive(act(client))


@pytest.mark.engines("embedded")
@pytest.mark.parametrize("steps", [3, ["a", 1.5], ["a", True], ["a", -1], {"a"}])
def test_what_is_no_path_is_a_type_error(client: DynamoDBClient, steps: Any) -> None:
    with pytest.raises(TypeError, match="a path is a text such as"):
        attr(steps)
