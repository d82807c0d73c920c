"""The command line, as a person runs it: in a process of its own, against the embedded engine in a file."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pydynox
import pytest
from pydynox import Attr, DynamoDBClient, Model, attr, field, partition_key, sort_key
from pydynox.cli._read import condition_of, plain_json, value_of
from pydynox.cli._words import CommandError

pytestmark = pytest.mark.thorough

MODELS = '''
"""Models of a program."""
from pydynox import Attr, Model, partition_key, sort_key


class Order(Model[str, int], table="orders"):
    customer: Attr[str] = partition_key()
    number: Attr[int] = sort_key()


not_a_model = 7
'''


class Order(Model[str, int], table="orders"):
    customer: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    city: Attr[str] = field(default="Oslo")
    paid: Attr[bool] = field(default=False)


class Place:
    """A directory with a program's models and a database."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"file://{path}/items.db"
        (path / "shop.py").write_text(MODELS)

    def run(self, *arguments: str, where: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        endpoint = ["--endpoint-url", self.url] if where else []
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "100", **options.pop("env", {})}
        return subprocess.run(
            [sys.executable, "-m", "pydynox", *arguments, *endpoint],
            cwd=self.path, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL, env=environment,
        )  # fmt: skip

    def ok(self, *arguments: str, **options: Any) -> str:
        done = self.run(*arguments, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fails(self, *arguments: str, **options: Any) -> str:
        done = self.run(*arguments, **options)
        assert done.returncode == 1, done
        assert done.stderr.startswith("pydynox: ")
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr.removeprefix("pydynox: ").strip()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def shop(place: Place) -> Place:
    with DynamoDBClient(endpoint_url=place.url).as_default():
        Order.table.sync.create()
        for number in range(1, 13):
            Order(customer=f"c{number % 2}", number=number, city="Rome" if number % 3 else "Oslo", paid=number > 6).sync.create()
    return place


def test_it_says_its_version_with_or_without_a_command(place):
    text = place.ok("--version", where=False)
    lines = dict(line.split(" ", 1) for line in text.splitlines())

    assert list(lines) == ["pydynox", "python", "target", "profile", "commit", "rustc"]
    assert lines["pydynox"] == pydynox.__version__
    assert lines["python"] == f"{platform.python_version()} (CPython)"
    assert lines["target"].startswith(platform.machine().replace("arm64", "aarch64") + "-")
    assert re.fullmatch(r"\w+", lines["profile"])
    assert re.fullmatch(r"unknown|[0-9a-f]{12}(-dirty)?", lines["commit"])
    assert re.fullmatch(r"1\.\d+\.\d+\S*", lines["rustc"])
    script = Path(sys.executable).parent / "pydynox"
    assert subprocess.run([script, "--version"], capture_output=True, text=True, check=True).stdout == text


def test_what_is_written_wrongly_exits_with_2_and_the_usage(place):
    for wrong in ((), ("dance",), ("scan",), ("scan", "t", "--limit", "0"), ("local", "--port", "x")):
        done = place.run(*wrong, where=False)
        assert done.returncode == 2
        assert done.stderr.startswith("usage: pydynox")


def test_errors_are_one_line_without_a_traceback(place):
    assert "none" in place.fails("scan", "none")
    assert place.fails("scan", "shop:Nothing") == "the module 'shop' has no 'Nothing'"
    assert place.fails("scan", "shop:not_a_model") == "shop:not_a_model is not a model or a repository"
    assert place.fails("scan", "missing_one:X").startswith("the module 'missing_one' cannot be imported: ModuleNotFoundError")
    assert "cannot be opened" in place.fails("scan", "things", "--endpoint-url", "file:///nowhere/at/all.db", where=False)
    assert place.fails("import", "shop:Order", "none.jsonl", "--endpoint-url", "ftp://x", where=False)


class TestReading:
    def test_a_scan_gives_plain_json_by_line_where_no_terminal_is(self, shop):
        rows = [json.loads(line) for line in shop.ok("scan", "orders").splitlines()]

        assert len(rows) == 12
        assert {"customer": "c1", "number": 1, "city": "Rome", "paid": False} in rows

    def test_filters_and_limits(self, shop):
        rows = shop.ok("scan", "shop:Order", "--where", "number >= 4", "--where", "city=Oslo", "--where", "paid = true")
        assert sorted(json.loads(line)["number"] for line in rows.splitlines()) == [9, 12]
        assert len(shop.ok("scan", "orders", "--limit", "5").splitlines()) == 5

    def test_a_query_is_of_one_partition_in_order(self, shop):
        rows = shop.ok("query", "orders", "c1", "--sort", ">= 5", "--descending", "--limit", "3", "--consistent-read")

        assert [json.loads(line)["number"] for line in rows.splitlines()] == [11, 9, 7]

    def test_a_table_is_for_people(self, shop):
        shown = shop.ok("query", "orders", "c0", "--format", "table", "--sort", "< 5")

        assert "customer" in shown.splitlines()[1]
        assert "Rome" in shown
        assert shown.rstrip().endswith("2 items")
        assert shop.ok("scan", "orders", "--format", "table", "--where", "number > 99").strip() == "0 items"

    def test_what_cannot_be_asked_is_said(self, shop):
        assert "no index 'x'; its indexes are: none" in shop.fails("query", "orders", "c1", "--index", "x")
        assert "number must be a number, not 'seven'" in shop.fails("query", "orders", "c1", "--sort", "= seven")
        assert "not a condition on a sort key" in shop.fails("query", "orders", "c1", "--sort", "contains 5")
        assert "is not a condition" in shop.fails("scan", "orders", "--where", "number near 5")

    def test_a_reader_that_has_enough_is_no_error(self, shop):
        command = f"{sys.executable} -m pydynox scan orders --endpoint-url {shop.url} | head -n 1"
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command], cwd=shop.path, capture_output=True, text=True, check=False
        )

        assert (len(done.stdout.splitlines()), done.stderr) == (1, "")

    def test_without_the_extra_it_says_what_to_install(self, shop):
        (shop.path / "rich.py").write_text("raise ModuleNotFoundError('rich', name='rich')")

        assert shop.fails("scan", "orders", "--format", "table") == "a table needs the extra 'cli': pip install 'pydynox[cli]'"
        assert len(shop.ok("scan", "orders").splitlines()) == 12


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("age >= 18", attr("age") >= 18),
        ("age=18", attr("age") == 18),
        ("a.b[0] != true", attr("a.b[0]") != True),  # noqa: E712
        ("a.b[0] <> true", attr("a.b[0]") != True),  # noqa: E712
        ("name begins_with Ada L", attr("name").begins_with("Ada L")),
        ("tags contains x", attr("tags").contains("x")),
        ("  email   exists ", attr("email").exists()),
        ("email missing", attr("email").not_exists()),
    ],
)
def test_conditions_are_read(text, condition):
    assert repr(condition_of(text)) == repr(condition)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18", 18),
        ("9.990", Decimal("9.990")),
        ('"0150"', "0150"),
        ("0150", "0150"),
        ("true", True),
        ("null", None),
        ("NaN", "NaN"),
        ("{}", "{}"),
        ("Ada L", "Ada L"),
    ],
)
def test_values_are_what_json_says_and_else_texts(text, value):
    assert (type(value_of(text)), value_of(text)) == (type(value), value)


