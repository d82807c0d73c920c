"""The pytest plugin: its fixtures and marker in suites of others, and runs on a real account that a server stands in for."""

from __future__ import annotations

import importlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from pydynox import Credentials, DynamoDBClient
from pydynox.local import LocalServer

from tests.engines import Engine

pytest_plugins = ["pytester"]

MODELS = """
from pydynox import Attr, Model, field, partition_key, version


class User(Model[str], table="users"):
    user_id: Attr[str] = partition_key()
    name: Attr[str] = field(default="")


class Order(Model[str], table="orders"):
    order_id: Attr[str] = partition_key()
    version: Attr[int] = version()
"""


class Suite:
    """A suite of tests in a folder of its own."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self._pytester = pytester
        self._monkeypatch = monkeypatch
        self.folder = pytester.path

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.folder / f"{name}.py").write_text(text)

    def run(
        self, *arguments: str, plugins: tuple[str, ...] = ("pydynox_pytest",), in_process: bool = True, **environment: str
    ) -> str:
        """The output of a run; it names the plugin, which is found by itself only where a wheel is installed."""
        loaded = [part for plugin in plugins for part in ("-p", plugin)]
        with self._monkeypatch.context() as patch:
            # These tests may run in a worker themselves.
            for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT"):
                patch.delenv(name, raising=False)
            for name, value in {"PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environment}.items():
                patch.setenv(name, value)
            run = self._pytester.runpytest_inprocess if in_process else self._pytester.runpytest_subprocess
            return "\n".join(run("-q", "-W", "error", "-p", "no:cacheprovider", *loaded, *arguments).outlines)


@pytest.fixture(scope="session")
def imported() -> None:
    """What a run in this process would import first, pytester forgets. A second import makes other classes, and moto, werkzeug and
    cryptography then refuse each other's objects, in whatever test comes next."""
    for name in ("boto3", "moto.backends", "moto.dynamodb.urls", "moto.moto_server.werkzeug_app", "moto.server", "trustme"):
        importlib.import_module(name)


# In this order: pytester remembers what there is when it begins.
@pytest.fixture
def suite(imported: None, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    monkeypatch.syspath_prepend(pytester.path)
    pytester.makeini("[pytest]\n")
    suite = Suite(pytester, monkeypatch)
    suite.write(models=MODELS)
    return suite


MARKED = """
import time

import pytest
from models import Order, User
from pydynox.exceptions import TableNotFoundError

pytestmark = pytest.mark.dynamodb(tables=[User])


def test_a_marked_test_needs_no_fixture():
    User(user_id="u1").sync.create()


def test_each_test_begins_empty(dynamodb):
    assert dynamodb.requests == []
    assert User.sync.get("u1") is None
    assert dynamodb.requests == ["GetItem"]


@pytest.mark.dynamodb(tables=[Order], latency=0.05)
def test_the_nearest_marker_counts(dynamodb):
    begun = time.monotonic()
    Order(order_id="o1").sync.create()
    assert time.monotonic() - begun > 0.04
    with pytest.raises(TableNotFoundError):
        User.sync.get("u1")


@pytest.mark.dynamodb(throttle=2)
def test_the_first_requests_are_throttled(dynamodb):
    dynamodb.clock.advance(0)
    User(user_id="u1").sync.create()
    assert dynamodb.requests == ["PutItem"] * 3
"""


def test_a_marker_says_what_the_test_finds(suite: Suite) -> None:
    suite.write(test_marked=MARKED)

    assert "4 passed" in suite.run("--strict-markers")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [("table=[User]", "table_time, not 'table'"), ("[User]", "not an argument without a name")],
)
def test_a_marker_with_a_slip_is_an_error_that_names_it(suite: Suite, arguments: str, message: str) -> None:
    suite.write(test_slip=f"import pytest\nfrom models import User\n\n@pytest.mark.dynamodb({arguments})\ndef test_it(): pass\n")

    output = suite.run()

    assert "1 error" in output
    assert message in output


LOOPS = """
import asyncio

import pytest
from models import Order, User

{mark}


@pytest.mark.dynamodb(tables=[User, Order])
async def test_awaited(dynamodb):
    users = [User(user_id=f"u{{n}}") for n in range(30)]
    dynamodb.seed([*users, Order(order_id="o1")])
    dynamodb.seed([{{"user_id": "plain", "name": "Ada"}}], table=User)
    before = dynamodb.snapshot()
    await User.key("u1").delete()
    dynamodb.restore(before)
    assert (await User.get_or_raise("plain")).name == "Ada"
    assert await User.get("u1")
    users[0].name = "Grace"
    await users[0].save()
    assert (await Order.get_or_raise("o1")).version == 1
    assert dynamodb.requests == ["DeleteItem", "GetItem", "GetItem", "UpdateItem", "GetItem"]


@pytest.mark.dynamodb(tables=[User])
def test_blocking(dynamodb):
    dynamodb.seed([User(user_id="u1")])
    assert User.sync.get("u1")
"""
ASYNC = {
    "asyncio, auto": ("pytest_asyncio.plugin", "", ("-o", "asyncio_mode=auto")),
    "asyncio, strict": (
        "pytest_asyncio.plugin",
        "pytestmark = pytest.mark.asyncio",
        ("-o", "asyncio_mode=strict", "-k", "awaited"),
    ),
    "anyio": ("anyio.pytest_plugin", "pytestmark = pytest.mark.anyio", ()),
}


