"""What a Lambda function's cold start costs: import, client and first call, before a simulated runtime API, next to boto3.

Each round starts a process as Lambda does. It imports the library, creates a client, fetches an event from a runtime API on
127.0.0.1, reads one item over HTTP from the local server, and posts the answer with its times: CPU of the whole process, which on
Lambda is what a cold start waits for, and on a busy machine is what stays the same. What a runtime imports itself is not counted.

    python benches/cold_start.py            a table of medians
    python benches/cold_start.py --rounds 3
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

EVENT = {"user_id": "u1"}

#: A runtime's loop for one event, which the parts of a program are put into.
BOOTSTRAP = """
import json, os, ssl, sys, time, http.client
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
start = time.process_time()
{imports}
imported = time.process_time()
{client}
made = time.process_time()
api.request("GET", "/2018-06-01/runtime/invocation/next")
answer = api.getresponse()
event = json.loads(answer.read())
deadline = int(answer.headers["Lambda-Runtime-Deadline-Ms"])
class Context:
    def get_remaining_time_in_millis(self): return max(deadline - int(time.time() * 1000), 0)
before = time.process_time()
result = handler(event, Context())
first = time.process_time()
handler(event, Context())
second = time.process_time()
assert result == "Ada", result
times = dict(imports=imported - start, client=made - imported, first=first - before, second=second - first)
times["all"] = second - before + made - start
path = "/2018-06-01/runtime/invocation/" + answer.headers["Lambda-Runtime-Aws-Request-Id"] + "/response"
api.request("POST", path, json.dumps(times))
api.getresponse().read()
"""

PYDYNOX = """
client = DynamoDBClient(endpoint_url=os.environ["ENDPOINT"], region="eu-west-1")
set_default_client(client)
class User(Model[str], table="users"):
    user_id: Attr[str] = partition_key()
    name: Attr[str]
"""

NAMES = "Attr, DynamoDBClient, Model, partition_key, set_default_client"
PLAIN = """
def handler(event, context):
    return User.sync.get_or_raise(event["user_id"]).name
"""
ASYNC = """
@lambda_.handler
async def handler(event, context):
    user = await User.get_or_raise(event["user_id"])
    return user.name
"""
CLIENT = """
client = boto3.client("dynamodb", endpoint_url=os.environ["ENDPOINT"], region_name="eu-west-1")
def handler(event, context):
    return client.get_item(TableName="users", Key={"user_id": {"S": event["user_id"]}})["Item"]["name"]["S"]
"""
RESOURCE = """
table = boto3.resource("dynamodb", endpoint_url=os.environ["ENDPOINT"], region_name="eu-west-1").Table("users")
def handler(event, context):
    return table.get_item(Key={"user_id": event["user_id"]})["Item"]["name"]
"""

#: By name, what a program imports and what it does outside its handler.
PROGRAMS = {
    "pydynox, plain": (f"from pydynox import {NAMES}", PYDYNOX + PLAIN),
    "pydynox, `@lambda_.handler`": (
        f"import asyncio; from pydynox import {NAMES}; from pydynox.integrations import lambda_",
        PYDYNOX + ASYNC,
    ),
    "boto3, client": ("import boto3", CLIENT),
    "boto3, resource": ("import boto3", RESOURCE),
}


class RuntimeAPI(ThreadingHTTPServer):
    """The part of Lambda's runtime API that one event needs."""

    def __init__(self) -> None:
        self.answers: list[dict[str, float]] = []
        super().__init__(("127.0.0.1", 0), RuntimeHandler)


class RuntimeHandler(BaseHTTPRequestHandler):
    """Answers `next` with an event, and keeps what is posted as a response."""

    protocol_version = "HTTP/1.1"
    server: RuntimeAPI

    def do_GET(self) -> None:
        self._send(json.dumps(EVENT).encode(), {"Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 10_000)})

    def do_POST(self) -> None:
        self.server.answers.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self._send(b"{}", {})

    def _send(self, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in {**headers, "Lambda-Runtime-Aws-Request-Id": "r", "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: a line per request would be part of what is measured."""


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Medians in milliseconds, by program and part."""
    from pydynox import Attr, DynamoDBClient, Model, partition_key
    from pydynox.local import LocalServer

    class User(Model[str], table="users"):
        user_id: Attr[str] = partition_key()
        name: Attr[str]

    api = RuntimeAPI()
    threading.Thread(target=api.serve_forever, daemon=True).start()
    samples: dict[str, list[dict[str, float]]] = {name: [] for name in PROGRAMS}
    with LocalServer() as server, DynamoDBClient(endpoint_url=server.endpoint_url, region="eu-west-1", **keys()).as_default():
        User.table.sync.create()
        User(user_id="u1", name="Ada").sync.create()
        environment = {
            **os.environ,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_address[1]}",
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "ENDPOINT": server.endpoint_url,
        }
        for number in range(rounds + 1):
            for name, (imports, client) in PROGRAMS.items():
                code = BOOTSTRAP.replace("{imports}", imports).replace("{client}", client)
                subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)
                sample = api.answers.pop()
                # The first round fills the caches of files and of bytecode.
                if number:
                    samples[name].append(sample)
    api.shutdown()
    api.server_close()
    return {
        name: {part: 1000 * statistics.median(sample[part] for sample in all_samples) for part in all_samples[0]}
        for name, all_samples in samples.items()
    }


def keys() -> dict[str, Any]:
    """Credentials, which the local server does not check."""
    from pydynox import Credentials

    return {"credentials": Credentials("AKIDEXAMPLE", "secret")}


PARTS = {"imports": "import", "client": "client, model", "first": "first call", "second": "second call", "all": "in all"}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    results = measure(parser.parse_args().rounds)
    print("| CPU milliseconds | " + " | ".join(PARTS.values()) + " |")
    print("|---|" + "---|" * len(PARTS))
    for name, parts in results.items():
        print(f"| {name} | " + " | ".join(f"{parts[part]:.1f}" for part in PARTS) + " |")


if __name__ == "__main__":
    main()