@pytest.mark.parametrize("text", ["", "age", "age ~ 3", "= 3", "age =", "email exists 5"])
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(CommandError, match="not a condition"):
        condition_of(text)


def test_plain_json_keeps_every_digit():
    value = {"n": Decimal("12345678901234567890.5"), "s": {"b", "a"}, "b": b"\x00", "l": [None, True, "é"], "i": 2**70}

    assert plain_json(value) == (
        '{"n":12345678901234567890.5,"s":["a","b"],"b":"AA==","l":[null,true,"é"],"i":1180591620717411303424}'
    )


EVIL = "a\x1b[31mred\x07\x9b2J\x7f\r\nb\u202ec\u2028[bold]d[/bold]"


class TestTerminal:
    """Nothing that is stored moves a cursor, sets a colour, or turns letters around."""

    @pytest.fixture
    def evil(self, place: Place) -> Place:
        (place.path / "evil.py").write_text(
            "from pydynox import Attr, Model, field, partition_key\n"
            "class Evil(Model[str], table='evil'):\n"
            "    key: Attr[str] = partition_key()\n"
            "    mail: Attr[str] = field(unique=True)\n"
            f"    odd: Attr[str] = field(alias={EVIL!r}, default='')\n"
        )
        client = DynamoDBClient(endpoint_url=place.url)
        client.sync.call(
            "CreateTable",
            TableName="evil",
            AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        item = {"key": EVIL, "mail": EVIL, EVIL: "x", "map": {EVIL: [EVIL, {EVIL}]}, "family": "👨\u200d👩\u200d👧 Zoë\u3000"}
        client.sync.put_item("evil", item)
        client.sync.close()
        return place

    @pytest.mark.parametrize(
        "arguments",
        [
            ("scan", "evil", "--format", "table"),
            ("scan", "evil", "--format", "jsonl"),
            ("query", "evil", EVIL, "--format", "table"),
            ("query", "evil", "none", "--index", EVIL),
            ("scan", EVIL),
            ("scan", "evil", "--where", EVIL),
            ("scan", f"evil:{EVIL}"),
            ("scan", f"{EVIL}:Evil"),
            ("tables", "check", "evil:Evil"),
            ("tables", "plan", "evil:Evil"),
            ("unique", "verify", "evil:Evil"),
            ("unique", "repair", "evil:Evil"),
            ("import", "evil", EVIL),
            ("export", "evil", "out-\x1b[31m.jsonl"),
        ],
        ids=lambda arguments: " ".join(map(ascii, arguments))[:40],
    )
    @pytest.mark.parametrize("env", [{}, {"FORCE_COLOR": "1", "TERM": "xterm"}], ids=["plain", "in colour"])
    def test_it_is_shown_as_it_is_escaped(self, evil, arguments, env):
        done = evil.run(*arguments, env=env)

        said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout) if env else done.stdout
        for obeyed in ("\x1b", "\x07", "\x9b", "\x7f", "\r", "\u202e", "\u2028"):
            assert obeyed not in said
            assert obeyed not in done.stderr
        assert "Traceback" not in done.stderr
        if arguments[0] == "scan" and arguments[1] == "evil" and len(arguments) == 4:
            if arguments[3] == "jsonl":
                found = json.loads(done.stdout)
                assert (found["key"], found[EVIL], found["family"]) == (EVIL, "x", "👨\u200d👩\u200d👧 Zoë\u3000")
            elif "--format" in arguments:
                assert r"a\x1b" in said.replace("\n", "")
                assert "[bold]" in re.sub(r"[\s│┃]", "", said)


