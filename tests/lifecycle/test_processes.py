"""Forks, signals and the end of the interpreter."""

from __future__ import annotations

import pytest

from .conftest import Script


def test_a_child_forked_under_traffic_works_with_the_same_client(script: Script) -> None:
    script("""
        slow = engine(1)
        plain = DynamoDBClient(endpoint_url="memory://")

        async def traffic(stop):
            with slow.as_default():
                while not stop.is_set(): await asyncio.gather(*[User.get("u1") for _ in range(20)])

        def in_child():
            signal.alarm(10)
            with slow.as_default():
                # What is in memory stays with the parent: the child's engine is fresh.
                User.table.sync.create()
                User(user_id="u1", age=7).sync.create()
                assert User.sync.get("u1").age == 7
                async def main(): return await asyncio.gather(*[User.get("u1") for _ in range(20)])
                assert all(user.age == 7 for user in asyncio.run(main()))
            with plain.as_default():
                User.table.sync.create()
                assert User.sync.get("u1") is None

        stop = threading.Event()
        worker = threading.Thread(target=lambda: asyncio.run(traffic(stop)))
        worker.start()
        time.sleep(0.05)
        bad = 0
        for _ in range(30):
            child = os.fork()
            if child == 0:
                try: in_child()
                except BaseException:
                    import traceback; traceback.print_exc()
                    os._exit(3)
                os._exit(0)
            bad += os.waitpid(child, 0)[1] != 0
            with slow.as_default(): assert User.sync.get("u1").age == 21
        stop.set()
        worker.join(10)
        assert not bad and not worker.is_alive(), bad
    """)


def test_a_child_that_only_exits_is_silent(script: Script) -> None:
    script("""
        slow = engine(1)
        with slow.as_default(): asyncio.run(User.get("u1"))
        sys.stdout.flush()
        for _ in range(10):
            child = os.fork()
            if child == 0:
                signal.alarm(5)
                gc.collect()
                del slow
                gc.collect()
                sys.exit(0)
            assert os.waitpid(child, 0)[1] == 0
        with slow.as_default(): assert User.sync.get("u1").age == 21
    """)


def test_a_loop_from_before_the_fork_is_refused_in_the_child(script: Script) -> None:
    script("""
        slow = engine(1)
        async def main():
            with slow.as_default():
                await User.get("u1")
                child = os.fork()
                if child == 0:
                    signal.alarm(5)
                    try: await User.get("u1")
                    except RuntimeError as error: os._exit(0 if "event loop" in str(error) else 4)
                    os._exit(5)
                assert os.waitpid(child, 0)[1] == 0
                assert (await User.get("u1")).age == 21
        asyncio.run(main())
    """)


def test_multiprocessing_with_fork_works(script: Script) -> None:
    script("""
        import multiprocessing, tempfile, pathlib
        folder = tempfile.TemporaryDirectory()
        client = DynamoDBClient(endpoint_url="file://" + str(pathlib.Path(folder.name) / "items.db"))
        def work(number):
            with client.as_default(): User(user_id=f"w{number}", age=number).sync.create()
        with client.as_default(): User.table.sync.create()
        context = multiprocessing.get_context("fork")
        workers = [context.Process(target=work, args=(number,)) for number in range(3)]
        for worker in workers: worker.start()
        for worker in workers: worker.join(20)
        assert [worker.exitcode for worker in workers] == [0, 0, 0]
        with client.as_default(): assert [User.sync.get(f"w{number}").age for number in range(3)] == [0, 1, 2]
    """)


@pytest.mark.parametrize("way", ["tasks", "sysexit", "loop left open", "daemon thread", "blocking daemon"])
def test_the_interpreter_ends_with_calls_in_flight(script: Script, way: str) -> None:
    bodies = {
        "tasks": "asyncio.run(begin())",
        "sysexit": "asyncio.run(begin(7))",
        "loop left open": "loop = asyncio.new_event_loop(); loop.run_until_complete(begin())\nfor task in keep: task._log_destroy_pending = False",
        "daemon thread": "threading.Thread(target=lambda: asyncio.run(busy()), daemon=True).start(); time.sleep(0.05)",
        "blocking daemon": "threading.Thread(target=blocked, daemon=True).start(); time.sleep(0.05)",
    }
    for _ in range(25):
        script(
            f"""
slow = engine(1)
slower = engine.__globals__["DynamoDBClient"](endpoint_url="memory://lifecycle?latency=5000")
def get(client):
    async def call():
        with client.as_default(): return await User.get("u1")
    return call()
async def begin(code=None):
    global keep
    keep = [asyncio.ensure_future(get(slow)) for _ in range(50)] + [asyncio.ensure_future(get(slower)) for _ in range(5)]
    await asyncio.sleep(0.001)
    if code is not None: sys.exit(code)
async def busy():
    while True: await asyncio.gather(*[get(slow) for _ in range(20)])
def blocked():
    with slower.as_default(): User.sync.get("u1")
{bodies[way]}
""",
            code=7 if way == "sysexit" else 0,
            timeout=20,
        )


def test_ctrl_c_ends_a_blocking_call_and_the_next_one_works(script: Script) -> None:
    script("""
        slow = engine(3000)
        threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        start = time.perf_counter()
        try:
            with slow.as_default(): User.sync.get("u1")
        except KeyboardInterrupt: pass
        else: raise AssertionError("not interrupted")
        assert time.perf_counter() - start < 0.2 + 0.1 + 0.05, time.perf_counter() - start
        with quick.as_default(): assert User.sync.get("u1").age == 21
    """)


def test_ctrl_c_ends_an_awaited_call(script: Script) -> None:
    script("""
        slow = engine(3000)
        threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        async def main():
            with slow.as_default(): await User.get("u1")
        try: asyncio.run(main())
        except KeyboardInterrupt: pass
        else: raise AssertionError("not interrupted")
    """)


def test_a_blocking_call_inside_a_running_loop_is_refused(script: Script) -> None:
    script("""
        engine(1)
        async def main():
            try: User.sync.get("u1")
            except RuntimeError as error: assert "use await" in str(error)
            else: raise AssertionError("not refused")
        asyncio.run(main())
    """)


def test_forked_children_never_encrypt_alike(script: Script) -> None:
    """Each makes a data key and salts of its own, whatever the parent had at hand."""
    printed = script("""
        from pydynox import Encrypted, LocalKeyring
        class Patient(Model[str], table="patients"):
            id: Attr[str] = partition_key()
            ssn: Encrypted[str]
        client = DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"k": bytes(32)}))
        def envelope():
            with client.as_default():
                if not Patient.table.sync.exists(): Patient.table.sync.create()
                Patient(id="p", ssn="secret").sync.put()
                assert Patient.sync.get("p").ssn == "secret"
                return client.sync.get_item("patients", {"id": "p"})["ssn"]
        print(envelope().hex(), flush=True)
        for _ in range(3):
            if os.fork() == 0:
                print(envelope().hex(), flush=True)
                os._exit(0)
            assert os.wait()[1] == 0
        print(envelope().hex(), flush=True)
    """)
    envelopes = [bytes.fromhex(line) for line in printed.split()]
    assert len(envelopes) == 5
    # magic, version, suite, flags, the key's name with its length, the wrapped key with its length, salt
    wrapped = [one[9:69] for one in envelopes]
    salts = [one[69:101] for one in envelopes]
    assert len(set(salts)) == 5
    assert len(set(wrapped[:4])) == 4
    assert wrapped[4] == wrapped[0]
