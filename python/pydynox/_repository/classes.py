"""A class of a repository's objects: its members, and how an object is built, read and changed, for each library."""

from __future__ import annotations

import sys
import typing
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NoReturn

import pydynox._core as _core
from pydynox._declaration.annotations import UnresolvedError, surroundings
from pydynox._declaration.generics import substitute
from pydynox._declaration.other_classes import (
    ClassMember,
    attrs_members,
    dataclass_members,
    is_attrs,
    is_struct,
    struct_members,
)
from pydynox._declaration.record_types import hints_of, pydantic_options
from pydynox.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Values = dict[str, Any]


class ObjectClass:
    """A class whose objects a repository stores; one subclass for each library.

    Attributes:
        cls: The class itself, without type arguments.
        name: Its name, for messages.
        members: What is stored of an object, by name, in the order of the class.
        is_frozen: Whether its objects cannot be changed.
        checks: Whether ``check`` does anything.
    """

    is_frozen = False
    checks = False

    def __init__(self, annotation: Any, cls: Any) -> None:
        self.cls: Any = cls
        self.name: str = cls.__name__
        meaning = dict(zip(getattr(cls, "__parameters__", ()), typing.get_args(annotation), strict=False))
        try:
            members = list(self.read_members())
        except UnresolvedError as problem:
            raise ConfigurationError(f"{problem}: define it before the repository", model=self.name) from None
        self.members = {member.name: member._replace(type=substitute(member.type, meaning)) for member in members}
        self._names = tuple(self.members)
        #: The values of an object in the order of the members; raises AttributeError if it lacks one.
        self.values_in_order = value_getter(attrgetter, self._names)
        self._is_direct = all(member.parameter == name for name, member in self.members.items())

    @property
    def has_weak_references(self) -> bool:
        """Whether its objects can be referenced weakly."""
        return bool(self.cls.__weakrefoffset__)

    @property
    def remedy(self) -> str:
        """What gives the class weak references, for messages."""
        return "weakref_slot=True"

    def read_members(self) -> Iterable[ClassMember]:
        """The members that the class declares."""
        raise NotImplementedError

    def values(self, instance: Any) -> Values:
        """The values of an object by name.

        Raises:
            AttributeError: It lacks one.
        """
        return dict(zip(self._names, self.values_in_order(instance), strict=True))

    def check(self, instance: Any) -> None:
        """Check what the class itself would refuse to read back; any exception refuses the object."""

    def build(self, values: Values) -> Any:
        """The object that the class makes of these values; whatever exception it raises is its refusal."""
        parameters, later = self._parameters(values)
        instance = self.cls(**parameters)
        for name, value in later:
            self.set(instance, name, value)
        return instance

    def set(self, instance: Any, name: str, value: Any) -> None:
        """Set an attribute as the constructor would: no validator and no property of the class runs."""
        object.__setattr__(instance, name, value)

    def copied(self, instance: Any, name: str, value: Any) -> Any:
        """A copy of an object that cannot be changed, with another value."""
        from copy import copy

        other = copy(instance)
        self.set(other, name, value)
        return other

    def _parameters(self, values: Values) -> tuple[Values, list[tuple[str, Any]]]:
        """The arguments of the constructor, and what is set afterwards because it does not take it."""
        if self._is_direct:
            return values, []
        parameters: Values = {}
        later: list[tuple[str, Any]] = []
        for name, value in values.items():
            parameter = self.members[name].parameter
            if parameter is None:
                later.append((name, value))
            else:
                parameters[parameter] = value
        return parameters, later


class _Dataclass(ObjectClass):
    """A dataclass, of the standard library or of pydantic."""

    def __init__(self, annotation: Any, cls: Any) -> None:
        super().__init__(annotation, cls)
        self.is_frozen = cls.__dataclass_params__.frozen

    def read_members(self) -> Iterable[ClassMember]:
        try:
            return list(dataclass_members(self.cls, hints_of(self.cls)))
        except TypeError as problem:  # an InitVar without a default
            raise ConfigurationError(str(problem), model=self.name) from None


class _Attrs(ObjectClass):
    """A class that attrs made."""

    def __init__(self, annotation: Any, cls: Any) -> None:
        super().__init__(annotation, cls)
        # attrs has no public word for it: a frozen class has the __setattr__ that refuses.
        self.is_frozen = getattr(cls.__setattr__, "__name__", "") == "_frozen_setattrs"

    def read_members(self) -> Iterable[ClassMember]:
        return attrs_members(self.cls, hints_of(self.cls))


