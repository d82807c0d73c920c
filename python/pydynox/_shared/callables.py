"""Callables: whether a function that nothing awaits is one that must be awaited."""

from __future__ import annotations

_ASYNC = 0x80 | 0x200  # inspect.CO_COROUTINE and CO_ASYNC_GENERATOR; inspect itself takes long to import


def is_async(function: object) -> bool:
    """Whether it is a coroutine function or an asynchronous generator function, or an object that is called like one."""
    code = getattr(function, "__code__", None) or getattr(getattr(function, "__call__", None), "__code__", None)  # noqa: B004
    return code is not None and bool(code.co_flags & _ASYNC)
