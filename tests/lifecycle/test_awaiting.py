"""What a coroutine sees of the operation that it awaits: its value, its error, and the ways of leaving it early."""

from __future__ import annotations

import pytest

from .conftest import Script

WAYS = ["await", "await under a tracer", "await with the futures and tasks of asyncio in Python"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("latency", [0, 5], ids=["answered at once", "waited for"])
def test_the_answer_arrives_whole_in_every_way_of_awaiting(script: Script, way: str, latency: int) -> None:
    script(
        f"WAY, LATENCY = {WAYS.index(way)}, {latency}\n"
        """from pydynox.exceptions import ItemNotFoundError
if WAY == 1:
    seen = []
    def tracer(frame, event, argument):
        if frame.f_code.co_filename.endswith("model.py"): seen.append(event)
        return tracer
slow = engine(LATENCY)
async def main():
    loop = asyncio.get_running_loop()
    if WAY == 2:
        loop.create_future = lambda: asyncio.futures._PyFuture(loop=loop)
        loop.set_task_factory(lambda loop, coroutine, **more: asyncio.tasks._PyTask(coroutine, loop=loop, **more))
    async def calls():
        with slow.as_default():
            # An instance, nothing, a bool, a tuple (which StopIteration must not take apart), an error.
            assert (await User.get("u1")).age == 21
            assert await User.get("nobody") is None
            assert await User.key("u1").exists() is True
            assert [user.age for user in await slow.batch_get(User.key("u1"))] == [21]
            assert [user.age async for user in User.scan()] == [21]
            try: await User.get_or_raise("nobody")
            except ItemNotFoundError as error: assert "nobody" in str(error)
            else: raise AssertionError
    await loop.create_task(calls())
if WAY == 1: sys.settrace(tracer)
asyncio.run(main())
sys.settrace(None)
assert WAY != 1 or "return" in seen
"""
    )


def test_an_error_has_the_caller_in_its_traceback(script: Script) -> None:
    script("""
        import traceback
        from pydynox.exceptions import ConditionFailedError
        slow = engine(5)
        async def the_caller():
            await User(user_id="u1").create()
        with slow.as_default():
            for run_it in (asyncio.run, run):
                try: run_it(the_caller())
                except ConditionFailedError as error: names = [f.name for f in traceback.extract_tb(error.__traceback__)]
                assert names[-2:] == ["the_caller", "create"], names
    """)


@pytest.mark.parametrize("way", ["close", "throw an instance", "throw a class", "throw a class and a value"])
def test_a_write_that_is_left_early_is_not_sent_and_counts_as_unsaved(script: Script, way: str) -> None:
    script(
        f"WAY = {way!r}\n"
        """import warnings
slow = engine(300)
class Left(Exception): pass
async def main():
    with slow.as_default():
        user = await User.get("u1")
        user.age = 22
        saving = user.save()
        future = saving.send(None)
        assert asyncio.isfuture(future)
        try:
            if WAY == "close": saving.close()
            elif WAY == "throw an instance": saving.throw(Left("left"))
            else:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)
                    if WAY == "throw a class": saving.throw(Left)
                    else: saving.throw(Left, "left")
        except Left as error: assert WAY != "close" and (WAY == "throw a class" or str(error) == "left")
        else: assert WAY == "close"
        await asyncio.sleep(0.4)
        assert (await User.get("u1")).age == 21
        await user.save()
        assert (await User.get("u1")).age == 22
asyncio.run(main())
"""
    )


def test_a_coroutine_that_is_resumed_too_early_is_told_and_can_be_resumed_later(script: Script) -> None:
    script("""
        slow = engine(50)
        async def main():
            with slow.as_default():
                getting = User.get("u1")
                future = getting.send(None)
                try: getting.send(None)
                except RuntimeError as error: assert "before its response" in str(error), error
                else: raise AssertionError("resumed without its answer")
                await asyncio.sleep(0.2)
                assert (await User.get("u1")).age == 21
        asyncio.run(main())
    """)


def test_a_query_that_is_left_early_stops_reading(script: Script) -> None:
    script("""
        slow = engine(100)
        async def main():
            with slow.as_default():
                counting = asyncio.create_task(User.scan().count())
                await asyncio.sleep(0.01)
                counting.cancel()
                await asyncio.wait([counting])
                assert counting.cancelled()
                assert await User.scan().count() == 1
        asyncio.run(main())
    """)
