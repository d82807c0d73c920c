"""Binding: the objects of a class and the instances of its hidden model, made of each other wherever pydynox runs hooks."""

from __future__ import annotations

import weakref
from operator import is_, itemgetter
from typing import TYPE_CHECKING, Any

import pydynox._core as _core
from pydynox.default_client import known_client
from pydynox.exceptions import SerializationError, ValidationError
from pydynox.hooks import Hooks
from pydynox.key import Key

from .classes import value_getter
from .loaded import LoadedObjects

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .classes import ObjectClass

_OBJECT = "_object"  # in the dictionary of an item, what returns its object, or None once that was freed


class Binding(Hooks):
    """The hooks of a hidden model: an item that was read becomes an object, and a write teaches the object what it set."""

    __slots__ = (
        "_hidden_names",
        "_key_names",
        "_loaded",
        "_managed",
        "_model",
        "_same_names",
        "_source",
        "_stored_values",
        "_timestamps",
        "_version",
    )

    converts = True

    def __init__(
        self,
        source: ObjectClass,
        model: Any,
        names: Mapping[str, str],
        version: str | None,
        timestamps: Sequence[str],
        *,
        remembers: bool,
    ) -> None:
        super().__init__({})
        self._source = source
        self._model = model
        self._hidden_names = dict(names)
        self._same_names = all(name == hidden for name, hidden in names.items())
        self._version = version
        self._timestamps = {name: names[name] for name in timestamps}
        # Pairs, since a loop over a dictionary's items makes two objects more.
        self._managed = tuple(
            self._timestamps.items() if version is None else ((version, names[version]), *self._timestamps.items())
        )
        self._stored_values = value_getter(itemgetter, tuple(names.values()))
        keys: tuple[str, ...] = model.__match_args__
        self._key_names = {name: hidden for name, hidden in names.items() if hidden in keys}
        self._loaded = LoadedObjects() if remembers else None

    async def before(self, instance: Any, event: str) -> None:
        """Take over the values of the object, which may have changed since the item was made."""
        target = self._object_of(instance)
        if target is not None and event == "before_save":
            self._take_values(instance, target)

    async def after(self, instance: Any, event: str) -> None:
        """Tell the object its new version and timestamps."""
        target = self._object_of(instance)
        if target is not None and event == "after_save" and not self._source.is_frozen:
            self.settle(instance, target)

    async def loaded(self, instance: Any, *, applied: bool = False) -> Any:
        """The object of an item that was read, or that an applied write returned."""
        try:
            return self.object_for(instance)
        except SerializationError as error:
            error.applied = applied
            raise

    def object_for(self, item: Any) -> Any:
        """The object of an item.

        Raises:
            SerializationError: The class refuses a stored value.
        """
        target = self._object_of(item)
        if target is not None:
            return target
        target = self.built(item)
        if self._loaded is not None:
            self._loaded.remember(target, item)
            item.__dict__[_OBJECT] = weakref.ref(target)
        return target

    def object_or_values(self, item: Any) -> Any:
        """The object of an item that came with an error; its plain values if the class refuses them."""
        try:
            return self.object_for(item)
        except SerializationError as error:
            return error.raw

    def built(self, item: Any) -> Any:
        """A new object with the values of an item, which the class checks.

        Raises:
            SerializationError: The class refuses one.
        """
        values = item.__dict__
        try:
            return self._source.build({name: values[hidden] for name, hidden in self._hidden_names.items()})
        except Exception as error:  # noqa: BLE001 (the class can raise anything)
            raise self._unreadable(item, error) from (error if self._shows_values else None)

    def item_for(self, target: Any) -> Any:
        """The item of an object, with the values that the object has now.

        Raises:
            TypeError: It is not an object of the class.
            ValidationError: A value cannot be stored, or the key of a stored item was changed.
        """
        item = None if self._loaded is None else self._loaded.item_of(target)
        if item is not None:
            self._take_values(item, target)
            return item
        self.check_class(target)
        item = self._new_item(target)
        self._attach(item, target)
        return item

    def item_after(self, target: Any, loaded: Any) -> Any:
        """The item of an object that replaces one that was read or written, so that only what differs is written.

        Raises:
            TypeError: One of them is not an object of the class.
            ValidationError: They have different keys, or a value cannot be stored.
        """
        self.check_class(target)
        self.check_class(loaded)
        stored = None if self._loaded is None else self._loaded.item_of(loaded)
        item = self._as_stored(loaded) if stored is None else stored.__copy__()
        self._take_values(item, target)
        self._attach(item, target)
        return item

    def item_to_delete(self, target: Any) -> Any:
        """The item of an object, for a delete; only its key matters.

        Raises:
            TypeError: It is not an object of the class.
            ValidationError: The key of a stored item was changed, or a new object cannot be stored.
        """
        self.check_class(target)
        item = None if self._loaded is None else self._loaded.item_of(target)
        if item is None or not _core.is_stored(item):
            return self._new_item(target)
        # Other fields may be invalid or half edited: what is deleted is found by its key alone.
        values = self.values_of(target)
        for name, hidden in self._key_names.items():
            if item.__dict__[hidden] != values[name]:
                raise self._moved(name)
        return item

    def known_item(self, target: Any, verb: str) -> Any:
        """The item of an object that was read or written through the repository, as it was then.

        Raises:
            ValidationError: It was not.
        """
        self.check_class(target)
        item = None if self._loaded is None else self._loaded.item_of(target)
        if item is None or not _core.is_stored(item):
            raise _refused(
                f"{verb}() takes a {self._source.name} that this repository read or wrote, and knows what is stored of it; "
                f"for any other, use its key: users.key(...).{'get' if verb == 'refresh' else verb}(...)"
            )
        return item

    def settle(self, item: Any, target: Any) -> Any:
        """Give an object what the write decided; of a frozen class, a copy with it."""
        if not self._managed:
            return target
        for name, hidden in self._managed:
            value = item.__dict__[hidden]
            if getattr(target, name) == value:
                continue
            if self._source.is_frozen:
                target = self._source.copied(target, name, value)
            else:
                self._source.set(target, name, value)
        return target

    def take_over(self, item: Any, target: Any, before: Mapping[str, Any] | None = None) -> None:
        """Set the values of an item on its object, after an update with those from before it.

        Args:
            item: The item as it is now.
            target: Its object.
            before: The values of the object when the call began; one that differs now was edited since, and stays.

        Raises:
            SerializationError: The class refuses a value; the object stays as it is.
        """
        try:
            fresh = self._source.values(self.built(item))
        except SerializationError as error:
            error.applied = before is not None
            raise
        for name, value in fresh.items():
            if before is None or getattr(target, name) is before[name]:
                self._source.set(target, name, value)

    def values_of(self, target: Any) -> dict[str, Any]:
        """The values of an object, by its own names."""
        try:
            return self._source.values(target)
        except AttributeError as error:
            raise self._incomplete(error) from None

    def check_class(self, target: Any) -> None:
        """Refuse what is not exactly of the class: a subclass may have members that would be lost.

        Raises:
            TypeError: It is something else.
        """
        if type(target) is self._source.cls:
            return
        got, name = type(target).__qualname__, self._source.name
        why = ": its own fields would be lost, so give it a repository" if isinstance(target, self._source.cls) else ""
        raise TypeError(f"this repository stores {name} objects, and got a {got}{why}")

    def _new_item(self, target: Any) -> Any:
        """A new item with the values of an object; a version that it has is what the stored item must have."""
        values = self.values_of(target)
        version, name = 0, self._version
        if self._same_names and not self._managed:
            hidden = values
        else:
            hidden = {self._hidden_names[name]: value for name, value in values.items()}
        if name is not None:
            # No constructor takes a version: it is compared with the stored one, not written.
            version = hidden.pop(self._hidden_names[name])
            self._check_version(version)
        if self._timestamps:
            for timestamp in self._timestamps.values():
                del hidden[timestamp]  # what a write sets, whatever the object has
        item = self._model(**hidden)
        if name is not None:
            item.__dict__[self._hidden_names[name]] = version
        self._check(target)
        return item

    def _check(self, target: Any) -> None:
        """Refuse an object that its class would not make again of the same values."""
        try:
            self._source.check(target)
        except Exception as error:  # noqa: BLE001 (the class can raise anything)
            raise _refused(f"{self._source.name} refuses this object: {self._described(error)}") from None

    def _as_stored(self, target: Any) -> Any:
        """The item of an object, as if it had been read with the object's values."""
        item = self._new_item(target)
        # The guard of a version compares the creation too, and `save` keeps it.
        item.__dict__.update({hidden: getattr(target, name) for name, hidden in self._timestamps.items()})
        stored = item.model_to_item()
        if self._version is not None and getattr(target, self._version) == 0:
            # What reads as 0 is a stored item without a version, and that is what a write expects.
            del stored[self._model.model_fields[self._hidden_names[self._version]].attribute_name]
        return self._model.model_from_item(stored)

    def _take_values(self, item: Any, target: Any) -> None:
        """Bring the item of an object up to date with it.

        A value that is the same as before was checked before; if it was edited in place, the write checks it, as for a model.
        """
        values = self._values_in_order(target)
        if not all(map(is_, values, self._stored_values(item.__dict__))):
            self._take_changed(item, values)
        if self._source.checks:
            self._check(target)

    def _take_changed(self, item: Any, values: tuple[Any, ...]) -> None:
        stored, is_stored = item.__dict__, _core.is_stored(item)
        problems: list[tuple[str, str]] = []
        for (name, hidden), value in zip(self._hidden_names.items(), values, strict=True):
            if stored[hidden] is value:
                continue
            if name == self._version:
                if is_stored and stored[hidden] != value:
                    raise _refused(
                        f"{self._source.name}.{name} is {value!r}, and the item was read or written with {stored[hidden]}: every "
                        "write sets the version, so leave it alone",
                        name,
                    )
                self._check_version(value)
                stored[hidden] = value
            elif name in self._timestamps:
                if is_stored and stored[hidden] != value:
                    raise _refused(
                        f"{self._source.name}.{name} is {value!r}, and the item was read or written with {stored[hidden]!r}: "
                        "writes set it, so leave it alone",
                        name,
                    )
            elif is_stored and name in self._key_names:
                if stored[hidden] != value:
                    raise self._moved(name)
            else:
                try:
                    setattr(item, hidden, value)
                except ValidationError as error:
                    problems += error.errors
        if problems:
            raise ValidationError("; ".join(message for _, message in problems), errors=problems)

    def _check_version(self, version: object) -> None:
        if type(version) is not int or version < 0:
            message = f"{self._source.name}.{self._version} is {version!r}: a version is an int of 0 or more"
            raise _refused(message, str(self._version))

    def _moved(self, name: str) -> ValidationError:
        return _refused(
            f"{self._source.name}.{name} is the key of a stored item and cannot change: create a new item and delete this one",
            name,
        )

    def _values_in_order(self, target: Any) -> tuple[Any, ...]:
        try:
            return self._source.values_in_order(target)
        except AttributeError as error:
            raise self._incomplete(error) from None

    def _incomplete(self, error: AttributeError) -> ValidationError:
        return _refused(f"this {self._source.name} lacks a value: {error}")

    def _attach(self, item: Any, target: Any) -> None:
        if self._loaded is None:
            item.__dict__[_OBJECT] = lambda: target
            return
        self._loaded.remember(target, item)
        item.__dict__[_OBJECT] = weakref.ref(target)

    def _object_of(self, item: Any) -> Any:
        reference = item.__dict__.get(_OBJECT)
        return None if reference is None else reference()

    def _unreadable(self, item: Any, refusal: Exception) -> SerializationError:
        """The error of a stored item that the class refuses."""
        values = {attribute.attribute_name: item.__dict__[name] for name, attribute in self._model.model_fields.items()}
        key: Key[Any] = Key(self._model, tuple(item.__dict__[hidden] for hidden in self._model.__match_args__))
        return SerializationError(
            f"the stored item is refused by {self._source.name}: {self._described(refusal)}",
            model=self._source.name,
            table=self._model.model_config.table,
            key=key,
            raw=values,
        )

    @property
    def _shows_values(self) -> bool:
        client = known_client(self._model.model_config.client)
        return client is not None and client.errors == "full"

    def _described(self, error: Exception) -> str:
        """An error without the values that it concerns, unless the client shows them."""
        if self._shows_values:
            return f"{type(error).__name__}: {error}"
        problems = getattr(error, "errors", None)
        if type(error).__module__.startswith("pydantic") and callable(problems):
            listed: Any = problems(include_url=False, include_context=False, include_input=False)
            return "; ".join(f"{'.'.join(map(str, problem['loc'])) or 'the model'}: {problem['type']}" for problem in listed)
        # Its own errors name types and places alone; those of a __post_init__ have a cause, and its text.
        if type(error).__module__ == "msgspec" and error.__cause__ is None:
            return str(error)
        return f'{type(error).__name__} (errors="full" on the client shows it)'


def _refused(message: str, attribute: str = "") -> ValidationError:
    return ValidationError(message, errors=[(attribute, message)])
