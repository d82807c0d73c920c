"""``pydynox patterns``: access patterns as Markdown and the least policy, compared with files and with what calls really need."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from pydynox import (
    Attr,
    DynamoDBClient,
    LocalKeyring,
    Model,
    export_jsonl,
    partition_key,
    reencrypt,
    run,
    sort_key,
    verify_unique,
)
from pydynox._explain.models import indexes_of
from pydynox._explain.patterns import Tables, markdown
from pydynox._explain.policy import GUARDS, Scope, policy
from pydynox.cli import main

from .kiosk import receipts
from .kiosk_classes import Receipt
from .shop import Customer, Invoice, Patient

PLACE = Path(__file__).parent / "patterns"
IAM = ["--iam", "--region", "eu-west-1", "--account", "123456789012"]
#: By the file that has the output.
GOLDEN: dict[str, list[str]] = {
    "shop.md": ["tests.cli.shop"],
    "invoice.md": ["tests.cli.shop:Invoice", "--table-prefix", "test-"],
    "shop.json": ["tests.cli.shop", *IAM],
    "all.json": ["tests.cli.shop", *IAM, "--scan", "--tables", "--kms-key", "arn:aws:kms:eu-west-1:123456789012:key/1234"],
    "kiosk.md": ["tests.cli.kiosk"],
    "receipts.md": ["tests.cli.kiosk:receipts"],
    "readers.json": ["tests.cli.shop:Customer", "tests.cli.shop:Patient", "--iam", "--read-only"],
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_output_is_that_of_the_file(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["patterns", *GOLDEN[name]]) == 0

    assert capsys.readouterr().out == (PLACE / name).read_text()


def test_every_model_of_a_module_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    main(["patterns", "tests.cli.shop", "tests.cli.shop:Invoice"])

    assert capsys.readouterr().out.count("### Invoice") == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tests.cli.nothing", "the module 'tests.cli.nothing' cannot be imported"),
        ("json", "the module 'json' has no models with a table and no repositories"),
        ("tests.cli.kiosk_classes", "has no models with a table and no repositories"),
        ("tests.cli.shop:Nobody", "has no 'Nobody'"),
        ("tests.cli.shop:Entity", "has no table"),
        ("tests.cli.shop:date", "is not a model"),
    ],
)
def test_what_has_no_patterns_is_refused(capsys: pytest.CaptureFixture[str], name: str, message: str) -> None:
    assert main(["patterns", name]) == 1

    assert message in capsys.readouterr().err


#: What a request of each operation needs: https://docs.aws.amazon.com/service-authorization/latest/reference/list_dynamodb.html
PARTS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}


def needed(request: Any) -> set[tuple[str, str]]:
    """The actions and resources of a request."""
    table = f"arn:aws:dynamodb:*:*:table/{request.tables[0]}"
    where = table if request.index_name is None else f"{table}/index/{request.index_name}"
    if request.operation == "TransactWriteItems":
        return {(f"dynamodb:{PARTS[kind]}", table) for part in request.body["TransactItems"] for kind in part}
    if request.operation == "TransactGetItems":
        return {("dynamodb:GetItem", table)}
    return {(f"dynamodb:{request.operation}", where)}


def partition_keys(wire: Any) -> set[str]:
    """The partition keys, text, that a request names."""
    if isinstance(wire, list):
        return {key for one in wire for key in partition_keys(one)}
    if not isinstance(wire, dict):
        return set()
    own = {wire["pk"]["S"]} if isinstance(wire.get("pk"), dict) and "S" in wire["pk"] else set()
    return own.union(*map(partition_keys, wire.values()))


def customer() -> Customer:
    return Customer(customer_id="7", email="a@b")


async def transaction(client: DynamoDBClient) -> None:
    async with client.transaction() as tx:
        tx.create(customer())
        tx.update(Invoice.key(customer_id="7", placed=date(2026, 1, 1), number=1), Invoice.gsi_pk.set("x"))
        tx.check(Customer.key(customer_id="8"), Customer.email.exists())
        tx.delete(Invoice.key(customer_id="7", placed=date(2026, 1, 1), number=2))


KEY: Any = {"customer_id": "7", "placed": date(2026, 1, 1), "number": 1}
CALLS: dict[str, Callable[[DynamoDBClient], Any]] = {
    "get": lambda _: Invoice.get(**KEY),
    "exists": lambda _: Invoice.key(**KEY).exists(),
    "batch_get": lambda c: c.batch_get(Invoice.key(**KEY), Customer.key(customer_id="7")),
    "transact_get": lambda c: c.transact_get(Invoice.key(**KEY)),
    "query": lambda _: Invoice.query(customer_id="7").all(),
    "index": lambda _: Customer.by_gsi.query(email="a@b").keys().all(),
    "create": lambda _: Invoice(**KEY).create(),
    "create unique": lambda _: customer().create(),
    "put": lambda _: Invoice(**KEY).put(),
    "delete": lambda _: Invoice.key(**KEY).delete(),
    "update": lambda _: Invoice.key(**KEY).update(Invoice.gsi_pk.set("x")),
    "batch_save": lambda c: c.batch_save([Invoice(**KEY)], unguarded=True),
    "transaction": transaction,
    "local index": lambda _: Patient.by_city.query("ann", Patient.city == "Oslo").keys().all(),
    "encrypted": lambda _: Patient(name="ann", visit=1, notes="hidden").create(),
}
READING = {"get", "exists", "batch_get", "transact_get", "query", "index", "local index"}


def allowed(document: dict[str, Any], action: str, resource: str, keys: set[str]) -> bool:
    """Whether a statement allows it, as IAM decides: by action, resource and condition."""

    def covers(statement: dict[str, Any]) -> bool:
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        condition = statement.get("Condition", {}).get("ForAllValues:StringLike", {})
        patterns = condition.get("dynamodb:LeadingKeys", ["*"])
        return (
            action in statement["Action"]
            and resource in resources
            and all(any(fnmatchcase(key, pattern) for pattern in patterns) for key in keys)
        )

    return any(map(covers, document["Statement"]))


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("writes", [True, False], ids=["all", "read-only"])
def test_the_policy_allows_what_a_call_needs(name: str, writes: bool) -> None:
    client = DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"k": b"k" * 32}))
    document = policy(Tables.of([Customer, Invoice, Patient]), Scope(writes=writes))

    explained = client.sync.explain(CALLS[name](client), values=True)

    assert explained.requests
    keys = {key for request in explained.requests if request.index_name is None for key in partition_keys(request.body)}
    verdicts = [allowed(document, *need, keys) for request in explained.requests for need in needed(request)]
    assert all(verdicts) if writes or name in READING else not any(verdicts)


def test_other_keys_and_scans_are_not_allowed() -> None:
    document = policy(Tables.of([Customer, Invoice]), Scope())
    table = "arn:aws:dynamodb:*:*:table/shop"

    assert allowed(document, "dynamodb:GetItem", table, {"CUSTOMER#1"})
    assert allowed(document, "dynamodb:PutItem", table, {f"{GUARDS}0"})
    assert not allowed(document, "dynamodb:GetItem", table, {"OTHER#1"})
    assert not allowed(document, "dynamodb:Scan", table, set())
    # The condition holds for a request without keys: no statement with it may contain Scan.
    scanning = policy(Tables.of([Customer, Invoice]), Scope(scans=True))
    assert not [one for one in scanning["Statement"] if "dynamodb:Scan" in one["Action"] and "Condition" in one]


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("*", "aws"),
        ("eu-west-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-isob-east-1", "aws-iso-b"),
    ],
)
def test_arns_are_those_of_the_region_s_partition(region: str, partition: str) -> None:
    document = policy(Tables.of([Patient]), Scope(region=region))

    resources = [statement["Resource"] for statement in document["Statement"]]
    arns = [arn for one in resources for arn in ([one] if isinstance(one, str) else one)]
    assert len(arns) == 3
    assert all(arn.startswith(f"arn:{partition}:") for arn in arns)


@pytest.mark.parametrize("job", ["export", "reencrypt", "verify_unique"])
def test_a_policy_with_scans_allows_what_jobs_on_whole_tables_send(job: str, tmp_path: Path) -> None:
    client = DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"k": b"k" * 32}))
    document = policy(Tables.of([Customer, Invoice, Patient]), Scope(scans=True))
    model = Customer if job == "verify_unique" else Patient
    jobs: dict[str, Callable[[], Any]] = {
        "export": lambda: export_jsonl(model, tmp_path / "items.jsonl"),
        "reencrypt": lambda: reencrypt(model),
        "verify_unique": lambda: verify_unique(model),
    }
    with client.as_default():
        model.table.sync.create()
        with client.record() as requests:
            run(jobs[job]())

    table = f"arn:aws:dynamodb:*:*:table/{model.model_config.table}"
    operations = {request.operation for request in requests}
    assert "Scan" in operations
    assert all(allowed(document, f"dynamodb:{operation}", table, set()) for operation in operations)


def test_statements_have_ids_of_their_own() -> None:
    class One(Model[str], table="a-b"):
        id: Attr[str] = partition_key()

    class Other(Model[str], table="a.b"):
        id: Attr[str] = partition_key()

    class Elsewhere(Model[str], table="arn:aws:dynamodb:eu-west-1:1:table/a_b"):
        id: Attr[str] = partition_key(template="{kind}#x")
        kind: Attr[str]

    document = policy(Tables.of([One, Other, Elsewhere], "p-"), Scope())

    labels = [statement["Sid"] for statement in document["Statement"]]
    assert len(set(labels)) == len(labels)
    assert all(label.isalnum() for label in labels)
    resources = [statement["Resource"] for statement in document["Statement"]]
    assert resources[0].endswith(":table/p-a-b")
    assert resources[2] == "arn:aws:dynamodb:eu-west-1:1:table/a_b"
    assert "Condition" not in document["Statement"][2]  # its keys begin with a value, so no pattern covers them alone


def test_the_page_of_a_model_names_its_calls_as_they_are() -> None:
    """What the table shows as Python is valid and is answered by the operation beside it."""
    client = DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"k": b"k" * 32}))
    values = {"customer_id": "7", "placed": date(2026, 1, 1), "number": 1, "email": "a@b", "name": "ann", "visit": 1}
    seen = 0
    for model in (Invoice, Patient):
        for row in markdown(Tables.of([model])).splitlines():
            _, access, call, operation, *_ = [*(cell.strip() for cell in row.split("|")), "", "", "", ""]
            if (".get(" not in call and ".query(" not in call) or "by `" in access:
                continue
            text = call.strip("`")
            text = text.replace("<condition on visit>", "Patient.visit > 1")
            for name, value in values.items():
                text = text.replace(f"{name}=...", f"{name}={value!r}")
            names = {"date": date, "Invoice": Invoice, "Patient": Patient}
            made = eval(text.replace("datetime.date", "date"), names)  # noqa: S307  what the page itself shows
            explained = client.sync.explain(made.all() if ".query(" in text else made)
            assert [request.operation for request in explained.requests] == [operation]
            seen += 1
    assert seen >= 5


def test_the_page_of_a_repository_names_its_calls_as_they_are() -> None:
    """Every call that it shows is valid, and sends what it says beside it."""
    client = DynamoDBClient(endpoint_url="memory://")
    page = markdown(Tables.of([receipts.model]), {receipts.model: "receipts"})
    rows = [[cell.strip() for cell in row.split("|")] for row in page.splitlines() if "`receipts." in row]
    condition, item = receipts.attr.number > 3, Receipt("s", 1, "t")
    for _, _, call, operation, *_ in rows:
        text = (
            call.strip("`").replace("<condition on number>", "condition").replace(", ...])", "])").replace("Receipt(...)", "item")
        )
        text = text.replace("update(...)", "update(receipts.attr.table.set('x'))")
        for name, value in {"shop": "s", "number": 1, "table": "t"}.items():
            text = text.replace(f"{name}=...", f"{name}={value!r}")
        made = eval(text, {"receipts": receipts, "condition": condition, "item": item})  # noqa: S307  what the page itself shows
        explained = client.sync.explain(made.all() if hasattr(made, "all") else made)
        expected = "PutItem" if ".save(" in call else operation  # saved as a new one, as it was never read
        assert [request.operation for request in explained.requests] == [expected], call

    assert len(rows) == 10


@pytest.mark.parametrize("verb", ["tables check", "scan", "patterns"])
def test_a_repository_is_named_as_a_model_is(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    client = DynamoDBClient(endpoint_url="memory://kiosk")
    with client.as_default():
        receipts.table.sync.ensure()

    where = [] if verb == "patterns" else ["--endpoint-url", "memory://kiosk"]
    assert main([*verb.split(), "tests.cli.kiosk:receipts", *where]) == 0, capsys.readouterr()
    assert main([*verb.split(), "tests.cli.kiosk:Receipt", *where]) == 1
    assert "tests.cli.kiosk:Receipt is not a model or a repository" in capsys.readouterr().err


def test_a_partition_key_that_is_one_text_is_not_an_argument() -> None:
    class Setting(Model[str, str], table="settings"):
        pk: Attr[str] = partition_key(template="SETTINGS")
        name: Attr[str] = sort_key()

    assert "`Setting.query(<condition on name>)`" in markdown(Tables.of([Setting]))


def test_indexes_are_read_from_the_class() -> None:
    (index,) = indexes_of(Patient)

    assert (index.name, index.is_global, index.keys, index.projected) == ("by_city", False, ("name", "city"), ("notes",))


if __name__ == "__main__":  # writes the files anew: python -m tests.cli.test_patterns
    from contextlib import redirect_stdout

    PLACE.mkdir(exist_ok=True)
    for name, arguments in GOLDEN.items():
        with (PLACE / name).open("w") as file, redirect_stdout(file):
            main(["patterns", *arguments])
    sys.exit(0)
