"""Servers that never stop sending: the call ends at its time-out, and what is read of an answer is bounded."""

from __future__ import annotations

import time

import pytest

from tests.conftest import Serve
from tests.engines import Authority
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
        calls = {"list": lambda: client.call("ListTables"), "put": lambda: User(user_id="u1").put(), "query": lambda: User.query("u1").all()}
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


@pytest.mark.parametrize("way", ["sts", "container"])
def test_what_gives_credentials_is_read_within_bounds(
    script: Script, serve: Serve, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    for name in ("chunks", "a length", "up to the end", "interim answers", "a header"):
        first, piece, _ = FLOODS[name]
        server = serve(flood(first, piece))
        settings = {
            "sts": {"AWS_ENDPOINT_URL_STS": server.url, "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"},
            "container": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{server.url}/keys"},
        }
        for variable, value in settings[way].items():
            monkeypatch.setenv(variable, value)

        script(
            CALLS
            + f"""
    from pydynox import AssumeRole
    role = AssumeRole("arn:aws:iam::123456789012:role/app") if {way!r} == "sts" else None
    client = DynamoDBClient(endpoint_url="http://127.0.0.1:9", region="us-east-1", assume_role=role, timeout=3)
    error, took = ended(client, "blocking")
    assert error in ("CredentialsError", "RequestTimeoutError"), ({name!r}, error)
    assert took < 6 and peak() - before < 100, ({name!r}, took, before, peak())
"""
        )

        assert server.seen
