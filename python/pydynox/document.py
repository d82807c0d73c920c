"""Document: a nested map with typed fields of its own."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Self, dataclass_transform

from . import _core
from ._declaration.compile import compile_document, completed
from ._declaration.definition import attribute_of, definition_of
from .attributes import Attr, field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ._shared.typing import IncEx

    DocumentType = type  # checkers would take any name on a class for one that exists
else:

    class DocumentType(type):
        """What document classes are: tells a field from a name that does not exist."""

        def __getattr__(cls, name: str) -> Any:
            if attribute_of(cls, name) is None:
                raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
            raise AttributeError(
                f"{cls.__name__}.{name} is no place in an item: start from a model, as in User.address.{name}", name=name, obj=cls
            )


class _FieldsView:
    """``Address.model_fields``."""

    def __get__(self, instance: object, owner: type[Any]) -> Mapping[str, Attr[Any]]:
        if definition_of(owner) is None:
            return MappingProxyType({})
        return MappingProxyType(completed(owner).attributes)


@dataclass_transform(kw_only_default=True, field_specifiers=(field,))
class Document(_core.Document, metaclass=DocumentType):
    """A map inside an item, with fields, defaults and names of its own. Edits in place are seen by the item that holds it.

    Stored members that the class does not declare are kept, and written again.

    Raises:
        ConfigurationError: The class is declared wrongly.
        ValidationError: A value for the constructor is missing, unknown, or of the wrong type; ``errors`` has all of them.

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
            mode: ``"python"`` keeps the values' types; ``"json"`` gives what ``json.dumps`` accepts.
            include: Only these: a set of names, or a dict that says more of what is inside.
            exclude: Not these, said in the same way.
            by_alias: Whether pydantic models inside use their aliases.
            exclude_unset: Leave out what a default filled in and nobody has set.
            exclude_defaults: Leave out what equals its default.
            exclude_none: Leave out what is None.

        Example:
            >>> address.model_dump()
            {'street': 'Rue 1', 'city': 'Paris', 'floor': None}
        """
        nested = None if by_alias is None else {"by_alias": by_alias}
        return _core.dump_document(self, (mode, include, exclude, (exclude_unset, exclude_defaults, exclude_none), nested))

    def model_to_item(self) -> dict[str, Any]:
        """The document in DynamoDB's own form, members that the class does not declare included; no I/O.

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
            update: Values that are other in the copy, checked as an assignment is.

        Raises:
            ValidationError: One of these values is refused.

        Example:
            >>> moved = address.model_copy(update={"city": "Rome"})
        """
        copy = self.__deepcopy__({})
        for name, value in (update or {}).items():
            setattr(copy, name, value)
        return copy

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Callable[[Any], Any]) -> Any:
        """A document is a type that pydantic and FastAPI know: validated by its fields."""
        from ._declaration.pydantic_schema import core_schema_of

        return core_schema_of(cls, handler)

    def __repr__(self) -> str:
        values = self.__dict__
        parts = (f"{name}={values.get(name)!r}" for name, attribute in self.model_fields.items() if attribute.options.repr)
        return f"{type(self).__name__}({', '.join(parts)})"
