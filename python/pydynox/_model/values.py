"""What instances of a model do without I/O: their changes, dumps, copies and stored forms."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import pydynox._core as _core
from pydynox._declaration.compile import SchemaOf
from pydynox._declaration.instances import validated
from pydynox._declaration.protected import conceals
from pydynox.config import ModelConfig
from pydynox.default_client import client_for
from pydynox.exceptions import InvalidResponseError, ValidationError

from .changes import Change, ItemSize, as_shown, change
from .input import as_bytes, as_dict, refused
from .views import DataclassFields, FieldsView, MatchArgs, SignatureView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pydantic import TypeAdapter

    from pydynox._declaration.pydantic_patch import ModelPatch
    from pydynox._shared.typing import IncEx


class ModelValues(_core.Instance):
    """The part of ``Model`` that sends nothing."""

    model_config: ClassVar[ModelConfig] = ModelConfig()
    model_fields = FieldsView()
    __dataclass_fields__ = DataclassFields()
    # Read by `pprint` from anything that has dataclass fields; with repr=False it uses the model's own `repr`.
    __dataclass_params__ = SimpleNamespace(
        init=True, repr=False, eq=True, order=False, unsafe_hash=False, frozen=False, match_args=True, kw_only=True
    )
    if not TYPE_CHECKING:
        __match_args__ = MatchArgs()  # checkers want literals here, and know the keywords of a pattern
        __signature__ = SignatureView()
    _schema = SchemaOf()

    def model_changes(self) -> dict[str, Change]:
        """The attributes that differ from the item as it was last read or written, including edits in place; no I/O.

        Returns:
            ``Change(old, new)`` by attribute name; for a new instance, every attribute that has a value.

        Example:
            >>> user.age += 1
            >>> user.model_changes()
            {'age': Change(old=36, new=37)}
        """
        attributes = self.model_fields
        return {name: change(attributes[name], old, new) for name, (old, new) in _core.changes(self).items()}

    def model_rollback(self) -> None:
        """Undo all changes since the item was last read or written; no I/O.

        Example:
            >>> user.age += 1
            >>> user.model_rollback()
        """
        _core.rollback(self)

    def model_dump(
        self,
        *,
        mode: Literal["python", "json"] = "python",
        include: IncEx | None = None,
        exclude: IncEx | None = None,
        by_alias: bool | None = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
    ) -> dict[str, Any]:
        """The attributes as a new dict, in the order of the class; no I/O.

        Args:
            mode: ``"python"`` keeps the types of the values; ``"json"`` returns what ``json.dumps`` accepts: sets become lists,
                bytes become base64 text, decimals and dates become text, documents become dicts.
            include: Only these: a set of names, or a dict that selects inside values, as in
                ``{"name": True, "address": {"city"}, "orders": {"__all__": {"number"}}}``.
            exclude: All but these, in the same form.
            by_alias: Whether nested pydantic models use their aliases. Attributes have no alias: ``attribute_name`` is the name
                in the table.
            exclude_unset: Leave out attributes that were filled in by a default and never set.
            exclude_defaults: Leave out attributes that equal their default.
            exclude_none: Leave out attributes that are None.

        Raises:
            ValidationError: A value that was edited in place has no JSON form.

        Example:
            >>> user.model_dump()
            {'user_id': 'u1', 'name': 'Ada', 'age': 36}
            >>> user.model_dump(include={"name"})
            {'name': 'Ada'}
        """
        nested = None if by_alias is None else {"by_alias": by_alias}
        return _core.dump(self, (mode, include, exclude, (exclude_unset, exclude_defaults, exclude_none), nested))

    def model_dump_json(
        self,
        *,
        include: IncEx | None = None,
        exclude: IncEx | None = None,
        by_alias: bool | None = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
    ) -> str:
        """The attributes as JSON text: what ``json.dumps`` makes of ``model_dump(mode="json")``; no I/O.

        Args:
            include: As in ``model_dump``, like all the others.
            exclude: All but these.
            by_alias: Whether nested pydantic models use their aliases.
            exclude_unset: Leave out attributes that were filled in by a default and never set.
            exclude_defaults: Leave out attributes that equal their default.
            exclude_none: Leave out attributes that are None.

        Raises:
            ValidationError: A value that was edited in place has no JSON form.

        Example:
            >>> user.model_dump_json()
            '{"user_id":"u1","name":"Ada","age":36}'
        """
        nested = None if by_alias is None else {"by_alias": by_alias}
        return _core.dump_json(self, ("json", include, exclude, (exclude_unset, exclude_defaults, exclude_none), nested))

    @classmethod
    def model_validate(cls, value: Any, /) -> Self:
        """An instance from a dict keyed by attribute name, checked as the constructor checks; no I/O.

        Every dump is accepted: dicts for documents, dataclasses and pydantic models, and the ``mode="json"`` forms of dates,
        decimals, bytes, enums and the like. A version is the one that the stored item must have: ``put()`` then replaces the item
        only if it still has that version. Timestamps and template attributes are ignored.

        Args:
            value: The dict; an instance of this model is returned unchanged.

        Raises:
            ValidationError: It is neither, or a value is missing, unknown or invalid; ``errors`` lists them all.

        Example:
            >>> User.model_validate({"user_id": "u1", "name": "Ada"})
            User(user_id='u1', name='Ada', age=0)
        """
        # As in pydantic, an instance is passed through and not copied.
        if isinstance(value, cls):
            return value
        values = as_dict(value)
        if values is None:
            got = type(value).__qualname__
            raise refused(f"{cls.__name__}.model_validate takes a dict or a {cls.__name__}, not {got}")
        wrong = next((name for name in values if not isinstance(name, str)), None)
        if wrong is not None:
            raise refused(f"the names of attributes are str, not {type(wrong).__qualname__}")
        instance: Self = validated(cls, values)
        return instance

    @classmethod
    def model_validate_json(cls, text: str | bytes | bytearray, /) -> Self:
        """An instance from JSON text, checked as ``model_validate`` checks; no I/O. Decimals keep all their digits.

        Args:
            text: A JSON object, as ``model_dump_json`` returns it.

        Raises:
            ValidationError: It is not a JSON object, or a value is missing, unknown or invalid; ``errors`` lists them all.

        Example:
            >>> User.model_validate_json('{"user_id": "u1", "name": "Ada"}')
            User(user_id='u1', name='Ada', age=0)
        """
        try:
            encoded = as_bytes(text)
        except UnicodeEncodeError:
            raise refused(f"{cls.__name__}.model_validate_json takes JSON text, and this contains a lone surrogate") from None
        if encoded is None:
            raise refused(f"{cls.__name__}.model_validate_json takes JSON text, not {type(text).__qualname__}")
        instance: Self = validated(cls, _core.parse_json(cls._schema, encoded))
        return instance

    @classmethod
    def model_json_schema(cls, *, mode: Literal["validation", "serialization"] = "validation") -> dict[str, Any]:
        """The JSON Schema of the model, as pydantic generates it; no I/O.

        Args:
            mode: ``"validation"`` describes the input: a version is optional, timestamps and template attributes are left out.
                ``"serialization"`` describes a dump, where these are ``readOnly``.

        Raises:
            ImportError: pydantic is not installed.

        Example:
            >>> User.model_json_schema()["properties"]["name"]
            {'title': 'Name', 'type': 'string'}
        """
        try:
            from pydantic import TypeAdapter
        except ImportError as problem:
            raise ImportError(
                f"{cls.__name__}.model_json_schema() needs pydantic: install pydynox[pydantic]", name="pydantic"
            ) from problem
        adapter: TypeAdapter[Any] = TypeAdapter(cls)
        return adapter.json_schema(mode=mode)

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """A copy that shares no list, dict or set with this instance, and counts as stored if this one does; no I/O.

        Args:
            update: Values to change in the copy, checked as an assignment is.

        Raises:
            ValidationError: A value is refused; ``errors`` lists them all.

        Example:
            >>> older = user.model_copy(update={"age": user.age + 1})
        """
        copy = self.__deepcopy__({})
        errors: list[tuple[str, str]] = []
        for name, value in (update or {}).items():
            try:
                setattr(copy, name, value)
            except ValidationError as problem:
                errors += problem.errors
            except AttributeError as problem:
                errors.append((name, str(problem)))
        if errors:
            raise ValidationError("; ".join(message for _, message in errors), errors=errors)
        return copy

    @classmethod
    def model_patch(cls) -> type[ModelPatch]:
        """A pydantic model of what a PATCH may change: every attribute optional, unknown names refused; no I/O.

        Keys and what they are built from, versions, timestamps, immutable attributes and those built by templates aren't part of
        it. What a body leaves out stays as it is; null removes an attribute that may be None, and is refused for the others.

        Returns:
            A class, the same one each time. ``instance.model_apply(patch)`` and ``patch.model_actions()`` apply its instances.

        Raises:
            ImportError: pydantic is not installed.

        Example:
            >>> patch = User.model_patch().model_validate_json('{"age": 37}')
        """
        try:
            from pydynox._declaration.pydantic_patch import patch_of
        except ImportError as problem:
            raise ImportError(
                f"{cls.__name__}.model_patch() needs pydantic: install pydynox[pydantic]", name="pydantic"
            ) from problem
        return patch_of(cls)

    def model_apply(self, patch: ModelPatch, /) -> None:
        """Change this instance as a patch says; no I/O. ``save()`` then sends an UpdateItem of what differs.

        Args:
            patch: An instance of ``User.model_patch()``: the attributes that it was given change, None removes, all others stay.

        Raises:
            TypeError: It is the patch of another model.
            ValidationError: A value is refused; ``errors`` lists them all, and nothing changes.

        Example:
            >>> user.model_apply(patch)
            >>> await user.save()
        """
        model = getattr(type(patch), "pydynox_model", None)
        if model is None or not isinstance(self, model):
            name = type(self).__name__
            raise TypeError(f"{name}.model_apply() takes an instance of {name}.model_patch(), not of {type(patch).__qualname__}")
        given = [name for name in type(patch).pydynox_attributes if name in patch.model_fields_set]
        before = {name: getattr(self, name) for name in given}
        errors: list[tuple[str, str]] = []
        for name in given:
            try:
                setattr(self, name, getattr(patch, name))
            except ValidationError as problem:
                errors += problem.errors
        if errors:
            for name, value in before.items():
                setattr(self, name, value)
            raise ValidationError("; ".join(message for _, message in errors), errors=errors)

    def model_is_expired(self) -> bool:
        """Whether the time in the TTL attribute has passed, so that DynamoDB may delete the item; no I/O.

        Raises:
            ValidationError: The model has no TTL attribute.

        Example:
            >>> session.model_is_expired()
            False
        """
        return _core.is_expired(self)

    def model_size(self) -> ItemSize:
        """The size of the item in bytes, as DynamoDB counts it, including attributes that the model does not declare; no I/O.

        Compressed and encrypted attributes count in their stored form. Until the client's keyring has generated a data key, an
        encrypted one counts as if its data key came from KMS; with another keyring the size may differ by a few bytes.

        Raises:
            ValidationError: A value cannot be stored.
            ConfigurationError: There are encrypted attributes, and the client has no keyring.

        Example:
            >>> user.model_size()
            ItemSize(total=23, attributes={'user_id': 9, 'name': 7, 'age': 7})
        """
        # Only protected values need a client, for its keyring; others are measured without one.
        client = client_for(type(self).model_config.client).core if self._schema.is_protected else None
        return ItemSize(*_core.size(self, client))

    def model_to_item(self) -> dict[str, Any]:
        """The item in DynamoDB JSON, including attributes that the model does not declare; no I/O.

        Binary values are base64 text, as in requests and exports; boto3 expects ``bytes`` there.

        Raises:
            ValidationError: A value cannot be stored.

        Example:
            >>> user.model_to_item()
            {'user_id': {'S': 'u1'}, 'name': {'S': 'Ada'}, 'age': {'N': '36'}}
        """
        return _core.to_item(self)

    @classmethod
    def model_from_item(cls, item: Mapping[str, Any], /) -> Self:
        """An instance from an item in DynamoDB JSON, of a stream or an export; it counts as read. No I/O, and no hooks run.

        A base class returns each item as an instance of its own class, according to its entity.

        Args:
            item: The item; binary values are base64 text or ``bytes``.

        Raises:
            SerializationError: A stored value does not fit the model.
            ValidationError: The item is not DynamoDB JSON, belongs to another entity, or has an encrypted or compressed value,
                which ``client.model_from_item`` opens.

        Example:
            >>> User.model_from_item({"user_id": {"S": "u1"}, "name": {"S": "Ada"}})
            User(user_id='u1', name='Ada', age=0)
        """
        values = as_dict(item)
        if values is None:
            raise refused(f"{cls.__name__}.model_from_item takes a dict, not {type(item).__qualname__}")
        try:
            instance: Self = _core.from_item(cls._schema, values)
        except InvalidResponseError as problem:
            raise refused(f"{cls.__name__}.model_from_item takes DynamoDB's own JSON: {problem}") from None
        return instance

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Callable[[Any], Any]) -> Any:
        """How pydantic and FastAPI handle a model: validated by its attributes, serialized as ``model_dump`` does."""
        from pydynox._declaration.pydantic_schema import core_schema_of

        return core_schema_of(cls, handler)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        """The JSON Schema, without values that pydynox sets; in a dump these are ``readOnly``."""
        from pydynox._declaration.pydantic_schema import json_schema_of

        return json_schema_of(cls, schema, handler)

    def __repr__(self) -> str:
        values = (f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({', '.join(values)})"

    def __rich_repr__(self) -> Iterator[tuple[str, Any]]:
        for name, attribute in self.model_fields.items():
            if attribute.options.repr:
                yield name, as_shown(attribute, getattr(self, name, None))

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """The names and values that ``model_dump`` returns, the values unconverted: ``dict(user)``."""
        for name, attribute in self.model_fields.items():
            if not conceals(attribute):
                yield name, getattr(self, name)
