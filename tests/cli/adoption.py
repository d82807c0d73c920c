"""Tables to adopt, each with what its models should be: the golden files in ``adopt/``.

python -m tests.cli.adoption    # write the golden files anew
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from pydynox import DynamoDBClient, run
from pydynox.migrate.adopt import adopt_file, adopt_pynamodb, adopt_table

from tests.cli import theirs

GOLDEN = Path(__file__).parent / "adopt"
START = datetime(2026, 11, 23, 3, 41, tzinfo=UTC)


@dataclass
class Case:
    """A table that exists."""

    keys: dict[str, str]  # the key's attributes and their types, partition key first
    items: list[dict[str, Any]]
    indexes: dict[str, dict[str, Any]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)  # of the attributes of index keys
    ttl: str | None = None
    table: str = "adopted"
    options: dict[str, Any] = field(default_factory=dict)  # of adopt_table

    def create(self, client: DynamoDBClient) -> None:
        members: dict[str, Any] = {"KeySchema": schema(list(self.keys))}
        for name, index in self.indexes.items():
            kind = "LocalSecondaryIndexes" if index.get("local") else "GlobalSecondaryIndexes"
            projection = index.get("projection", {"ProjectionType": "ALL"})
            key = index.get("schema") or schema(index["keys"])
            members.setdefault(kind, []).append({"IndexName": name, "KeySchema": key, "Projection": projection})
        definitions = [{"AttributeName": name, "AttributeType": kind} for name, kind in {**self.keys, **self.types}.items()]
        client.sync.call(
            "CreateTable", TableName=self.table, AttributeDefinitions=definitions, BillingMode="PAY_PER_REQUEST", **members
        )
        if self.ttl:
            specification = {"AttributeName": self.ttl, "Enabled": True}
            client.sync.call("UpdateTimeToLive", TableName=self.table, TimeToLiveSpecification=specification)
        for item in self.items:
            client.sync.call("PutItem", TableName=self.table, Item=item)

    def source(self, client: DynamoDBClient) -> str:
        return run(adopt_table(self.table, client=client, **self.options))


def schema(names: list[str]) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=False)]


def wire(value: Any) -> dict[str, Any]:
    """A plain value in DynamoDB's JSON, written by itself: no code of pydynox is involved."""
    match value:
        case bool():
            return {"BOOL": value}
        case None:
            return {"NULL": True}
        case str():
            return {"S": value}
        case bytes():
            return {"B": base64.b64encode(value).decode()}
        case set():
            ((kind,),) = ({next(iter(wire(member))) for member in value},)
            return {f"{kind}S": sorted(wire(member)[kind] for member in value)}
        case list():
            return {"L": [wire(member) for member in value]}
        case dict():
            return {"M": {name: wire(member) for name, member in value.items()}}
        case _:
            return {"N": str(value)}


def item(**attributes: Any) -> dict[str, Any]:
    return {name: wire(value) for name, value in attributes.items()}


def at(number: int, spec: str = "microseconds", zone: str = "Z") -> str:
    """A point in time as text."""
    moment = START + timedelta(hours=number, microseconds=1_001 * number)
    return moment.replace(tzinfo=None).isoformat(timespec=spec) + zone


