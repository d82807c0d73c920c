"""Calls and event loops that come and go: storms of cancellation, closed loops, many loops, loops in threads."""

from __future__ import annotations

import pytest

from .conftest import Script


def test_a_cancelled_call_aborts_its_exchange_and_writes_nothing(script: Script) -> None:
    script("""
        slow = engine(150)
        async def main():
            with slow.as_default():
                user = User(user_id="u2", age=1)
                task = asyncio.create_task(user.create())
                await asyncio.sleep(0.02)
                task.cancel()
                try: await task
                except asyncio.CancelledError: pass
                else: raise AssertionError("not cancelled")
                await asyncio.sleep(0.3)
                assert await User.get("u2") is None, "the cancelled write was applied"
                await user.create()
                assert (await User.get("u2")).age == 1
        asyncio.run(main())
    """)


def test_a_time_out_of_asyncio_ends_the_call(script: Script) -> None:
    script("""
        slow = engine(2000)
        async def main():
            start = time.perf_counter()
            with slow.as_default():
                try:
                    async with asyncio.timeout(0.05): await User.get("u1")
                except TimeoutError: pass
                else: raise AssertionError("no time-out")
            assert time.perf_counter() - start < 0.5
        asyncio.run(main())
    """)


def test_a_storm_of_cancellations_leaves_every_other_call_right(script: Script) -> None:
    script("""
        import random
        slow = engine(1)
        async def main():
            done = cancelled = 0
            with slow.as_default():
                await User.get("u1")
                before = descriptors()
                for _ in range(20):
                    tasks = [asyncio.create_task(User.get("u1")) for _ in range(100)]
                    await asyncio.sleep(random.random() * 0.004)
                    for task in tasks:
                        if random.random() < 0.5: task.cancel()
                    for result in await asyncio.gather(*tasks, return_exceptions=True):
                        if isinstance(result, User):
                            assert result.age == 21
                            done += 1
                        else:
                            assert isinstance(result, asyncio.CancelledError), result
                            cancelled += 1
                assert done > 100 and cancelled > 100, (done, cancelled)
                assert descriptors() == before
                assert len(asyncio.all_tasks()) == 1
                async with asyncio.TaskGroup() as group: group.create_task(User.get("u1"))
                assert (await asyncio.wait_for(User.get("u1"), 1)).age == 21
                assert (await asyncio.shield(User.get("u1"))).age == 21
        asyncio.run(main())
    """)


def test_a_storm_of_time_outs_leaves_every_other_call_right(script: Script) -> None:
    script("""
        import random
        slow = engine(2)
        async def bounded(seconds):
            async with asyncio.timeout(seconds): return await User.get("u1")
        async def main():
            done = late = 0
            with slow.as_default():
                await User.get("u1")
                before = descriptors()
                for _ in range(20):
                    calls = [bounded(random.random() * 0.01) for _ in range(100)]
                    for result in await asyncio.gather(*calls, return_exceptions=True):
                        if isinstance(result, User):
                            assert result.age == 21
                            done += 1
                        else:
                            assert isinstance(result, TimeoutError), result
                            late += 1
                assert done > 50 and late > 50, (done, late)
                assert (descriptors(), len(asyncio.all_tasks())) == (before, 1)
                assert (await User.get("u1")).age == 21
        asyncio.run(main())
    """)


def test_a_loop_closed_with_calls_in_flight_harms_nobody(script: Script) -> None:
    script("""
        slow = engine(200)
        with slow.as_default():
            loop = asyncio.new_event_loop()
            async def start():
                global coroutines
                coroutines = [User.get("u1") for _ in range(5)]
                for coroutine in coroutines: coroutine.send(None)
            loop.run_until_complete(start())
            loop.close()
            time.sleep(0.4)
            for coroutine in coroutines: coroutine.close()
            del coroutines, loop
            gc.collect()
            assert asyncio.run(User.get("u1")).age == 21
    """)


def test_a_thousand_loops_leak_no_descriptor_and_no_thread(script: Script) -> None:
    script("""
        slow = engine(1)
        with slow.as_default():
            asyncio.run(User.get("u1"))
            before = descriptors(), threads()
            for _ in range(1000): assert asyncio.run(User.get("u1")).age == 21
            gc.collect()
            assert (descriptors(), threads()) == before, (before, descriptors(), threads())
    """)


def test_loops_in_four_threads_share_one_client(script: Script) -> None:
    script("""
        slow = engine(1)
        errors = []
        def work():
            async def main():
                with slow.as_default():
                    for _ in range(20):
                        users = await asyncio.gather(*[User.get("u1") for _ in range(50)])
                        assert all(user.age == 21 for user in users)
            try: asyncio.run(main())
            except BaseException as error: errors.append(error)
        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers: worker.start()
        for worker in workers: worker.join(30)
        assert not errors and not any(worker.is_alive() for worker in workers), errors
        # the interpreter's own, and one of ours
        assert sys.platform != "linux" or settles(lambda: threads() == 2), threads()
    """)


def test_blocking_calls_in_four_threads_share_one_client(script: Script) -> None:
    script("""
        slow = engine(1)
        errors = []
        def work():
            try:
                with slow.as_default():
                    for _ in range(50): assert User.sync.get("u1").age == 21
            except BaseException as error: errors.append(error)
        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers: worker.start()
        for worker in workers: worker.join(30)
        assert not errors and not any(worker.is_alive() for worker in workers), errors
    """)


