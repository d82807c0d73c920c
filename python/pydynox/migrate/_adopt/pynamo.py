"""PynamoDB classes as declarations, with the attribute classes of ``pydynox.migrate.pynamodb``; never imports PynamoDB itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydynox.exceptions import ConfigurationError

from .declarations import Class, Field, Index, Module
from .names import Names, literal
from .source import CLASS_NAMES_USED, rendered

if TYPE_CHECKING:
    from collections.abc import Iterable

FORMS = "pydynox.migrate.pynamodb"
#: The Python types of attribute classes, by their names in PynamoDB and here.
TYPES = {
    "UnicodeAttribute": "str",
    "NumberAttribute": "float",
    "BooleanAttribute": "bool",
    "LegacyBooleanAttribute": "bool",
    "BinaryAttribute": "bytes",
    "UTCDateTimeAttribute": "datetime",
    "JSONAttribute": "Any",
    "UnicodeSetAttribute": "set[str]",
    "NumberSetAttribute": "set[float]",
    "BinarySetAttribute": "set[bytes]",
    "TTLAttribute": "datetime",
    "VersionAttribute": "int",
    "NullAttribute": "None",
}
#: Those whose annotation names the type where it can be None; the others stay what they are.
OPTIONAL = ("UnicodeAttribute", "NumberAttribute", "BooleanAttribute", "LegacyBooleanAttribute", "BinaryAttribute")
OPTIONAL_TIMES = ("UTCDateTimeAttribute", "TTLAttribute")
#: The codecs of members of a dynamic map; other members are stored as they are.
CODECS = {"UTCDateTimeAttribute": "UTCDateTime", "JSONAttribute": "JSONText", "LegacyBooleanAttribute": "LegacyBoolean"}
#: What is declared for a class of the user's own, by the type that it stores.
PLAIN = {"S": "UnicodeAttribute", "N": "NumberAttribute", "B": "BinaryAttribute", "BOOL": "BooleanAttribute"}


def source_of_classes(models: Iterable[type[Any]]) -> str:
    """The source of models for these PynamoDB classes.

    Raises:
        ConfigurationError: One is not a model of PynamoDB, or its declaration lacks a part.
    """
    models = list(models)
    if not models:
        raise ConfigurationError("name at least one PynamoDB class, as module:Class")
    names = ", ".join(f"{model.__module__}:{model.__qualname__}" for model in models)
    module = Module(f"Models of the PynamoDB {'class' if len(models) == 1 else 'classes'} {names}.")
    adoption = _Adoption()
    for model in models:
        module.classes += adoption.classes(model)
    return rendered(module)


class _Adoption:
    def __init__(self) -> None:
        self.names = Names(CLASS_NAMES_USED)
        self.documents: dict[type[Any], str] = {}
        self.classes_: list[Class] = []

    def classes(self, model: type[Any]) -> list[Class]:
        """One model, after its documents and before its subclasses."""
        self.classes_ = []
        base = self._model(model)
        discriminator = _discriminator_of(model)
        if discriminator is None:
            return [*self.classes_, base]
        stored: str = discriminator.attr_name
        base.config.append(f"entity_attribute={literal(stored)}")
        registered = [one for one in discriminator.get_registered_subclasses(model) if discriminator.get_discriminator(one)]
        if not registered:
            raise ConfigurationError(
                f"{model.__name__}.{stored} is a discriminator that no class has: declare a subclass with discriminator=..., or "
                "import the module that does",
                model=model.__name__,
                attribute=stored,
            )
        adopted = {model: base}
        for one in sorted(registered, key=lambda one: len(one.__mro__)):
            entity = f"entity={literal(str(discriminator.get_discriminator(one)))}"
            if one is model:
                base.keywords.append(entity)
                continue
            parent = next(adopted[other] for other in one.__mro__[1:] if other in adopted)
            adopted[one] = self._subclass(one, parent, entity)
        return [*self.classes_, *adopted.values()]

    def _model(self, model: type[Any]) -> Class:
        if not any(base.__module__ == "pynamodb.models" and base.__name__ == "Model" for base in model.__mro__[1:]):
            raise ConfigurationError(f"{model.__name__} is not a model of PynamoDB: name a subclass of pynamodb.models.Model")
        table = getattr(getattr(model, "Meta", None), "table_name", None)
        if not isinstance(table, str):
            raise ConfigurationError(f"{model.__name__}.Meta has no table_name: add it", model=model.__name__)
        one = Class(self.names.exactly(model.__name__), "", f"An item of the table {table}.", [f"table={literal(table)}"])
        attributes: dict[str, Any] = dict(model.get_attributes())
        one.fields = self._fields(attributes)
        one.indexes = self._indexes(model, one)
        one.fields.sort(key=lambda each: ("hash_key=True" not in each.arguments, "range_key=True" not in each.arguments))
        keys = [_type_of(each) for each in one.fields if each.is_key]
        if not keys or not one.fields[0].is_key:
            raise ConfigurationError(f"{model.__name__} has no hash key: declare one with hash_key=True", model=model.__name__)
        one.base = f"Model[{', '.join(keys)}]"
        return one

    def _subclass(self, model: type[Any], parent: Class, entity: str) -> Class:
        one = Class(self.names.exactly(model.__name__), parent.name, "", [entity], parent=parent)
        one.doc = f"An item of the kind {model.__name__}."
        attributes: dict[str, Any] = dict(model.get_attributes())
        own = {name: each for name, each in attributes.items() if parent.field_of(each.attr_name) is None}
        one.fields = self._fields(own)
        return one

    # --- attributes

    def _fields(self, attributes: dict[str, Any]) -> list[Field]:
        return [self._field(name, each) for name, each in attributes.items() if _kind(each) != "DiscriminatorAttribute"]

    def _field(self, name: str, attribute: Any) -> Field:
        kind, notes = _form_of(attribute)
        declared = Field(attribute.attr_name, "", kind, preferred=name, holder=kind, notes=notes)
        declared.imports.append((FORMS, kind))
        if kind in ("MapAttribute", "DynamicMapAttribute", "ListAttribute"):
            self._container(declared, attribute)
        elif attribute.null and kind in (*OPTIONAL, *OPTIONAL_TIMES):
            declared.type = f"{TYPES[kind]} | None"
        if kind in ("BinaryAttribute", "BinarySetAttribute"):
            # PynamoDB 5 has no such flag, and always encodes.
            declared.arguments.append(f"legacy_encoding={getattr(attribute, 'legacy_encoding', True)}")
        declared.arguments += [f"{word}=True" for word in ("hash_key", "range_key") if getattr(attribute, f"is_{word}")]
        takes_null = (
            kind not in ("ListAttribute", "DynamicMapAttribute", "NullAttribute", "VersionAttribute") and "Set" not in kind
        )
        if attribute.null and takes_null:
            declared.arguments.append("null=True")
        _add_default(declared, attribute)
        return declared

    def _container(self, declared: Field, attribute: Any) -> None:
        optional = " | None" if attribute.null else ""
        if declared.call == "ListAttribute":
            element = getattr(attribute, "element_type", None)
            declared.type, of = self._element(element)
            if of:
                declared.arguments.append(f"of={of}")
                declared.imports += [(FORMS, of)] if of in TYPES else []
        elif declared.call == "DynamicMapAttribute":
            members: dict[str, Any] = dict(attribute.get_attributes())
            codecs = {each.attr_name: codec for each in members.values() if (codec := _codec_of(each)) is not None}
            if codecs:
                declared.arguments.append(f"{{{', '.join(f'{literal(name)}: {codec}()' for name, codec in codecs.items())}}}")
                declared.imports += [(FORMS, codec) for codec in codecs.values()]
        elif _is_plain_map(_class_of(attribute)):
            declared.type = f"dict[str, Any]{optional}"
            declared.arguments += ["dict[str, Any]"] if optional else []
        else:
            document = self._document(_class_of(attribute))
            declared.type = f"{document}{optional}"
            declared.arguments.append(document)

    def _element(self, element: Any) -> tuple[str, str]:
        """The type of a list's elements, and what ``of=`` names."""
        if element is None:
            return "Any", ""
        kind = _kind_of_class(element)
        if kind == "MapAttribute" and not _is_plain_map(element):
            document = self._document(element)
            return document, document
        return (TYPES[kind], kind) if kind in TYPES and element.__name__ == kind else ("Any", "")

    def _document(self, map_: type[Any]) -> str:
        if map_ not in self.documents:
            name = self.documents[map_] = self.names.exactly(map_.__name__)
            document = Class(name, "Document", f"A map that the PynamoDB class {map_.__name__} declares.")
            members: dict[str, Any] = dict(map_.get_attributes())
            document.fields = self._fields(members)
            self.classes_.append(document)
        return self.documents[map_]

    # --- indexes

    def _indexes(self, model: type[Any], one: Class) -> list[Index]:
        names = {id(value): name for base in reversed(model.__mro__) for name, value in vars(base).items()}
        indexes: list[Index] = []
        for index in {id(index): index for index in model._indexes.values()}.values():
            schema = index._get_schema()
            roles: dict[str, list[str]] = {"HASH": [], "RANGE": []}
            for each in schema["key_schema"]:
                roles[each["KeyType"]].append(each["AttributeName"])
            is_global = any(base.__name__ == "GlobalSecondaryIndex" for base in type(index).__mro__)
            kind: str = schema["projection"]["ProjectionType"]
            included: list[str] = sorted(schema["projection"].get("NonKeyAttributes") or ())
            projected: str | list[str] = included if kind == "INCLUDE" else kind
            declared = Index(schema["index_name"], is_global, roles["HASH"], roles["RANGE"], projected)
            declared.preferred = names.get(id(index), "")
            indexes.append(declared)
            self._add_missing(one, index, included)
        return indexes

    def _add_missing(self, one: Class, index: Any, included: list[str]) -> None:
        """What only the index declares."""
        for name, attribute in index.Meta.attributes.items():
            if one.field_of(attribute.attr_name) is None:
                declared = self._field(name, attribute)
                declared.arguments = [each for each in declared.arguments if each not in ("hash_key=True", "range_key=True")]
                if declared.call in (*OPTIONAL, *OPTIONAL_TIMES) and not declared.type:
                    declared.type = f"{TYPES[declared.call]} | None"
                    declared.arguments.append("null=True")
                declared.notes.append("only an index declares it")
                one.fields.append(declared)
        for stored in included:
            if one.field_of(stored) is None:
                one.fields.append(Field(stored, "Any", arguments=["default=None"], notes=["only a projection names it"]))