class TestJsonl:
    def test_a_table_goes_out_and_comes_back(self, shop):
        done = shop.run("export", "orders", "orders.jsonl.gz")
        assert (done.returncode, done.stderr) == (0, "12 items of orders exported to orders.jsonl.gz\n")
        with DynamoDBClient(endpoint_url=shop.url).as_default():
            Order.table.sync.delete()
            Order.table.sync.create()

        done = shop.run("import", "shop:Order", "orders.jsonl.gz", "--target-wcu", "1000")
        assert (done.returncode, done.stderr) == (0, "12 items of orders.jsonl.gz imported into shop:Order\n")
        assert len(shop.ok("scan", "orders").splitlines()) == 12

    @pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
    def test_a_terminal_gets_a_bar(self, shop):
        ours, theirs = os.openpty()
        done = subprocess.run(
            [sys.executable, "-m", "pydynox", "export", "orders", "x.jsonl", "--endpoint-url", shop.url],
            cwd=shop.path, stdout=subprocess.PIPE, stderr=theirs, stdin=subprocess.DEVNULL, timeout=60, check=False,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        )  # fmt: skip
        os.close(theirs)
        written = b""
        with contextlib.suppress(OSError):  # a terminal that nobody writes to any more ends with one
            while more := os.read(ours, 65536):  # one read gives what one write gave
                written += more
        os.close(ours)
        shown = written.decode()
        assert done.returncode == 0, shown
        assert "export orders" in shown
        assert "━" in shown
        assert "12 items" in shown.split("12 items of orders exported to x.jsonl")[0]

    def test_files_that_are_in_the_way_are_named(self, shop):
        shop.ok("export", "orders", "x.jsonl")

        assert "x.jsonl already exists" in shop.fails("export", "orders", "x.jsonl")
        assert "target_wcu" in shop.fails("import", "orders", "x.jsonl", "--target-wcu", "0")
        assert "target_rcu" in shop.fails("export", "orders", "z.jsonl", "--target-rcu", "0")
        assert shop.fails("import", "orders", "y.jsonl") == "y.jsonl: No such file or directory"


