"""The writing half of a repository: an object becomes an item, and learns what the write set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

import pydynox._core as _core
from pydynox._shared.rejected import Rejected, check_on_condition, rejection_of, settled
from pydynox._shared.timeout import NOT_GIVEN, limited
from pydynox._shared.typing import Row
from pydynox.default_client import client_for
from pydynox.exceptions import ConditionFailedError, ItemAlreadyExistsError

from .reads import RepositoryReads

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from pydynox._shared.typing import WriteOptions
    from pydynox.expressions import Action, Condition, Expr


class RepositoryWrites(RepositoryReads[Row]):
    """Calls that write one object."""

    @overload
    async def create(self, instance: Row, /, *, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]) -> Row: ...
    @overload
    async def create(
        self, instance: Row, /, *, on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Row | Rejected[Row]: ...
    async def create(
        self,
        instance: Row,
        /,
        *,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Row | Rejected[Row]:
        """Create the item of an object, which must not exist yet. Sends PutItem with ``attribute_not_exists``.

        Args:
            instance: The object.
            condition: A further condition; it sees an item without attributes.
            on_condition: ``"return"`` returns a ``Rejected`` instead of raising an error if a condition is false.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            The object as it is stored: the same one, with what the write set; of a frozen class, a copy if the write set
            anything. With ``on_condition="return"`` else a ``Rejected``, whose ``item`` is the stored object.

        Raises:
            TypeError: It is not an object of the class.
            ItemAlreadyExistsError: An item with this key exists; ``error.item`` is the stored object.
            UniqueConstraintError: A unique value is taken; ``error.holder`` is the key of the item that has it.
            ConditionFailedError: The condition was false.
            ValidationError: A value cannot be stored.
            ItemTooLargeError: The item exceeds 400 KB.
            TableNotFoundError: The table does not exist.

        Example:
            >>> await users.create(User(user_id="u1", name="Ada"))

        Costs: one write unit per KB, even if the item exists.
        """
        client = client_for(self.model.model_config.client)
        if timeout is not NOT_GIVEN:
            call: Any = RepositoryWrites[Row].create(self, instance, condition=condition, on_condition=on_condition)
            result: Row | Rejected[Row] = await limited(client, timeout, call)
            return result
        if on_condition != "raise":
            check_on_condition(on_condition)
        item = self._binding.item_for(instance)
        write = client.core.create(item, condition)
        if on_condition == "raise":
            await write
        elif (refused := await rejection_of(write)) is not None:
            return refused
        written: Row = self._binding.settle(item, instance)
        return written

    @overload
    async def put(self, instance: Row, /, *, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]) -> Row: ...
    @overload
    async def put(
        self, instance: Row, /, *, on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Row | Rejected[Row]: ...
    async def put(
        self,
        instance: Row,
        /,
        *,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Row | Rejected[Row]:
        """Write the whole item of an object, replacing any item with the same key. Sends PutItem.

        Stored attributes that the class does not declare are written back if the object was read. With ``version=``, a version
        greater than 0 must be that of the stored item.

        Args:
            instance: The object.
            condition: Write only if this holds for the stored item.
            on_condition: ``"return"`` returns a ``Rejected`` instead of raising an error if a condition is false.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            The object as it is stored: the same one, with what the write set; of a frozen class, a copy if the write set
            anything. With ``on_condition="return"`` else a ``Rejected``, whose ``item`` is the stored object.

        Raises:
            TypeError: It is not an object of the class.
            VersionConflictError: The stored item has a different version; ``error.item`` is the stored object.
            ConditionFailedError: The condition was false; ``error.item`` is the stored object.
            WriteOutcomeUnknownError: No response arrived, and a conditional write is not retried.
            ValidationError: A value cannot be stored.
            ItemTooLargeError: The item exceeds 400 KB.
            TableNotFoundError: The table does not exist.

        Example:
            >>> await users.put(User(user_id="u1", name="Ada"))

        Costs: one write unit per KB of the old or the new item, whichever is larger.
        """
        client = client_for(self.model.model_config.client)
        if timeout is not NOT_GIVEN:
            call: Any = RepositoryWrites[Row].put(self, instance, condition=condition, on_condition=on_condition)
            result: Row | Rejected[Row] = await limited(client, timeout, call)
            return result
        if on_condition != "raise":
            check_on_condition(on_condition)
        item = self._binding.item_for(instance)
        write = client.core.put(item, condition)
        if on_condition == "raise":
            await write
        elif (refused := await rejection_of(write)) is not None:
            return refused
        written: Row = self._binding.settle(item, instance)
        return written

    @overload
    async def save(
        self,
        instance: Row,
        /,
        *,
        loaded: Row | None = None,
        whole: Sequence[Expr[Any]] = (),
        on_condition: Literal["raise"] = ...,
        **options: Unpack[WriteOptions],
    ) -> Row: ...
    @overload
    async def save(
        self,
        instance: Row,
        /,
        *,
        loaded: Row | None = None,
        whole: Sequence[Expr[Any]] = (),
        on_condition: Literal["return"],
        **options: Unpack[WriteOptions],
    ) -> Row | Rejected[Row]: ...
    async def save(
        self,
        instance: Row,
        /,
        *,
        loaded: Row | None = None,
        whole: Sequence[Expr[Any]] = (),
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Row | Rejected[Row]:
        """Write what changed in an object since it was read or written; create the item of a new one. Sends UpdateItem, or
        PutItem with ``attribute_not_exists``; nothing if nothing changed.

        Args:
            instance: The object.
            loaded: The object that was read, if ``instance`` is a changed copy of it: what differs between the two is written.
            condition: Write only if this holds for the stored item.
            on_condition: ``"return"`` returns a ``Rejected`` instead of raising an error if a condition is false.
            whole: Paths of fields to replace as one value if they changed, instead of changing what differs inside them.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            The object as it is stored: the same one, with what the write set; of a frozen class, a copy if the write set
            anything. With ``on_condition="return"`` else a ``Rejected``, whose ``item`` is the stored object.

        Raises:
            TypeError: It is not an object of the class.
            ItemAlreadyExistsError: The object is new to the repository, and an item with its key exists.
            ItemVanishedError: The item was deleted since it was read.
            VersionConflictError: The stored item has a different version; ``error.item`` is the stored object.
            UniqueConstraintError: A unique value is taken; ``error.holder`` is the key of the item that has it.
            ConditionFailedError: The condition was false; ``error.item`` is the stored object.
            WriteOutcomeUnknownError: No response arrived, and a conditional write is not retried.
            ValidationError: A value cannot be stored, or the key changed.
            ItemTooLargeError: The item exceeds 400 KB.

        Example:
            >>> user = await users.get_or_raise("u1")
            >>> user.tags.append("new")
            >>> await users.save(user)
            >>> older = user.model_copy(update={"age": user.age + 1})
            >>> await users.save(older, loaded=user)

        Costs: one write unit per KB of the whole item before or after the write, whichever is larger; nothing if nothing changed.
        """
        client = client_for(self.model.model_config.client)
        if timeout is not NOT_GIVEN:
            call: Any = RepositoryWrites[Row].save(
                self, instance, loaded=loaded, whole=whole, condition=condition, on_condition=on_condition
            )
            result: Row | Rejected[Row] = await limited(client, timeout, call)
            return result
        if on_condition != "raise":
            check_on_condition(on_condition)
        names = [self._name_of(place) for place in whole]
        binding = self._binding
        item = binding.item_for(instance) if loaded is None else binding.item_after(instance, loaded)
        # Asked before the write, after which the item counts as stored.
        is_new = not _core.is_stored(item)
        write = client.core.save(item, names, condition)
        try:
            if write is None:
                pass  # nothing changed
            elif on_condition == "raise":
                await write
            elif (refused := await rejection_of(write)) is not None:
                if is_new:
                    self._explain_new(refused.error)
                return refused
        except ItemAlreadyExistsError as error:
            if is_new:
                self._explain_new(error)
            raise
        written: Row = binding.settle(item, instance)
        return written

    @overload
    async def update(
        self, instance: Row, /, *actions: Action, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]
    ) -> Row: ...
    @overload
    async def update(
        self, instance: Row, /, *actions: Action, on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Row | Rejected[Row]: ...
    async def update(
        self,
        instance: Row,
        /,
        *actions: Action,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Row | Rejected[Row]:
        """Update the item of an object without reading it first; the object then reflects the result. Sends UpdateItem.

        Unsaved edits of other fields are kept. For items without an object, and for classes of which nothing is remembered, use
        ``users.key(...).update(...)``.

        Args:
            instance: The object, read or written by this repository.
            *actions: The changes, such as ``users.attr.age.add(1)``.
            condition: Update only if this holds for the stored item.
            on_condition: ``"return"`` returns a ``Rejected`` instead of raising an error if a condition is false.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            The same object. With ``on_condition="return"`` else a ``Rejected``, whose ``item`` is the stored object.

        Raises:
            ItemVanishedError: The item was deleted in the meantime.
            VersionConflictError: The stored item has a different version; ``error.item`` is the stored object.
            ConditionFailedError: The condition was false, or the parent of a nested path does not exist.
            ValidationError: There is no action, two actions change the same path, one changes a key or a field with unsaved
                edits, or the repository did not read the object.
            SerializationError: The class refuses the new values; the update was applied.
            WriteOutcomeUnknownError: No response arrived, and the update is not retried.

        Example:
            >>> await users.update(user, users.attr.age.add(1), condition=users.attr.age < 100)

        Costs: one write unit per KB of the whole item before or after the update, whichever is larger, even if the condition
            fails.
        """
        client = client_for(self.model.model_config.client)
        if timeout is not NOT_GIVEN:
            call: Any = RepositoryWrites[Row].update(self, instance, *actions, condition=condition, on_condition=on_condition)
            result: Row | Rejected[Row] = await limited(client, timeout, call)
            return result
        if on_condition != "raise":
            check_on_condition(on_condition)
        binding = self._binding
        # The check comes first: item_for() would make a new item of an object that nothing is known of.
        binding.known_item(instance, "update")
        item, before = binding.item_for(instance), binding.values_of(instance)
        write = client.core.update(item, actions, condition)
        if on_condition == "raise":
            await write
        elif (refused := await rejection_of(write)) is not None:
            return refused
        binding.take_over(item, instance, before)
        return instance

    async def refresh(self, instance: Row, /, *, timeout: float | None = NOT_GIVEN) -> Row:
        """Read the item of an object again with a strongly consistent read, discarding unsaved changes. Sends GetItem.

        Args:
            instance: The object, read or written by this repository.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            The same object.

        Raises:
            ItemNotFoundError: The item no longer exists; the object stays as it is.
            SerializationError: A stored value does not fit the class, or the class refuses it; the object stays as it is.
            ValidationError: The repository did not read the object.

        Example:
            >>> await users.refresh(user)

        Costs: one read unit per 4 KB.
        """
        client = client_for(self.model.model_config.client)
        if timeout is not NOT_GIVEN:
            return await limited(client, timeout, RepositoryWrites[Row].refresh(self, instance))
        item = self._binding.known_item(instance, "refresh")
        await client.core.refresh(item)
        self._binding.take_over(item, instance)
        return instance

    @overload
    async def delete(
        self, instance: Row, /, *, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]
    ) -> None: ...
    @overload
    async def delete(
        self, instance: Row, /, *, on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Literal[True] | Rejected[Row]: ...
    async def delete(
        self,
        instance: Row,
        /,
        *,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Literal[True] | Rejected[Row] | None:
        """Delete the item of an object; deleting one that does not exist succeeds. Sends DeleteItem. The object then counts as
        new. Without an object, use ``users.key("u1").delete()``.

        With ``version=``, the stored item of an object that was read must exist and have its version.

        Args:
            instance: The object.
            condition: Delete only if this holds for the stored item.
            on_condition: ``"return"`` returns a ``Rejected`` instead of raising an error if a condition is false.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            With ``on_condition="return"``: True if there is no such item now, else a ``Rejected``.

        Raises:
            TypeError: It is not an object of the class.
            VersionConflictError: The stored item has a different version; ``error.item`` is the stored object.
            ItemVanishedError: There is a version, and the item does not exist.
            ConditionFailedError: The condition was false; ``error.item`` is the stored object, None if it does not exist.
            WriteOutcomeUnknownError: No response arrived, and a conditional delete is not retried.
            TableNotFoundError: The table does not exist.

        Example:
            >>> await users.delete(user)

        Costs: one write unit per KB of the deleted item; one if it does not exist.
        """
        client = client_for(self.model.model_config.client)
        if timeout is not NOT_GIVEN:
            call: Any = RepositoryWrites[Row].delete(self, instance, condition=condition, on_condition=on_condition)
            result: Literal[True] | Rejected[Row] | None = await limited(client, timeout, call)
            return result
        if on_condition != "raise":
            check_on_condition(on_condition)
        write = client.core.delete(self._binding.item_to_delete(instance), condition)
        outcome: Literal[True] | Rejected[Row] | None = await (write if on_condition == "raise" else settled(write))
        return outcome

    def _name_of(self, place: Any) -> str:
        """The name of the attribute that a path in ``save(whole=...)`` stands for."""
        if getattr(place, "model", None) is not self.model:
            raise TypeError(f"save(whole=...) takes paths of this repository, such as users.attr.address, not {place!r}")
        name: str = place.attribute.name
        return name

    def _explain_new(self, error: ConditionFailedError) -> None:
        """What the caller of ``save`` may have meant, where it found an item that it took for new."""
        if isinstance(error, ItemAlreadyExistsError):
            error.add_note(
                f"this {self.model.__name__} was not read through this repository, so save() takes it for a new one: "
                "of a changed copy, pass what was read as save(copy, loaded=...)"
            )
