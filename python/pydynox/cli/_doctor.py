"""``pydynox doctor``: checks everything between a program and its tables, and says what to do about what is wrong."""

from __future__ import annotations

import json
import platform
import secrets
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydynox import __version__
from pydynox._core import build_data, run, table_declaration, table_named
from pydynox._declaration.compile import completed
from pydynox._explain.models import indexes_of, key_of
from pydynox._explain.policy import leading_keys
from pydynox.exceptions import (
    AccessDeniedError,
    ConditionFailedError,
    CredentialsError,
    PydynoxError,
    RequestError,
    TableNotFoundError,
)
from pydynox.keyrings import core_keyring

from . import _surroundings
from ._words import model_named, object_named, say

if TYPE_CHECKING:
    from collections.abc import Generator

    from pydynox.client import DynamoDBClient

Status = Literal["ok", "warning", "failed", "skipped"]
#: Seconds by which clocks may differ before DynamoDB refuses signatures are 300; pydynox corrects it, other tools do not.
SKEWED = 60.0
SHOWN = 2.0  # seconds; the answer has whole seconds, so less means nothing
CALLS = 20


class Check(NamedTuple):
    """The result of one check."""

    name: str
    status: Status
    summary: str
    details: dict[str, Any]


def add(commands: Any, where: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "doctor",
        parents=[where],
        help="check credentials, connection, latency, permissions and tables; exits with 1 if a check fails",
        description="Check credentials, connection, latency, permissions and tables. Changes nothing.",
    )
    parser.add_argument("models", nargs="*", metavar="MODEL", help="models to check the tables of, as module:Class")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--calls", type=int, default=CALLS, metavar="N", help=f"calls to measure latency by, {CALLS} by default")
    parser.add_argument(
        "--writes", action="store_true", help="also check write permissions, by writes whose condition is always false"
    )
    parser.add_argument(
        "--keyring", metavar="KEYRING", help="the keyring of your client, as module:NAME, which then makes and opens a data key"
    )
    parser.set_defaults(run=_run)


def _run(options: Any) -> int:
    models = [model_named(name) for name in options.models]  # a wrong name is an error of usage, not a finding
    if options.keyring is not None:
        core_keyring(object_named(options.keyring))
    doctor = Doctor(options)
    try:
        doctor.examine(models)
    finally:
        run(doctor.client.close())
    failed = any(check.status == "failed" for check in doctor.checks)
    if options.json:
        checks = [check._asdict() for check in doctor.checks]
        print(json.dumps({"status": "failed" if failed else "ok", "checks": checks}, indent=2, default=str))
    else:
        for check in doctor.checks:
            say(f"{check.status:8} {check.name}: {check.summary}")
    return 1 if failed else 0