def orders() -> Case:
    """One kind of item: every stored type, indexes of both kinds, documents, what is optional and what does not fit."""
    items = []
    for number in range(60):
        one = item(
            customer_id=f"c{number % 7}",
            placed=at(number),
            number=number,
            email=f"a{number}@example.org",
            status="open",
            total=f"{number}.50" and number + 0.5,
            paid=number % 3 == 0,
            seal=bytes([number, 255]),
            tags={"a", f"t{number}"},
            sizes={number, number + 1},
            weights={number + 0.25},
            keys={bytes([number])},
            delivery_day=f"2026-12-{number % 28 + 1:02d}",
            reference=str(UUID(int=number, version=4)),
            payload=json.dumps({"n": number}),
            seen=1_764_000_000 + number,
            seen_ms=1_764_000_000_000 + number,
            address={"street": "Rue 1", "zip": "75001", "geo": {"lat": 48.5, "lon": 2}, "floor": number % 4},
            lines=[{"sku": "x", "count": number, "notes": ["a"]}, {"sku": "y", "count": 1, "price": 2.5}],
            counts={f"2026-11-{day:02d}": day for day in range(1, number % 5 + 2)},
            empty_list=[],
            empty_map={},
            matrix=[[1, 2], [3]],
            deep=[[["x"]]],
            maybe=[None, "x"],
            expires=1_900_000_000 + number,
            nothing=None,
        )
        if number % 2:
            one |= item(note="n", coupon=None if number % 4 == 1 else "c")
        one |= item(coupon=None) if not number % 2 else {}
        one |= item(mixed=number if number % 5 else str(number), almost=at(number) if number % 6 else "never")
        items.append(one)
    return Case(
        keys={"customer_id": "S", "placed": "S"},
        items=items,
        types={"email": "S", "number": "N", "status": "S", "coupon_code": "S", "total": "N"},
        indexes={
            "by-email": {"keys": ["email"]},
            "by_status": {
                "keys": ["status", "number"],
                "projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["note", "tags", "shipped_by"]},
            },
            "by_coupon": {"keys": ["coupon_code", "customer_id"], "projection": {"ProjectionType": "KEYS_ONLY"}},
            "by_total": {"keys": ["customer_id", "total"], "local": True},
        },
        ttl="expires",
        table="orders",
    )


def shop() -> Case:
    """Several kinds of items, named by an attribute that an index has as its key."""
    items = []
    for number in range(12):
        items.append(
            item(
                pk=f"CUSTOMER#{number}",
                sk="PROFILE",
                entityType="customer",
                name="Ada",
                since=f"2026-01-{number + 1:02d}",
                gsi1pk=f"EMAIL#{number}",
            )
        )
        for order in range(3):
            items.append(
                item(
                    pk=f"CUSTOMER#{number}",
                    sk=f"ORDER#{order:04d}",
                    entityType="order",
                    customer_id=number,
                    number=order,
                    total=order * 10,
                    lines=[{"sku": "x", "count": order}],
                    gsi1pk="STATUS#new",
                    gsi1sk=at(order),
                    expires=1_900_000_000 if order else None,
                )
            )
    items = [{name: value for name, value in one.items() if "NULL" not in value} for one in items]
    items.append(item(pk="CONFIG", sk="CONFIG", limit=3))
    return Case(
        keys={"pk": "S", "sk": "S"},
        items=items,
        types={"gsi1pk": "S", "gsi1sk": "S", "entityType": "S"},
        indexes={
            "gsi1": {
                "keys": ["gsi1pk", "gsi1sk"],
                "projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["entityType", "name"]},
            },
            "by_kind": {
                "keys": ["entityType", "sk"],
                "projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["total", "gsi1pk"]},
            },
        },
        ttl="expires",
        table="shop",
    )


def forum() -> Case:
    """Several kinds of items, told apart by how their keys begin."""
    items = []
    for number in range(8):
        user = f"u{number}"
        items.append(item(PK=f"USER#{user}", SK="PROFILE", user_id=user, handle=f"h{number}", karma=7 * number))
        items += [
            item(PK=f"USER#{user}", SK=f"POST#{at(post)}", user_id=user, posted=at(post), title="t", likes=post, tags={"a"})
            for post in range(number % 3 + 1)
        ]
        items.append(item(PK=f"POST#{number}", SK=f"COMMENT#{number:05d}", no=number, text="x", by={"handle": f"h{number}"}))
    return Case(keys={"PK": "S", "SK": "S"}, items=items, table="my-forum.v2")