def test_uvloop_works(script: Script) -> None:
    script("""
        import uvloop
        slow = engine(1)
        async def main():
            with slow.as_default():
                users = await asyncio.gather(*[User.get("u1") for _ in range(100)])
                assert all(user.age == 21 for user in users)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner: runner.run(main())
    """)


def test_cycles_through_loops_clients_and_operations_are_collected(script: Script) -> None:
    script("""
        slow = engine(1)
        loops = []
        for _ in range(50):
            loop = asyncio.new_event_loop()
            async def main():
                with slow.as_default(): return (await User.get("u1")).age
            assert loop.run_until_complete(main()) == 21
            loop.close()
            loops.append(weakref.ref(loop))
            del loop
        gc.collect()
        assert sum(loop() is not None for loop in loops) == 0

        class Tag: pass
        user = User(user_id="u9")
        tag = Tag()
        user.__dict__["tag"] = tag
        tag.user = user
        gone = weakref.ref(tag)
        del user, tag
        gc.collect()
        assert gone() is None

        def made():
            class Local(Model[str], table="t"):
                key_: Attr[str] = partition_key(attribute_name="key")
            Local(key_="k")
            return weakref.ref(Local)
        model = made()
        gc.collect()
        assert model() is None, "a model class that nobody uses stays alive"
    """)


def test_a_hundred_thousand_calls_leave_memory_flat(script: Script) -> None:
    script(
        """
        quick = DynamoDBClient(endpoint_url="memory://")
        def resident(): return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") if sys.platform == "linux" else 0
        async def calls(count):
            for _ in range(count): await User.get("u1")
        with quick.as_default():
            User.table.sync.create()
            User(user_id="u1").sync.create()
            asyncio.run(calls(20_000))
            gc.collect()
            before = resident()
            asyncio.run(calls(100_000))
            gc.collect()
            assert resident() - before < 4 << 20, (before, resident())
    """,
        timeout=120,
    )


def test_the_io_thread_takes_no_core_from_a_busy_loop(script: Script) -> None:
    """Where answers pile up it lets the loop's thread finish its turn; once they are taken one by one, calls go at once again."""
    script("""
        if sys.platform != "linux": sys.exit()
        slow = engine(1)
        def policy():
            for thread in os.listdir("/proc/self/task"):
                with open(f"/proc/self/task/{thread}/comm") as name:
                    if name.read().strip() == "pydynox-io": return os.sched_getscheduler(int(thread))
        async def busy():
            await asyncio.sleep(0)  # the calls are under way
            time.sleep(0.1)
        async def main():
            with slow.as_default():
                await User.get("u1")
                assert policy() == os.SCHED_OTHER
                # Under load, the first answers may arrive one by one: the loop is woken for those, before anything piles up.
                for _ in range(100):
                    found = await asyncio.gather(*(User.get("u1") for _ in range(16)), busy())
                    assert all(user.age == 21 for user in found[:-1])
                    if policy() == os.SCHED_BATCH: break
                else: raise AssertionError(policy())
                for _ in range(20): await User.get("u1")
                assert policy() == os.SCHED_OTHER, policy()
        asyncio.run(main())
    """)


def test_a_blocking_call_inside_a_running_trio_loop_is_refused(script: Script) -> None:
    """In a thread of trio's it works, and so it does once trio has ended."""
    script("""
        import trio
        engine(1)
        async def main():
            for call in (lambda: User.sync.get("u1"), lambda: list(User.sync.scan()), lambda: run(User.get("u1"))):
                try: call()
                except RuntimeError as error: assert "trio.to_thread" in str(error), error
                else: raise AssertionError("not refused")
            def in_thread():
                with quick.as_default(): return User.sync.get("u1").age
            assert await trio.to_thread.run_sync(in_thread) == 21
        with quick.as_default():
            trio.run(main)
            assert User.sync.get("u1").age == 21
            assert asyncio.run(User.get("u1")).age == 21
    """)


@pytest.mark.parametrize("moment", ["awaited", "about to begin", "already closed"])
def test_a_loop_closed_while_a_keyring_is_awaited_leaves_nothing_on_stderr(script: Script, moment: str) -> None:
    script(f"""
        from pydynox import Encrypted
        begun, asked = threading.Event(), threading.Event()

        class Vault:
            def generate_data_key(self, context):
                if {moment!r} == "already closed": asked.set(); begun.wait(10)
                async def work():
                    begun.set()
                    await asyncio.sleep(60)
                made = work()
                asked.set()
                return made
            async def unwrap(self, key_name, wrapped, context): raise LookupError

        class Patient(Model[str], table="patients"):
            patient_id: Attr[str] = partition_key()
            ssn: Encrypted[str]

        client = DynamoDBClient(endpoint_url="memory://", keyring=Vault())
        async def start():
            global call
            call = Patient(patient_id="p1", ssn="secret").put()
            call.send(None)
            if {moment!r} == "awaited":
                while not begun.is_set(): await asyncio.sleep(0.005)
            else:
                assert asked.wait(10)  # the loop is not left to run meanwhile

        loop = asyncio.new_event_loop()
        with client.as_default():
            Patient.table.sync.create()
            loop.run_until_complete(start())
        loop.close()
        begun.set()
        time.sleep(0.1)
        call.close()
        del call, loop
        for _ in range(3): gc.collect(); time.sleep(0.05)
        with client.as_default(): assert asyncio.run(Patient.query("p1").all()) == []
    """)