class TestTables:
    def test_plan_shows_and_apply_makes(self, place):
        assert place.run("tables", "check", "shop:Order").returncode == 1
        planned = place.ok("tables", "plan", "shop:Order")
        assert planned.startswith("Order (orders):\n  + table: ")
        assert place.fails("tables", "apply", "shop:Order") == "cannot ask for confirmation without a terminal: pass --yes"
        assert place.run("tables", "check", "shop:Order").returncode == 1

        applied = place.ok("tables", "apply", "shop:Order", "--yes")

        assert "Order (orders): done: table" in applied
        assert place.ok("tables", "check", "shop:Order") == ""
        assert place.ok("tables", "plan", "shop:Order") == "Order (orders): matches its model\n"
        assert place.ok("tables", "apply", "shop:Order") == "Order (orders): matches its model\n"

    def test_a_key_that_differs_is_explained_and_nothing_changed(self, place):
        place.ok("tables", "apply", "shop:Order", "--yes")
        (place.path / "shop.py").write_text(
            MODELS.replace("number", "day") + "\n\nclass New(Model[str], table='new'):\n    id: Attr[str] = partition_key()\n"
        )

        assert "  ! key" in place.ok("tables", "plan", "shop:Order")
        refused = place.fails("tables", "apply", "shop:New", "shop:Order", "--yes")

        assert refused.startswith("nothing was changed, because this cannot be fixed in place: Order (orders): key")
        assert place.run("tables", "check", "shop:New").returncode == 1


SECRETS = """
from pydynox import Attr, DynamoDBClient, Encrypted, LocalKeyring, Model, ModelConfig, partition_key

keys = LocalKeyring({"old": b"o" * 32, **({"new": b"n" * 32} if __import__("os").environ.get("NEW") else {})})


class Patient(Model[str], table="patients"):
    model_config = ModelConfig(client=DynamoDBClient(endpoint_url="URL", keyring=keys))
    patient_id: Attr[str] = partition_key()
    ssn: Encrypted[str]


if __name__ == "__main__":
    Patient.table.sync.create()
    for number in range(3):
        Patient(patient_id=f"p{number}", ssn="s").sync.create()
"""


def test_stale_values_are_encrypted_anew(place: Place) -> None:
    (place.path / "clinic.py").write_text(SECRETS.replace("URL", place.url))
    subprocess.run([sys.executable, "clinic.py"], cwd=place.path, check=True, timeout=60)

    def reencrypt(*arguments: str) -> str:
        done = place.run("reencrypt", "clinic:Patient", *arguments, where=False, env={"NEW": "1"})
        assert done.returncode == 0, done.stderr
        return done.stderr.strip()

    assert reencrypt("--dry-run") == "3 items of clinic:Patient read, 3 of them stale, 0 written"
    assert reencrypt("--note", "note") == "3 items of clinic:Patient read, 3 of them stale, 3 written"
    assert reencrypt() == "3 items of clinic:Patient read, 0 of them stale, 0 written"
    assert not (place.path / "note").exists()
    assert "client of the model" in place.fails("reencrypt", "clinic:Patient")
    assert "--note" in place.fails("reencrypt", "clinic:Patient", "--resume", where=False)
    assert "no encrypted attribute" in place.fails("reencrypt", "shop:Order", where=False, env={"AWS_REGION": "eu-west-1"})


def test_guards_of_unique_values_are_verified_and_repaired(place: Place) -> None:
    (place.path / "people.py").write_text(
        "from pydynox import Attr, Model, field, partition_key\n\n\n"
        'class User(Model[str], table="users"):\n'
        "    user_id: Attr[str] = partition_key()\n"
        "    email: Attr[str] = field(unique=True)\n"
    )
    client = DynamoDBClient(endpoint_url=place.url)
    client.sync.call(
        "CreateTable",
        TableName="users",
        KeySchema=[{"AttributeName": "user_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "user_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.sync.put_item("users", {"user_id": "a", "email": "a@x"})
    done = place.run("unique", "verify", "people:User")
    assert (done.returncode, done.stdout) == (1, "User.key('a') has no guard for its email\n")
    assert done.stderr == "1 problems found, 0 repaired\n"
    assert place.ok("unique", "repair", "people:User") == "User.key('a') has no guard for its email (repaired)\n"
    assert place.ok("unique", "verify", "people:User") == ""
    assert "no unique values" in place.fails("unique", "verify", "shop:Order")
    client.sync.close()