@pytest.mark.parametrize("how", ASYNC)
def test_async_and_blocking_tests_arrange_in_the_same_way(suite: Suite, how: str) -> None:
    plugin, mark, arguments = ASYNC[how]
    suite.write(test_loops=LOOPS.format(mark=mark))
    if how == "anyio":
        suite.write(conftest='import pytest\n\n\n@pytest.fixture\ndef anyio_backend():\n    return "asyncio"\n')

    output = (
        suite.run(*arguments, "-o", "asyncio_default_fixture_loop_scope=function", plugins=("pydynox_pytest", plugin))
        if ("asyncio" in plugin)
        else suite.run(*arguments, plugins=("pydynox_pytest", plugin))
    )

    assert f"{1 if 'strict' in how else 2} passed" in output, output


def test_workers_of_xdist_have_tables_of_their_own(suite: Suite) -> None:
    suite.write(
        test_many="""
import pytest
from models import User

@pytest.mark.dynamodb(tables=[User])
@pytest.mark.parametrize("n", range(12))
def test_it(n, dynamodb):
    assert User.sync.scan().all() == []
    User(user_id="same").sync.create()
"""
    )

    assert "12 passed" in suite.run("-n", "2", plugins=("xdist", "pydynox_pytest"), in_process=False)


CASES = """
import unittest

from models import Order, User
from pydynox.testing import DynamoDBTestCase


class Store(DynamoDBTestCase):
    tables = [User, Order]

    def setUp(self):
        self.dynamodb.seed([User(user_id="u1")])

    def test_blocking(self):
        self.assertTrue(User.sync.get("u1"))
        self.assertEqual(self.dynamodb.requests, ["GetItem"])

    async def test_awaited(self):
        await Order(order_id="o1").create()
        self.assertEqual(self.dynamodb.requests, ["PutItem"])
        self.assertTrue(await User.get("u1"))


class Prefixed(DynamoDBTestCase):
    tables = [User]
    dynamodb_options = {"table_prefix": "t-"}

    async def test_options(self):
        self.assertEqual(self.dynamodb.requests, [])
        self.assertEqual((await self.dynamodb.call("ListTables"))["TableNames"], ["t-users"])


if __name__ == "__main__":
    unittest.main()
"""


def test_cases_of_unittest_have_a_dynamodb_each_with_pytest_and_without(suite: Suite) -> None:
    suite.write(test_cases=CASES)

    assert "3 passed" in suite.run()
    done = subprocess.run([sys.executable, "test_cases.py"], cwd=suite.folder, capture_output=True, text=True, check=False)
    assert "Ran 3 tests" in done.stderr
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("plugins", [(), ("pydynox_pytest",)])
def test_a_conftest_that_names_the_module_still_works(suite: Suite, plugins: tuple[str, ...]) -> None:
    suite.write(
        conftest='pytest_plugins = ["pydynox.testing"]\n',
        test_it="def test_it(dynamodb, dynamodb_options):\n    assert dynamodb.sync.list_tables() == []\n",
    )

    assert "1 passed" in suite.run(plugins=plugins)


def test_a_suite_that_does_not_use_it_does_not_import_pydynox(suite: Suite) -> None:
    suite.write(
        test_other="""
import sys


def test_other():
    assert [name for name in sys.modules if name.startswith("pydynox")] == ["pydynox_pytest"]
"""
    )

    assert "1 passed" in suite.run(in_process=False)


BOTO3 = """
import subprocess
import sys

import boto3


def add(name):
    boto3.resource("dynamodb").Table("users").put_item(Item={"user_id": name})


def test_a_project_without_pydynox(dynamodb_url):
    resource = boto3.resource("dynamodb", endpoint_url=dynamodb_url)
    resource.create_table(
        TableName="users",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "user_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "user_id", "AttributeType": "S"}],
    )
    add("u1")
    code = "import boto3; print(boto3.resource('dynamodb').Table('users').get_item(Key={'user_id': 'u1'})['Item'])"
    assert "u1" in subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_each_test_begins_empty(dynamodb_url):
    assert boto3.client("dynamodb").list_tables()["TableNames"] == []


def test_both_kinds_of_client_meet(dynamodb, dynamodb_url):
    from models import User

    dynamodb.create_tables(User)
    add("u1")
    assert User.sync.get("u1")
    User(user_id="u2").sync.create()
    assert boto3.resource("dynamodb").Table("users").scan()["Count"] == 2
    assert dynamodb.requests == ["PutItem", "GetItem", "PutItem", "Scan"]
    assert dynamodb.requests.of("users")[2].body["Item"] == {"user_id": {"S": "u2"}, "name": {"S": ""}}
"""


