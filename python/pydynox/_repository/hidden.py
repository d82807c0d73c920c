"""The hidden model of a repository: a model with the members of a class, through which all of pydynox applies to its objects."""

from __future__ import annotations

import difflib
from types import new_class
from typing import TYPE_CHECKING, Any

from pydynox._declaration.checks import KEY_OPTIONS, MODEL_NAMES, VERBS
from pydynox._declaration.definition import WRITE_ID
from pydynox._declaration.fields import attribute_kind
from pydynox._declaration.indexes import IndexDeclaration
from pydynox._declaration.kinds import datetimes_as, describe, is_key_kind, kind_of
from pydynox._declaration.pydantic_losses import lost_by
from pydynox.attributes import PARTITION, SORT, Attr
from pydynox.model import Model

from .adapted import adapted, is_of_pydantic
from .classes import refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydynox._declaration.other_classes import ClassMember
    from pydynox._shared.typing import Codec
    from pydynox.config import ModelConfig

    from .classes import ObjectClass

#: What a repository calls the purposes of fields, and what an attribute calls them.
_PURPOSES = {"ttl": "expires_at", "version": "version", "created_at": "created_at", "updated_at": "updated_at"}
#: Names that the hidden model needs for itself; members of these names get others in it.
_RESERVED = VERBS | MODEL_NAMES | KEY_OPTIONS


class Declared:
    """What a repository declares about a class, checked against it.

    Attributes:
        names: The name of each member in the hidden model.
        index_names: The name of each index in DynamoDB.
    """

    def __init__(
        self,
        source: ObjectClass,
        *,
        partition_key: str,
        sort_key: str | None,
        purposes: Mapping[str, str | None],
        hide_expired: bool,
        stored_names: Mapping[str, str],
        indexes: Mapping[str, Any],
        codecs: Mapping[str, Codec[Any]],
        formats: Mapping[str, str],
        unique: Sequence[str] | Sequence[Sequence[str]],
    ) -> None:
        self._source = source
        self._roles: dict[str | None, str] = {partition_key: PARTITION}
        self._purposes: dict[str, str] = {}  # by member, the option that names it
        self._hide_expired = hide_expired
        self._stored_names = stored_names
        self._codecs = codecs
        self._formats = formats
        given = {
            "partition_key": [partition_key],
            "sort_key": [] if sort_key is None else [sort_key],
            **{option: [] if name is None else [name] for option, name in purposes.items()},
            "names": list(stored_names),
            "codecs": list(codecs),
            "formats": list(formats),
        }
        for option, names in given.items():
            for name in names:
                self._check_name(f"{option}=", name)
        if sort_key is not None:
            if sort_key == partition_key:
                refuse(source.name, sort_key, "cannot be both the partition key and the sort key")
            self._roles[sort_key] = SORT
        for option, field in purposes.items():
            if field is None:
                continue
            if field in self._roles:
                refuse(source.name, field, f"is a key, so it cannot be {option}= too")
            if field in self._purposes:
                refuse(source.name, field, f"is {self._purposes[field]}=, so it cannot be {option}= too")
            self._purposes[field] = option
        self.names = self._named()
        self.index_names: dict[str, str] = {}
        self._indexes = self._checked_indexes(indexes)
        self._unique = unique

    def model(self, table: str, config: ModelConfig) -> type[Model[Any]]:
        """The hidden model.

        Raises:
            ConfigurationError: A member cannot be stored, or cannot be what it is declared to be.
        """
        cls = self._source.cls
        with datetimes_as(config.datetime_format):
            attributes = {self.names[name]: self._attribute(member) for name, member in self._source.members.items()}
        body: dict[str, Any] = {
            "__module__": cls.__module__,
            "__qualname__": cls.__qualname__,
            "__doc__": None,
            "__annotations__": {name: _annotation(attribute) for name, attribute in attributes.items()},
            "model_config": config,
            **attributes,
            **self._indexes,
        }
        unique = [[self.names.get(name, name) for name in names] for names in _listed(self._unique)]
        keywords = {"table": table, "unique": unique or None}
        model: type[Model[Any]] = new_class(self._source.name, (Model,), keywords, lambda namespace: namespace.update(body))
        return model

    def _attribute(self, member: ClassMember) -> Attr[Any]:
        name = member.name
        stored: Any = self._stored_names.get(name, name)
        if not isinstance(stored, str) or not stored:
            refuse(self._source.name, name, f"has the stored name {stored!r} in names=: it must be a non-empty str")
        role, purpose = self._roles.get(name), self._purposes.get(name)
        codec, adapting = self._codecs.get(name), None
        options: dict[str, Any] = {"attribute_name": stored, "type": member.type, "roles": () if role is None else (role,)}
        options["public_name"] = name if self.names[name] != name else None
        if (form := self._formats.get(name)) is not None:
            options["format"] = form
        lost = lost_by(member.type) if codec is None and is_of_pydantic(self._source) else None
        if lost is not None:
            refuse(self._source.name, name, f"{lost}; or pass a codec: codecs={{{name!r}: ...}}")
        if purpose is not None:
            self._check_purpose(member, purpose)
            options |= {"purpose": _PURPOSES[purpose]}
            if purpose == "version":
                return Attr(**options, default=0)
            if purpose != "ttl":
                from datetime import datetime

                options["type"] = datetime
                return Attr(**options, default=None)  # a model's are None until the first write
            options |= {"epoch": "whole_seconds", "hide_expired": self._hide_expired}
        else:
            options["codec"] = adapting = codec or self._adapting_codec(member)
        attribute: Attr[Any] = Attr(**options)
        try:
            attribute.kind = attribute_kind(attribute)
            if adapting is not None and adapting is not codec:
                attribute.kind = _open(attribute.kind)
        except TypeError as problem:
            refuse(
                self._source.name,
                name,
                f"has the type {describe(member.type)}, which cannot be stored: {problem}; here, codecs={{{name!r}: ...}}",
            )
        if role is not None and adapting is not codec and getattr(adapting, "is_time", False):
            refuse(
                self._source.name,
                name,
                f"is a key and has the type {describe(member.type)}, whose text does not sort as time does in pydantic's form: "
                "declare datetime, date or time",
            )
        if role is not None and not is_key_kind(attribute.kind):
            refuse(
                self._source.name,
                name,
                f"is a key and has the type {describe(member.type)}: a key is str, int, float, Decimal, bytes, datetime, date, "
                "UUID, an enum, or whatever else is stored as a string, a number or bytes",
            )
        if role is None:
            attribute.options = attribute.options.replaced(**_defaults(member, attribute.kind))
        return attribute

    def _adapting_codec(self, member: ClassMember) -> Codec[Any] | None:
        """A codec by pydantic for a type that only pydantic knows; None if the type needs no codec."""
        try:
            kind_of(member.type)
        except TypeError:
            return adapted(self._source, member)
        return None

    def _check_purpose(self, member: ClassMember, purpose: str) -> None:
        kind: tuple[Any, ...]
        try:
            kind = kind_of(member.type)
        except TypeError:
            kind = ("any",)
        if purpose == "version":
            if kind != ("int",):
                refuse(self._source.name, member.name, f"is version= and has the type {describe(member.type)}: it must be int")
        elif (kind[1] if kind[0] == "optional" else kind)[0] != "datetime":
            refuse(
                self._source.name,
                member.name,
                f"is {purpose}= and has the type {describe(member.type)}: it must be datetime or datetime | None",
            )

    def _check_name(self, option: str, name: object) -> None:
        if isinstance(name, str) and name in self._source.members:
            return
        near = difflib.get_close_matches(str(name), self._source.members, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(map(repr, self._source.members))}"
        refuse(self._source.name, "", f"has no field {name!r}, which {option} names; {hint}")

    def _named(self) -> dict[str, str]:
        """The names of the members in the hidden model: their own, unless the model needs such a name for itself."""
        members = self._source.members
        names: dict[str, str] = {}
        for name in members:
            other = name
            while other in _RESERVED or other.startswith("_") or (other != name and other in members) or other == WRITE_ID:
                other = other.strip("_") + "_" if other.startswith("_") else other + "_"
            names[name] = other
        return names

    def _checked_indexes(self, indexes: Mapping[str, Any]) -> dict[str, IndexDeclaration]:
        checked: dict[str, IndexDeclaration] = {}
        if not hasattr(indexes, "items"):
            refuse(self._source.name, "", "has indexes= without names: write indexes={'by_email': GlobalSecondaryIndex('email')}")
        for name, index in indexes.items():
            if not isinstance(index, IndexDeclaration):
                refuse(
                    self._source.name,
                    name,
                    f"is not an index but {index!r}: write indexes={{{name!r}: GlobalSecondaryIndex('email')}}",
                )
            for attribute in index.attribute_names():
                self._check_name(f"the index {name!r}", attribute)
            renamed = index.renamed(name, self.names)
            checked[f"index_{name}"] = renamed
            self.index_names[name] = renamed.name
        return checked


