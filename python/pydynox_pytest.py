"""The pytest plugin: the fixtures of pydynox.testing, which is imported when a test uses one of them. PYTEST_DONT_REWRITE

It is not in the package because importing any module of a package imports the package, and pytest loads this one in every
test run of an environment with pydynox.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydynox.testing import IsolatedDynamoDB

LEFT = "pydynox_left"
LEFT_KEY = pytest.StashKey[list[str]]()
MARKER = (
    "dynamodb(tables=[...], latency=seconds, throttle=requests, ...): the test has a DynamoDB of its own, with these tables, "
    "every request delayed by latency, and the first ones throttled; see isolated_dynamodb for more"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that run a suite on a real account."""
    group = parser.getgroup("dynamodb", "DynamoDB (pydynox)")
    group.addoption(
        "--dynamodb",
        metavar="WHERE",
        default="memory",
        help="where the tables of the fixture 'dynamodb' are: memory (default), aws for the account and region that the "
        "environment leads to, or the URL of a server",
    )
    group.addoption(
        "--dynamodb-prefix",
        metavar="PREFIX",
        default=None,
        help="with --dynamodb=aws or a URL: begins the names of all tables (default: pydynox-test- and a random number)",
    )
    group.addoption(
        "--dynamodb-budget",
        metavar="UNITS",
        type=float,
        default=None,
        help="with --dynamodb=aws or a URL: stop the run when it has used this many read and write units",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", MARKER)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a marked test the fixture even if it does not name it."""
    # A suite that does not use pydynox pays nothing for each of its tests.
    if "pydynox" not in sys.modules:
        return
    for item in items:
        names: list[str] | None = getattr(item, "fixturenames", None)
        if names is not None and "dynamodb" not in names and item.get_closest_marker("dynamodb"):
            names.insert(0, "dynamodb")


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say where tables are created, so that those of a run that was killed can be found."""
    where = config.getoption("--dynamodb", "memory")
    if where == "memory":
        return None
    prefix = config.getoption("--dynamodb-prefix") or "pydynox-test-"
    return f"dynamodb: {where}, tables {prefix}*"


@pytest.hookimpl(trylast=True)  # pytest itself ends the fixtures of an interrupted test in this hook
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Delete what the tests of a run on an account could not delete."""
    if testing := sys.modules.get("pydynox.testing.session"):
        left = testing.finished(session.config)
        getattr(session.config, "workeroutput", {})[LEFT] = left
        session.config.stash.setdefault(LEFT_KEY, []).extend(left)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Collect what a worker of pytest-xdist has left."""
    left: list[str] = getattr(node, "workeroutput", {}).get(LEFT) or []
    node.config.stash.setdefault(LEFT_KEY, []).extend(left)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Name the tables that are left on an account."""
    nothing: list[str] = []
    if left := config.stash.get(LEFT_KEY, nothing):
        terminalreporter.section("tables that could not be deleted")
        for one in left:
            terminalreporter.write_line(one)


@pytest.fixture
def dynamodb_options() -> dict[str, Any]:
    """The client arguments for ``dynamodb``: override this fixture to pass cursor keys, a keyring or a table prefix.

    Example:
        >>> @pytest.fixture
        ... def dynamodb_options():
        ...     return {"cursor_keys": [os.urandom(32)], "keyring": LocalKeyring({"test": os.urandom(32)})}
    """
    return {}


@pytest.fixture
def dynamodb(request: pytest.FixtureRequest, dynamodb_options: dict[str, Any]) -> Iterator[IsolatedDynamoDB]:
    """An empty, in-process DynamoDB for one test: every client without an ``endpoint_url=`` connects to it.

    It is the client of every model that has no client of its own, in all threads. Credentials of the machine are hidden.
    Everything is restored after the test; see ``isolated_dynamodb``. ``@pytest.mark.dynamodb(tables=[User])`` says what the test
    finds there; with ``--dynamodb=aws`` the tables are created on a real account.

    Example:
        >>> @pytest.mark.dynamodb(tables=[Order])
        ... def test_an_order_is_stored(dynamodb):
        ...     Order(customer_id="c1", number=7).sync.create()
        ...     assert dynamodb.requests == ["PutItem"]
    """
    from pydynox.testing.session import dynamodb_of

    with dynamodb_of(request.node, request.config, dynamodb_options) as client:
        yield client


@pytest.fixture
def dynamodb_url(dynamodb: IsolatedDynamoDB) -> str:
    """The URL of the tables of ``dynamodb``, for boto3, the AWS CLI and other processes; the environment names it too.

    Example:
        >>> def test_a_report(dynamodb, dynamodb_url):
        ...     table = boto3.resource("dynamodb").Table("orders")
    """
    return dynamodb.endpoint_url
