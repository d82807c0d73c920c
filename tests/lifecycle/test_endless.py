"""Servers that never stop sending: the call ends at its time-out, and what is read of an answer is bounded."""

from __future__ import annotations

import time

import pytest

from tests.conftest import Serve
from tests.engines import Authority
from tests.faults.deeds import answer, silence
from tests.faults.metadata import metadata, of_machine
from tests.faults.server import Connection, Deed, Seen

from .conftest import Script

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
MUCH = b"x" * 65536
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

# By name: what comes first, what comes again and again, and the error where nothing but the limits ends it.
FLOODS = {
    "chunks": (CHUNKED, b"10000\r\n" + MUCH + b"\r\n", "InvalidResponseError"),
    "one chunk": (CHUNKED + b"fffffffffff\r\n", MUCH, "InvalidResponseError"),
    "a trailer": (CHUNKED + b"0\r\n", b"x: y\r\n" * 5000, "ConnectionFailedError"),
    "a line of a trailer": (CHUNKED + b"0\r\nx: ", MUCH, "ConnectionFailedError"),
    "a length": (OK + b"content-length: 99999999999\r\n\r\n", MUCH, "InvalidResponseError"),
    "up to the end": (OK + b"\r\n", MUCH, "InvalidResponseError"),
    "gzip": (OK + b"content-encoding: gzip\r\n\r\n", MUCH, "InvalidResponseError"),
    "a refusal": (OK.replace(b"200 OK", b"400 Bad Request") + b"\r\n", MUCH, "InvalidResponseError"),
    "interim answers": (b"", CONTINUE * 2000, "ConnectionFailedError"),
    "interim answers with hints": (
        b"",
        b"HTTP/1.1 103 Early Hints\r\nlink: " + MUCH[:9000] + b"\r\n\r\n",
        "ConnectionFailedError",
    ),
    "headers": (OK, b"x: y\r\n" * 5000, "ConnectionFailedError"),
    "a header": (OK + b"x: ", MUCH, "ConnectionFailedError"),
}


def flood(first: bytes, piece: bytes, pause: float = 0) -> Deed:
    def deed(connection: Connection, seen: Seen) -> None:
        connection.send(first)
        while True:
            connection.send(piece)
            if pause:
                time.sleep(pause)

    return deed


CALLS = """
    import resource
    from pydynox.exceptions import PydynoxError

    def ended(client, form, call="list"):
        '''The name of the error, and seconds until it was raised.'''
        calls = {"list": lambda: client.call("ListTables"), "put": lambda: User(user_id="u1").put()}
        begun = time.monotonic()
        try:
            with client.as_default():
                if form == "awaited": asyncio.run(calls[call]())
                else: run(calls[call]())
        except PydynoxError as error: return type(error).__name__, time.monotonic() - begun
        raise AssertionError("no error")

    def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "linux" else 1 << 20)
    before = peak()
"""


@pytest.mark.parametrize("form", ["awaited", "blocking"])
def test_the_time_out_holds_whatever_the_server_sends(script: Script, serve: Serve, authority: Authority, form: str) -> None:
    """Over TLS the same: the limits are those of what was decrypted."""
    floods = [(name, flood(first, piece)) for name, (first, piece, _) in FLOODS.items()]
    floods.append(("a head byte by byte", flood(OK + b"x: ", b"y", 0.001)))
    floods.append(("a body byte by byte", flood(OK + b"\r\n", b" ", 0.001)))
    for name, deed in floods:
        for secure in (False, True) if name in ("chunks", "interim answers") else (False,):
            server = serve(deed, tls=authority.context("127.0.0.1") if secure else None)
            script(
                CALLS
                + f"""
    for call in ("list", "put") if {name!r} == "chunks" else ("list",):
        error, took = ended(remote(timeout=1, read_timeout=1, max_attempts=1), {form!r}, call)
        assert took < 4, ({name!r}, {secure}, call, took)
    assert peak() - before < 400, (before, peak())
""",
                server=server,
                trusted=authority.bundle,
            )


