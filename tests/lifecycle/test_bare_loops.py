"""Event loops that watch no descriptors, as asyncio's proactor loop on Windows: a thread wakes them. Linux runs the same code."""

from __future__ import annotations

import pytest

from .conftest import Script

#: asyncio's own loop watches its self-pipe by another method, so this one runs as the proactor loop does.
BARE = """
        class Bare(asyncio.SelectorEventLoop):
            def add_reader(self, *arguments): raise NotImplementedError
            def remove_reader(self, *arguments): raise NotImplementedError
        class Missing(Bare):
            @property
            def add_reader(self): raise AttributeError("add_reader")
        LOOP = Bare
        def drive(main):
            with asyncio.Runner(loop_factory=LOOP) as runner: return runner.run(main)
"""


@pytest.mark.parametrize("loop", ["Bare", "Missing"])
def test_many_calls_at_once_are_all_answered(script: Script, loop: str) -> None:
    script(f"""{BARE}
        LOOP = {loop}
        slow = engine(1)
        async def main():
            with slow.as_default():
                for _ in range(5):
                    users = await asyncio.gather(*(User.get("u1") for _ in range(100)))
                    assert all(user.age == 21 for user in users)
                await asyncio.gather(*(User(user_id=str(n)).put() for n in range(300)))
                assert len([user async for user in User.scan()]) == 301
                assert len(asyncio.all_tasks()) == 1
        drive(main())
        before = descriptors()
        drive(main())
        assert settles(lambda: descriptors() <= before), (before, descriptors())
    """)


def test_cancelled_calls_leave_the_others_right(script: Script) -> None:
    script(f"""{BARE}
        import random
        slow = engine(1)
        async def main():
            with slow.as_default():
                done = cancelled = 0
                for _ in range(20):
                    tasks = [asyncio.create_task(User.get("u1")) for _ in range(100)]
                    await asyncio.sleep(random.random() * 0.004)
                    for task in tasks:
                        if random.random() < 0.5: task.cancel()
                    for result in await asyncio.gather(*tasks, return_exceptions=True):
                        if isinstance(result, User): done += 1
                        else:
                            assert isinstance(result, asyncio.CancelledError), result
                            cancelled += 1
                assert done > 100 and cancelled > 100, (done, cancelled)
        drive(main())
    """)


def test_loops_come_and_go_in_many_threads(script: Script) -> None:
    script(f"""{BARE}
        slow = engine(1)
        failures = []
        def work(kind):
            try:
                for _ in range(10):
                    async def main(): return [user.age for user in await asyncio.gather(*(User.get("u1") for _ in range(20)))]
                    with slow.as_default(), asyncio.Runner(loop_factory=kind) as runner:
                        assert runner.run(main()) == [21] * 20
            except BaseException as error: failures.append(error)
        mixed = [threading.Thread(target=work, args=(kind,)) for kind in (Bare, asyncio.SelectorEventLoop) * 4]
        for thread in mixed: thread.start()
        for thread in mixed: thread.join()
        assert failures == [], failures
        assert settles(lambda: threads() <= 3), threads()  # this one, that of I/O, and the one that wakes
    """)


def test_a_loop_that_is_closed_while_calls_run_wakes_nothing(script: Script) -> None:
    script(f"""{BARE}
        slow = engine(100)
        async def abandoned():
            with slow.as_default():
                for _ in range(50): asyncio.ensure_future(User.get("u1"))
                await asyncio.sleep(0.02)
        drive(abandoned())
        loop = Bare()
        async def begin():
            with slow.as_default(): return [asyncio.ensure_future(User.get("u1")) for _ in range(50)]
        tasks = loop.run_until_complete(begin())
        for task in tasks: task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.close()
        del loop, tasks
        gc.collect()
        time.sleep(0.2)
        async def main():
            with quick.as_default(): assert (await User.get("u1")).age == 21
        drive(main())
    """)


def test_a_forked_child_has_a_waking_thread_of_its_own(script: Script) -> None:
    script(f"""{BARE}
        slow = engine(1)
        async def main():
            with slow.as_default(): assert (await asyncio.gather(*(User.get("u1") for _ in range(50))))[0].age == 21
        async def fresh():
            with DynamoDBClient(endpoint_url="memory://child?latency=1").as_default():
                await User.table.create()
                await asyncio.gather(*(User(user_id=str(n)).create() for n in range(50)))
        drive(main())
        child = os.fork()
        if child == 0:
            drive(fresh())
            os._exit(0)
        drive(main())
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    """)


@pytest.mark.parametrize("wait", ["0", "0.001", "0.004"])
def test_the_interpreter_ends_while_the_loop_would_be_woken(script: Script, wait: str) -> None:
    script(f"""{BARE}
        slow = engine(2)
        loop = Bare()
        async def begin():
            with slow.as_default():
                return [asyncio.ensure_future(User.get("u1")) for _ in range(200)]
        kept = loop.run_until_complete(begin())
        for task in kept: task._log_destroy_pending = False
        time.sleep({wait})
    """)


def test_blocking_calls_and_a_bare_loop_share_a_process(script: Script) -> None:
    script(f"""{BARE}
        slow = engine(1)
        async def main():
            with slow.as_default():
                return await asyncio.gather(*(User.get("u1") for _ in range(100)), asyncio.to_thread(blocking))
        def blocking():
            with slow.as_default(): return [User.sync.get("u1").age for _ in range(50)]
        assert drive(main())[-1] == [21] * 50
    """)