#: Names that no declaration can have as they are, and texts that try to leave the source.
NAMES = [
    "class", "from", "field", "Attr", "str", "Any", "save", "model_dump", "table", "mro", "__private", "_id", "first-name", "first name",
    "first_name", "9lives", "naïve", "日本", "a.b", "a[0]", "x" * 60, 'quo"te', "apos'trophe", 'bo"th\'s', "back\\slash", "new\nline",
    '"""', "*/", "#", "tab\t", "\x1b[31m", "\u202egnp", "\u2028", "e\u0301", "{x}", "%s", "\\N{DIGIT ONE}", "import os; os.abort()", "None",
    "self", "cls", "datetime", "date", "Decimal", "id", "type", "timeout", "defaults", "partition_key", "name", "OrderLine", "NamesPoint",
]  # fmt: skip


def names() -> Case:
    """Names that Python, Model or the source's own words take."""
    one = item(**{"consistent_read": "k", "sync": 1, **dict.fromkeys(NAMES, "x")})
    one |= {
        "when": wire("2026-01-01"),
        "at": wire(at(1)),
        "price": wire(1.5),
        "point": wire({"get": 1, "model_dump": "x", "x y": [{}]}),
    }
    other = {name: value for name, value in one.items() if name != "日本"} | {"consistent_read": wire("l")}
    return Case(
        keys={"consistent_read": "S", "sync": "N"},
        items=[one, other],
        types={"first name": "S", "first-name": "S"},
        indexes={
            "sync": {"keys": ["first name"]},
            "first.name": {
                "keys": ["first-name", "first name"],
                "projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["class", 'quo"te', "日本", "x" * 60]},
            },
        },
        table="names",
    )


def times() -> Case:
    """Forms of times: each that has a format, and those that leave a doubt."""
    items = []
    for number in range(12):
        spec = ("seconds", "milliseconds", "microseconds")[number % 3]
        items.append(
            item(
                source=f"s{number % 3}",
                at=at(number, zone="+0000"),
                index_at=at(number, "milliseconds"),
                mixed_key=at(number, zone=("Z", "+00:00")[number % 2]),
                offset=at(number, zone="+00:00"),
                seconds=at(number, "seconds"),
                space=at(number, "seconds").replace("T", " "),
                plain=at(number, "seconds", ""),
                plain_micro=at(number, zone=""),
                plain_mixed=at(number, zone="" if number else "Z"),
                local=at(number, "seconds", "+02:00"),
                various=at(number, spec, ("Z", "+00:00")[number % 2]),
                day="2026-11-23",
                clock="03:41:00",
                clock_micro="03:41:00.000001",
                clock_mixed="03:41:00" if number else "03:41:00.5",
                late="2026-02-30T00:00:00Z",
                many=[at(number), at(1)],
                many_seconds=[at(number, "seconds")],
                document={"seen": at(number, zone="+0000"), "days": {f"{day}-x": at(day) for day in range(number % 4)}},
            )
        )
    return Case(
        keys={"source": "S", "at": "S"},
        items=items,
        types={"index_at": "S", "mixed_key": "S"},
        indexes={"by_index_at": {"keys": ["source", "index_at"]}, "by_mixed": {"keys": ["mixed_key"]}},
        table="times",
    )


def electrodb() -> Case:
    """As ElectroDB's documentation shows its items: keys with the names of service and entity, which attributes hold too."""
    items = []
    for number in range(6):
        items.append(
            item(
                pk=f"$taskapp#team_t{number % 2}",
                sk=f"$employees#employee_1#office_paris#id_{number}",
                gsi1pk=f"$taskapp#office_paris#{number}",
                gsi1sk="$employee_1",
                id=f"{number}",
                team=f"t{number % 2}",
                office="paris",
                createdAt=1_764_000_000_000 + number,
                startDate=f"2026-11-{number + 1:02d}",
                __edb_e__="employee",
                __edb_v__="1",
            )
        )
        items.append(
            item(
                pk=f"$taskapp#employee_{number}",
                sk=f"$task_1#project_p#task_{number}",
                task=f"{number}",
                employee=f"{number}",
                project="p",
                updatedAt=at(number, "milliseconds"),
                points=number,
                tags={"a"},
                __edb_e__="task",
                __edb_v__="1",
            )
        )
    return Case(
        keys={"pk": "S", "sk": "S"},
        items=items,
        types={"gsi1pk": "S", "gsi1sk": "S"},
        indexes={"gsi1pk-gsi1sk-index": {"keys": ["gsi1pk", "gsi1sk"]}},
        table="electro",
    )