FIRST = {
    "Query": {"Items": [{"user_id": {"S": "u1"}}], "Count": 1, "LastEvaluatedKey": {"user_id": {"S": "u1"}}},
    "Scan": {"Items": [{"user_id": {"S": "u1"}}], "Count": 1, "LastEvaluatedKey": {"user_id": {"S": "u1"}}},
    "BatchGetItem": {"Responses": {}, "UnprocessedKeys": {"users": {"Keys": [{"user_id": {"S": "u1"}}]}}},
    "ExecuteStatement": {"Items": [{"user_id": {"S": "u1"}}], "NextToken": "next"},
}
GOES_ON = (b'"ExclusiveStartKey"', b'"NextToken"')
PAGING = """
    from concurrent.futures import ThreadPoolExecutor
    from pydynox import set_default_client
    from pydynox.exceptions import PydynoxError

    async def iterated(rows): return [row async for row in rows]
    async def executed():
        page = await client.execute("SELECT * FROM users", model=User)
        return await client.execute("SELECT * FROM users", model=User, after=page.cursor)

    client = remote(timeout=0.5, read_timeout=0.5, max_attempts=1, cursor_keys=[bytes(32)])
    set_default_client(client)
    verbs = {
        "query": lambda: User.query("u1").all(),
        "scan": lambda: User.scan().all(),
        "segments": lambda: User.scan(segments=2).all(),
        "iteration": lambda: iterated(User.scan()),
        "page": lambda: User.scan().page(5),
        "pages": lambda: iterated(User.scan().pages(1)),
        "count": lambda: User.scan().count(),
        "keys": lambda: User.query("u1").keys().all(),
        "plain scan": lambda: client.scan("users").all(),
        "batch_get": lambda: client.batch_get(User.key("u1"), User.key("u2")),
        "transact_get": lambda: client.transact_get(User.key("u1"), User.key("u2")),
        "execute": executed,
    }

    async def ended(verb):
        begun = time.monotonic()
        try: found = await verbs[verb]()
        except PydynoxError: return verb, time.monotonic() - begun
        raise AssertionError((verb, found))

    async def together(): return await asyncio.gather(*map(ended, verbs))
    if FORM == "awaited": took = asyncio.run(together())
    else:
        with ThreadPoolExecutor(len(verbs)) as pool: took = list(pool.map(lambda verb: run(ended(verb)), verbs))
    assert all(seconds < 4 for _, seconds in took), took
"""


@pytest.mark.parametrize("form", ["awaited", "blocking"])
@pytest.mark.parametrize("page", ["first", "next"])
@pytest.mark.parametrize("name", ["chunks", "one chunk", "interim answers", "headers"])
def test_every_verb_that_reads_pages_ends_under_a_flood(script: Script, serve: Serve, name: str, page: str, form: str) -> None:
    """Beside each other: the flood of one is none of the others' business. Of some the first answer is good, and the next never ends."""
    first, piece, _ = FLOODS[name]
    begun: set[object] = set()

    def deed(connection: Connection, seen: Seen) -> None:
        is_next = any(word in seen.body for word in GOES_ON)
        if seen.operation == "BatchGetItem":
            is_next = "BatchGetItem" in begun
            begun.add("BatchGetItem")
        if page == "next" and not is_next and seen.operation in FIRST:
            answer(FIRST[seen.operation])(connection, seen)
        else:
            flood(first, piece)(connection, seen)

    server = serve(deed)
    script(PAGING.replace("FORM", repr(form)), server=server)

    assert {"Query", "Scan", "BatchGetItem", "TransactGetItems", "ExecuteStatement"} <= set(server.operations())
    if page == "next":
        assert any(b'"ExclusiveStartKey"' in seen.body for seen in server.seen)


@pytest.mark.parametrize("name", FLOODS)
def test_without_a_time_out_the_size_of_an_answer_is_bounded(script: Script, serve: Serve, name: str) -> None:
    first, piece, expected = FLOODS[name]
    server = serve(flood(first, piece))

    printed = script(
        CALLS
        + """
    print(ended(remote(timeout=None, max_attempts=2), "blocking")[0])
    assert peak() - before < 400, (before, peak())
""",
        server=server,
    )

    assert printed.strip() == expected
    assert len(server.seen) == (1 if expected == "InvalidResponseError" else 2), "what is too large is not asked for again"


def test_ctrl_c_ends_a_blocking_call_under_a_flood(script: Script, serve: Serve) -> None:
    server = serve(flood(CHUNKED, b"1\r\nx\r\n" * 5000))

    script(
        """
        threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        begun = time.monotonic()
        try: remote(timeout=None).sync.call("ListTables")
        except KeyboardInterrupt: pass
        else: raise AssertionError("not interrupted")
        assert time.monotonic() - begun < 3
    """,
        server=server,
    )


