"""Providers of credentials, and the life of loops and processes: each asks for itself, and nothing is said on stderr."""

from __future__ import annotations

import pytest

from tests.conftest import Serve
from tests.faults.deeds import answer
from tests.faults.server import FaultServer

from .conftest import Script

#: A provider in both forms: it gives keys by number, with the process that asked in them, and takes `seconds`.
BROKER = """
        from datetime import UTC, datetime, timedelta
        asked, lasting, seconds = [], 3600, 0.0
        def made():
            return Credentials(f"AKID{len(asked)}P{os.getpid()}", "secret", expires_at=datetime.now(UTC) + timedelta(seconds=lasting))
        def plain():
            asked.append(os.getpid())
            time.sleep(seconds)
            return made()
        async def coroutine():
            asked.append(os.getpid())
            await asyncio.sleep(seconds)
            return made()
"""


@pytest.fixture
def server(serve: Serve) -> FaultServer:
    return serve(answer({"Item": {"user_id": {"S": "u1"}, "age": {"N": "21"}}}))


def signers(server: FaultServer) -> list[str]:
    return [seen.headers["authorization"].partition("Credential=")[2].partition("/")[0] for seen in server.seen]


@pytest.fixture(params=["plain", "coroutine"])
def form(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.mark.parametrize("way", ["awaited", "blocking"])
def test_a_child_asks_anew_and_its_parent_goes_on(script: Script, server: FaultServer, form: str, way: str) -> None:
    get = 'asyncio.run(User.get("u1"))' if way == "awaited" else 'User.sync.get("u1")'
    script(
        BROKER
        + f"""
        client = remote(credentials={form})
        with client.as_default():
            assert {get}.age == 21
            for _ in range(3):
                child = os.fork()
                if child == 0:
                    signal.alarm(10)
                    try:
                        assert {get}.age == 21
                        assert asked == [os.getppid(), os.getpid()], asked
                    except BaseException:
                        import traceback; traceback.print_exc()
                        os._exit(3)
                    os._exit(0)
                assert os.waitpid(child, 0)[1] == 0
                assert {get}.age == 21
        assert asked == [os.getpid()], asked
    """,
        server=server,
    )

    assert len(set(signers(server))) == 4


@pytest.mark.parametrize("end", ["exits", "drops the client", "never touches it"])
def test_a_fork_while_a_provider_is_awaited_leaves_the_parents_alone(
    script: Script, server: FaultServer, form: str, end: str
) -> None:
    script(
        BROKER
        + f"""
        seconds = 0.4
        client = remote(credentials={form})
        async def main():
            with client.as_default():
                call = asyncio.ensure_future(User.get("u1"))
                while not asked: await asyncio.sleep(0.01)
                child = os.fork()
                if child == 0:
                    signal.alarm(10)
                    if {end!r} == "exits": os._exit(0)
                    if {end!r} == "drops the client":
                        global clients
                        call = None
                        globals().pop("client")
                        gc.collect()
                    os._exit(0)
                assert os.waitpid(child, 0)[1] == 0
                assert (await call).age == 21
        asyncio.run(main())
        assert asked == [os.getpid()]
    """,
        server=server,
    )


@pytest.mark.parametrize("moment", ["awaited", "about to begin", "already closed"])
def test_a_loop_closed_while_a_provider_is_awaited_leaves_nothing_on_stderr(
    script: Script, server: FaultServer, moment: str
) -> None:
    script(
        BROKER
        + f"""
        begun, called = threading.Event(), threading.Event()
        def provider():
            asked.append(1)
            if len(asked) > 1: return made()
            if {moment!r} == "already closed": called.set(); begun.wait(10)
            async def work():
                begun.set()
                await asyncio.sleep(60)
            coroutine = work()
            called.set()
            return coroutine

        client = remote(credentials=provider)
        async def start():
            global call
            call = User.get("u1")
            call.send(None)
            if {moment!r} == "awaited":
                while not begun.is_set(): await asyncio.sleep(0.005)
            else:
                assert called.wait(10)  # the loop is not left to run meanwhile

        loop = asyncio.new_event_loop()
        with client.as_default():
            loop.run_until_complete(start())
            loop.close()
            begun.set()
            time.sleep(0.1)
            call.close()
            del call, loop
            for _ in range(3): gc.collect(); time.sleep(0.05)
            assert asyncio.run(User.get("u1")).age == 21
        assert len(asked) == 2
    """,
        server=server,
    )


def test_who_waits_for_a_loop_that_was_closed_is_told(script: Script) -> None:
    """The call is given to nobody, but what it waited for ended: seen by the keyring's object, which its data keys hold."""
    script("""
        from pydynox import Encrypted
        class Vault:
            asked = 0
            async def generate_data_key(self, context):
                Vault.asked += 1
                await asyncio.sleep(0 if Vault.asked > 1 else 60)
                return "k", bytes(32), b"wrapped"
            async def unwrap(self, key_name, wrapped, context): return bytes(32)
        class Patient(Model[str], table="patients"):
            patient_id: Attr[str] = partition_key()
            ssn: Encrypted[str]
        client = DynamoDBClient(endpoint_url="memory://", keyring=Vault())
        async def begin():
            global task
            task = asyncio.ensure_future(Patient(patient_id="p1", ssn="s").put())
            while not Vault.asked: await asyncio.sleep(0.005)
        with client.as_default():
            Patient.table.sync.create()
            asyncio.run(begin())
            assert task.cancelled()
            asyncio.run(Patient(patient_id="p1", ssn="s").put())
            assert Vault.asked == 2
    """)


@pytest.mark.parametrize("way", ["tasks", "sysexit", "loop left open", "daemon thread", "blocking daemon", "renewal"])
def test_the_interpreter_ends_while_a_provider_is_at_work(script: Script, server: FaultServer, form: str, way: str) -> None:
    bodies = {
        "tasks": "asyncio.run(begin())",
        "sysexit": "asyncio.run(begin(7))",
        "loop left open": "loop = asyncio.new_event_loop(); loop.run_until_complete(begin())\n        for task in keep: task._log_destroy_pending = False",
        "daemon thread": "threading.Thread(target=lambda: asyncio.run(waits()), daemon=True).start(); settles(lambda: asked)",
        "blocking daemon": "threading.Thread(target=blocked, daemon=True).start(); settles(lambda: asked)",
        "renewal": "asyncio.run(renews())",
    }
    for pause in (0.05, 1.0):
        script(
            BROKER
            + f"""
        seconds = {pause}
        client = remote(credentials={form})
        async def get():
            with client.as_default(): return await User.get("u1")
        async def begin(code=None):
            global keep
            keep = [asyncio.ensure_future(get()) for _ in range(10)]
            while not asked: await asyncio.sleep(0.001)
            if code is not None: sys.exit(code)
        async def waits():
            await get()
        async def renews():
            global lasting, seconds
            lasting, seconds = 60, 0.0
            await get()
            seconds = {pause}
            await get()
            while len(asked) < 2: await asyncio.sleep(0.001)
        def blocked():
            with client.as_default(): User.sync.get("u1")
        {bodies[way]}
    """,
            server=server,
            code=7 if way == "sysexit" else 0,
            timeout=20,
        )


def test_the_interpreter_ends_only_after_what_it_awaited_for_a_call_is_cancelled(script: Script, server: FaultServer) -> None:
    """The thread that cancels it waits for the interpreter, which must not end it there: what runs last sees it cancelled."""
    script(
        BROKER
        + """
        import atexit
        told = []
        async def provider():
            asked.append(1)
            await asyncio.sleep(60)
        atexit.register(lambda: told or print("not cancelled", file=sys.stderr))
        client = remote(credentials=provider)
        async def begin():
            with client.as_default():
                call = User.get("u1")
                call.send(None)
            while not asked: await asyncio.sleep(0.001)
            return call
        loop = asyncio.new_event_loop()
        call = loop.run_until_complete(begin())
        loop.call_soon_threadsafe = lambda cancel, **_: told.append(cancel)
        for task in asyncio.all_tasks(loop): task._log_destroy_pending = False
        sys.setswitchinterval(100)  # from here on no other thread is given the interpreter
        call.close()
        now = time.perf_counter()
        while time.perf_counter() < now + 0.5: pass  # the I/O thread lets go of the call
    """,
        server=server,
    )


def test_a_provider_that_is_interrupted_by_ctrl_c_is_cancelled_and_the_next_call_works(
    script: Script, server: FaultServer
) -> None:
    script(
        BROKER
        + """
        ended = threading.Event()
        async def provider():
            asked.append(1)
            if len(asked) == 1:
                threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
                try: await asyncio.sleep(30)
                finally: ended.set()
            return made()
        with remote(credentials=provider).as_default():
            try: User.sync.get("u1")
            except KeyboardInterrupt: pass
            else: raise AssertionError("not interrupted")
            assert ended.wait(5)
            assert User.sync.get("u1").age == 21
    """,
        server=server,
    )


def test_a_provider_of_a_blocking_program_does_not_import_asyncio(script: Script, server: FaultServer) -> None:
    code = f"""
import sys
from pydynox import Credentials, DynamoDBClient
client = DynamoDBClient(endpoint_url={server.url!r}, region="us-east-1", credentials=lambda: Credentials("A", "s"))
assert client.sync.get_item("users", {{"user_id": "u1"}})["age"] == 21
assert "asyncio" not in sys.modules
"""
    script(f"import subprocess; assert subprocess.run([sys.executable, '-c', {code!r}]).returncode == 0", server=server)