def test_boto3_and_other_processes_reach_the_same_tables(suite: Suite) -> None:
    suite.write(test_boto3=BOTO3)

    output = suite.run("-W", "ignore::DeprecationWarning", "-W", "ignore::ResourceWarning")

    assert "3 passed" in output, output


ACCOUNT = """
import pytest
from models import User
from pydynox import DynamoDBClient
from pydynox.exceptions import ConfigurationError


@pytest.mark.dynamodb(tables=[User])
@pytest.mark.parametrize("n", range(5))
def test_writes(n, dynamodb):
    assert dynamodb.sync.list_tables() == ["users"]
    User(user_id="u1").sync.create()
    assert User.sync.get("u1", consistent_read=True)
    client = DynamoDBClient()  # as an app has it
    with client.as_default():
        assert User.sync.get("u1", consistent_read=True)
    assert dynamodb.requests == ["ListTables", "PutItem", "GetItem", "GetItem"]
    assert User.table.sync.exists()
    assert dynamodb.requests[1].table.endswith(f"{n + 1}-users")


def test_snapshots_need_the_engine(dynamodb):
    with pytest.raises(ConfigurationError, match="not in this process"):
        dynamodb.snapshot()
"""
#: What stands in for an account asks for a signature, as one does.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


@pytest.mark.parametrize("named", ["aws", "url"])
def test_the_same_suite_runs_on_an_account_under_a_prefix_and_leaves_nothing(suite: Suite, named: str) -> None:
    suite.write(test_account=ACCOUNT)
    with LocalServer() as server:
        where = "aws" if named == "aws" else server.endpoint_url
        environment = {**CREDENTIALS, **({"AWS_ENDPOINT_URL_DYNAMODB": server.endpoint_url} if named == "aws" else {})}
        others = outside(server.endpoint_url)
        create: dict[str, Any] = {
            "TableName": "users",
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "user_id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "user_id", "AttributeType": "S"}],
        }
        others.sync.call("CreateTable", **create)

        output = suite.run(f"--dynamodb={where}", "--dynamodb-prefix=ci-", **environment)

        assert "6 passed" in output, output
        assert others.sync.call("ListTables")["TableNames"] == ["users"]
        assert others.sync.scan("users").all() == []


@pytest.fixture
def account() -> Iterator[tuple[DynamoDBClient, dict[str, str]]]:
    """A server in place of AWS: a client of it outside the runs, and what leads a run there."""
    with LocalServer() as server:
        yield outside(server.endpoint_url), {"AWS_ENDPOINT_URL_DYNAMODB": server.endpoint_url, **CREDENTIALS}


def outside(url: str) -> DynamoDBClient:
    """A client that no run redirects."""
    # The first answer of moto takes seconds on a busy machine.
    credentials = Credentials("AKID", "secret")
    return DynamoDBClient(endpoint_url=url, region="us-east-1", credentials=credentials, read_timeout=60, timeout=120)


BOTH = """
import boto3
import pytest
from botocore.exceptions import ClientError
from models import User
from pydynox import DynamoDBClient


@pytest.mark.dynamodb(tables=[User])
def test_both_kinds_of_client_meet_under_the_prefix(dynamodb, dynamodb_url):
    resource = boto3.resource("dynamodb")
    resource.create_table(
        TableName="tags",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "tag", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "tag", "AttributeType": "S"}],
    )
    boto = boto3.client("dynamodb", endpoint_url=dynamodb_url)
    assert sorted(boto.list_tables()["TableNames"]) == ["tags", "users"]
    assert boto.describe_table(TableName="tags")["Table"]["TableName"] == "tags"
    User(user_id="u1").sync.create()
    with DynamoDBClient().as_default():  # as an app has it, created when the environment names the URL
        assert User.sync.get("u1", consistent_read=True)
    assert resource.Table("users").get_item(Key={"user_id": "u1"})["Item"] == {"user_id": "u1", "name": ""}
    resource.Table("users").put_item(Item={"user_id": "u2", "TableName": "users"})
    assert dynamodb.sync.get_item("users", {"user_id": "u2"})["TableName"] == "users"
    with resource.Table("tags").batch_writer() as batch:
        batch.put_item(Item={"tag": "t1"})
    found = boto.batch_get_item(RequestItems={"tags": {"Keys": [{"tag": {"S": "t1"}}]}})
    assert found["Responses"] == {"tags": [{"tag": {"S": "t1"}}]}
    boto.transact_write_items(TransactItems=[{"Delete": {"TableName": "tags", "Key": {"tag": {"S": "t1"}}}}])
    assert resource.Table("tags").scan(ReturnConsumedCapacity="TOTAL")["ConsumedCapacity"]["TableName"] == "tags"
    with pytest.raises(ClientError, match="PartiQL names tables"):
        boto.execute_statement(Statement='SELECT * FROM "tags"')
    with pytest.raises(boto.exceptions.ResourceNotFoundException):
        boto.get_item(TableName="production", Key={"id": {"S": "1"}})
    assert "PutItem" in dynamodb.requests.of("ci-1-users")


def test_what_boto3_uses_counts_towards_the_budget(dynamodb_url):
    boto = boto3.client("dynamodb", endpoint_url=dynamodb_url)
    boto.create_table(
        TableName="tags",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "tag", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "tag", "AttributeType": "S"}],
    )
    with pytest.raises(ClientError, match="BudgetExceeded.*nothing more is sent"):
        for number in range(99):
            assert "ConsumedCapacity" not in boto.put_item(TableName="tags", Item={"tag": {"S": str(number)}})


def test_that_is_not_reached(dynamodb_url):
    pass
"""