def _kind_of_class(cls: type[Any]) -> str:
    """The name of the attribute class of PynamoDB that a class is or extends."""
    return next((base.__name__ for base in cls.__mro__ if base.__module__ == "pynamodb.attributes"), "")


def _kind(attribute: Any) -> str:
    return _kind_of_class(_class_of(attribute))


def _class_of(attribute: Any) -> type[Any]:
    cls: type[Any] = attribute.__class__
    return cls


def _form_of(attribute: Any) -> tuple[str, list[str]]:
    """The attribute class here, and what to say about it."""
    kind, own = _kind(attribute), _class_of(attribute)
    if kind in ("MapAttribute", "DynamicMapAttribute") or own.__module__ == "pynamodb.attributes":
        return kind, []
    plain = kind if kind in TYPES or kind == "ListAttribute" else PLAIN.get(attribute.attr_type, "JSONAttribute")
    if "serialize" not in vars(own) and "deserialize" not in vars(own):
        return plain, []
    note = f"{own.__name__} has a stored form of its own: field(codec=...) takes an object that converts its values"
    return PLAIN.get(attribute.attr_type, plain), [note]


def _type_of(declared: Field) -> str:
    return TYPES.get(declared.call, "Any")


def _codec_of(attribute: Any) -> str | None:
    kind = _kind(attribute)
    if kind in ("BinaryAttribute", "BinarySetAttribute"):
        return (
            {"BinaryAttribute": "LegacyBinary", "BinarySetAttribute": "LegacyBinarySet"}[kind] if _is_legacy(attribute) else None
        )
    return CODECS.get(kind)


