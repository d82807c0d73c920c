"""The embedded engine over HTTP: boto3 and our own client as its guests, and what it refuses."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config
from botocore.exceptions import ClientError
from pydynox import DynamoDBClient, run
from pydynox.exceptions import ConfigurationError, ConnectionFailedError
from pydynox.local import LocalServer

from tests.engines import CREDENTIALS

pytestmark = pytest.mark.thorough

TARGET = "DynamoDB_20120810."


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


def guest(server: LocalServer, kind: str = "client", service: str = "dynamodb") -> Any:
    return getattr(boto3.session.Session(), kind)(
        service,
        endpoint_url=server.endpoint_url,
        region_name="eu-west-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )


def orders(server: LocalServer) -> Any:
    return guest(server, "resource").create_table(
        TableName="orders",
        AttributeDefinitions=[{"AttributeName": "c", "AttributeType": "S"}, {"AttributeName": "n", "AttributeType": "N"}],
        KeySchema=[{"AttributeName": "c", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
        BillingMode="PAY_PER_REQUEST",
    )


def asked(server: LocalServer, body: bytes = b"{}", method: str = "POST", **headers: str) -> tuple[int, Any, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request(method, "/", body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    found = answer.status, answer.headers, answer.read()
    connection.close()
    return found


class TestBoto3:
    def test_items_are_put_got_changed_and_deleted(self, server):
        table = orders(server)

        table.put_item(Item={"c": "c1", "n": 1, "tags": {"a", "b"}, "raw": b"\x00\xff"})
        table.update_item(Key={"c": "c1", "n": 1}, UpdateExpression="SET hits = :one", ExpressionAttributeValues={":one": 1})
        item = table.get_item(Key={"c": "c1", "n": 1})["Item"]
        table.delete_item(Key={"c": "c1", "n": 1})

        assert item == {"c": "c1", "n": 1, "tags": {"a", "b"}, "raw": b"\x00\xff", "hits": 1}
        assert "Item" not in table.get_item(Key={"c": "c1", "n": 1})

    def test_batches_queries_and_scans(self, server):
        table = orders(server)
        with table.batch_writer() as batch:
            for number in range(60):
                batch.put_item(Item={"c": f"c{number % 2}", "n": number})

        got = table.query(KeyConditionExpression=Key("c").eq("c1") & Key("n").gte(51), ScanIndexForward=False)["Items"]
        scanned = table.scan(FilterExpression=Attr("n").lt(3))["Items"]
        first = table.scan(Limit=7)

        assert [int(item["n"]) for item in got] == [59, 57, 55, 53, 51]
        assert sorted(int(item["n"]) for item in scanned) == [0, 1, 2]
        assert len(first["Items"]) == 7
        assert first["LastEvaluatedKey"]

    def test_a_transaction_is_all_or_nothing(self, server):
        orders(server)
        client = guest(server)
        put = {"Put": {"TableName": "orders", "Item": {"c": {"S": "c1"}, "n": {"N": "1"}}}}
        check = {
            "ConditionCheck": {
                "TableName": "orders",
                "Key": {"c": {"S": "c2"}, "n": {"N": "1"}},
                "ConditionExpression": "attribute_exists(c)",
            }
        }

        with pytest.raises(ClientError) as refused:
            client.transact_write_items(TransactItems=[put, check])
        client.transact_write_items(TransactItems=[put])

        assert refused.value.response["CancellationReasons"][1]["Code"] == "ConditionalCheckFailed"
        assert client.scan(TableName="orders")["Count"] == 1

    def test_errors_have_their_codes_and_statuses(self, server):
        client = guest(server)

        with pytest.raises(client.exceptions.ResourceNotFoundException) as missing:
            client.get_item(TableName="none", Key={"a": {"S": "b"}})

        about = missing.value.response["ResponseMetadata"]
        assert about["HTTPStatusCode"] == 400
        assert re.fullmatch(r"[0-9A-V]{52}", about["RequestId"])

    def test_streams_are_of_their_own_api(self, server):
        assert guest(server, service="dynamodbstreams").list_streams()["Streams"] == []


class TestOurClient:
    def test_it_works_as_with_any_endpoint(self, server, drive):
        client = DynamoDBClient(endpoint_url=server.endpoint_url, region="eu-west-1", credentials=CREDENTIALS)
        table = f"t{drive is run}"
        client.sync.call(
            "CreateTable",
            TableName=table,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )

        drive(client.put_item(table, {"id": "a", "n": 2**100}))

        assert drive(client.get_item(table, {"id": "a"})) == {"id": "a", "n": 2**100}
        client.sync.close()

    def test_a_named_engine_is_the_one_of_this_process(self):
        inside = DynamoDBClient(endpoint_url="memory://shown")
        with LocalServer(endpoint_url="memory://shown") as server:
            orders(server)

            assert inside.sync.call("ListTables")["TableNames"] == ["orders"]

    def test_a_file_stays(self, tmp_path):
        url = (tmp_path / "shop db").as_uri()
        for _ in range(2):
            with LocalServer(endpoint_url=url) as server:
                if not guest(server).list_tables()["TableNames"]:
                    orders(server)
        with LocalServer(endpoint_url=url) as server:
            assert guest(server).list_tables()["TableNames"] == ["orders"]

    def test_many_at_once_are_answered(self, server):
        table = orders(server)
        failures = []

        def work(number: int) -> None:
            try:
                client = guest(server)
                for each in range(20):
                    client.put_item(TableName="orders", Item={"c": {"S": f"c{number}"}, "n": {"N": str(each)}})
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert failures == []
        assert table.scan(Select="COUNT")["Count"] == 160


class TestHttp:
    def test_answers_carry_their_checksum_over_one_connection(self, server):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        sockets = set()
        for name, status in (("ListTables", 200), ("GetItem", 400), ("ListTables", 200)):
            connection.request("POST", "/", b"{}", {"X-Amz-Target": TARGET + name})
            sockets.add(connection.sock)
            answer = connection.getresponse()
            body = answer.read()

            assert answer.status == status
            assert int(answer.headers["x-amz-crc32"]) == zlib.crc32(body)
            assert answer.headers["Content-Type"] == "application/x-amz-json-1.0"
            assert answer.headers["x-amzn-RequestId"]
        assert len(sockets) == 1
        connection.close()

    @pytest.mark.parametrize(
        ("headers", "body", "status", "code"),
        [
            ({}, b"{}", 400, "UnknownOperationException"),
            ({"X_Amz_Target": "Other_1.GetItem"}, b"{}", 400, "UnknownOperationException"),
            ({"X_Amz_Target": TARGET + "Guess"}, b"{}", 400, "UnknownOperationException"),
            ({"X_Amz_Target": TARGET + "GetItem"}, b"{", 400, "SerializationException"),
            ({"X_Amz_Target": TARGET + "ListTables", "Host": "evil.example"}, b"{}", 403, "AccessDeniedException"),
            ({"X_Amz_Target": TARGET + "ListTables"}, b"[]", 400, "SerializationException"),
            ({"X_Amz_Target": TARGET + "ListTables"}, b" \n[{}]", 400, "SerializationException"),
            ({"X_Amz_Target": TARGET + "ListTables"}, b"null", 400, "SerializationException"),
            ({"X_Amz_Target": TARGET + "ListTables"}, b"", 400, "SerializationException"),
            ({"X_Amz_Target": TARGET + "GetItem"}, b'["t",{"a":{"S":"b"}}]', 400, "SerializationException"),
            ({"X_Amz_Target": TARGET + "ListTables", "Content_Encoding": "gzip"}, b"{}", 400, "SerializationException"),
            ({"X_Amz_Target": TARGET + "ListTables", "Content_Encoding": "br"}, b"{}", 415, "SerializationException"),
            (
                {"X_Amz_Target": TARGET + "ListTables", "Content_Encoding": "gzip"},
                gzip.compress(b" " * (16 << 20) + b"{}"),
                413,
                "SerializationException",
            ),
        ],
    )
    def test_what_it_does_not_do_is_refused_as_dynamodb_would(self, server, headers, body, status, code):
        got, _, answer = asked(server, body, **headers)

        assert got == status
        assert json.loads(answer)["__type"].endswith("#" + code)

    def test_a_packed_body_is_unpacked(self, server):
        bodies = [gzip.compress(b"{}"), gzip.compress(b"{") + gzip.compress(b"}"), gzip.compress(b" " * (8 << 20) + b"{}")]
        for body in bodies:
            for coding in ("gzip", "GZIP"):
                status, _, answer = asked(server, body, X_Amz_Target=TARGET + "ListTables", Content_Encoding=coding)

                assert (status, json.loads(answer)) == (200, {"TableNames": []})

    @pytest.mark.parametrize(
        ("head", "status"),
        [
            (b"Host: localhost\r\nContent-Length: 2\r\n", 200),
            (b"Host: localhost\r\nTransfer-Encoding: chunked\r\n", 200),
            (b"Content-Length: 2\r\n", 400),
            (b"Host: localhost\r\nHost: localhost\r\nContent-Length: 2\r\n", 400),
            (b"Host: localhost\r\nHost: evil.example\r\nContent-Length: 2\r\n", 400),
            (b"Host: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n", 400),
            (b"Host: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n", 400),
            (b"Host: localhost\r\ncontent-length : 2\r\nTransfer-Encoding: chunked\r\n", 400),
            (b"Host: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n", 400),
            (b"Host: localhost\r\nContent-Length: -2\r\n", 400),
            (b"Host: localhost\r\nContent-Length: 16777217\r\n", 413),
            (b"Host: localhost\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 2\r\n", 400),
            (b"Host: localhost\r\nTransfer-Encoding: chunked, identity\r\n", 400),
        ],
        ids=repr,
    )
    def test_a_request_has_one_host_and_one_length(self, server, head, status):
        body = b"2\r\n{}\r\n0\r\n\r\n" if b"chunked" in head and b"Content-Length" not in head else b"{}"
        text = b"POST / HTTP/1.1\r\n" + head + b"X-Amz-Target: DynamoDB_20120810.ListTables\r\n\r\n" + body
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as stream:
            for _ in range(2 if status == 200 else 1):
                stream.sendall(text)
                answer = http.client.HTTPResponse(stream)
                answer.begin()
                answer.read()
                assert answer.status == status
            if status != 200:
                assert stream.recv(1) == b"", "what follows may be its body"

    def test_a_body_that_waits_for_a_word_gets_it(self, server):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as stream:
            stream.sendall(
                b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: DynamoDB_20120810.ListTables\r\n"
                b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
            )
            assert stream.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            stream.sendall(b"{}")
            assert stream.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")

    def test_heads_have_a_limit(self, server):
        for head in (b"A: " + b"x" * 70_000, b"\r\n".join(b"A%d: x" % number for number in range(200))):
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as stream:
                stream.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\n")
                assert stream.recv(100).startswith(b"HTTP/1.1 431 ")

    @pytest.mark.parametrize(
        "begun",
        [
            b"",
            b"POST / HT",
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n{",
            b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: DynamoDB_20120810.ListTables\r\nContent-Length: 2\r\n\r\n{}",
        ],
        ids=["nothing", "half a head", "half a body", "a whole request"],
    )
    def test_a_connection_that_does_nothing_is_closed(self, begun):
        with LocalServer(idle_timeout=0.3) as server:
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as stream:
                stream.sendall(begun)
                while stream.recv(4096):
                    pass
            assert guest(server).list_tables()["TableNames"] == []

    def test_whoever_does_not_read_is_left(self):
        with LocalServer(idle_timeout=0.5) as server:
            orders(server)
            for number in range(12):
                guest(server).put_item(
                    TableName="orders", Item={"c": {"S": "c"}, "n": {"N": str(number)}, "b": {"S": "x" * 390_000}}
                )
            body = b'{"TableName":"orders"}'
            ask = (
                b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: DynamoDB_20120810.Scan\r\nContent-Length: %d\r\n\r\n"
                % len(body)
            )
            with socket.socket() as stream:
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                stream.settimeout(10)
                stream.connect(("127.0.0.1", server.port))
                stream.sendall((ask + body) * 40)
                time.sleep(2)
                read = 0
                try:
                    while piece := stream.recv(65536):
                        read += len(piece)
                except ConnectionResetError:
                    pass
                assert read < 40 * 1_000_000, "not all of the answers"

    def test_connections_beyond_the_most_wait_for_their_turn(self):
        with LocalServer(max_connections=2, idle_timeout=1.0) as server:
            idle = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(2)]
            begun = time.monotonic()

            assert asked(server, X_Amz_Target=TARGET + "ListTables")[0] == 200
            assert time.monotonic() - begun > 0.5
            for stream in idle:
                stream.close()

    @pytest.mark.parametrize("limits", [{"max_connections": 0}, {"idle_timeout": 0}, {"idle_timeout": float("nan")}])
    def test_limits_are_positive(self, limits):
        with pytest.raises(ConfigurationError, match="positive"):
            LocalServer(**limits)

    def test_a_browser_is_told_that_it_is_there_and_no_more(self, server):
        assert asked(server, method="GET")[::2] == (
            200,
            b"healthy: pydynox " + __import__("pydynox").__version__.encode() + b"\n",
        )
        assert asked(server, method="OPTIONS")[0] == 405
        assert "Access-Control-Allow-Origin" not in asked(server, method="OPTIONS", Origin="http://evil.example")[1]

    def test_only_this_machine_is_listened_to(self, server):
        listening = Path("/proc/net/tcp").read_text()

        assert f" 0100007F:{server.port:04X} " in listening
        assert f" 00000000:{server.port:04X} " not in listening

    def test_nonsense_ends_its_connection_alone(self, server):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as stream:
            stream.sendall(b"hello\r\n\r\n")
            assert stream.makefile("rb").read().startswith(b"HTTP/1.1 400 ")

        assert guest(server).list_tables()["TableNames"] == []


class TestEnding:
    def test_after_stop_nobody_is_answered_and_the_port_is_free(self):
        server = LocalServer()
        waiting = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        client = DynamoDBClient(endpoint_url=server.endpoint_url, region="eu-west-1", credentials=CREDENTIALS, max_attempts=1)
        client.sync.call("ListTables")

        server.stop()
        server.stop()

        assert waiting.recv(1) == b""
        waiting.close()
        with pytest.raises(ConnectionFailedError):
            client.sync.call("ListTables")
        with LocalServer(server.port) as again:
            assert again.port == server.port

    def test_a_port_in_use_and_a_wrong_engine_are_refused(self, server):
        with pytest.raises(ConfigurationError, match=f"127.0.0.1:{server.port}"):
            LocalServer(server.port)
        with pytest.raises(ConfigurationError, match="65535"):
            LocalServer(70000)
        with pytest.raises(ConfigurationError, match="not an embedded engine"):
            LocalServer(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com")
        with pytest.raises(ConfigurationError, match="cannot be opened"):
            LocalServer(endpoint_url="file:///nowhere/at/all.db")

    def test_a_forked_child_has_no_server_and_harms_none(self, server):
        orders(server)
        child = os.fork()
        if child == 0:
            server.stop()
            os._exit(0)

        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert guest(server).list_tables()["TableNames"] == ["orders"]

    @pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
    def test_the_command_ends_cleanly_and_keeps_its_file(self, end, tmp_path):
        for expected in ([], ["orders"]):
            process = subprocess.Popen(
                [sys.executable, "-m", "pydynox", "local", "--port", "0", "--file", "items.db"],
                cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            line = process.stdout.readline()
            client = boto3.client(
                "dynamodb",
                endpoint_url=re.search(r"http://127\.0\.0\.1:\d+", line)[0],
                region_name="eu-west-1",
                aws_access_key_id="any",
                aws_secret_access_key="any",
            )
            assert client.list_tables()["TableNames"] == expected
            if not expected:
                client.create_table(
                    TableName="orders",
                    AttributeDefinitions=[{"AttributeName": "c", "AttributeType": "S"}],
                    KeySchema=[{"AttributeName": "c", "KeyType": "HASH"}],
                    BillingMode="PAY_PER_REQUEST",
                )

            process.send_signal(end)
            _, errors = process.communicate(timeout=20)

            assert (process.returncode, errors) == (0, "")
            client.close()
