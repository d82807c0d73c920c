"""Document: a nested map with its own typed fields."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Self, dataclass_transform

import pydynox._core as _core

from ._declaration.compile import compile_document, completed
from ._declaration.definition import attribute_of, definition_of
from .attributes import Attr, field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ._shared.typing import IncEx

    DocumentType = type  # with a __getattr__, type checkers would accept any name on the class
else:

    class DocumentType(type):
        """The metaclass of documents: distinguishes a field from a name that does not exist."""

        def __getattr__(cls, name: str) -> Any:
            if attribute_of(cls, name) is None:
                raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
            raise AttributeError(
                f"{cls.__name__}.{name} is not a path in an item: start from a model, as in User.address.{name}",
                name=name,
                obj=cls,
            )


class _FieldsView:
    """``Address.model_fields``."""

    def __get__(self, instance: object, owner: type[Any]) -> Mapping[str, Attr[Any]]:
        if definition_of(owner) is None:
            return MappingProxyType({})
        return MappingProxyType(completed(owner).attributes)


@dataclass_transform(kw_only_default=True, field_specifiers=(field,))
class Document(_core.Document, metaclass=DocumentType):
    """A map inside an item, with its own fields, defaults and names. The item that contains it detects edits in place.

    Stored members that the class does not declare are preserved and written back.

    Raises:
        ConfigurationError: The class declaration is not valid.
        ValidationError: A value for the constructor is missing, unknown, or of the wrong type; ``errors`` lists all of them.

    Example:
        >>> class Address(Document):
        ...     street: Attr[str]
        ...     city: Attr[str]
        ...     floor: Attr[int | None] = field(default=None)
        >>> class User(Model[str], table="users"):
        ...     user_id: Attr[str] = partition_key()
        ...     address: Attr[Address | None] = field(default=None)
    """

    model_fields = _FieldsView()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        compile_document(cls)

    @classmethod
    def _complete(cls) -> None:
        completed(cls)

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
        """The fields as a new dict, in the order of the class; no I/O.

        Args:
            mode: ``"python"`` keeps the values' types; ``"json"`` returns values that ``json.dumps`` accepts.
            include: Fields to include: a set of names, or a dict that also selects nested fields.
            exclude: Fields to exclude, in the same form.
            by_alias: Whether nested pydantic models use their aliases.
            exclude_unset: Leave out fields that were never set and hold their default.
            exclude_defaults: Leave out fields that equal their default.
            exclude_none: Leave out fields that are None.

        Example:
            >>> address.model_dump()
            {'street': 'Rue 1', 'city': 'Paris', 'floor': None}
        """
        nested = None if by_alias is None else {"by_alias": by_alias}
        return _core.dump_document(self, (mode, include, exclude, (exclude_unset, exclude_defaults, exclude_none), nested))

    def model_to_item(self) -> dict[str, Any]:
        """The document as DynamoDB JSON, including members that the class does not declare; no I/O.

        Raises:
            ValidationError: A value cannot be stored.

        Example:
            >>> address.model_to_item()
            {'street': {'S': 'Rue 1'}, 'city': {'S': 'Paris'}}
        """
        return _core.document_to_item(self)

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """A copy that shares no list, dict or set with this one; no I/O.

        Args:
            update: Values to change in the copy, checked like assignments.

        Raises:
            ValidationError: A value is not valid.

        Example:
            >>> moved = address.model_copy(update={"city": "Rome"})
        """
        copy = self.__deepcopy__({})
        for name, value in (update or {}).items():
            setattr(copy, name, value)
        return copy

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Callable[[Any], Any]) -> Any:
        """The schema by which pydantic and FastAPI validate a document, from its fields."""
        from ._declaration.pydantic_schema import core_schema_of

        return core_schema_of(cls, handler)

    def __repr__(self) -> str:
        values = self.__dict__
        parts = (f"{name}={values.get(name)!r}" for name, attribute in self.model_fields.items() if attribute.options.repr)
        return f"{type(self).__name__}({', '.join(parts)})"