class Doctor:
    """The checks, in order: each says one thing, and what fails early explains what fails later."""

    def __init__(self, options: Any) -> None:
        self.options = options
        self.client: DynamoDBClient = options.open(options)
        self.checks: list[Check] = []

    def note(self, name: str, status: Status, summary: str, **details: Any) -> None:
        """Add a result."""
        self.checks.append(Check(name, status, summary, details))

    @contextmanager
    def _checking(self, name: str) -> Generator[None]:
        try:
            yield
        except (PydynoxError, OSError) as error:
            notes = getattr(error, "__notes__", [])
            self.note(name, "failed", "; ".join([str(error), *notes]), error=type(error).__name__)

    def examine(self, models: list[Any]) -> None:
        """Run all checks."""
        built = build_data()
        self.note(
            "versions",
            "ok",
            f"pydynox {__version__}, Python {platform.python_version()}, {platform.platform(terse=True)}",
            pydynox=__version__,
            python=platform.python_version(),
            **built,
        )
        url = _surroundings.endpoint(self.options.endpoint_url, self.options.profile)
        if url.value is not None and url.value.startswith(("memory:", "file:")):
            self.note("endpoint", "ok", f"{url.value}, the embedded engine ({url.source})", url=url.value, source=url.source)
            for name in ("region", "credentials", "proxy", "tls", "clock"):
                self.note(name, "skipped", "requests do not leave the process")
            reached = self._latency()
        else:
            region = self._settings(url)
            reached, host = self._connection()
            self._network(url.value or _service(host, region))
            if reached:
                reached = self._latency()
        for model in models:
            self._model(model, reached=reached)

    def _settings(self, url: _surroundings.Found) -> str | None:
        self.note("endpoint", "ok", f"{url.value or 'the service'} ({url.source})", url=url.value, source=url.source)
        region = _surroundings.region(self.options.region, self.options.profile)
        status: Status = "ok" if region.value else "warning"
        self.note("region", status, f"{region.value or 'not set'} ({region.source})", region=region.value, source=region.source)
        return region.value

    def _connection(self) -> tuple[bool, str | None]:
        """One call, which needs everything: settings, credentials, name, connection, TLS, signature. Whether it was answered, and
        the host that the client resolved for it."""
        looked_up: list[Any] = []
        opened: list[Any] = []
        attempted: list[Any] = []
        with (
            self.client.on_event(attempted.append, kinds=["attempt_ended"]),
            self.client.on_event(looked_up.append, kinds=["credentials_renewed"]),
            self.client.on_event(opened.append, kinds=["connection_opened"]),
            # Before what is noted of the connection.
            self._credentials(looked_up),
        ):
            try:
                run(self.client.call("ListTables", Limit=1, timeout=10))
            except AccessDeniedError:
                summary = "the service answers, and does not allow ListTables, which pydynox does not need"
            except (PydynoxError, OSError) as error:
                what = "credentials" if isinstance(error, CredentialsError) else "connection"
                self.note(f"{what} used" if what == "credentials" else what, "failed", str(error), error=type(error).__name__)
                return False, attempted[-1].host if attempted else None
            else:
                summary = "the service answers"
        where = f" at {opened[0].host}" if opened else ""
        took = f", connected in {opened[0].elapsed * 1000:.0f} ms" if opened and opened[0].elapsed is not None else ""
        self.note("connection", "ok", f"{summary}{where}{took}", host=opened[0].host if opened else None)
        return True, attempted[-1].host if attempted else None

    @contextmanager
    def _credentials(self, looked_up: list[Any]) -> Generator[None]:
        """Note where the credentials of a call came from, as their lookup says; where they should have been if it found none."""
        place = len(self.checks)
        yield
        keys = _surroundings.credentials(self.options.profile)
        source = next((event.source for event in looked_up if event.source), None)
        if source is not None and not keys.source.startswith(source):
            keys = _surroundings.Found(None, source)
        status: Status = "failed" if keys.source.startswith("nowhere") else "ok"
        key = f"key {keys.value}, " if keys.value else ""
        details = {"access_key_id": keys.value, "source": keys.source}
        self.checks.insert(place, Check("credentials", status, f"{key}{keys.source}", details))

    def _network(self, url: str | None) -> None:
        from ._probe import ask, proxy_for  # here: other commands need neither http nor ssl

        if url is None:
            for name in ("proxy", "tls", "clock"):
                self.note(name, "skipped", "the endpoint is not known without a region")
            return
        try:
            proxy = proxy_for(url)
        except ValueError as error:
            self._no_way(str(error))
            return
        name_of_proxy = None if proxy is None else _surroundings.without_password(proxy)
        if proxy is not None and not proxy.startswith("http://"):
            self._no_way(f"{name_of_proxy}: only proxies of the kind http:// are supported", proxy=name_of_proxy)
            return
        self.note("proxy", "ok", f"through {name_of_proxy}" if proxy else "none, directly", proxy=name_of_proxy)
        try:
            answer = ask(url, proxy)
        except (OSError, ValueError) as error:  # a host name that cannot be one is a ValueError
            self.note("tls" if url.startswith("https") else "http", "failed", f"{url}: {error}", error=type(error).__name__)
            self.note("clock", "skipped", "there was no answer")
            return
        if answer.tls is None:
            local = any(f"//{host}" in url for host in ("127.0.0.1", "localhost", "[::1]"))
            self.note("tls", "ok" if local else "warning", "plain HTTP" + ("" if local else ": anyone on the way can read it"))
        else:
            self.note("tls", "ok", answer.tls)
        if answer.skew is None:
            self.note("clock", "skipped", "the endpoint does not tell the time")
            return
        difference = abs(answer.skew)
        what = f"this machine's clock is {difference:.0f} s {'behind' if answer.skew > 0 else 'ahead of'} the service's"
        fix = ": pydynox corrects it after a refused request, other tools fail; synchronize it"
        if difference > SKEWED:
            self.note("clock", "warning", what + fix, skew=round(answer.skew, 1))
        else:
            same = "agrees with the service's, within the second that its answers show"
            self.note("clock", "ok", what if difference > SHOWN else same, skew=round(answer.skew, 1))

    def _no_way(self, summary: str, **details: Any) -> None:
        self.note("proxy", "failed", summary, **details)
        for name in ("tls", "clock"):
            self.note(name, "skipped", "the proxy cannot be used")

    def _latency(self) -> bool:
        """Percentiles of calls that cost nothing, one after another on an open connection."""
        times: list[float] = []
        try:
            for _ in range(max(1, self.options.calls)):
                began = time.perf_counter()
                with suppress(AccessDeniedError):  # which is an answer, too
                    run(self.client.call("ListTables", Limit=1, timeout=10))
                times.append((time.perf_counter() - began) * 1000)
        except (PydynoxError, OSError) as error:
            self.note("latency", "failed", str(error), error=type(error).__name__)
            return False
        times.sort()
        latencies = {f"p{percent}": round(percentile(times, percent), 2) for percent in (50, 90, 99)} | {
            "max": round(times[-1], 2)
        }
        text = ", ".join(f"{name} {value:g} ms" for name, value in latencies.items())
        self.note("latency", "ok", f"{text} over {len(times)} calls", calls=len(times), **latencies)
        return True

    def _model(self, model: Any, *, reached: bool) -> None:
        name = model.__name__
        table = table_named(self.client.core, model.model_config.table or "")
        if not reached:
            self.note(f"table {table}", "skipped", f"{name}: the service is not reached")
            return
        with self._checking(f"table {table}"), self.client.as_default():
            try:
                drifts = model.table.sync.check()
            except AccessDeniedError:
                self.note(f"table {table}", "warning", f"{name}: DescribeTable is not allowed, so it cannot be compared")
            else:
                texts = [str(drift) for drift in drifts]
                summary = f"{name}: {'; '.join(texts)}; see pydynox tables plan" if texts else f"{name}: as declared"
                self.note(f"table {table}", "failed" if texts else "ok", summary, drifts=texts)
                if any(drift.what == "table" for drift in drifts):
                    return
        self._permissions(model, table)
        if any(one.options.protection == "encrypted" for one in completed(model).attributes.values()):
            self._keyring(model, table)

    def _keyring(self, model: Any, table: str) -> None:
        """The keyring makes a data key for the table and opens it again, as the first write and the first read do."""
        what = f"keyring {table}"
        if self.options.keyring is None:
            text = f"{model.__name__} has encrypted attributes: name the keyring of your client with --keyring module:NAME"
            self.note(what, "skipped", text)
            return
        from ._keys import tried  # here: other commands need no keyring

        keyring = object_named(self.options.keyring)
        with self._checking(what):
            took = tried(keyring, model.model_config.logical_table or table, self.options.region, self.options.profile)
            text = ", ".join(f"{operation} {milliseconds:.0f} ms" for operation, milliseconds in took.items())
            self.note(what, "ok", f"{keyring!r} makes and opens data keys: {text}", **took)

    def _permissions(self, model: Any, table: str) -> None:
        """Requests for an item that does not exist: reads of it, and with ``--writes`` writes that cannot happen."""
        key = _no_key(model)
        partition = next(iter(key))
        equal: dict[str, Any] = {
            "KeyConditionExpression": "#k = :k",
            "ExpressionAttributeNames": {"#k": partition},
            "ExpressionAttributeValues": {":k": key[partition]},
            "Limit": 1,
        }
        never = {
            "ConditionExpression": "attribute_exists(#k) AND attribute_not_exists(#k)",
            "ExpressionAttributeNames": {"#k": partition},
        }
        calls: list[tuple[str, str, dict[str, Any]]] = [
            ("GetItem", "GetItem", {"Key": key}),
            ("Query", "Query", equal),
            *((f"Query {one.name}", "Query", _of_index(model, one)) for one in indexes_of(model)),
            ("Scan", "Scan", {"Limit": 1}),
        ]
        if self.options.writes:
            calls += [
                ("PutItem", "PutItem", {"Item": key, **never}),
                ("UpdateItem", "UpdateItem", {"Key": key, **never}),
                ("DeleteItem", "DeleteItem", {"Key": key, **never}),
            ]
        verdicts = {label: self._verdict(operation, {"TableName": table, **wire}) for label, operation, wire in calls}
        denied = [label for label, verdict in verdicts.items() if verdict == "denied"]
        others = [f"{label}: {verdict}" for label, verdict in verdicts.items() if verdict not in ("allowed", "denied")]
        # A scan may be left out on purpose.
        status: Status = "failed" if others or set(denied) - {"Scan"} else "warning" if denied else "ok"
        allowed = [label for label, verdict in verdicts.items() if verdict == "allowed"]
        parts = [f"{', '.join(allowed)} allowed"] if allowed else []
        parts += [f"{', '.join(denied)} denied: see pydynox patterns --iam"] if denied else []
        self.note(f"permissions {table}", status, "; ".join([*parts, *others]), **verdicts)

    def _verdict(self, operation: str, wire: dict[str, Any]) -> str:
        try:
            run(self.client.call(operation, timeout=10, **wire))
        except ConditionFailedError:
            return "allowed"
        except AccessDeniedError:
            return "denied"
        except TableNotFoundError:
            return "no such table or index"
        except RequestError as error:
            return str(error)
        return "allowed"


