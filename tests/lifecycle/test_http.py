"""Connections to a server, and the life of loops and processes: nothing is shared, left open, or waited for at the end."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.conftest import Serve
from tests.engines import Authority
from tests.faults.deeds import answer
from tests.faults.server import Connection, FaultServer, Seen

from .conftest import Script


def key_of(seen: Seen) -> str:
    key: str = seen.json()["Key"]["user_id"]["S"]
    return key


def users(connection: Connection, seen: Seen) -> None:
    """Every user is there and 21; the one called silent is never told."""
    if key_of(seen) == "silent":
        connection.wait_for_end()
    else:
        answer({"Item": {"user_id": {"S": key_of(seen)}, "age": {"N": "21"}}})(connection, seen)


@pytest.fixture
def server(serve: Serve) -> FaultServer:
    return serve(users)


def connections_of(server: FaultServer, *keys: str) -> set[int]:
    return {seen.connection for seen in server.seen if key_of(seen) in keys}


def test_loops_one_after_another_use_one_connection(script: Script, server: FaultServer) -> None:
    script(
        """
        with remote().as_default():
            for _ in range(50): assert asyncio.run(User.get("u1")).age == 21
            assert User.sync.get("u1").age == 21
            gc.collect()
            assert sys.platform != "linux" or threads() == 2, threads()
    """,
        server=server,
    )

    assert len(server.connections) == 1
    assert len(server.seen) == 51


def test_loops_in_threads_share_one_client(script: Script, server: FaultServer) -> None:
    script(
        """
        client = remote(max_connections=8)
        errors = []
        def work(blocking):
            async def main():
                for _ in range(5):
                    users = await asyncio.gather(*[User.get("u1") for _ in range(50)])
                    assert all(user.age == 21 for user in users)
            try:
                with client.as_default():
                    if not blocking: asyncio.run(main())
                    else:
                        for _ in range(50): assert User.sync.get("u1").age == 21
            except BaseException as error: errors.append(error)
        workers = [threading.Thread(target=work, args=(blocking,)) for blocking in (False, True) * 3]
        for worker in workers: worker.start()
        for worker in workers: worker.join(30)
        assert not errors and not any(worker.is_alive() for worker in workers), errors
        assert sys.platform != "linux" or settles(lambda: threads() == 2), threads()
    """,
        server=server,
    )

    assert len(server.seen) == 3 * 250 + 3 * 50
    assert len(server.connections) <= 8


def test_a_thousand_calls_at_once_need_one_thread(script: Script, server: FaultServer) -> None:
    script(
        """
        async def main():
            users = await asyncio.gather(*[User.get(f"u{n}") for n in range(1000)])
            assert [user.user_id for user in users] == [f"u{n}" for n in range(1000)]
            assert sys.platform != "linux" or threads() == 2, threads()
        with remote().as_default(): asyncio.run(main())
    """,
        server=server,
    )

    assert server.most_open <= 64


def test_uvloop_works(script: Script, server: FaultServer) -> None:
    script(
        """
        import uvloop
        async def main():
            users = await asyncio.gather(*[User.get("u1") for _ in range(200)])
            assert all(user.age == 21 for user in users)
            task = asyncio.create_task(User.get("silent"))
            await asyncio.sleep(0.05)
            task.cancel()
            try: await task
            except asyncio.CancelledError: pass
            assert (await User.get("u1")).age == 21
        with remote().as_default(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner: runner.run(main())
    """,
        server=server,
    )

    assert server.operations().count("GetItem") == 202


def test_a_loop_closed_with_calls_in_flight_harms_nobody(script: Script, server: FaultServer) -> None:
    script(
        """
        async def start():
            global coroutines
            coroutines = [User.get("silent") for _ in range(5)]
            for coroutine in coroutines: coroutine.send(None)
            await User.get("u1")
        with remote().as_default():
            asyncio.run(User.get("u1"))
            before = descriptors()
            loop = asyncio.new_event_loop()
            loop.run_until_complete(start())
            loop.close()
            for coroutine in coroutines: coroutine.close()
            del coroutines, loop
            gc.collect()
            assert asyncio.run(User.get("u1")).age == 21
            # another idle connection at most
            assert settles(lambda: descriptors() <= before + 1), (before, descriptors())
    """,
        server=server,
    )

    server.wait_until(lambda: server.open == 0)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_a_forked_child_shares_no_connection_with_its_parent(
    script: Script, serve: Serve, authority: Authority, secure: bool
) -> None:
    server = serve(users, tls=authority.context("127.0.0.1") if secure else None)
    script(
        """
        client = remote()
        with client.as_default():
            for _ in range(3): assert User.sync.get("parent").age == 21
            child = os.fork()
            if child == 0:
                try:
                    signal.alarm(10)
                    assert User.sync.get("child").age == 21
                    async def main(): return await asyncio.gather(*[User.get("child") for _ in range(20)])
                    assert all(user.age == 21 for user in asyncio.run(main()))
                    del client
                    gc.collect()
                except BaseException:
                    import traceback; traceback.print_exc()
                    os._exit(3)
                os._exit(0)
            for _ in range(100): assert User.sync.get("parent").age == 21
            assert os.waitpid(child, 0)[1] == 0
            for _ in range(3): assert User.sync.get("parent").age == 21
    """,
        server=server,
        trusted=authority.bundle,
    )

    assert len(connections_of(server, "parent")) == 1
    assert len([seen for seen in server.seen if key_of(seen) == "child"]) == 21
    assert not connections_of(server, "parent") & connections_of(server, "child")


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("form", ["awaited", "blocking"])
def test_a_forked_child_that_lets_go_of_the_client_leaves_its_parent_the_connection(
    script: Script, serve: Serve, authority: Authority, form: str, secure: bool
) -> None:
    """Its copies of the sockets are registered with the parent's epoll: whatever ends in the child, they stay there."""
    server = serve(users, tls=authority.context("127.0.0.1") if secure else None)
    script(
        f"""
        client = remote(timeout=5)
        def get(key):
            with client.as_default():
                user = asyncio.run(User.get(key)) if {form!r} == "awaited" else User.sync.get(key)
            assert user.age == 21

        def use(): get("child")
        def forget():
            global client
            del client
            gc.collect()
        def close(): client.sync.close()
        def use_and_forget(): use(); forget()
        def fork_again():
            grandchild = os.fork()
            if grandchild == 0: forget(); sys.exit(0)
            assert os.waitpid(grandchild, 0)[1] == 0
            use()
        def fail(): raise SystemExit(0)

        get("parent")
        for deed in (lambda: None, forget, gc.collect, close, use, use_and_forget, fork_again, fail, lambda: os._exit(0)):
            sys.stdout.flush()
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                deed()
                sys.exit(0)
            assert os.waitpid(child, 0)[1] == 0
            begun = time.monotonic()
            get("parent")
            assert time.monotonic() - begun < 2, (deed, time.monotonic() - begun)
    """,
        server=server,
        trusted=authority.bundle,
    )

    assert len(connections_of(server, "parent")) == 1
    assert not connections_of(server, "parent") & connections_of(server, "child")


def test_a_child_that_drops_calls_under_way_leaves_them_to_its_parent(script: Script, server: FaultServer) -> None:
    script(
        """
        client = remote(timeout=10)
        async def main():
            global calls, held
            with client.as_default():
                await asyncio.gather(*[User.get("parent") for _ in range(5)])
                calls = [User.get("silent") for _ in range(3)]
                for call in calls: call.send(None)
                held = User.get("parent")
                held.send(None)
                child = os.fork()
                if child == 0:
                    signal.alarm(10)
                    for call in calls: call.close()
                    held.close()
                    del calls, held
                    gc.collect()
                    os._exit(0)
                assert os.waitpid(child, 0)[1] == 0
                begun = time.monotonic()
                users = await asyncio.gather(*[User.get("parent") for _ in range(8)])
                assert [user.age for user in users] == [21] * 8
                assert time.monotonic() - begun < 3
                for call in (*calls, held): call.close()
        asyncio.run(main())
    """,
        server=server,
    )


def pages(connection: Connection, seen: Seen) -> None:
    """A page of one row, and always another after it, up to the ninth."""
    asked = seen.json()
    number = int(asked.get("ExclusiveStartKey", {}).get("user_id", {}).get("S", "0")) + 1
    more = {"LastEvaluatedKey": {"user_id": {"S": str(number)}}} if number < 9 else {}
    time.sleep(0.05)
    answer({"Items": [{"user_id": {"S": str(number)}, "age": {"N": "1"}}], "Count": 1, "ScannedCount": 1, **more})(
        connection, seen
    )


def test_a_child_that_drops_a_scan_leaves_it_to_its_parent(script: Script, serve: Serve) -> None:
    """The page ahead is on its way when the process forks. The child cannot go on with it, and is told so."""
    script(
        """
        with remote(timeout=5).as_default():
            rows = iter(User.sync.scan())
            seen = [next(rows).user_id for _ in range(3)]
            for goes_on in (False, True):
                child = os.fork()
                if child == 0:
                    signal.alarm(10)
                    if goes_on:
                        try: next(rows)
                        except RuntimeError as error: assert "fork" in str(error), error
                        else: os._exit(4)
                    del rows
                    gc.collect()
                    os._exit(0)
                assert os.waitpid(child, 0)[1] == 0
            assert seen + [row.user_id for row in rows] == [str(number) for number in range(1, 10)]
    """,
        server=serve(pages),
    )


def test_a_child_forked_with_calls_in_flight_works(script: Script, server: FaultServer) -> None:
    script(
        """
        client = remote()
        async def traffic(stop):
            with client.as_default():
                while not stop.is_set(): await asyncio.gather(*[User.get("parent") for _ in range(20)])
        stop = threading.Event()
        worker = threading.Thread(target=lambda: asyncio.run(traffic(stop)))
        worker.start()
        with client.as_default():
            User.sync.get("parent")
            for _ in range(10):
                child = os.fork()
                if child == 0:
                    try:
                        signal.alarm(10)
                        assert asyncio.run(User.get("child")).age == 21
                        assert User.sync.get("child").age == 21
                    except BaseException: os._exit(3)
                    os._exit(0)
                assert os.waitpid(child, 0)[1] == 0
                assert User.sync.get("parent").age == 21
        stop.set()
        worker.join(10)
        assert not worker.is_alive()
    """,
        server=server,
    )

    assert len(connections_of(server, "child")) == 10
    assert not connections_of(server, "parent") & connections_of(server, "child")


def test_multiprocessing_with_fork_works(script: Script, server: FaultServer) -> None:
    script(
        """
        import multiprocessing
        client = remote()
        def work(number):
            with client.as_default(): return User.sync.get(f"child{number}").age
        with client.as_default(): User.sync.get("parent")
        with multiprocessing.get_context("fork").Pool(3) as pool: assert pool.map(work, range(12), chunksize=1) == [21] * 12
        with client.as_default(): assert User.sync.get("parent").age == 21
    """,
        server=server,
    )

    children = [f"child{number}" for number in range(12)]
    assert len(connections_of(server, "parent")) == 1
    assert 1 <= len(connections_of(server, *children)) <= 3
    assert not connections_of(server, "parent") & connections_of(server, *children)


ENDINGS = {
    "nothing": "print(time.monotonic())",
    "tasks": "asyncio.run(begin()); print(time.monotonic())",
    "sysexit": "asyncio.run(begin(7))",
    "loop left open": """loop = asyncio.new_event_loop(); loop.run_until_complete(begin())
for task in keep: task._log_destroy_pending = False
print(time.monotonic())""",
    "daemon thread": "threading.Thread(target=lambda: asyncio.run(busy()), daemon=True).start(); wait(); print(time.monotonic())",
    "blocking daemon": "threading.Thread(target=blocked, daemon=True).start(); wait(); print(time.monotonic())",
}


def seconds_to_end(script: Script, server: FaultServer, way: str) -> float:
    """From the last statement of the program to the end of the process; the quickest of three."""
    quickest = 60.0
    for _ in range(3):
        told = script(
            f"""
client = remote()
client.sync.get_item("users", {{"user_id": "u1"}})
def get(key):
    async def call():
        with client.as_default(): return await User.get(key)
    return call()
async def begin(code=None):
    global keep
    keep = [asyncio.ensure_future(get("silent")) for _ in range(20)]
    await get("u1")
    if code is not None:
        print(time.monotonic())
        sys.exit(code)
going = threading.Event()
def wait():
    assert going.wait(5)
    time.sleep(0.02)
async def busy():
    going.set()
    while True: await asyncio.gather(*[get("u1") for _ in range(20)], get("silent"))
def blocked():
    going.set()
    with client.as_default(): User.sync.get("silent")
{ENDINGS[way]}
""",
            server=server,
            code=7 if way == "sysexit" else 0,
            timeout=20,
        )
        quickest = min(quickest, time.monotonic() - float(told))
    return quickest


def test_the_interpreter_ends_at_once_with_calls_in_flight(script: Script, server: FaultServer) -> None:
    bare = seconds_to_end(script, server, "nothing")

    late = {way: seconds_to_end(script, server, way) - bare for way in ENDINGS}

    assert max(late.values()) < 0.25, late
    server.wait_until(lambda: server.open == 0)


@pytest.mark.parametrize("way", ["blocking", "awaited"])
def test_ctrl_c_ends_a_call_while_the_server_is_silent(script: Script, serve: Serve, way: str) -> None:
    sent: list[float] = []

    def interrupt(connection: Connection, seen: Seen) -> None:
        if key_of(seen).isdigit():
            sent.append(time.monotonic())
            os.kill(int(key_of(seen)), signal.SIGINT)
            connection.wait_for_end()
        users(connection, seen)

    server = serve(interrupt)
    told = script(
        f"""
        with remote().as_default():
            for _ in range(3):
                try:
                    if {way!r} == "blocking": User.sync.get(str(os.getpid()))
                    else: asyncio.run(User.get(str(os.getpid())))
                except KeyboardInterrupt: print(time.monotonic())
                else: raise AssertionError("not interrupted")
            assert User.sync.get("u1").age == 21
    """,
        server=server,
    )

    raised = [float(line) for line in told.split()]
    assert min(after - before for after, before in zip(raised, sent, strict=True)) < 0.1
    assert len(server.seen) == 4


def test_twenty_thousand_calls_leave_everything_flat(script: Script, server: FaultServer) -> None:
    script(
        """
        def resident(): return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") if sys.platform == "linux" else 0
        async def calls(rounds):
            for _ in range(rounds): await asyncio.gather(*[User.get("u1") for _ in range(100)])
            return len(asyncio.all_tasks())
        with remote(max_connections=8).as_default():
            asyncio.run(calls(50))
            gc.collect()
            before = resident(), descriptors(), threads()
            assert asyncio.run(calls(150)) == 1
            gc.collect()
            after = resident(), descriptors(), threads()
            assert after[0] - before[0] < 4 << 20, (before, after)
            assert after[1:] == before[1:], (before, after)
    """,
        server=server,
    )

    assert len(server.seen) == 20_000
    assert len(server.connections) <= 8


def test_a_storm_of_cancellations_leaves_no_connection_and_no_descriptor(script: Script, server: FaultServer) -> None:
    script(
        """
        import random
        chance = random.Random(3)
        async def main():
            await asyncio.gather(*[User.get("u1") for _ in range(8)])
            done = cancelled = 0
            for _ in range(20):
                users = ["u1", "silent"] + [chance.choice(["u1", "u1", "silent"]) for _ in range(48)]
                tasks = [asyncio.create_task(User.get(user)) for user in users]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.sleep(chance.random() * 0.005)
                for task in tasks: task.cancel()
                for result in await asyncio.gather(*tasks, return_exceptions=True):
                    if isinstance(result, User): done += 1
                    else:
                        assert isinstance(result, asyncio.CancelledError), result
                        cancelled += 1
            assert done >= 20 and cancelled >= 20, (done, cancelled)
            assert (await User.get("u1")).age == 21
            assert len(asyncio.all_tasks()) == 1
        client = remote(max_connections=8)
        before = descriptors()
        with client.as_default(): asyncio.run(main())
        client.sync.close()
        # what the runtime itself holds
        assert settles(lambda: descriptors() <= before + 8), (before, descriptors())
    """,
        server=server,
    )

    assert server.most_open <= 8 + 8  # one that was just dropped may not be gone when its successor comes
    server.wait_until(lambda: server.open == 0)