def _is_legacy(attribute: Any) -> bool:
    return bool(getattr(attribute, "legacy_encoding", True))


def _is_plain_map(map_: type[Any]) -> bool:
    return map_.__module__ == "pynamodb.attributes" or not map_.get_attributes()


def _discriminator_of(model: type[Any]) -> Any:
    attributes: dict[str, Any] = dict(model.get_attributes())
    return next((each for each in attributes.values() if _kind(each) == "DiscriminatorAttribute"), None)


def _add_default(declared: Field, attribute: Any) -> None:
    """The default of an attribute where it is a value; one that is a function is named in a comment."""
    for word in ("default", "default_for_new"):
        default = getattr(attribute, word, None)
        if default is None or declared.call in ("VersionAttribute", "NullAttribute"):
            continue
        if callable(default):
            name = getattr(default, "__qualname__", type(default).__qualname__)
            declared.notes.append(f"{word}={name} in PynamoDB: pass default_factory=")
        elif declared.is_key or declared.call in ("TTLAttribute", "UTCDateTimeAttribute", "ListAttribute", "MapAttribute"):
            declared.notes.append(f"{word}={default!r:.60} in PynamoDB")
        elif isinstance(default, (str, int, float, bytes)):
            value = literal(default) if isinstance(default, str) else repr(default)
            declared.arguments.append(f"default={value}")
            if word == "default_for_new":
                declared.notes.append("a default for new items in PynamoDB; here, items without the attribute read it too")