def test_a_write_whose_answer_never_ends_may_have_been_applied(script: Script, serve: Serve) -> None:
    server = serve(flood(OK + b"content-length: 99999999999\r\n\r\n", MUCH))

    script(
        """
        from pydynox.exceptions import InvalidResponseError, WriteOutcomeUnknownError
        with remote().as_default():
            try: User(user_id="u1").sync.put()
            except InvalidResponseError as error: assert error.ambiguous and not error.retryable and error.status == 200, error
            try: User.key("u1").sync.apply(User.age.add(1))
            except WriteOutcomeUnknownError as error: assert "128 MiB" in str(error), error
    """,
        server=server,
    )

    assert server.operations() == ["PutItem", "UpdateItem"]


def machine(deed: Deed, kept: int) -> Deed:
    """The metadata of a machine, of whose steps so many are answered as they should be before this is done."""

    def step(connection: Connection, seen: Seen) -> None:
        if of_machine(seen) < kept:
            metadata("ASIAMACHINE")(connection, seen)
        else:
            deed(connection, seen)

    return step


@pytest.mark.parametrize("way", ["sts", "container", "machine", "machine's role", "machine's keys"])
def test_what_gives_credentials_is_read_within_bounds(
    script: Script, serve: Serve, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    for name in (*FLOODS, "nothing"):
        first, piece, _ = FLOODS.get(name, (b"", b"", ""))
        deed = silence if name == "nothing" else flood(first, piece)
        kept = {"machine's role": 1, "machine's keys": 2}.get(way, 0)
        server = serve(machine(deed, kept))
        settings = {
            "sts": {"AWS_ENDPOINT_URL_STS": server.url, "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"},
            "container": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{server.url}/keys"},
            "machine": {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url},
        }
        for variable, value in settings[way.partition("'")[0]].items():
            monkeypatch.setenv(variable, value)

        script(
            CALLS
            + f"""
    from pydynox import AssumeRole
    role = AssumeRole("arn:aws:iam::123456789012:role/app") if {way!r} == "sts" else None
    client = DynamoDBClient(endpoint_url="http://127.0.0.1:9", region="us-east-1", assume_role=role, timeout=1)
    error, took = ended(client, "blocking")
    assert error in ("CredentialsError", "RequestTimeoutError"), ({name!r}, error)
    assert took < 2.5 and peak() - before < 100, ({name!r}, took, before, peak())
"""
        )

        assert server.seen


def test_kms_is_read_within_bounds(script: Script, serve: Serve) -> None:
    for name in (*FLOODS, "nothing"):
        first, piece, _ = FLOODS.get(name, (b"", b"", ""))
        server = serve(silence if name == "nothing" else flood(first, piece))

        script(
            CALLS
            + f"""
    from pydynox import Encrypted, KmsKeyring
    class Patient(Model[str], table="patients"):
        patient_id: Attr[str] = partition_key()
        ssn: Encrypted[str]
    keyring = KmsKeyring("alias/app", endpoint_url={server.url!r}, timeout=1)
    client = remote(keyring=keyring, timeout=1, max_attempts=1)
    begun = time.monotonic()
    try:
        with client.as_default(): Patient(patient_id="p", ssn="s").sync.put()
    except PydynoxError as error: took = time.monotonic() - begun
    else: raise AssertionError("no error")
    assert took < 2.5 and peak() - before < 100, ({name!r}, took, before, peak())
""",
            server=server,
        )

        assert {seen.headers["x-amz-target"].partition(".")[0] for seen in server.seen} == {"TrentService"}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flooded_source_of_credentials_leaves_other_calls_alone(
    script: Script, serve: Serve, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    first, piece, _ = FLOODS[name]
    flooded, good = serve(flood(first, piece)), serve(answer({"TableNames": []}))
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{flooded.url}/keys")

    script(
        """
        from pydynox.exceptions import CredentialsError, RequestTimeoutError

        async def main():
            good = remote()
            await good.call("ListTables")
            source = DynamoDBClient(endpoint_url="http://127.0.0.1:9", region="us-east-1", timeout=1)
            other, longest, calls = asyncio.create_task(source.call("ListTables")), 0, 0
            while not other.done():
                begun = time.monotonic()
                await good.call("ListTables")
                longest, calls = max(longest, time.monotonic() - begun), calls + 1
            try: await other
            except (CredentialsError, RequestTimeoutError): return longest, calls
            raise AssertionError("no error")

        longest, calls = asyncio.run(main())
        assert longest < 0.5 and calls > 1, (longest, calls)
    """,
        server=good,
    )

    assert flooded.seen