class _Struct(ObjectClass):
    """A ``msgspec.Struct``. Its constructor checks nothing, so msgspec converts what is read and checks what is written."""

    checks = True

    def __init__(self, annotation: Any, cls: Any) -> None:
        msgspec: Any = sys.modules["msgspec"]
        super().__init__(annotation, cls)
        self._annotation = annotation
        self._convert = msgspec.convert
        self._force = msgspec.structs.force_setattr
        config = cls.__struct_config__
        self.is_frozen = config.frozen
        tag = {} if config.tag is None else {config.tag_field: config.tag}
        self._tag, self._is_array = tag, config.array_like
        self._encoded: tuple[str, ...] = cls.__struct_encode_fields__

    @property
    def remedy(self) -> str:
        return f"class {self.name}(msgspec.Struct, weakref=True)"

    def read_members(self) -> Iterable[ClassMember]:
        return struct_members(self.cls, hints_of(self.cls))

    def check(self, instance: Any) -> None:
        self.build(self.values(instance))

    def build(self, values: Values) -> Any:
        ordered = [values[name] for name in self._names]
        if self._is_array:
            return self._convert([*self._tag.values(), *ordered], self._annotation)
        return self._convert({**self._tag, **dict(zip(self._encoded, ordered, strict=True))}, self._annotation)

    def set(self, instance: Any, name: str, value: Any) -> None:
        self._force(instance, name, value)


class _Pydantic(ObjectClass):
    """A model of pydantic v2."""

    def __init__(self, annotation: Any, cls: Any) -> None:
        super().__init__(annotation, cls)
        self.is_frozen = bool(cls.model_config.get("frozen"))
        self.checks = cls.model_config.get("extra") == "allow"
        try:
            self._options = pydantic_options(cls)
        except TypeError as problem:
            raise ConfigurationError(str(problem), model=self.name) from None
        self._validate = cls.__pydantic_validator__.validate_python

    @property
    def remedy(self) -> str:
        return '"__weakref__" in its __slots__'

    def read_members(self) -> Iterable[ClassMember]:
        pydantic: Any = sys.modules["pydantic"]
        if issubclass(self.cls, pydantic.RootModel):
            refuse(self.name, "", "is a RootModel: an item is a map, so wrap the value in a field of a BaseModel")
        is_complete = self.cls.__pydantic_complete__
        if not is_complete and not self.cls.model_rebuild(raise_errors=False, _types_namespace=surroundings(self.cls)):
            raise UnresolvedError(f"{self.name}: an annotation names something that does not exist")
        for name, field in self.cls.model_fields.items():
            factory = field.default_factory
            takes_data = factory is not None and getattr(field, "default_factory_takes_validated_data", False)
            default = None if factory is not None or field.is_required() else (field.default,)
            yield ClassMember(
                name,
                _annotated(field),
                name,
                default,
                None if takes_data else factory,
                is_optional=not field.is_required(),
            )

    def check(self, instance: Any) -> None:
        if self.checks and instance.__pydantic_extra__:
            extra = ", ".join(map(repr, instance.__pydantic_extra__))
            raise ValueError(f"it has the extra values {extra}, which have no declared type and are not stored: declare them")

    def build(self, values: Values) -> Any:
        return self._validate(values, **self._options)

    def set(self, instance: Any, name: str, value: Any) -> None:
        instance.__dict__[name] = value


def object_class(annotation: Any) -> ObjectClass:
    """The class of a repository's objects.

    Raises:
        ConfigurationError: A repository cannot store its objects.
    """
    cls: Any = typing.get_origin(annotation) or annotation
    got: str = getattr(cls, "__name__", repr(cls))
    if issubclass(type(cls), type):
        if issubclass(cls, (_core.Instance, _core.Document)):
            refuse(got, "", "is a class of pydynox itself: a Model needs no repository")
        pydantic: Any = sys.modules.get("pydantic")
        if pydantic is not None and issubclass(cls, pydantic.BaseModel):
            return _Pydantic(annotation, cls)
        if is_struct(cls):
            return _Struct(annotation, cls)
        if hasattr(cls, "__dataclass_fields__") and hasattr(cls, "__dataclass_params__"):
            return _Dataclass(annotation, cls)
        if is_attrs(cls):
            return _Attrs(annotation, cls)
    raise ConfigurationError(
        f"Repository({got}): {got} is not a pydantic model, a dataclass, an attrs class or a msgspec.Struct", model=got
    )


def refuse(name: str, field: str, problem: str) -> NoReturn:
    """Refuse the declaration of a repository."""
    dotted = f"{name}.{field}" if field else name
    raise ConfigurationError(f"{dotted} {problem}", model=name, attribute=field or None)


def value_getter(getter: Any, names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """An ``attrgetter`` or ``itemgetter`` that returns a tuple even of one name."""
    values: Any = getter(*names)
    if len(names) > 1:
        return values  # type: ignore[no-any-return]  # of as many values as names
    return lambda source: (values(source),)


def _annotated(field: Any) -> Any:
    """The type of a field of pydantic with what is declared about it, which pydantic keeps apart."""
    return typing.Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