@pytest.mark.engines("moto")
def test_boto3_gets_the_prefix_and_the_budget_of_a_run_on_an_account(suite: Suite, engine: Engine) -> None:
    """On moto, which answers as AWS does where our own engine might agree with our own client."""
    others = outside(engine.url)
    others.sync.call(
        "CreateTable", TableName="production", BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    others.sync.put_item("production", {"id": "1"})
    suite.write(test_account=ACCOUNT, test_both=BOTH)
    ignored = ("-W", "ignore::DeprecationWarning", "-W", "ignore::ResourceWarning")

    output = suite.run(
        *ignored, "--dynamodb=aws", "--dynamodb-prefix=ci-", "--dynamodb-budget=50", "test_both.py", "test_account.py",
        in_process=False, AWS_ENDPOINT_URL_DYNAMODB=engine.url, AWS_DEFAULT_REGION="us-east-1", **CREDENTIALS,
    )  # fmt: skip

    assert "2 passed" in output, output
    assert "units were used, of 50" in output
    assert others.sync.list_tables() == ["production"]
    assert others.sync.scan("production").all() == [{"id": "1"}]
    others.sync.call("DeleteTable", TableName="production")


INTERRUPTED = """
import os
import signal

import pytest
from models import User


@pytest.mark.dynamodb(tables=[User])
def test_it(dynamodb):
    {how}
"""


@pytest.mark.parametrize("how", ["raise KeyboardInterrupt", "os.kill(os.getpid(), signal.SIGTERM)", "pytest.exit('enough')"])
def test_a_run_that_is_interrupted_leaves_no_tables(
    suite: Suite, account: tuple[DynamoDBClient, dict[str, str]], how: str
) -> None:
    others, environment = account
    suite.write(test_it=INTERRUPTED.format(how=how))

    with pytest.raises(KeyboardInterrupt) if "exit" not in how else nullcontext():
        suite.run("--dynamodb=aws", **environment)

    assert others.sync.list_tables() == []
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_table_that_cannot_be_deleted_is_deleted_at_the_end_or_named(
    suite: Suite, account: tuple[DynamoDBClient, dict[str, str]]
) -> None:
    others, environment = account
    suite.write(
        test_protected="""
import pytest
from models import Order, User


@pytest.mark.dynamodb(tables=[User, Order])
def test_it(dynamodb):
    dynamodb.sync.call("UpdateTable", TableName="ci-1-users", DeletionProtectionEnabled=True)
"""
    )

    output = suite.run("--dynamodb=aws", "--dynamodb-prefix=ci-", **environment)

    assert "1 passed" in output, output
    assert "tables that could not be deleted" in output
    assert "ci-1-users: " in output
    assert others.sync.list_tables() == ["ci-1-users"]


@pytest.mark.parametrize(("budget", "outcome"), [("100", "6 passed"), ("2", "1 passed"), ("4", "2 passed")])
def test_a_budget_in_units_ends_the_run(suite: Suite, budget: str, outcome: str) -> None:
    suite.write(test_account=ACCOUNT)
    with LocalServer() as server:
        output = suite.run(
            "--dynamodb=aws", f"--dynamodb-budget={budget}", AWS_ENDPOINT_URL_DYNAMODB=server.endpoint_url, **CREDENTIALS
        )
        others = outside(server.endpoint_url)
        left = others.sync.call("ListTables")["TableNames"]

    assert outcome in output, output
    assert ("units were used" in output) == (budget != "100"), output
    assert left == []