def go_time(number: int) -> str:
    """As Go's time.RFC3339Nano writes it: without the zeros at the end of the fraction."""
    fraction = ("", "25", "5", "000001", "123456", "123456789")[number % 6]
    return f"2026-11-23T03:41:{number:02d}{'.' if fraction else ''}{fraction}Z"


def go() -> Case:
    """As the documentation of Go's attributevalue describes it: time.Time as text, unixtime as a number, nil as NULL."""
    items = [
        item(
            ID=f"i{number}",
            At=go_time(number),
            Created=go_time(number + 1),
            Expires=1_900_000_000 + number,
            Ratio=0.5,
            Count=number,
            Raw=b"raw",
            Tags={"a", "b"},
            Names=["x"],
            Parent=None,
            Nested={"Done": number % 2 == 0, "At": go_time(number)},
            Scores={"math": 1, "art": number},
        )
        for number in range(8)
    ]
    return Case(keys={"ID": "S", "At": "S"}, items=items, ttl="Expires", table="go-events")


def java_time(number: int) -> str:
    """As Java's Instant.toString writes it: a fraction of 0, 3, 6 or 9 digits."""
    nanoseconds = (0, 250_000_000, 250_001_000, 250_001_002)[number % 4]
    digits = 0 if not nanoseconds else 3 if nanoseconds % 1_000_000 == 0 else 6 if nanoseconds % 1_000 == 0 else 9
    fraction = f".{nanoseconds:09d}"[: digits + 1] if digits else ""
    return f"2026-11-23T03:41:{number:02d}{fraction}Z"


def java() -> Case:
    """As the documentation of Java's enhanced client describes its converters: Instant and LocalDate as text, null as NULL."""
    items = [
        item(
            accountId=f"a{number}",
            subId=number,
            createdDate=java_time(number),
            born="2026-11-23",
            meeting="2026-11-23T03:41:00",
            lasts="PT3M",
            uuid=str(UUID(int=number, version=4)),
            active=True,
            version=number,
            nickname=None if number % 2 else "n",
            roles={"admin"},
            address={"street": "Rue 1", "since": java_time(number)},
        )
        for number in range(8)
    ]
    return Case(
        keys={"accountId": "S", "subId": "N"},
        items=items,
        types={"createdDate": "S"},
        indexes={"customers_by_date": {"keys": ["accountId", "createdDate"]}},
        table="Customer",
    )


TABLES: dict[str, Callable[[], Case]] = {
    "orders": orders,
    "shop": shop,
    "forum": forum,
    "names": names,
    "times": times,
    "electrodb": electrodb,
    "go": go,
    "java": java,
}


#: Model files: each has a golden file too.
FILES = ["workbench", "data_model"]


def file(name: str) -> str:
    """The content of a model file."""
    return (GOLDEN / f"{name}.json").read_text(encoding="utf-8")


def sample_data(name: str) -> list[tuple[str, dict[str, Any]]]:
    """The items in a model file, with the names of their tables."""
    model = json.loads(file(name))
    if name == "workbench":
        return [(table["TableName"], one) for table in model["DataModel"] for one in table.get("TableData", [])]
    return [(table, row["PutRequest"]["Item"]) for table, rows in model["items"].items() for row in rows]


def sources() -> dict[str, str]:
    """The source of every case."""
    found = {}
    for name, case in TABLES.items():
        client = DynamoDBClient(endpoint_url="memory://")
        one = case()
        one.create(client)
        found[name] = one.source(client)
        client.sync.close()
    found |= {name: adopt_file(file(name)) for name in FILES}
    return found | {"pynamo": adopt_pynamodb(theirs.Event, theirs.Animal)}


def main() -> None:
    """Write the golden files."""
    for name, source in sources().items():
        (GOLDEN / f"{name}.py").write_text(source, encoding="utf-8")


if __name__ == "__main__":
    main()
