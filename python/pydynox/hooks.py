"""Hooks: methods of a model that run before and after its instances are written, deleted or read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import pydynox._core as _core

from ._declaration.annotations import fail
from ._shared.explaining import undoing

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Hook = TypeVar("Hook", bound=Callable[[Any], Coroutine[Any, Any, None] | None])
else:
    Hook = TypeVar("Hook")

__all__ = ["after_delete", "after_load", "after_save", "before_delete", "before_save"]


def before_save(hook: Hook, /) -> Hook:
    """Run this method before ``create``, ``save`` and ``put``.

    The hook may change the instance. An exception aborts the verb: nothing is sent, and every attribute keeps its previous value.
    It runs before ``save`` looks for changes, so it runs even if nothing changed.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: Attr[str] = partition_key()
        ...     email: Attr[str]
        ...
        ...     @before_save
        ...     def normalise(self) -> None:
        ...         self.email = self.email.lower()
    """
    return _marked(hook, "before_save")


def after_save(hook: Hook, /) -> Hook:
    """Run this method after ``create``, ``save`` and ``put`` have written something.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: Attr[str] = partition_key()
        ...
        ...     @after_save
        ...     async def log(self) -> None:
        ...         await Event(event_id=new_id(), text=f"{self.user_id} was saved").create()
    """
    return _marked(hook, "after_save")


def before_delete(hook: Hook, /) -> Hook:
    """Run this method before ``delete``; an exception aborts it, and nothing is sent.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: Attr[str] = partition_key()
        ...     open_orders: Attr[int] = field(default=0)
        ...
        ...     @before_delete
        ...     def refuse(self) -> None:
        ...         if self.open_orders:
        ...             raise ValueError("this user has open orders")
    """
    return _marked(hook, "before_delete")


def after_delete(hook: Hook, /) -> Hook:
    """Run this method after ``delete``; by then the instance counts as new.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: Attr[str] = partition_key()
        ...
        ...     @after_delete
        ...     async def forget_settings(self) -> None:
        ...         await Settings.key(self.user_id).delete()
    """
    return _marked(hook, "after_delete")


def after_load(hook: Hook, /) -> Hook:
    """Run this method on an instance read by ``get`` or ``get_or_raise``, including those of a ``Key``, or by ``refresh``.

    Changes it makes count as unsaved changes.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: Attr[str] = partition_key()
        ...     name: Attr[str]
        ...
        ...     @after_load
        ...     def trim(self) -> None:
        ...         self.name = self.name.strip()
    """
    return _marked(hook, "after_load")


# Immutable, so a saved reference is enough; anything else is copied before hooks run.
_SCALARS = frozenset({str, int, float, bool, bytes})


class Hooks:
    """The hooks of one class: method names by event, in the order in which they run."""

    __slots__ = ("_names",)

    converts = False  # whether `loaded` returns something other than the instance

    def __init__(self, names: dict[str, tuple[str, ...]]) -> None:
        self._names = names

    async def before(self, instance: Any, event: str) -> None:
        """Run the hooks that precede a verb; if one fails, restore the instance."""
        names = self._names.get(event, ())
        if not names:
            return
        # Copied before the first hook runs, because hooks may edit containers in place.
        values = {name: _kept(value) for name, value in instance.__dict__.items()}
        concealed = {name: _kept(value) for name, value in _core.concealed_values(instance).items()}
        undone = undoing.get()
        if undone is not None:
            # Hooks work on the copies, so that neither the instance nor what callers hold of it shows their edits.
            undone.append((instance, dict(instance.__dict__), _core.concealed_values(instance)))
            instance.__dict__.update(values)
            _core.set_concealed(instance, concealed)
        try:
            for name in names:
                await _run(instance, name, event)
        except BaseException:
            instance.__dict__.update(values)
            _core.set_concealed(instance, concealed)
            raise

    async def after(self, instance: Any, event: str) -> None:
        """Run the hooks that follow a write; if one fails, a note on its error states that the write was applied."""
        for name in self._names.get(event, ()):
            try:
                await _run(instance, name, event)
            except BaseException as error:
                done = "deleted" if event == "after_delete" else "written"
                error.add_note(f"the item was {done}: only {_described(instance, name, event)} failed")
                raise

    async def loaded(self, instance: Any, *, applied: bool = False) -> Any:  # noqa: ARG002 (for those that convert)
        """Run the hooks of an instance that was read, or that an applied write returned; returns what callers get for it."""
        for name in self._names.get("after_load", ()):
            await _run(instance, name, "after_load")
        return instance


def _kept(value: Any) -> Any:
    """A copy of the value, which no hook can edit in place."""
    if value is None or type(value) in _SCALARS:
        return value
    from copy import deepcopy

    return deepcopy(value)


def hooks_of(cls: type[Any]) -> Hooks | None:
    """The hooks of a class and its bases, base classes first; None if there are none.

    Raises:
        ConfigurationError: A hook is not a plain method, or is overridden by something other than a hook or None.
    """
    events_by_name: dict[str, tuple[str, ...]] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            events = _events(value)
            if events:
                events_by_name[name] = events
            elif name in events_by_name:
                _check_replaced(cls, base, name, value)
                events_by_name[name] = ()
            elif _events(getattr(value, "__func__", None)):
                fail(cls, name, f"is a hook and a {type(value).__name__}: a hook must be a plain method")
    by_event: dict[str, tuple[str, ...]] = {}
    for name, events in events_by_name.items():
        for event in events:
            by_event[event] = (*by_event.get(event, ()), name)
    return Hooks(by_event) if by_event else None


def _check_replaced(cls: type[Any], base: type[Any], name: str, value: Any) -> None:
    if value is not None:
        fail(
            cls,
            name,
            f"replaces a hook without being one, in {base.__name__}: decorate it too, or write {name} = None to drop the hook",
        )


def _marked(hook: Hook, event: str) -> Hook:
    target: Any = hook
    target = getattr(
        target, "__func__", target
    )  # a static or class method: refused later, when the class is created and its name known
    if not callable(target):
        raise TypeError(f"@{event} can only decorate a method, not {hook!r}")
    target.__dict__["_pydynox_hook"] = (*_events(target), event)
    return hook


def _events(value: Any) -> tuple[str, ...]:
    events: tuple[str, ...] = getattr(value, "__dict__", {}).get("_pydynox_hook", ()) if callable(value) else ()
    return events


async def _run(instance: Any, name: str, event: str) -> None:
    result = getattr(instance, name)()
    if not hasattr(result, "__await__"):
        return
    if not _core.is_blocking():
        await result
        return
    try:
        # Driven on this thread, as the verb is: no loop runs here that could await it.
        _core.drive_hook(_awaited(result), _described(instance, name, event))
    except RuntimeError as error:
        # The words of asyncio itself, where a hook asks for the loop that a blocking call does not have.
        if str(error) == "no running event loop":
            _refuse_waiting(_described(instance, name, event), error)
        raise


async def _awaited(result: Any) -> None:
    await result


def _refuse_waiting(described: str, error: RuntimeError) -> NoReturn:
    raise RuntimeError(
        f"{described} awaited something other than pydynox, which a blocking call cannot do: await the verb, or remove that await"
    ) from error


def _described(instance: Any, name: str, event: str) -> str:
    return f"the hook {type(instance).__name__}.{name} ({event})"
