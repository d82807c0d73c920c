"""Tables: made with what is declared, brought up to it, and compared with it."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydynox import (
    Attr,
    DynamoDBClient,
    GlobalSecondaryIndex,
    LocalSecondaryIndex,
    Model,
    ModelConfig,
    Table,
    field,
    partition_key,
    run,
    sort_key,
    ttl,
)
from pydynox.exceptions import (
    ConfigurationError,
    InvalidRequestError,
    RequestError,
    RequestTimeoutError,
    TableNotFoundError,
)
from pydynox.tables import (
    Drift,
    IndexOptions,
    KmsKey,
    OnDemand,
    OwnedKey,
    PointInTimeRecovery,
    Provisioned,
    TableOptions,
    TableProgress,
    WarmThroughput,
    ensure_tables,
)

from tests.conftest import Drive, Serve, client_of
from tests.engines import CREDENTIALS, Engine
from tests.faults.deeds import answer, close, error
from tests.faults.server import Connection, Seen


class Note(Model[str, int], table="notes"):
    owner: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    text: Attr[str] = field(default="")


class Session(Model[str], table="sessions"):
    session_id: Attr[str] = partition_key()
    expires_at: Attr[datetime | None] = ttl(default=None, attribute_name="until")


class OtherNote(Model[str, str], table="notes"):
    """The same table, and another sort key."""

    owner: Attr[str] = partition_key()
    number: Attr[str] = sort_key()


class Login(Model[str], table="sessions"):
    """The same table, and another attribute by which its items expire."""

    session_id: Attr[str] = partition_key()
    ends: Attr[datetime | None] = ttl(default=None)


def by_hand(client: DynamoDBClient, drive: Drive, name: str = "notes", **more: Any) -> None:
    """A table of notes as somebody else makes it."""
    wire: dict[str, Any] = {
        "AttributeDefinitions": [
            {"AttributeName": "owner", "AttributeType": "S"},
            {"AttributeName": "number", "AttributeType": "N"},
        ],
        "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}, {"AttributeName": "number", "KeyType": "RANGE"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    drive(client.call("CreateTable", TableName=name, **(wire | more)))


# What each option says, what the table then tells of it, and another value to change it to.
OPTIONS: dict[str, tuple[Any, str, Any]] = {
    "on demand with limits": ({"billing": OnDemand(max_rcu=100, max_wcu=50)}, "billing", {"billing": OnDemand(max_rcu=200)}),
    "provisioned": ({"billing": Provisioned(rcu=7, wcu=3)}, "billing", {"billing": Provisioned(rcu=9, wcu=3)}),
    "stream": ({"stream": "NEW_AND_OLD_IMAGES"}, "stream", {"stream": False}),
    "deletion protection": ({"deletion_protection": True}, "has_deletion_protection", {"deletion_protection": False}),
    "tags": ({"tags": {"team": "core", "stage": "test"}}, "", {"tags": {"team": "core", "stage": "live"}}),
    "encryption": ({"encryption": KmsKey()}, "", {"encryption": OwnedKey()}),
    "table class": ({"table_class": "STANDARD_INFREQUENT_ACCESS"}, "table_class", {"table_class": "STANDARD"}),
    "recovery": ({"point_in_time_recovery": PointInTimeRecovery()}, "", {"point_in_time_recovery": False}),
}
ALL = ("test_a_table_is_created_as_its_options_say", "test_ensure_makes_the_table_once", "test_update_changes_what_is_there")
# What an engine does not know; the bodies that are sent then are pinned below.
LACKS: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {
    ("embedded", "encryption"): ("UpdateTable leaves the encryption as it is", ALL[2:]),
    ("moto", "encryption"): ("encryption cannot be switched off", ALL[2:]),
    ("moto", "on demand with limits"): ("does not tell the limits", (ALL[0], ALL[2])),
    ("moto", "table class"): ("does not keep the class", (ALL[0], ALL[2])),
}


@pytest.fixture
def option(request: pytest.FixtureRequest, engine: Engine) -> tuple[Any, str, Any]:
    name: str = request.param
    where = "embedded" if engine.url.startswith("memory:") else "moto"
    reason = LACKS.get((where, name))
    if reason is not None and request.function.__name__ in reason[1]:
        request.applymarker(pytest.mark.xfail(strict=True, reason=f"{where}: {reason[0]}"))
    return OPTIONS[name]


every_option = pytest.mark.parametrize("option", list(OPTIONS), indirect=True)


@every_option
def test_a_table_is_created_as_its_options_say(drive: Drive, client: DynamoDBClient, option: tuple[Any, str, Any]) -> None:
    options, told, _ = option

    drive(Note.table.create(**options))

    described = drive(Note.table.describe())
    if told:
        assert [getattr(described, told)] == list(options.values())
    assert drive(Note.table.check(**options)) == []
    release(client, drive)


@every_option
def test_ensure_makes_the_table_once(drive: Drive, client: DynamoDBClient, option: tuple[Any, str, Any]) -> None:
    options, _, _ = option

    made = drive(Note.table.ensure(**options))
    again = drive(Note.table.ensure(**options))

    assert [(drift.what, drift.declared, drift.actual) for drift in made] == [("table", "notes", None)]
    assert again == []
    release(client, drive)


@every_option
def test_update_changes_what_is_there(drive: Drive, client: DynamoDBClient, option: tuple[Any, str, Any]) -> None:
    options, told, others = option
    drive(Note.table.create(**options))
    (drift,) = drive(Note.table.check(**others))
    assert (drift.fixed_by, drift.fixable) == ("update", True)
    assert drive(Note.table.ensure(**others)) == [], "ensure changes nothing"
    assert drive(Note.table.check(**others)) == [drift]

    changed = drive(Note.table.update(**others))

    assert changed == [drift]
    assert drive(Note.table.check(**others)) == []
    assert drive(Note.table.update(**others)) == []
    if told:
        assert getattr(drive(Note.table.describe()), told) == (
            next(iter(others.values())) or (None if told == "stream" else False)
        )


def release(client: DynamoDBClient, drive: Drive) -> None:
    """So that the fixture may delete it."""
    drive(client.call("UpdateTable", TableName="notes", DeletionProtectionEnabled=False))


@pytest.mark.parametrize(
    "options",
    [
        {"stream": "KEYS_ONLY"},
        {"deletion_protection": True},
        {"tags": {"team": "core"}},
    ],
    ids=["stream", "deletion protection", "tags"],
)
def test_ensure_adds_what_is_missing(drive: Drive, client: DynamoDBClient, options: TableOptions) -> None:
    by_hand(client, drive)
    (drift,) = drive(Note.table.check(**options))
    assert (drift.fixed_by, drift.actual or None) == ("ensure", None)

    mended = drive(Note.table.ensure(**options))

    assert mended == [drift]
    assert drive(Note.table.check(**options)) == []
    release(client, drive)


@pytest.mark.engines("moto")
@pytest.mark.parametrize("wanted", [True, PointInTimeRecovery(days=35)])
def test_ensure_adds_backups(drive: Drive, client: DynamoDBClient, wanted: bool | PointInTimeRecovery) -> None:
    by_hand(client, drive)

    (drift,) = drive(Note.table.ensure(point_in_time_recovery=wanted))

    assert (drift.what, drift.declared, drift.actual) == ("point-in-time recovery", wanted, None)
    assert drive(Note.table.check(point_in_time_recovery=wanted)) == []


def test_billing_is_switched_both_ways(drive: Drive, client: DynamoDBClient) -> None:
    drive(Note.table.create())
    assert drive(Note.table.describe()).billing == OnDemand()

    drive(Note.table.update(billing=Provisioned(5, 4)))
    assert drive(Note.table.describe()).billing == Provisioned(5, 4)

    drive(Note.table.update(billing=OnDemand()))
    assert drive(Note.table.describe()).billing == OnDemand()


def test_tags_that_are_missing_are_added_and_others_left(drive: Drive, client: DynamoDBClient) -> None:
    by_hand(client, drive, Tags=[{"Key": "owner", "Value": "ops"}, {"Key": "stage", "Value": "test"}])
    wanted = TableOptions(tags={"stage": "live", "team": "core"})

    assert [drift.declared for drift in drive(Note.table.ensure(**wanted))] == [{"team": "core"}]
    assert [drift.declared for drift in drive(Note.table.check(**wanted))] == [{"stage": "live"}]
    drive(Note.table.update(**wanted))

    arn = drive(Note.table.describe()).arn
    tags = drive(client.call("ListTagsOfResource", ResourceArn=arn))["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"owner": "ops", "stage": "live", "team": "core"}


def test_time_to_live_comes_from_the_class(drive: Drive, client: DynamoDBClient) -> None:
    drive(Session.table.create(wait=False))

    answer = drive(client.call("DescribeTimeToLive", TableName="sessions"))["TimeToLiveDescription"]
    assert (answer["AttributeName"], answer["TimeToLiveStatus"]) == ("until", "ENABLED")
    assert drive(Session.table.check()) == []
    assert drive(Session.table.ensure()) == []


def test_ensure_switches_time_to_live_on(drive: Drive, client: DynamoDBClient) -> None:
    key = {"AttributeDefinitions": [{"AttributeName": "session_id", "AttributeType": "S"}]}
    key["KeySchema"] = [{"AttributeName": "session_id", "KeyType": "HASH"}]
    by_hand(client, drive, "sessions", **key)

    assert [str(drift) for drift in drive(Session.table.check())] == ["time to live: declared until, missing; ensure() adds it"]
    assert [drift.what for drift in drive(Session.table.ensure())] == ["time to live"]
    assert drive(Session.table.check()) == []


@pytest.mark.engines("embedded")
def test_the_embedded_engine_deletes_what_has_expired(drive: Drive, client: DynamoDBClient) -> None:
    drive(Session.table.ensure())
    drive(Session(session_id="old", expires_at=datetime.now(UTC) - timedelta(hours=1)).create())
    drive(Session(session_id="new", expires_at=datetime.now(UTC) + timedelta(hours=1)).create())

    async def gone() -> bool:
        return await Session.get("old") is None

    for _ in range(60):
        if drive(gone()):
            break
        time.sleep(0.05)
    assert drive(gone())
    assert drive(Session.get("new")) is not None


def test_time_to_live_by_another_attribute_is_for_you_to_decide(drive: Drive, client: DynamoDBClient) -> None:
    drive(Login.table.create())

    (drift,) = drive(Session.table.check())
    with pytest.raises(ConfigurationError, match="has one time to live attribute"):
        drive(Session.table.ensure())

    assert (drift.what, drift.declared, drift.actual, drift.fixable) == ("time to live", "until", "ends", False)


def test_another_key_is_explained_and_nothing_is_changed(drive: Drive, client: DynamoDBClient) -> None:
    drive(OtherNote.table.create())

    (drift, _) = drive(Note.table.check(deletion_protection=True))
    for verb in (Note.table.ensure, Note.table.update):
        with pytest.raises(ConfigurationError, match="key of a table cannot be changed") as refused:
            drive(verb(deletion_protection=True))

    assert drift == Drift("key", "owner (S), number (N)", "owner (S), number (S)", None, drift.advice)
    assert "copy the items" in drift.advice
    assert str(drift) in str(refused.value)
    assert drive(Note.table.describe()).has_deletion_protection is False


def test_another_stream_is_explained(drive: Drive, client: DynamoDBClient) -> None:
    drive(Note.table.create(stream="KEYS_ONLY"))

    (drift,) = drive(Note.table.check(stream="NEW_IMAGE"))

    assert (drift.declared, drift.actual, drift.fixable) == ("NEW_IMAGE", "KEYS_ONLY", False)
    assert "another ARN" in drift.advice


def test_a_table_that_is_not_there(drive: Drive, client: DynamoDBClient) -> None:
    (drift,) = drive(Note.table.check())

    assert str(drift) == "table: declared notes, missing; ensure() creates it"
    for call in (Note.table.describe, Note.table.delete, Note.table.update):
        with pytest.raises(TableNotFoundError):
            drive(call())
    drive(Note.table.wait_until_gone())
    with pytest.raises(RequestTimeoutError, match="not active"):
        drive(Note.table.wait_until_active(wait_timeout=0.05))


def test_creating_what_is_there_is_refused_and_ensure_takes_it(drive: Drive, client: DynamoDBClient) -> None:
    drive(Note.table.create())

    with pytest.raises(RequestError) as refused:
        drive(Note.table.create())
    assert refused.value.code == "ResourceInUseException"
    assert drive(Note.table.ensure()) == []


def test_a_protected_table_is_not_deleted(drive: Drive, client: DynamoDBClient) -> None:
    drive(Note.table.create(deletion_protection=True))

    with pytest.raises(InvalidRequestError):
        drive(Note.table.delete())

    drive(Note.table.update(deletion_protection=False))
    drive(Note.table.delete())
    assert drive(Note.table.exists()) is False


@pytest.mark.engines("embedded")
def test_progress_is_told(drive: Drive, client: DynamoDBClient) -> None:
    told: list[TableProgress] = []

    drive(Session.table.create(progress=told.append))
    drive(Session.table.wait_until_active(progress=told.append))
    drive(Session.table.delete(progress=told.append))

    assert [each.doing for each in told] == [
        "creating the table", "creating the table", "setting time to live", "waiting", "deleting the table",
    ]  # fmt: skip
    assert [each.table and each.table.status for each in told] == [None, "ACTIVE", "ACTIVE", "ACTIVE", None]


def test_prefixes_and_arns(drive: Drive, engine: Engine) -> None:
    prefixed = DynamoDBClient(endpoint_url=engine.url, table_prefix="dev-", region="us-east-1", credentials=CREDENTIALS)
    with prefixed.as_default():
        drive(Note.table.ensure())
        assert drive(Note.table.describe()).name == "dev-notes"
        assert str(drive(Session.table.check())[0]).startswith("table: declared dev-sessions, missing")
        assert Note.table.to_cloudformation()["Properties"]["TableName"] == "dev-notes"
        arn = drive(Note.table.describe()).arn
        assert drive(prefixed.list_tables()) == ["notes"]

        class ByArn(Note):
            model_config = ModelConfig(table=arn)

        assert drive(ByArn.table.ensure(deletion_protection=True)) != []
        assert drive(ByArn.table.check(deletion_protection=True)) == []
        assert ByArn.table.to_cloudformation()["Properties"]["TableName"] == "dev-notes"
        drive(ByArn.table.update(deletion_protection=False))
        drive(Note.table.delete())


@pytest.mark.engines("embedded")
def test_all_tables_are_listed_over_pages(drive: Drive, client: DynamoDBClient) -> None:
    for number in range(205):
        by_hand(client, drive, f"t-{number:03}")
    by_hand(client, drive, "other")

    assert drive(client.list_tables()) == ["other", *(f"t-{number:03}" for number in range(205))]


async def test_many_may_ensure_at_the_same_time(client: DynamoDBClient) -> None:
    await asyncio.gather(*(Session.table.ensure(tags={"a": "b"}, stream="KEYS_ONLY") for _ in range(8)))

    assert await Session.table.check(tags={"a": "b"}, stream="KEYS_ONLY") == []


# What the service may answer, in an order that no engine can be brought to.

TABLE: dict[str, Any] = {
    "TableName": "notes",
    "TableArn": "arn:aws:dynamodb:us-east-1:123456789012:table/notes",
    "TableStatus": "ACTIVE",
    "AttributeDefinitions": [
        {"AttributeName": "owner", "AttributeType": "S"},
        {"AttributeName": "number", "AttributeType": "N"},
    ],
    "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}, {"AttributeName": "number", "KeyType": "RANGE"}],
    "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
}


class Service:
    """Answers by operation: the next of its answers, the last one again and again."""

    def __init__(self, **answers: list[Any]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, Any]] = []

    def __call__(self, connection: Connection, seen: Seen) -> None:
        answers = self.answers.get(seen.operation, [answer({})])
        self.asked.append((seen.operation, seen.json()))
        deed = answers.pop(0) if len(answers) > 1 else answers[0]
        deed(connection, seen)

    def bodies(self, operation: str) -> list[Any]:
        return [body for name, body in self.asked if name == operation]


def table(**changed: Any) -> Any:
    return answer({"Table": TABLE | changed})


NO_TABLE = error("ResourceNotFoundException")


def test_a_table_that_somebody_else_is_making_is_waited_for(drive: Drive, serve: Serve) -> None:
    service = Service(
        DescribeTable=[NO_TABLE, table(TableStatus="CREATING"), table(TableStatus="CREATING"), table()],
        CreateTable=[error("ResourceInUseException")],
    )
    with client_of(serve(service)).as_default():
        assert drive(Note.table.ensure()) == []

    assert len(service.bodies("CreateTable")) == 1


def test_a_table_that_is_being_deleted_is_made_anew(drive: Drive, serve: Serve) -> None:
    service = Service(DescribeTable=[table(TableStatus="DELETING"), table(TableStatus="DELETING"), NO_TABLE, NO_TABLE, table()])
    with client_of(serve(service)).as_default():
        mended = drive(Note.table.ensure())

    assert [drift.what for drift in mended] == ["table"]
    assert [name for name, _ in service.asked].index("CreateTable") == 3


def test_a_table_whose_making_went_unanswered_is_looked_for(drive: Drive, serve: Serve) -> None:
    service = Service(DescribeTable=[NO_TABLE, table()], CreateTable=[close])
    with client_of(serve(service)).as_default():
        assert drive(Note.table.ensure()) == []

    assert len(service.bodies("CreateTable")) == 1


def test_a_change_waits_until_others_are_done(drive: Drive, serve: Serve) -> None:
    service = Service(
        DescribeTable=[table(), table(), table(), table(), table(), table(DeletionProtectionEnabled=True)],
        UpdateTable=[error("ResourceInUseException"), error("LimitExceededException"), answer({})],
    )
    with client_of(serve(service)).as_default():
        mended = drive(Note.table.ensure(deletion_protection=True))

    assert [drift.what for drift in mended] == ["deletion protection"]
    assert service.bodies("UpdateTable") == [{"DeletionProtectionEnabled": True, "TableName": "notes"}] * 3


def test_what_another_process_has_mended_is_no_error(drive: Drive, serve: Serve) -> None:
    service = Service(
        DescribeTable=[table(), table(), table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})],
        UpdateTable=[error("ValidationException")],
    )
    with client_of(serve(service)).as_default():
        assert drive(Note.table.ensure(stream="NEW_IMAGE")) == []


def test_what_the_service_refuses_is_raised(drive: Drive, serve: Serve) -> None:
    service = Service(DescribeTable=[table()], UpdateTable=[error("ValidationException")])
    with client_of(serve(service)).as_default(), pytest.raises(InvalidRequestError):
        drive(Note.table.ensure(stream="NEW_IMAGE"))

    assert len(service.bodies("UpdateTable")) == 1


@pytest.mark.thorough
def test_what_keeps_others_busy_too_long_is_said(drive: Drive, serve: Serve) -> None:
    service = Service(DescribeTable=[table()], UpdateTable=[error("LimitExceededException")])
    with client_of(serve(service)).as_default(), pytest.raises(RequestTimeoutError) as late:
        drive(Note.table.ensure(stream="NEW_IMAGE", wait_timeout=0.5))

    assert isinstance(late.value.__cause__, RequestError)
    assert late.value.__cause__.code == "LimitExceededException"


def test_backups_of_a_new_table_are_asked_for_until_the_service_is_ready(drive: Drive, serve: Serve) -> None:
    service = Service(
        DescribeTable=[table()], UpdateContinuousBackups=[error("ContinuousBackupsUnavailableException"), answer({})]
    )
    with client_of(serve(service)).as_default():
        drive(Note.table.create(point_in_time_recovery=PointInTimeRecovery(days=7)))

    wanted = {
        "TableName": "notes",
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7},
    }
    assert service.bodies("UpdateContinuousBackups") == [wanted, wanted]


def test_an_error_after_the_table_was_made_says_so(drive: Drive, serve: Serve) -> None:
    service = Service(DescribeTable=[table()], UpdateTimeToLive=[error("AccessDeniedException")])
    with client_of(serve(service)).as_default(), pytest.raises(RequestError) as refused:
        drive(Session.table.create())

    assert (refused.value.operation, refused.value.applied) == ("UpdateTimeToLive", True)


@pytest.mark.parametrize("status", ["INACCESSIBLE_ENCRYPTION_CREDENTIALS", "ARCHIVED", "DELETING"])
def test_a_table_that_will_not_become_active_is_not_waited_for(drive: Drive, serve: Serve, status: str) -> None:
    service = Service(DescribeTable=[table(TableStatus=status)])
    with client_of(serve(service)).as_default(), pytest.raises(RequestError, match=status):
        drive(Note.table.wait_until_active())


def test_every_member_that_create_knows_is_sent(drive: Drive, serve: Serve) -> None:
    service = Service(DescribeTable=[table()])
    policy = {"Version": "2012-10-17", "Statement": []}
    with client_of(serve(service)).as_default():
        drive(
            Note.table.create(
                billing=OnDemand(max_rcu=10),
                stream="OLD_IMAGE",
                encryption=KmsKey("alias/notes"),
                table_class="STANDARD",
                deletion_protection=True,
                warm_throughput=WarmThroughput(rcu=20_000, wcu=5_000),
                tags={"team": "core"},
                resource_policy=policy,
                wait=False,
            )
        )

    (body,) = service.bodies("CreateTable")
    assert json.loads(body.pop("ResourcePolicy")) == policy
    assert body == {
        "TableName": "notes",
        "AttributeDefinitions": TABLE["AttributeDefinitions"],
        "KeySchema": TABLE["KeySchema"],
        "BillingMode": "PAY_PER_REQUEST",
        "OnDemandThroughput": {"MaxReadRequestUnits": 10},
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "OLD_IMAGE"},
        "SSESpecification": {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": "alias/notes"},
        "TableClass": "STANDARD",
        "DeletionProtectionEnabled": True,
        "WarmThroughput": {"ReadUnitsPerSecond": 20_000, "WriteUnitsPerSecond": 5_000},
        "Tags": [{"Key": "team", "Value": "core"}],
    }
    assert [name for name, _ in service.asked] == ["CreateTable"]


def test_warm_throughput_is_only_raised(drive: Drive, serve: Serve) -> None:
    service = Service(DescribeTable=[table(WarmThroughput={"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000})])
    with client_of(serve(service)).as_default():
        assert drive(Note.table.check(warm_throughput=WarmThroughput(rcu=10_000, wcu=4_000))) == []
        (drift,) = drive(Note.table.check(warm_throughput=WarmThroughput(rcu=12_000, wcu=8_000)))
        assert drift.actual == WarmThroughput(rcu=12_000, wcu=4_000)
        drive(Note.table.update(warm_throughput=WarmThroughput(rcu=12_000, wcu=8_000)))

    warm = {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 8_000}
    assert service.bodies("UpdateTable") == [{"TableName": "notes", "WarmThroughput": warm}]


@pytest.mark.parametrize(
    ("there", "wanted", "body"),
    [
        (
            {"SSEDescription": {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": "arn:aws:kms:::key/a"}},
            {"encryption": OwnedKey()},
            {"SSESpecification": {"Enabled": False}},
        ),
        ({}, {"encryption": KmsKey("b")}, {"SSESpecification": {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": "b"}}),
        ({}, {"table_class": "STANDARD_INFREQUENT_ACCESS"}, {"TableClass": "STANDARD_INFREQUENT_ACCESS"}),
        (
            {"OnDemandThroughput": {"MaxReadRequestUnits": 5, "MaxWriteRequestUnits": 5}},
            {"billing": OnDemand(max_rcu=7)},
            {"BillingMode": "PAY_PER_REQUEST", "OnDemandThroughput": {"MaxReadRequestUnits": 7, "MaxWriteRequestUnits": -1}},
        ),
        (
            {},
            {"billing": Provisioned(7, 3)},
            {"BillingMode": "PROVISIONED", "ProvisionedThroughput": {"ReadCapacityUnits": 7, "WriteCapacityUnits": 3}},
        ),
    ],
)
def test_what_update_sends(drive: Drive, serve: Serve, there: Any, wanted: Any, body: Any) -> None:
    service = Service(DescribeTable=[table(**there)])
    with client_of(serve(service)).as_default():
        assert [drift.what for drift in drive(Note.table.update(**wanted))] == [*map(WORDS.get, wanted)]

    assert service.bodies("UpdateTable") == [body | {"TableName": "notes"}]


WORDS = {"billing": "billing", "encryption": "encryption", "table_class": "table class"}


def test_a_key_of_kms_is_compared_by_its_id(drive: Drive, serve: Serve) -> None:
    arn = "arn:aws:kms:us-east-1:123456789012:key/abc"
    service = Service(DescribeTable=[table(SSEDescription={"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": arn})])
    with client_of(serve(service)).as_default():
        for same in (KmsKey("abc"), KmsKey(arn), KmsKey("alias/notes"), KmsKey()):
            assert drive(Note.table.check(encryption=same)) == []
        (drift,) = drive(Note.table.check(encryption=KmsKey("def")))

    assert (drift.actual, drift.fixed_by) == (KmsKey(arn), "update")


def test_recovery_of_other_days_is_changed_by_update(drive: Drive, serve: Serve) -> None:
    on = {"PointInTimeRecoveryStatus": "ENABLED", "RecoveryPeriodInDays": 7}
    described = answer({"ContinuousBackupsDescription": {"PointInTimeRecoveryDescription": on}})
    service = Service(DescribeTable=[table()], DescribeContinuousBackups=[described])
    with client_of(serve(service)).as_default():
        assert drive(Note.table.check(point_in_time_recovery=True)) == []
        (drift,) = drive(Note.table.check(point_in_time_recovery=PointInTimeRecovery(days=35)))

    assert (drift.declared, drift.actual, drift.fixed_by) == (PointInTimeRecovery(35), PointInTimeRecovery(7), "update")


def test_cloudformation_has_all_that_is_declared() -> None:
    with DynamoDBClient(endpoint_url="memory://").as_default():
        made = Session.table.to_cloudformation(
            billing=Provisioned(rcu=5, wcu=2),
            stream="NEW_IMAGE",
            point_in_time_recovery=PointInTimeRecovery(days=14),
            deletion_protection=True,
            encryption=KmsKey(),
            table_class="STANDARD_INFREQUENT_ACCESS",
            warm_throughput=WarmThroughput(rcu=12_000, wcu=4_000),
            tags={"team": "core"},
            resource_policy={"Version": "2012-10-17", "Statement": []},
        )

    assert made == {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "TableName": "sessions",
            "AttributeDefinitions": [{"AttributeName": "session_id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "session_id", "KeyType": "HASH"}],
            "BillingMode": "PROVISIONED",
            "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 2},
            "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
            "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS"},
            "TableClass": "STANDARD_INFREQUENT_ACCESS",
            "DeletionProtectionEnabled": True,
            "WarmThroughput": {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000},
            "Tags": [{"Key": "team", "Value": "core"}],
            "ResourcePolicy": {"PolicyDocument": {"Version": "2012-10-17", "Statement": []}},
            "TimeToLiveSpecification": {"AttributeName": "until", "Enabled": True},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 14},
        },
    }
    json.dumps(made)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"billing": "PAY_PER_REQUEST"}, "billing="),
    ({"stream": "ALL"}, "stream= must be False or one of"),
    ({"stream": True}, "stream= must be False or one of"),
    ({"table_class": "CHEAP"}, "table_class="),
    ({"tags": ["a"]}, "tags= must be a mapping"),
    ({"tags": {"a": 1}}, "keys and values must be str"),
    ({"tags": {"aws:x": "y"}}, "reserved for AWS"),
    ({"tags": {"x" * 129: "y"}}, "1 to 128 characters"),
    ({"tags": {f"t{number}": "" for number in range(51)}}, "51 tags"),
    ({"encryption": "alias/x"}, "encryption="),
    ({"deletion_protection": 1}, "deletion_protection="),
    ({"point_in_time_recovery": 7}, "point_in_time_recovery="),
    ({"warm_throughput": 100}, "warm_throughput="),
    ({"indexes": {"by_text": IndexOptions()}}, "has no global secondary index"),
    ({"indexes": {"by_text": OnDemand()}}, r"must be IndexOptions\(...\)"),
    ({"indexes": []}, "indexes="),
    ({"resource_policy": "{}"}, "resource_policy="),
    ({"bilng": OnDemand()}, "unknown table option 'bilng'"),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=lambda value: str(value)[:40])
def test_a_wrong_option_is_refused_before_anything_is_sent(options: dict[str, Any], message: str, serve: Serve) -> None:
    server = serve(answer({}))
    with client_of(server).as_default():
        for verb in (Note.table.create, Note.table.ensure, Note.table.update, Note.table.check):
            with pytest.raises(ConfigurationError, match=message):
                run(verb(**options))
        with pytest.raises(ConfigurationError, match=message):
            Note.table.to_cloudformation(**options)

    assert server.seen == []


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Provisioned(0, 1), "rcu"),
        (lambda: Provisioned(1, True), "wcu"),
        (lambda: Provisioned(1.5, 1), "rcu"),  # type: ignore[arg-type]
        (lambda: OnDemand(max_rcu=0), "max_rcu"),
        (lambda: OnDemand(max_wcu=-1), "max_wcu"),
        (lambda: WarmThroughput(0, 1), "rcu"),
        (lambda: PointInTimeRecovery(0), "days"),
        (lambda: PointInTimeRecovery(36), "days"),
        (lambda: KmsKey(""), "KmsKey"),
        (lambda: IndexOptions(billing=5), "billing"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_value_is_refused_where_it_is_made(made: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        made()


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_wrong_time_to_wait_is_refused_before_anything_is_sent(serve: Serve, seconds: float) -> None:
    server = serve(answer({}))
    with client_of(server).as_default():
        for verb in (Note.table.create, Note.table.ensure, Note.table.update, Note.table.delete, Note.table.wait_until_gone):
            with pytest.raises(ConfigurationError, match="wait_timeout"):
                run(verb(wait_timeout=seconds))

    assert server.seen == []


def test_models_of_one_table_are_declared_together(drive: Drive, client: DynamoDBClient) -> None:
    class Visit(Model[str], table="sessions"):
        session_id: Attr[str] = partition_key()
        page: Attr[str] = field(default="")

    mended = drive(ensure_tables(Visit, Note, Session))

    assert [drift.declared for drift in mended] == ["sessions", "notes"]
    assert drive(Session.table.check()) == []
    assert drive(Table(Visit, Session).check()) == []


def test_models_of_one_table_that_disagree_are_refused(client: DynamoDBClient) -> None:
    with pytest.raises(ConfigurationError, match=r"Note and OtherNote share a table.*owner \(S\), number \(N\)"):
        run(ensure_tables(Note, OtherNote))
    with pytest.raises(
        ConfigurationError, match="has one time to live attribute: Session declares 'until' and Login declares 'ends'"
    ):
        run(ensure_tables(Session, Login))


def test_a_model_without_a_table_is_told_how_to_get_one() -> None:
    class Loose(Model[str]):
        name: Attr[str] = partition_key()

    for call in (Loose.table.create, Loose.table.ensure, Loose.table.check, Loose.table.exists, Loose.table.delete):
        with pytest.raises(ConfigurationError, match="Loose has no table"):
            run(call())
    with pytest.raises(ConfigurationError, match="Loose has no table"):
        Loose.table.to_cloudformation()


# Indexes.


class Indexed(Model[str, int], table="notes"):
    owner: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    text: Attr[str] = field(default="")
    size: Attr[int] = field(default=0)
    by_text = GlobalSecondaryIndex(text, number)
    by_size = GlobalSecondaryIndex(size, projection="KEYS_ONLY")


class WithLocal(Model[str, int], table="notes"):
    """The same with a local index."""

    owner: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    text: Attr[str] = field(default="")
    size: Attr[int] = field(default=0)
    by_text = GlobalSecondaryIndex(text, number)
    by_size = GlobalSecondaryIndex(size, projection="KEYS_ONLY")
    by_owner_size = LocalSecondaryIndex(size, projection=(text,))


class ByText(Model[str, int], table="notes"):
    """The same with the first index alone."""

    owner: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    text: Attr[str] = field(default="")
    by_text = GlobalSecondaryIndex(text, number)


class OfOtherKeys(Model[str, int], table="notes"):
    """The first index with other keys."""

    owner: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    text: Attr[str] = field(default="")
    by_text = GlobalSecondaryIndex(text)


class OfOtherProjection(Model[str, int], table="notes"):
    """The first index with another projection."""

    owner: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    text: Attr[str] = field(default="")
    by_text = GlobalSecondaryIndex(text, number, projection="KEYS_ONLY")


GSI = [
    {
        "IndexName": "by_text",
        "KeySchema": [{"AttributeName": "text", "KeyType": "HASH"}, {"AttributeName": "number", "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "ALL"},
    },
    {
        "IndexName": "by_size",
        "KeySchema": [{"AttributeName": "size", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    },
]


def test_a_table_is_created_with_its_indexes(drive: Drive, client: DynamoDBClient) -> None:
    drive(WithLocal.table.create())

    assert drive(WithLocal.table.check()) == []
    described = drive(WithLocal.table.describe())
    assert sorted(described.global_indexes) == ["by_size", "by_text"]
    by_text = described.global_indexes["by_text"]
    assert (by_text.partition_key, by_text.sort_key, by_text.projection) == (("text",), ("number",), "ALL")
    assert (by_text.status, by_text.is_backfilling) == ("ACTIVE", False)
    assert described.local_indexes["by_owner_size"].projection == "INCLUDE"


def test_ensure_adds_indexes_one_at_a_time(drive: Drive, client: DynamoDBClient) -> None:
    by_hand(client, drive)
    drive(Note(owner="a", number=1, text="hello").create())
    told: list[TableProgress] = []
    drifts = drive(Indexed.table.check())
    assert [(drift.what, drift.index, drift.fixed_by) for drift in drifts] == [
        ("index", "by_text", "ensure"),
        ("index", "by_size", "ensure"),
    ]
    assert str(drifts[0]).startswith(
        "index by_text: declared partition key text (S), sort key number (N), projection ALL, missing; ensure() adds it"
    )

    mended = drive(Indexed.table.ensure(progress=told.append))

    assert mended == drifts
    assert drive(Indexed.table.check()) == []
    assert [each.doing for each in told if "index" in each.doing] == ["adding index by_text", "adding index by_size"]


def test_indexes_that_are_not_declared_stay(drive: Drive, client: DynamoDBClient) -> None:
    drive(Indexed.table.create())

    assert drive(ByText.table.check()) == []
    assert drive(ByText.table.update(stream="KEYS_ONLY")) != []
    assert sorted(drive(ByText.table.describe()).global_indexes) == ["by_size", "by_text"]


@pytest.mark.parametrize(
    ("other", "advice"),
    [
        (OfOtherKeys, "under another name"),
        (OfOtherProjection, "under another name"),
        (WithLocal, "created with its table"),
    ],
)
def test_an_index_that_cannot_be_changed_is_explained(drive: Drive, client: DynamoDBClient, other: Any, advice: str) -> None:
    drive(Indexed.table.create())

    (drift,) = drive(other.table.check(deletion_protection=False))

    assert (drift.what, drift.fixable) == ("index", False)
    assert advice in drift.advice
    with pytest.raises(ConfigurationError, match=advice):
        drive(other.table.ensure())


def test_indexes_have_a_capacity_of_their_own(drive: Drive, client: DynamoDBClient) -> None:
    options = TableOptions(billing=Provisioned(10, 5), indexes={"by_size": IndexOptions(billing=Provisioned(2, 1))})

    drive(Indexed.table.create(**options))

    raw = {
        each["IndexName"]: each["ProvisionedThroughput"] for each in drive(Indexed.table.describe()).raw["GlobalSecondaryIndexes"]
    }
    assert (raw["by_text"]["ReadCapacityUnits"], raw["by_size"]["ReadCapacityUnits"]) == (10, 2)
    assert drive(Indexed.table.check(**options)) == []


@pytest.mark.deviates(embedded="UpdateTable leaves the capacity of an index as it is")
def test_the_capacity_of_an_index_is_changed(drive: Drive, client: DynamoDBClient) -> None:
    drive(Indexed.table.create(billing=Provisioned(10, 5)))
    more = TableOptions(indexes={"by_size": IndexOptions(billing=Provisioned(4, 1))})
    (drift,) = drive(Indexed.table.check(**more))
    assert (drift.what, drift.index, drift.actual, drift.fixed_by) == ("billing", "by_size", Provisioned(10, 5), "update")

    drive(Indexed.table.update(**more))
    assert drive(Indexed.table.check(**more)) == []


@pytest.mark.deviates(embedded="UpdateTable gives a new index no capacity")
def test_an_index_is_added_to_a_provisioned_table_with_its_capacity(drive: Drive, client: DynamoDBClient) -> None:
    drive(Note.table.create(billing=Provisioned(6, 3)))

    drive(ByText.table.ensure())

    (added,) = drive(Note.table.describe()).raw["GlobalSecondaryIndexes"]
    throughput = added["ProvisionedThroughput"]
    assert (throughput["ReadCapacityUnits"], throughput["WriteCapacityUnits"]) == (6, 3)


def test_what_an_index_alone_is_asked_to_be(drive: Drive, serve: Serve) -> None:
    there = table(GlobalSecondaryIndexes=[each | {"IndexStatus": "ACTIVE"} for each in GSI], AttributeDefinitions=[
        *TABLE["AttributeDefinitions"],
        {"AttributeName": "text", "AttributeType": "S"},
        {"AttributeName": "size", "AttributeType": "N"},
    ])  # fmt: skip
    service = Service(DescribeTable=[there])
    wanted = IndexOptions(billing=OnDemand(max_wcu=9), warm_throughput=WarmThroughput(12_000, 4_000))
    with client_of(serve(service)).as_default():
        drive(Indexed.table.update(indexes={"by_size": wanted}))
        drive(Indexed.table.create(indexes={"by_size": wanted}, wait=False))
        drive(Indexed.table.update(billing=Provisioned(5, 5)))

    warm = {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000}
    throughput = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    assert [body.get("GlobalSecondaryIndexUpdates") for body in service.bodies("UpdateTable")] == [
        [{"Update": {"IndexName": "by_size", "OnDemandThroughput": {"MaxReadRequestUnits": -1, "MaxWriteRequestUnits": 9}}}],
        [{"Update": {"IndexName": "by_size", "WarmThroughput": warm}}],
        [{"Update": {"IndexName": name, "ProvisionedThroughput": throughput}} for name in ("by_text", "by_size")],
    ]
    (body,) = service.bodies("CreateTable")
    by_text, by_size = body["GlobalSecondaryIndexes"]
    assert by_text == GSI[0]
    assert by_size == GSI[1] | {"OnDemandThroughput": {"MaxWriteRequestUnits": 9}, "WarmThroughput": warm}


def test_an_index_of_another_way_of_billing_is_refused(drive: Drive, client: DynamoDBClient) -> None:
    odd = {"by_size": IndexOptions(billing=Provisioned(1, 1))}
    with pytest.raises(ConfigurationError, match="have one billing mode"):
        drive(Indexed.table.create(indexes=odd))
    with pytest.raises(ConfigurationError, match="have one billing mode"):
        drive(Indexed.table.check(billing=OnDemand(), indexes=odd))
    drive(Indexed.table.create())
    with pytest.raises(ConfigurationError, match="have one billing mode"):
        drive(Indexed.table.check(indexes=odd))


async def test_many_may_add_indexes_at_the_same_time(client: DynamoDBClient) -> None:
    await Note.table.create()

    await asyncio.gather(*(Indexed.table.ensure() for _ in range(6)))

    assert await Indexed.table.check() == []


# --- one table of a base class and its subclasses


def test_a_base_class_makes_the_indexes_of_its_subclasses(client: DynamoDBClient, drive: Drive) -> None:
    class Root(Model[str, str], table="shared-family"):
        pk: Attr[str] = partition_key()
        sk: Attr[str] = sort_key()

        by_type = GlobalSecondaryIndex("_type", "sk")

    class Member(Root, entity="member"):
        email: Attr[str | None] = field(default=None)
        expires: Attr[datetime | None] = ttl(default=None)

        by_email = GlobalSecondaryIndex(email)

    class Admin(Member, entity="admin"):
        level: Attr[int | None] = field(default=None)

        by_level = GlobalSecondaryIndex(level)

    drive(Root.table.create())
    described = drive(Root.table.describe())
    assert sorted(index["IndexName"] for index in described.raw["GlobalSecondaryIndexes"]) == ["by_email", "by_level", "by_type"]
    assert drive(Root.table.check()) == []
    drive(Member(pk="a", sk="1", email="a@b.c").create())
    admin = Admin(pk="a", sk="2", level=3)
    drive(admin.create())
    drive(Root(pk="a", sk="3").create())
    assert drive(Admin.by_level.query(3).all()) == [admin]
    assert [row.sk for row in drive(Root.by_type.query("member").all())] == ["1"]
    assert drive(Root.by_type.query("admin", Root.sk >= "2").all()) == [admin]
    assert drive(Admin.by_type.query("admin").all()) == [admin]
    assert drive(Root.by_type.scan().count()) == 2
    assert "_entity" not in admin.model_dump()

    class Other(Root, entity="other"):
        email: Attr[str | None] = field(default=None)

        by_email = GlobalSecondaryIndex(email, projection="KEYS_ONLY")

    with pytest.raises(ConfigurationError, match=r"index by_email is .*KEYS_ONLY here and .*ALL in another model of its table"):
        drive(Root.table.create())
    del Other


WRONG_KEYS = {
    "an inherited key of an index": r"Sub\.email is stored as N, and as S by Top, which uses it in a key of the same table",
    "an inherited key of the table": r"Sub\.pk is stored as N, and as S by Top",
    "an index key that says store_null": r"has the key email, which sets store_null=True",
}


def test_keys_that_no_table_can_have_are_refused_when_the_class_is_made(client: DynamoDBClient) -> None:
    class Top(Model[Any], table="wrong-keys"):
        pk: Attr[str] = partition_key()
        email: Attr[str | None] = field(default=None)

        by_email = GlobalSecondaryIndex(email)

    with pytest.raises(ConfigurationError, match=WRONG_KEYS["an inherited key of an index"]):

        class Sub(Top):
            email: Attr[int | None] = field(default=None)  # type: ignore[assignment]

    with pytest.raises(ConfigurationError, match=WRONG_KEYS["an inherited key of the table"]):

        class Sub(Top):  # type: ignore[no-redef]
            pk: Attr[int] = partition_key()  # type: ignore[assignment]

    with pytest.raises(ConfigurationError, match=WRONG_KEYS["an index key that says store_null"]):

        class Nullable(Model[str], table="nullable"):
            pk: Attr[str] = partition_key()
            email: Attr[str | None] = field(default=None, store_null=True)

            by_email = GlobalSecondaryIndex(email)

    class Elsewhere(Top, table="another"):
        email: Attr[int | None] = field(default=None)  # type: ignore[assignment]

    assert Elsewhere.model_fields["email"].type == int | None


def test_a_table_has_a_name_that_tables_can_have(drive: Drive) -> None:
    for name in ("my table", "a/b", "users\n", "größe", "x" * 256, ""):
        with pytest.raises(
            ConfigurationError, match=r"the name of a table has at most 255 letters, digits|a name consists of letters, digits"
        ):
            type("Bad", (Model,), {"pk": partition_key(), "__annotations__": {"pk": Attr[str]}}, table=name)
    arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/users"
    made: Any = type("Good", (Model,), {"pk": partition_key(), "__annotations__": {"pk": Attr[str]}}, table=arn)
    assert made.model_config.table == arn

    class Short(Model[str], table="ab"):
        pk: Attr[str] = partition_key()

    with DynamoDBClient(endpoint_url="memory://").as_default():
        with pytest.raises(ConfigurationError, match=r"Short: the table name \"ab\" has 2 characters"):
            drive(Short.get("x"))
        with pytest.raises(ConfigurationError, match="has 2 characters"):
            drive(Short(pk="x").create())
    with (
        DynamoDBClient(endpoint_url="memory://", table_prefix="p" * 254).as_default(),
        pytest.raises(ConfigurationError, match=r"has 256 characters: a name must have 3 to 255, table_prefix included"),
    ):
        drive(Short.get("x"))
    with DynamoDBClient(endpoint_url="memory://", table_prefix="dev-").as_default():
        drive(Short.table.create())
        assert drive(Short.get("x")) is None
