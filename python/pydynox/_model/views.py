"""Descriptors of a model class: what ``User.sync``, ``User.table``, ``dataclasses.fields`` and ``inspect.signature`` find."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast, overload

import pydynox._core as _core
from pydynox._declaration.compile import completed, key_names
from pydynox._declaration.definition import definition_of
from pydynox._declaration.protected import conceals

if TYPE_CHECKING:
    import dataclasses
    from collections.abc import Mapping

    from pydynox._shared.typing import ModelClass, PK_contra, Row, Row_co, SKs
    from pydynox.attributes import Attr
    from pydynox.sync import SyncInstance, SyncModel
    from pydynox.tables.table import Table

_sync: Any = None  # the module, once imported: an import statement in a function costs as much as making the view


def _import_sync() -> Any:
    global _sync
    from pydynox import sync

    _sync = sync
    return sync


class SyncView:
    """``User.sync`` and ``user.sync``."""

    @overload
    def __get__(self, instance: None, owner: ModelClass[Row_co, PK_contra, *SKs]) -> SyncModel[Row_co, PK_contra, *SKs]: ...
    @overload
    def __get__(self, instance: Row, owner: Any) -> SyncInstance[Row]: ...
    def __get__(self, instance: Any, owner: Any) -> Any:
        sync = _sync if _sync is not None else _import_sync()
        return sync.SyncModel(owner) if instance is None else sync.SyncInstance(instance)


class TableView:
    """``User.table``."""

    def __get__(self, instance: object, owner: type[Row]) -> Table[Row]:
        from pydynox.tables.table import Table

        return Table(owner)


class FieldsView:
    """``User.model_fields``."""

    def __get__(self, instance: object, owner: type[Any]) -> Mapping[str, Attr[Any]]:
        if definition_of(owner) is None:
            return MappingProxyType({})
        return MappingProxyType(completed(owner).attributes)


class MatchArgs:
    """``__match_args__``: ``case Order(customer, number)`` matches the key, in the order of ``Order.get(customer, number)``."""

    def __get__(self, instance: object, owner: type[Any]) -> tuple[str, ...]:
        if definition_of(owner) is None:
            return ()
        return key_names(owner)


class DataclassFields:
    """``__dataclass_fields__``: what ``dataclasses.fields`` reads, and how FastAPI recognizes a request body."""

    def __get__(self, instance: object, owner: type[Any]) -> dict[str, dataclasses.Field[Any]]:
        if definition_of(owner) is None:
            return {}
        definition = completed(owner)
        if definition.dataclass_fields is None:
            definition.dataclass_fields = {name: _dataclass_field(attribute) for name, attribute in definition.attributes.items()}
        return definition.dataclass_fields


class SignatureView:
    """``User.__signature__``: the constructor's parameters for ``inspect.signature`` and ``help``."""

    def __get__(self, instance: object, owner: type[Any]) -> Any:
        if definition_of(owner) is None or owner.__init__ is not _core.Instance.__init__:
            return None  # a constructor that the class defines has a signature of its own
        from pydynox._declaration.signature import signature_of

        return signature_of(completed(owner).attributes.values())


def _dataclass_field(attribute: Attr[Any]) -> dataclasses.Field[Any]:
    import dataclasses

    concealed, declared = conceals(attribute), attribute.options
    options: dict[str, Any] = {"kw_only": True, "repr": declared.repr, "compare": not concealed}
    if declared.default is not None:
        options["default"] = declared.default[0]
    elif declared.default_factory is not None:
        options["default_factory"] = declared.default_factory
    field: Any = dataclasses.field(**options)
    # A field of a type other than `_FIELD` is a parameter that `replace` passes on, and that `fields` and `asdict` do not see.
    field.name, field.type = attribute.name, attribute.type
    field._field_type = "encrypted" if concealed else vars(dataclasses)["_FIELD"]
    return cast("dataclasses.Field[Any]", field)
