"""``pydynox adopt``: the source that it prints is formatted, checked, free of drift, and reads what is stored."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import string
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from pydynox import Attr, Credentials, DynamoDBClient, Model, field, partition_key
from pydynox.document import Document
from pydynox.exceptions import ConfigurationError, PydynoxError, RequestTimeoutError, TableNotFoundError, ValidationError
from pydynox.local import LocalServer
from pydynox.migrate._adopt.declarations import Field
from pydynox.migrate._adopt.keys import template_of
from pydynox.migrate.adopt import adopt_file, adopt_pynamodb, adopt_table

from tests.cli import adoption, theirs
from tests.cli.adoption import GOLDEN, TABLES, Case, item, wire
from tests.conftest import client_of
from tests.faults.deeds import answer, drip, error, forward
from tests.faults.server import FaultServer

pytestmark = pytest.mark.thorough


def imported(source: str, path: Path) -> ModuleType:
    """A module of this source."""
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def models(module: ModuleType) -> list[type[Model[Any]]]:
    """The models of a module, a base class before its subclasses."""
    values = [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == module.__name__]
    return [value for value in values if issubclass(value, Model)]


@pytest.fixture
def memory() -> Iterator[DynamoDBClient]:
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        yield client
    client.sync.close()


def equals(value: Any, stored: Mapping[str, Any]) -> bool:
    """Whether a value that a model read is what is stored, compared without any code of pydynox."""
    ((kind, content),) = stored.items()
    if isinstance(value, datetime):
        return value == (datetime.fromtimestamp(int(content), UTC) if kind == "N" else datetime.fromisoformat(content))
    if isinstance(value, Document):
        members = {attribute.attribute_name: getattr(value, name) for name, attribute in type(value).model_fields.items()}
        return set(content) <= set(members) and all(
            equals(member, content[name]) if name in content else member in (None, set()) for name, member in members.items()
        )
    match kind:
        case "S" if isinstance(value, date | time):
            return value == type(value).fromisoformat(content)
        case "N":
            return type(value) in (int, Decimal) and value == Decimal(content)
        case "L":
            return len(value) == len(content) and all(map(equals, value, content))
        case "M":
            return value.keys() == content.keys() and all(equals(value[name], content[name]) for name in content)
        case "SS" | "NS" | "BS":
            return len(value) == len(content) and all(any(equals(one, {kind[0]: other}) for one in value) for other in content)
        case "NULL":
            return value is None
        case _:
            return wire(value) == stored


@pytest.mark.parametrize("name", TABLES)
class TestTables:
    def test_the_source_is_the_golden_file(self, name, memory, drive):
        case = TABLES[name]()
        case.create(memory)

        source = drive(adopt_table(case.table, client=memory, **case.options))

        assert source == (GOLDEN / f"{name}.py").read_text(encoding="utf-8"), "python -m tests.cli.adoption writes it"

    def test_its_layout_is_that_of_a_formatter(self, name, tmp_path):
        for length in ("88", "130"):
            command = [sys.executable, "-m", "ruff", "format", "--isolated", "--check", f"--line-length={length}"]
            done = subprocess.run([*command, GOLDEN / f"{name}.py"], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr

    def test_the_table_does_not_differ_from_the_models(self, name, memory, tmp_path):
        case = TABLES[name]()
        case.create(memory)

        module = imported((GOLDEN / f"{name}.py").read_text(encoding="utf-8"), tmp_path / f"drift_{name}.py")

        assert models(module)
        for model in models(module):
            assert model.table.sync.check() == []

    def test_every_sampled_item_is_read_as_it_is_stored(self, name, memory, tmp_path):
        case = TABLES[name]()
        case.create(memory)
        module = imported((GOLDEN / f"{name}.py").read_text(encoding="utf-8"), tmp_path / f"reads_{name}.py")
        stored = {tuple(str(one[key]) for key in case.keys): one for one in case.items}

        rows = rows_of(models(module), case)

        read = set()
        for row in rows:
            names = {attribute.attribute_name: name for name, attribute in type(row).model_fields.items()}
            one = stored[tuple(str(row.model_to_item()[key]) for key in case.keys)]
            read.add(id(one))
            for attribute, value in one.items():
                if attribute in names:
                    assert equals(getattr(row, names[attribute]), value), (row, attribute)
            assert not row.model_changes()
        assert len(read) == len(case.items)

    def test_a_template_builds_the_keys_that_are_stored(self, name, memory, tmp_path):
        case = TABLES[name]()
        case.create(memory)
        module = imported((GOLDEN / f"{name}.py").read_text(encoding="utf-8"), tmp_path / f"built_{name}.py")

        for row in rows_of(models(module), case):
            cls: Any = type(row)
            given = {name: getattr(row, name) for name, each in cls.model_fields.items() if each.options.template is None}
            again = cls(**given)
            built = [name for name, each in cls.model_fields.items() if each.options.template is not None]
            assert [getattr(again, key) for key in built] == [getattr(row, key) for key in built]


def rows_of(classes: list[type[Model[Any]]], case: Case) -> list[Any]:
    """Every item as its own class; those without an entity are found by their keys."""
    base, *subclasses = classes
    if not any((model.__doc__ or "").startswith("An item whose") for model in subclasses):
        return base.sync.scan().all()
    rows = []
    for model in subclasses:
        prefixes = re.findall(r"(\S+) (?:begins with|is) (\S+?)(?: and|\.$)", model.__doc__ or "")
        assert prefixes, model
        found = [one for one in case.items if all(one[key]["S"].startswith(prefix) for key, prefix in prefixes)]
        rows += [model.model_from_item(one) for one in found]
    return rows


class TestReadsOnly:
    @pytest.mark.parametrize("name", TABLES)
    def test_nothing_is_sent_but_reads(self, name, drive):
        case = TABLES[name]()
        with LocalServer() as server, FaultServer(forward(server.endpoint_url)) as recorder:
            settings_ = {"region": "eu-west-1", "credentials": Credentials("any", "any")}
            behind = DynamoDBClient(endpoint_url=server.endpoint_url, **settings_)
            case.create(behind)
            before = items_of(behind, case)
            client = DynamoDBClient(endpoint_url=recorder.url, **settings_)

            source = drive(adopt_table(case.table, client=client, **case.options))

            assert source == (GOLDEN / f"{name}.py").read_text(encoding="utf-8")
            assert set(recorder.operations()) == {"DescribeTable", "DescribeTimeToLive", "Scan"}
            assert items_of(behind, case) == before
            client.sync.close()
            behind.sync.close()

    def test_a_sample_is_from_all_over_the_table_and_no_larger_than_asked(self, drive):
        case = Case({"pk": "S"}, [item(pk=f"k{number}", number=number) for number in range(200)])
        with LocalServer() as server, FaultServer(forward(server.endpoint_url)) as recorder:
            client = DynamoDBClient(endpoint_url=recorder.url, region="eu-west-1", credentials=Credentials("any", "any"))
            case.create(client)
            recorder.seen.clear()

            source = drive(adopt_table("adopted", sample=50, client=client))

            scans = [seen.json() for seen in recorder.seen if seen.operation == "Scan"]
            assert len({scan["Segment"] for scan in scans}) == 32
            assert {scan["TotalSegments"] for scan in scans} == {32}
            assert "from a sample of 50 items" in source
            client.sync.close()


def items_of(client: DynamoDBClient, case: Case) -> Any:
    answer = client.sync.call("Scan", TableName=case.table)
    return sorted(json.dumps(one, sort_keys=True) for one in answer["Items"])


def test_a_timeout_holds_for_each_request(memory, serve, drive):
    TABLES["forum"]().create(memory)
    assert "class MyForumV2(" in drive(adopt_table("my-forum.v2", client=memory, timeout=60))

    with pytest.raises(RequestTimeoutError):
        drive(adopt_table("things", client=client_of(serve(drip(0.05))), timeout=0.3))


class TestKinds:
    def source(self, memory: DynamoDBClient, items: list[dict[str, Any]], **options: Any) -> str:
        case = Case({"pk": "S"}, items, options=options)
        case.create(memory)
        return case.source(memory)

    def test_a_type_that_changes_nothing_about_the_attributes_is_an_attribute(self, memory):
        source = self.source(memory, [item(pk=f"{number}", type=("a", "b")[number % 2], size=1) for number in range(8)])

        assert "entity=" not in source
        assert "    type: Attr[str]\n" in source

    def test_a_type_by_which_the_attributes_differ_names_kinds_of_items(self, memory):
        items = [item(pk=f"{number}", type=("a", "b")[number % 2], **{("x", "y")[number % 2]: 1}) for number in range(8)]

        source = self.source(memory, items)

        assert 'class A(Adopted, entity="a"):' in source
        assert 'class B(Adopted, entity="b"):' in source

    def test_an_attribute_that_is_named_as_the_discriminator_is_one(self, memory):
        source = self.source(
            memory, [item(pk=f"{number}", what=("a", "b")[number % 2]) for number in range(4)], discriminator="what"
        )

        assert 'entity_attribute="what"' in source
        assert 'entity="a"' in source

    def test_one_kind_is_one_class(self, memory):
        source = self.source(memory, [item(pk=f"{number}", _type="user", name="x") for number in range(3)])

        assert 'class Adopted(Model[str], table="adopted", entity="user"):' in source

    def test_an_attribute_of_many_values_is_data(self, memory):
        assert "entity=" not in self.source(memory, [item(pk=f"{number}", kind=f"{number}") for number in range(60)])

    @pytest.mark.parametrize(
        ("texts", "form"),
        [
            (["2024-01-02T03:04:05+0000", "2024-01-03T03:04:05+0000", "2024-01-02T03:04:05.250000Z"], None),
            (["2024-01-02T03:04:05Z", "2024-01-03T03:04:05Z", "2024-01-02T03:04:05.250000+0000"], "pynamodb"),
            (["2024-01-02T03:04:05+00:00", "2024-01-03T03:04:05+00:00", "2024-01-02T03:04:05Z"], "%Y-%m-%dT%H:%M:%S+00:00"),
        ],
    )
    def test_the_form_of_times_holds_the_finest_of_them(self, memory, tmp_path, texts, form):
        source = self.source(memory, [item(pk=f"{number}", at=text) for number, text in enumerate(texts)])
        module = imported(source, tmp_path / f"finest_{abs(hash(source))}.py")

        (model,) = models(module)
        rows = model.sync.scan().all()
        assert model.model_fields["at"].options.format == form
        for row in rows:
            assert row.model_to_item()["at"]
            row.sync.put()
        assert sorted(row.at for row in model.sync.scan().all()) == sorted(row.at for row in rows)

    def test_guards_of_unique_values_are_not_items(self, memory, drive):
        class Mail(Model[str], table="adopted"):
            mail_id: Attr[str] = partition_key()
            address: Attr[str] = field(unique=True)

        Mail.table.sync.create()
        Mail(mail_id="m1", address="a@b.c").sync.create()

        source = drive(adopt_table("adopted", client=memory))

        assert "a sample of 1 item." in source
        assert "unique" not in source


#: Keys, with other attributes of the same items; and the template that is found, if it is certain.
KEYS: dict[str, tuple[list[str], dict[str, list[Any]], str]] = {
    "one value": (["A#x", "A#y", "A#z"], {"v": ["x", "y", "z"]}, "A#{v}"),
    "two are chance": (["A#x", "A#y"], {"v": ["x", "y"]}, ""),
    "two of the same name are not": (["USER#x", "USER#y"], {"user_id": ["x", "y"]}, "USER#{user_id}"),
    "the name of the prefix": (["U#x", "U#y", "U#z"], {"uId": ["x", "y", "z"], "w": ["x", "y", "z"]}, "U#{uId}"),
    "either of two": (["A#x", "A#y", "A#z"], {"v": ["x", "y", "z"], "w": ["x", "y", "z"]}, ""),
    "padded": (["O#007", "O#010", "O#123"], {"n": [7, 10, 123]}, "O#{n:03d}"),
    "padded text": (["O#007", "O#010", "O#123"], {"n": ["7", "10", "123"]}, ""),
    "text with zeros": (["O#007", "O#010", "O#123"], {"n": ["007", "010", "123"]}, "O#{n}"),
    "not padded": (["O#7", "O#10", "O#123"], {"n": [7, 10, 123]}, "O#{n}"),
    "lower case": (["M#a@b", "M#c@d", "M#e@f"], {"mail": ["A@b", "C@D", "e@f"]}, "M#{mail:lower}"),
    "several": (["T#a#O#1", "T#b#O#2", "T#a#O#3"], {"t": ["a", "b", "a"], "o": [1, 2, 3]}, "T#{t}#O#{o}"),
    "a time": (
        ["E#2026-01-01T00:00:00Z", "E#2026-01-02T00:00:00Z", "E#2026-01-03T00:00:00Z"],
        {"at": [f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3)]},
        "E#{at}",
    ),
    "one differs": (["A#x", "A#y", "A#q"], {"v": ["x", "y", "z"]}, ""),
    "other parts": (["A#x", "A#y#1", "A#z"], {"v": ["x", "y", "z"]}, ""),
    "a constant": (["PROFILE", "PROFILE"], {"v": ["x", "y"]}, "PROFILE"),
    "a constant of one item": (["CONFIG"], {"v": ["x"]}, ""),
    "a constant that is data": (["v0", "v0"], {"v": ["x", "y"]}, ""),
    "a tenant that is the same in all": (["TENANT#acme", "TENANT#acme"], {"tenant": ["acme", "acme"]}, "TENANT#{tenant}"),
    "a value of no name that is": (["X#acme#1", "X#acme#2", "X#acme#3"], {"who": ["acme"] * 3, "n": [1, 2, 3]}, ""),
    "a value with what separates values": (["MY_USER#a_b", "MY_USER#c_d"], {"user_id": ["a_b", "c_d"]}, ""),
    "no prefix": (["x", "y", "z"], {"v": ["x", "y", "z"]}, ""),
    "the end of another word": (["A#ax", "A#ay", "A#az"], {"v": ["x", "y", "z"]}, ""),
    "braces": (["{A}#x", "{A}#y", "{A}#z"], {"v": ["x", "y", "z"]}, ""),
    "empty": (["A#", "A#", "A#"], {"v": ["", "", ""]}, ""),
}


@pytest.mark.parametrize("name", KEYS)
def test_a_template_is_found_where_it_is_certain(name):
    keys, values, expected = KEYS[name]
    items = [item(pk=key, **{each: texts[number] for each, texts in values.items()}) for number, key in enumerate(keys)]
    fields = [Field(each, {int: "int", str: "str"}[type(texts[0])]) for each, texts in values.items()]

    pieces = template_of(items, "pk", fields)

    shown = [piece if isinstance(piece, str) else f"{{{piece[0]}{':' * bool(piece[1])}{piece[1]}}}" for piece in pieces]
    assert "".join(shown) == expected


def test_a_time_in_lower_case_is_none_that_a_template_writes():
    days = [f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3)]
    items = [item(pk=f"E#{day.lower()}", at=day) for day in days]

    assert template_of(items, "pk", [Field("at", "datetime")]) == []
    assert template_of(items, "pk", [Field("at", "str")]) == ["E#", ("at", "lower")]


def test_a_time_whose_form_varies_and_two_times_build_no_key():
    days = [f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3)]
    items = [item(pk=f"E#{day}#{day[:10]}", at=day, on=day[:10]) for day in days]
    at, on = Field("at", "datetime"), Field("on", "date")

    assert template_of(items, "pk", [at, on]) == []
    assert template_of([item(pk=f"E#{day}", at=day) for day in days], "pk", [at]) == ["E#", ("at", "")]
    at.notes = ["of varying width"]
    assert template_of([item(pk=f"E#{day}", at=day) for day in days], "pk", [at]) == []


@pytest.mark.parametrize(("name", "others"), [("v", [item(pk="A#9")]), ("timeout", [])])
def test_an_attribute_that_an_item_can_lack_or_a_verb_takes_builds_no_key(memory, name, others):
    case = Case({"pk": "S"}, [item(pk=f"A#{number}", **{name: f"{number}"}) for number in range(5)] + others)
    case.create(memory)

    assert "template" not in case.source(memory)


def test_keys_of_indexes_are_built_where_every_item_has_them(memory, tmp_path):
    items = [
        item(pk=f"U#{n}", user_id=f"u{n}", mail=f"{n}@b", gsi=f"MAIL#{n}@b", part=f"P#{n}", owner=f"BY#u{n}") for n in range(5)
    ]
    items.append({name: value for name, value in items[0].items() if name != "part"} | item(pk="U#9"))
    indexes = {name: {"keys": [name]} for name in ("gsi", "part", "owner", "user_id")}
    case = Case({"pk": "S"}, items, indexes=indexes, types=dict.fromkeys(indexes, "S"))
    case.create(memory)

    source = case.source(memory)

    assert 'gsi: Attr[str] = field(template="MAIL#{mail}")' in source
    assert "part: Attr[str | None] = field(default=None)" in source
    assert "owner: Attr[str] = field(template=" not in source  # of user_id, which is the key of an index itself
    (model,) = models(imported(source, tmp_path / "indexed.py"))
    assert model.table.sync.check() == []
    assert [row.gsi for row in model.sync.scan().all()].count("MAIL#0@b") == 2


class TestBadInput:
    def test_a_time_to_live_that_may_not_be_described_is_left_out_and_named(self, serve, drive):
        table = {
            "TableName": "things",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "TableStatus": "ACTIVE",
        }
        server = serve(answer({"Table": table}), error("AccessDeniedException"), answer({"Items": [item(pk="a")], "Count": 1}))

        source = drive(adopt_table("things", sample=1, client=client_of(server)))

        assert "# DescribeTimeToLive is denied, so a time to live is not declared\nclass Thing(" in source

    @pytest.mark.parametrize("sample", [0, -1, True, 1.5])
    def test_a_sample_of_no_items_is_refused_before_anything_is_sent(self, sample, drive):
        nowhere = DynamoDBClient(endpoint_url="http://127.0.0.1:9", region="eu-west-1", credentials=Credentials("any", "any"))

        with pytest.raises(ValidationError, match="sample must be at least 1 item") as refused:
            drive(adopt_table("orders", sample=sample, client=nowhere))

        assert refused.value.errors == [("sample", "must be at least 1")]

    def test_an_empty_table_has_no_types_to_show(self, memory, drive):
        Case({"pk": "S"}, []).create(memory)

        with pytest.raises(ConfigurationError, match=r"adopted has no items, and a sample of zero items .* by hand"):
            drive(adopt_table("adopted", client=memory))

    def test_a_table_that_does_not_exist(self, memory, drive):
        with pytest.raises(TableNotFoundError):
            drive(adopt_table("none", client=memory))

    def test_a_discriminator_that_no_item_has_names_those_that_could_be_one(self, memory, drive):
        Case({"pk": "S"}, [item(pk="a", kind_of="x", size=3)]).create(memory)

        with pytest.raises(ConfigurationError, match=r"discriminator 'what': name one of kind_of, or sample more") as refused:
            drive(adopt_table("adopted", discriminator="what", client=memory))
        assert refused.value.attribute == "what"
        with pytest.raises(ConfigurationError, match="has a text in the discriminator 'size'"):
            drive(adopt_table("adopted", discriminator="size", client=memory))
        with pytest.raises(ConfigurationError, match="'pk' is a part of the key"):
            drive(adopt_table("adopted", discriminator="pk", client=memory))

    def test_an_item_of_a_kind_that_no_class_has_is_named_on_reading(self, memory, tmp_path):
        case = TABLES["shop"]()
        case.create(memory)
        module = imported((GOLDEN / "shop.py").read_text(encoding="utf-8"), tmp_path / "unknown_kind.py")
        later = item(pk="REFUND#1", sk="REFUND", entityType="refund")

        with pytest.raises(PydynoxError, match="refund"):
            module.Shop.model_from_item(later)


WORKBENCH: dict[str, Any] = {
    "ModelName": "Shop",
    "ModelMetadata": {"Author": "", "AWSService": "Amazon DynamoDB", "Version": "3.0"},
    "DataModel": [
        {
            "TableName": "T",
            "KeyAttributes": {"PartitionKey": {"AttributeName": "pk", "AttributeType": "S"}},
            "GlobalSecondaryIndexes": [
                {"IndexName": "by_mail", "KeyAttributes": {"PartitionKey": {"AttributeName": "mail", "AttributeType": "S"}}}
            ],
            "TableData": [{"pk": {"S": "a"}}],
        }
    ],
}


def changed(path: str, value: Any) -> str:
    """The Workbench model with one member replaced, or removed where the value is ``...``."""
    model = json.loads(json.dumps(WORKBENCH))
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = model
    for part in parents:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return json.dumps(model)


class TestFiles:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("{", "the model file is not JSON"),
            ("[" * 100_000, "the model file is not JSON"),
            ("[]", "neither a NoSQL Workbench model"),
            ('{"tables": []}', "the model file has no tables"),
            (
                changed("ModelMetadata.Version", "2.0"),
                r"ModelMetadata.Version: .* has version '2.0', and adopt reads version 3.0: open",
            ),
            (changed("ModelMetadata.Version", "4.0"), r"has version '4.0'"),
            (changed("ModelMetadata.Version", ...), r"has no version, and adopt reads version 3.0"),
            (changed("ModelMetadata.AWSService", "Amazon Keyspaces"), "ModelMetadata.AWSService must be Amazon DynamoDB, not"),
            (changed("DataModel", {}), "DataModel must be a list, not {}"),
            (changed("DataModel.0.KeyAttributes", ...), r"DataModel\[0\] has no member KeyAttributes: add it"),
            (
                changed("DataModel.0.KeyAttributes.PartitionKey.AttributeType", "SS"),
                "AttributeType must be S or N or B, not 'SS'",
            ),
            (
                changed("DataModel.0.TableData.0.pk", {"X": "a"}),
                r"DataModel\[0\].TableData\[0\].pk must be one value with its type",
            ),
            (changed("DataModel.0.TableData.0.pk", {"N": "1"}), r"TableData\[0\] has no pk of the type S, a part of the key"),
            (changed("DataModel.0.TableData.0.n", {"N": "one"}), r"TableData\[0\].n.N must be a number, not 'one'"),
            (changed("DataModel.0.TableData.0.n", {"BOOL": "true"}), r"TableData\[0\].n.BOOL must be true or false"),
            (
                changed("DataModel.0.TableData.0.mail", {"N": "1"}),
                r"TableData\[0\].mail is a part of an index key of the type S: give it",
            ),
            ('{"tables": [{}]}', r"tables\[0\] has no member AttributeDefinitions"),
            (
                '{"tables": [], "version": "2"}',
                r"version: the dynamodb_data_model.json has version '2', and adopt reads the form without",
            ),
            (
                '{"tables": [{"TableName": "t", "AttributeDefinitions": [], "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}]}]}',
                r"tables\[0\].KeySchema names 'a', which AttributeDefinitions does not define: add its type",
            ),
            (
                '{"tables": [{"TableName": "t", "AttributeDefinitions": [], "KeySchema": []}]}',
                r"tables\[0\].KeySchema has no partition key",
            ),
        ],
    )
    def test_a_file_that_is_another_one_is_refused_with_the_place_and_the_remedy(self, text, message):
        with pytest.raises(ConfigurationError, match=message):
            adopt_file(text)

    def test_one_table_of_a_file(self):
        assert 'table="T"' in adopt_file(json.dumps(WORKBENCH), table="T")
        with pytest.raises(ConfigurationError, match="the file has no table 'U'; its tables are: T"):
            adopt_file(json.dumps(WORKBENCH), table="U")

    @pytest.mark.parametrize("name", adoption.FILES)
    def test_the_source_is_the_golden_file(self, name):
        assert adopt_file(adoption.file(name)) == (GOLDEN / f"{name}.py").read_text(encoding="utf-8")

    @pytest.mark.parametrize("name", adoption.FILES)
    def test_the_tables_of_its_models_do_not_differ_and_hold_the_sample_data(self, name, memory, tmp_path):
        module = imported((GOLDEN / f"{name}.py").read_text(encoding="utf-8"), tmp_path / f"file_{name}.py")
        bases = [model for model in models(module) if not model.__bases__[0].__module__.startswith(f"file_{name}")]

        for model in bases:
            model.table.sync.create()
            assert model.table.sync.check() == []
        for table, one in adoption.sample_data(name):
            memory.sync.call("PutItem", TableName=table, Item=one)
        assert sum(len(model.sync.scan().all()) for model in bases) == len(adoption.sample_data(name))


def hash_first(schema: list[dict[str, str]]) -> list[dict[str, str]]:
    """A key's schema in the order that the service wants; PynamoDB's own is alphabetical."""
    return sorted(schema, key=lambda each: each.get("KeyType", ""))


class TestPynamoDB:
    def test_the_source_is_the_golden_file(self):
        assert adopt_pynamodb(theirs.Event, theirs.Animal) == (GOLDEN / "pynamo.py").read_text(encoding="utf-8")

    def test_the_tables_that_pynamodb_creates_do_not_differ_from_the_models(self, memory, tmp_path):
        module = imported((GOLDEN / "pynamo.py").read_text(encoding="utf-8"), tmp_path / "adopted_pynamo.py")

        for theirs_, ours in ((theirs.Event, module.Event), (theirs.Animal, module.Animal)):
            schema = theirs_._get_schema()
            names = {"key_schema": "KeySchema", "attribute_definitions": "AttributeDefinitions"}
            members: dict[str, Any] = {name: hash_first(schema[key]) for key, name in names.items()}
            for key, name in (
                ("global_secondary_indexes", "GlobalSecondaryIndexes"),
                ("local_secondary_indexes", "LocalSecondaryIndexes"),
            ):
                indexes = [
                    {"IndexName": one["index_name"], "KeySchema": hash_first(one["key_schema"]), "Projection": one["projection"]}
                    for one in schema[key]
                ]
                members |= {name: indexes} if indexes else {}
            memory.sync.call("CreateTable", TableName=theirs_.Meta.table_name, BillingMode="PAY_PER_REQUEST", **members)
            if ttl := theirs_._ttl_attribute():
                specification = {"AttributeName": ttl.attr_name, "Enabled": True}
                memory.sync.call("UpdateTimeToLive", TableName=theirs_.Meta.table_name, TimeToLiveSpecification=specification)

            assert ours.table.sync.check() == []

    def test_what_pynamodb_writes_is_read_and_written_back_bit_for_bit(self, tmp_path):
        module = imported((GOLDEN / "pynamo.py").read_text(encoding="utf-8"), tmp_path / "adopted_pynamo_items.py")
        at = datetime(2026, 11, 23, 3, 41, tzinfo=UTC)
        event = theirs.Event(
            source="s", at=at, email="e", changed=at, ratio=0.5, checked=False, digest=b"a", old_digest=b"b", digests={b"c"},
            roles={"r"}, scores={1, 2.5}, payload={"a": [1]}, anything=[1, "x"], words=["w"], moments=[at],
            places=[theirs.Place(city="Paris", since=at)], place=theirs.Place(city="Rome", geo=theirs.Geo(lat=1.5)),
            raw={"a": 1}, extras=theirs.Extras(seen=at, payload={"b": 1}), save_as="x", expires=at, version=3,
        )  # fmt: skip

        ours = module.Event.model_from_item(event.to_dynamodb_dict())

        assert (ours.at, ours.moments, ours.place.city, ours.place.geo.lat, ours.save_as) == (at, [at], "Rome", 1.5, "x")
        assert (ours.old_digest, ours.digests, ours.payload, ours.extras["seen"], ours.expires) == (
            b"b",
            {b"c"},
            {"a": [1]},
            at,
            at,
        )
        copied = module.Event(**{name: getattr(ours, name) for name in module.Event.model_fields if name != "version"})
        written = copied.model_to_item()
        assert {name: written[name] for name in written if name != "version"} == {
            name: value for name, value in event.to_dynamodb_dict().items() if name in written and name != "version"
        }

    def test_kinds_of_items(self, tmp_path):
        module = imported((GOLDEN / "pynamo.py").read_text(encoding="utf-8"), tmp_path / "adopted_pynamo_kinds.py")

        rows = [
            module.Animal.model_from_item(one.to_dynamodb_dict())
            for one in (theirs.Cat(name="a"), theirs.Puppy(name="b", weeks=3))
        ]

        assert [type(row).__name__ for row in rows] == ["Cat", "Puppy"]
        assert (rows[0].lives, rows[1].weeks) == (9, 3)

    @pytest.mark.parametrize(
        ("model", "message"),
        [
            (
                theirs.Lonely,
                r"Lonely.kind is a discriminator that no class has: declare a subclass with discriminator=..., or import",
            ),
            (theirs.Nameless, "Nameless.Meta has no table_name: add it"),
            (theirs.Place, "Place is not a model of PynamoDB: name a subclass of pynamodb.models.Model"),
            (dict, "dict is not a model of PynamoDB"),
        ],
    )
    def test_a_class_that_cannot_be_adopted_is_named_with_the_remedy(self, model, message):
        with pytest.raises(ConfigurationError, match=message):
            adopt_pynamodb(model)

    def test_the_command(self):
        command = [sys.executable, "-m", "pydynox", "adopt", "--from-pynamodb", "tests.cli.theirs:Event", "--from-pynamodb"]
        root = Path(__file__).parent.parent.parent
        done = subprocess.run([*command, "tests.cli.theirs:Animal"], cwd=root, capture_output=True, timeout=60, check=False)

        assert done.stdout.decode() == (GOLDEN / "pynamo.py").read_text(encoding="utf-8"), done.stderr


class TestCommandLine:
    def run(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "pydynox", "adopt", *arguments], cwd=cwd, capture_output=True, timeout=60, check=False
        )

    def test_it_prints_the_source_and_the_check_passes(self, tmp_path):
        url = f"file://{tmp_path}/items.db"
        client = DynamoDBClient(endpoint_url=url)
        TABLES["shop"]().create(client)
        client.sync.close()

        done = self.run("shop", "--sample", "500", "--endpoint-url", url, cwd=tmp_path)

        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.decode() == (GOLDEN / "shop.py").read_text(encoding="utf-8")
        (tmp_path / "models.py").write_bytes(done.stdout)
        check = [sys.executable, "-m", "pydynox", "tables", "check", "models:Shop", "models:Order", "--endpoint-url", url]
        assert subprocess.run(check, cwd=tmp_path, capture_output=True, timeout=60, check=False).returncode == 0

    def test_a_table_prefix_is_not_in_the_source(self, tmp_path):
        url = f"file://{tmp_path}/items.db"
        client = DynamoDBClient(endpoint_url=url)
        Case({"pk": "S"}, [item(pk="a")], table="dev-things").create(client)
        client.sync.close()

        done = self.run("things", "--table-prefix", "dev-", "--endpoint-url", url, cwd=tmp_path)

        assert b'class Thing(Model[str], table="things"):' in done.stdout, done.stderr

    def test_a_file(self, tmp_path):
        (tmp_path / "model.json").write_text(json.dumps(WORKBENCH))

        assert b'table="T"' in self.run("--from-file", "model.json", cwd=tmp_path).stdout
        refused = self.run("--from-file", "none.json", cwd=tmp_path)
        assert (refused.returncode, refused.stderr.decode()) == (1, "pydynox: none.json: No such file or directory\n")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((), "name a table, or a file with --from-file, or a PynamoDB class with --from-pynamodb"),
            (("t", "--sample", "0", "--endpoint-url", "memory://"), "sample must be at least 1 item, not 0"),
        ],
    )
    def test_what_cannot_be_adopted_is_one_line(self, arguments, message, tmp_path):
        done = self.run(*arguments, cwd=tmp_path)

        assert (done.returncode, done.stderr.decode()) == (1, f"pydynox: {message}\n")


#: Texts that try to leave a literal, a comment or a docstring, and everything that Unicode has.
hostile = st.one_of(
    st.text(min_size=1, max_size=30),
    st.text(st.sampled_from(string.punctuation + "\n\r\t\x00\x0c\x85\u2028\u202e\u0301 aZ_9"), min_size=1, max_size=12),
    st.sampled_from([*adoption.NAMES, '"""\nimport os\nos.abort()\n"""', "\nimport os", "\\", "'''", "# type: ignore", "\ud800"]),
)
values = st.recursive(
    st.one_of(
        hostile.map(lambda text: {"S": text}),
        st.integers(0, 9).map(lambda number: {"N": str(number)}),
        st.just({"BOOL": True}),
        st.just({"NULL": True}),
        st.just({"S": "2026-11-23T03:41:00.000000Z"}),
        st.lists(hostile, min_size=1, max_size=2, unique=True).map(lambda texts: {"SS": texts}),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda members: {"L": members}),
        st.dictionaries(hostile, inner, max_size=4).map(lambda members: {"M": members}),
    ),
    max_leaves=8,
)


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    """A Workbench model with names that nothing should be able to use."""
    pk, sk, index = draw(st.lists(hostile, min_size=3, max_size=3, unique=True))
    kind = draw(hostile)
    rows = draw(st.lists(st.dictionaries(hostile, values, max_size=6), max_size=3))
    key = {"PartitionKey": {"AttributeName": pk, "AttributeType": "S"}, "SortKey": {"AttributeName": sk, "AttributeType": "S"}}
    return {
        "ModelMetadata": {"Version": "3.0"},
        "DataModel": [
            {
                "TableName": draw(hostile),
                "KeyAttributes": key,
                "NonKeyAttributes": [
                    {"AttributeName": draw(hostile), "AttributeType": draw(st.sampled_from(["S", "N", "M", "SS"]))}
                ],
                "GlobalSecondaryIndexes": [
                    {
                        "IndexName": draw(hostile),
                        "KeyAttributes": {"PartitionKey": {"AttributeName": index, "AttributeType": "S"}},
                        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": [draw(hostile)]},
                    }
                ],
                "TableData": [
                    {
                        "entity": {"S": kind},
                        **row,
                        pk: {"S": draw(hostile)},
                        sk: {"S": draw(hostile)},
                        index: {"S": draw(hostile)},
                    }
                    for row in rows
                ],
            }
        ],
    }


#: What the source may call.
CALLED = {"field", "partition_key", "sort_key", "GlobalSecondaryIndex", "ModelConfig"}


@settings(max_examples=200, deadline=None)
@given(files())
def test_no_name_breaks_out_of_the_source(model):
    source = adopt_file(json.dumps(model))

    tree = ast.parse(source)
    assert all(letter == "\n" or letter.isprintable() for letter in source)
    for node in tree.body:
        assert isinstance(node, ast.Expr | ast.ImportFrom | ast.ClassDef)
        if isinstance(node, ast.ImportFrom):
            assert node.module in {"datetime", "decimal", "typing", "pydynox"}
    for node in ast.walk(tree):
        assert not isinstance(node, ast.Import | ast.Lambda | ast.JoinedStr | ast.FunctionDef | ast.Starred)
        if isinstance(node, ast.Call):
            assert isinstance(node.func, ast.Name)
            assert node.func.id in CALLED
        if isinstance(node, ast.Name | ast.ClassDef):
            assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", node.id if isinstance(node, ast.Name) else node.name)
    stored = {name for row in model["DataModel"][0]["TableData"] for name in row}
    literals = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    names = {node.target.id for node in ast.walk(tree) if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)}
    assert stored <= literals | names


@settings(max_examples=25, deadline=None, phases=[Phase.generate])  # each example runs a program: shrinking takes minutes
@given(st.lists(files(), min_size=5, max_size=5))
def test_the_source_of_any_names_is_laid_out_as_a_formatter_does(several):
    source = "\n\n\n".join(adopt_file(json.dumps(one)).partition("\n\n\n")[2].rstrip("\n") for one in several) + "\n"
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--diff", "--stdin-filename=models.py", "-"]
    done = subprocess.run(command, input=source.encode(), capture_output=True, check=False)

    assert done.returncode == 0, (done.stdout + done.stderr).decode()


@settings(max_examples=80, deadline=None)
@given(files())
def test_models_of_any_names_are_valid_and_read_the_sample(model):
    (table,) = model["DataModel"]
    (index,) = table["GlobalSecondaryIndexes"]
    table["TableName"], index["IndexName"] = "things", "by-this"
    text = json.dumps(model, ensure_ascii=False)
    assume("\ud800" not in text)  # a lone surrogate is in a file, but never in a table

    module = ModuleType("adopted_from_a_file")
    sys.modules[module.__name__] = module
    exec(compile(adopt_file(text), "adopted", "exec"), vars(module))  # noqa: S102  (the subject of this test)

    base, *_ = models(module)
    for one in table["TableData"]:
        row = base.model_from_item(one)
        names = {attribute.attribute_name: name for name, attribute in type(row).model_fields.items()}
        for attribute, value in one.items():
            if attribute in names:
                assert equals(getattr(row, names[attribute]), value), attribute


@pytest.mark.engines("moto")
def test_a_table_of_another_engine(client):
    case = TABLES["orders"]()
    case.create(client)

    assert case.source(client) == (GOLDEN / "orders.py").read_text(encoding="utf-8")
