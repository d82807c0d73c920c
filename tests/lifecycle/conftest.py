"""Runs scripts in processes of their own: what they may break is the interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.server import FaultServer

PRELUDE = """
import asyncio, gc, os, signal, sys, threading, time, weakref
from pydynox import Attr, Credentials, DynamoDBClient, Model, field, partition_key, run

# A process started in the background inherits an ignored SIGINT, and Python leaves it so.
signal.signal(signal.SIGINT, signal.default_int_handler)

class User(Model[str], table="users"):
    user_id: Attr[str] = partition_key()
    age: Attr[int] = field(default=0)

def descriptors(): return len(os.listdir("/proc/self/fd" if sys.platform == "linux" else "/dev/fd"))
def threads(): return len(os.listdir("/proc/self/task")) if sys.platform == "linux" else threading.active_count()

def settles(holds, seconds=5):
    '''Whether this holds soon: a thread that was joined, or a socket that was closed, may take a moment to be gone.'''
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline: time.sleep(0.005)
    return holds()

def engine(latency):
    '''A shared engine with one user, and a client that waits `latency` ms before each request.'''
    global quick  # the engine lives as long as somebody uses it
    quick = DynamoDBClient(endpoint_url="memory://lifecycle")
    with quick.as_default():
        User.table.sync.create()
        User(user_id="u1", age=21).sync.put()
    return DynamoDBClient(endpoint_url=f"memory://lifecycle?latency={latency}")

def remote(**settings):
    '''A client of the server that the test runs.'''
    keys = Credentials("AKIDEXAMPLE", "secret")
    settings = {"credentials": keys, **settings}
    return DynamoDBClient(endpoint_url=os.environ["SERVER"], ca_bundle=os.environ["CA"] or None, region="us-east-1", **settings)
"""

HERE = Path(__file__).parent
Script = Callable[..., str]


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("alone")  # most are about moments: a signal, a cancellation, an end


@pytest.fixture
def script() -> Script:
    """Run a script; it must end well and say nothing on stderr. Gives what it printed; `server` is where remote() goes."""

    def run(
        body: str, *, code: int = 0, timeout: float = 60, server: FaultServer | None = None, trusted: Path | None = None
    ) -> str:
        source = PRELUDE + textwrap.dedent(body)
        environment = {**os.environ, "PYTHONFAULTHANDLER": "1", "SERVER": server.url if server else "", "CA": str(trusted or "")}
        done = subprocess.run(
            # Python 3.12 and later warn of any fork of a process with threads; that it works is what is tested here.
            [sys.executable, "-W", "ignore:This process:DeprecationWarning", "-c", source],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=environment,
            check=False,
        )
        assert (done.returncode, done.stderr) == (code, ""), f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run