def _service(host: str | None, region: str | None) -> str | None:
    """The address of the service: where the client went, or what it would be by the region alone."""
    if host is None and region is not None:
        host = f"dynamodb.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"
    return None if host is None else f"https://{host}"


def percentile(ordered: list[float], percent: int) -> float:
    """The smallest value that is at least as large as this share of all."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def _no_key(model: Any) -> dict[str, Any]:
    """A key that no item has, but a policy for the keys of the model allows."""
    types = {one["AttributeName"]: one["AttributeType"] for one in table_declaration(model._schema)["AttributeDefinitions"]}
    beginnings = leading_keys([model])
    beginning = beginnings[0].removesuffix("*") if beginnings else ""
    keys = key_of(model)
    return {name: _unlikely(types[name], beginning if name == keys[0] else "") for name in keys}


def _of_index(model: Any, index: Any) -> dict[str, Any]:
    types = {one["AttributeName"]: one["AttributeType"] for one in table_declaration(model._schema)["AttributeDefinitions"]}
    conditions = " AND ".join(f"#k{number} = :k{number}" for number in range(len(index.partition)))
    return {
        "IndexName": index.name,
        "KeyConditionExpression": conditions,
        "ExpressionAttributeNames": {f"#k{number}": name for number, name in enumerate(index.partition)},
        "ExpressionAttributeValues": {f":k{number}": _unlikely(types[name], "") for number, name in enumerate(index.partition)},
        "Limit": 1,
    }


def _unlikely(kind: str, beginning: str) -> dict[str, str]:
    if kind == "N":
        return {"N": f"-{secrets.randbits(60)}"}
    text = f"{beginning}pydynox-doctor-{secrets.token_hex(8)}"
    return {"S": text} if kind == "S" else {"B": secrets.token_urlsafe(12).replace("-", "a").replace("_", "b")}