def _open(kind: tuple[Any, ...]) -> tuple[Any, ...]:
    """A kind with a codec of pydantic's, which takes whatever pydantic makes a value of: text for a URL."""
    if kind[0] == "optional":
        return ("optional", _open(kind[1]))
    _, inner, codec, _, described = kind
    return ("codec", inner, codec, None, described)


def _annotation(attribute: Attr[Any]) -> Any:
    """What a model would be annotated with."""
    generic: Any = Attr
    return generic[attribute.type]


def _listed(unique: Any) -> list[list[str]]:
    if not unique:
        return []
    return [list(unique)] if all(isinstance(name, str) for name in unique) else [list(names) for names in unique]


def _defaults(member: ClassMember, kind: tuple[Any, ...]) -> dict[str, Any]:
    """What the attribute reads as where it is not stored, and whether None is stored as NULL.

    None is left out only where leaving it out reads as None again.
    """
    can_be_none = kind[0] in ("optional", "any", "none")
    default, factory = member.default, member.factory
    shared: Any = None if default is None else default[0]
    # A model of pydantic copies its defaults, too.
    if type(shared) in (list, dict, set) or hasattr(shared, "__pydantic_validator__"):
        default, factory = None, _copying(shared)
    reads_otherwise = factory is not None or (default is not None and default[0] is not None)
    return {"default": default, "default_factory": factory, "store_null": can_be_none and reads_otherwise}


def _copying(value: Any) -> Callable[[], Any]:
    from copy import deepcopy

    return lambda: deepcopy(value)
