"""Generation: instances and values of every type that can be stored, within what is declared. PYTEST_DONT_REWRITE"""

from __future__ import annotations

import itertools
import typing
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import pydynox._core as _core
from pydynox._declaration.compile import completed
from pydynox._declaration.instances import is_managed
from pydynox._declaration.kinds import datetimes_as, kind_of
from pydynox._declaration.record_types import constructor_members, is_typed_dict, pydantic_options
from pydynox.exceptions import ValidationError

from . import _ranges
from ._choices import Span
from ._declared import Needs, needs_of, present_annotation, pydantic_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ._choices import Choices

_DEEP = 2  # where classes contain themselves, those at this depth contain nothing
_NO_RULES: dict[str, Any] = {}


class _Place(NamedTuple):
    """What one value is chosen for."""

    name: str
    rules: Mapping[str, Any] = _NO_RULES
    needs: Needs = Needs()
    depth: int = 0
    in_container: bool = False
    in_json: bool = False

    def inside(self) -> _Place:
        """An element of the value."""
        return _Place(self.name, depth=self.depth, in_container=True, in_json=self.in_json)


class Generator:
    """Chooses instances and values.

    Args:
        choices: Where they come from.
        caller: What refusals begin with.
    """

    def __init__(self, choices: Choices, caller: str) -> None:
        self._choices, self._caller = choices, caller

    def instance(self, cls: Any, given: Mapping[str, Any], depth: int = 0) -> Any:
        """An instance of a class; what is given is taken as it is.

        Raises:
            ValidationError: A given name or value is not valid, or nothing that was chosen was accepted.
            ConfigurationError: The class cannot have instances.
            TypeError: It is not a class whose values can be stored.
        """
        if isinstance(cls, type) and issubclass(cls, (_core.Instance, _core.Document)):
            return self._declared(cls, given, depth)
        kind = kind_of(cls)
        if kind[0] not in ("record", "pydantic"):
            raise TypeError(f"{self._caller} takes a model, a document, or a class whose values are maps, not {cls!r}")
        return self._members(cls, kind, _Place("", depth=depth), given)

    def _declared(self, cls: Any, given: Mapping[str, Any], depth: int) -> Any:
        """An instance of a model or document."""
        definition = completed(cls)
        if definition.abstract:
            _ = cls._schema  # which refuses, naming the remedy
        self._check_names(cls, given, definition.attributes)
        chosen_for = {name: one for name, one in definition.attributes.items() if name not in given and not is_managed(one)}
        needs = needs_of(cls, definition)
        values: dict[str, Any] = {}
        problem: ValidationError | None = None
        for attempt in range(self._choices.tries):
            for name, attribute in chosen_for.items():
                if name not in values:
                    place = _Place(name.strip("_"), attribute.options.rules, needs.get(name, Needs()), depth)
                    with datetimes_as(definition.datetime_format):
                        values[name] = self._at(f"{name}/{attempt}", attribute.type, attribute.kind or ("any",), place)
            try:
                instance = cls(**values, **given)
                if not (hasattr(cls, "_schema") and cls._schema.is_protected):
                    instance.model_to_item()  # which also checks what only a write does
            except ValidationError as refusal:
                problem = refusal
                refused = {name for name, _ in refusal.errors}
                if refused & set(given):
                    raise
                for name in refused & set(values) or set(values):
                    del values[name]
            else:
                return instance
        return self._refuse(cls, problem)

    def _check_names(self, cls: Any, given: Mapping[str, Any], names: Mapping[str, object]) -> None:
        errors: list[tuple[str, str]] = []
        for name in given:
            if name not in names:
                import difflib

                near = difflib.get_close_matches(name, names, 1)
                message = f"{cls.__name__} has no attribute {name!r}" + (f": did you mean {near[0]!r}?" if near else "")
                errors.append((name, message))
        if errors:
            raise ValidationError("; ".join(message for _, message in errors), errors=errors)

    def _refuse(self, cls: Any, problem: Exception | None) -> NoReturn:
        self._choices.give_up()
        errors = problem.errors if isinstance(problem, ValidationError) else ()
        name = next((name for name, _ in errors if name), None)
        remedy = f"; pass {name}=" if name else ""
        raise ValidationError(
            f"{self._caller} found no {cls.__name__} in {self._choices.tries} tries: {problem}{remedy}", errors=errors
        )

    def _at(self, where: str, annotation: Any, kind: tuple[Any, ...], place: _Place) -> Any:
        outer = self._choices
        self._choices = outer.at(where)
        try:
            return self._value(annotation, kind, place)
        finally:
            self._choices = outer

    def _value(self, annotation: Any, kind: tuple[Any, ...], place: _Place) -> Any:  # noqa: PLR0912 (one case for each kind)
        choices, rules, needs = self._choices, place.rules, place.needs
        label = kind[0]
        match label:
            case "optional":
                is_deep = place.depth >= _DEEP and kind[1][0] in ("record", "pydantic")
                if needs.may_be_none and (is_deep or choices.is_absent()):
                    return None
                # An empty set is stored as no attribute, which reads as None.
                inner = place._replace(in_container=place.in_container or needs.is_attribute)
                return self._value(present_annotation(annotation), kind[1], inner)
            case "str":
                return self._text(place)
            case "bytes":
                least, most = _lengths(rules, needs)
                return choices.binary(least, most)
            case "int":
                return _ranges.whole(choices, rules, digits=needs.digits)
            case "float":
                return _ranges.real(choices, rules)
            case "number":
                # Larger floats are whole numbers, which read as int, and an int is not rounded to what a float holds.
                return _ranges.real(choices, {"ge": -1e15, "le": 1e15, **rules})
            case "decimal":
                return _ranges.decimal(choices, rules if not needs.digits else {"ge": 0, "lt": 10**needs.digits, **rules})
            case "bool":
                return choices.member((False, True))
            case "none":
                return None
            case "datetime":
                return _ranges.moment(choices, rules, kind, expires=needs.expires)
            case "date":
                return _ranges.day(choices, rules, kind)
            case "time":
                return _ranges.clock(choices, rules, kind)
            case "timedelta":
                return _ranges.duration(choices, rules)
            case "uuid":
                return self._uuid()
            case "enum" | "literal":
                return choices.member(list(kind[4].values()))
            case "json":
                return self._value(annotation, kind[1], place._replace(in_json=True))
            case "codec":
                return self._by_codec(kind, place)
            case "record" | "pydantic":
                return self._members(present_annotation(annotation), kind, place, {})
            case "any":
                return self._anything(place)
            case _:
                return self._container(annotation, kind, place)

    def _text(self, place: _Place) -> str:
        least, most = _lengths(place.rules, place.needs)
        pattern = place.rules.get("pattern")
        if pattern is None:
            return self._choices.text(place.name, least, most, plain=place.needs.is_plain)
        import re

        from ._patterns import matching

        compiled = re.compile(pattern)
        limit = place.rules.get("max_length")
        text = ""
        for _ in range(self._choices.tries):
            text = matching(compiled, self._choices, least, limit)
            if compiled.search(text) and least <= len(text) <= (most if limit is None else limit):
                return text
        return text  # which the constructor refuses, naming the rule

    def _uuid(self) -> Any:
        from uuid import UUID

        return UUID(int=self._choices.integer(Span(0, 2**128 - 1, 0, 2**128 - 1)), version=4)

    def _by_codec(self, kind: tuple[Any, ...], place: _Place) -> Any:
        """What a codec makes of a stored value."""
        _, inner, codec, _, described = kind
        problem: Exception | None = None
        for _ in range(self._choices.tries):
            stored = self._value(Any, inner, place)
            try:
                value = codec.from_stored(stored)
                codec.to_stored(value)
            except Exception as refusal:  # noqa: BLE001 (a codec may refuse with anything)
                problem = refusal
            else:
                return value
        self._choices.give_up()
        raise ValidationError(
            f"{self._caller} found no {described} that its codec reads ({problem}): pass {place.name}=",
            errors=[(place.name, str(problem))],
        )

    def _members(self, cls: Any, kind: tuple[Any, ...], place: _Place, given: Mapping[str, Any]) -> Any:
        """A document, or a value of a class of another library."""
        depth = place.depth + 1
        plain: Any = typing.get_origin(cls) or cls
        if isinstance(plain, type) and issubclass(plain, _core.Document):
            return self._declared(plain, given, depth)
        if kind[0] == "pydantic":
            return self._pydantic(cls, place, given)
        members = constructor_members(cls)
        is_dict = is_typed_dict(cls)

        def choose(at: str) -> dict[str, Any]:
            values: dict[str, Any] = {}
            for name, (annotation, required) in members.items():
                if name in given or (not required and is_dict and self._choices.is_absent()):
                    continue
                # None is stored where a missing member would read as something else.
                values[name] = self._member(f"{name}/{at}", name, annotation, place, _NO_RULES)
            return values

        return self._accepted(plain, members, given, choose, lambda values: plain(**values))

    def _pydantic(self, cls: Any, place: _Place, given: Mapping[str, Any]) -> Any:
        fields: dict[str, Any] = cls.model_fields

        def choose(at: str) -> dict[str, Any]:
            return {
                name: self._member(f"{name}/{at}", name, one.annotation, place, pydantic_rules(one.metadata))
                for name, one in fields.items()
                if name not in given
            }

        options = pydantic_options(cls)
        return self._accepted(cls, fields, given, choose, lambda values: cls.model_validate(values, **options))

    def _member(self, at: str, name: str, annotation: Any, place: _Place, rules: Mapping[str, Any]) -> Any:
        needs = Needs(may_be_none=True, is_attribute=True)
        inner = _Place(name.strip("_"), rules, needs, place.depth + 1, in_json=place.in_json)
        return self._at(at, annotation, kind_of(annotation), inner)

    def _accepted(
        self,
        cls: Any,
        names: Mapping[str, object],
        given: Mapping[str, Any],
        choose: Callable[[str], dict[str, Any]],
        make: Callable[[dict[str, Any]], Any],
    ) -> Any:
        """An object that the class itself accepts."""
        self._check_names(cls, given, names)
        problem: Exception | None = None
        for attempt in range(self._choices.tries):
            try:
                return make({**choose(str(attempt)), **given})
            except ValueError as refusal:  # as those of pydantic, attrs and pydynox are
                problem = refusal
        return self._refuse(cls, problem)

    def _anything(self, place: _Place) -> Any:
        """A value of an attribute whose type is left open."""
        choices = self._choices
        kinds: list[Any] = ["str", "int", "bool", "none", "list", "dict", *(["float"] if place.in_json else ["bytes"])]
        if choices.only_usual or place.depth >= _DEEP:
            kinds = ["str"]
        label = choices.member(kinds)
        if label in ("list", "dict"):
            return self._value(Any, (label, ("any",)), place._replace(depth=place.depth + 1, rules={}, needs=Needs()))
        return self._value(Any, (label,), place._replace(rules=place.rules if label == "str" else {}))

    def _container(self, annotation: Any, kind: tuple[Any, ...], place: _Place) -> Any:
        arguments = typing.get_args(present_annotation(annotation))
        inside = place.inside()
        numbers = itertools.count()

        def element(annotation: Any, kind: tuple[Any, ...]) -> Any:
            return self._at(str(next(numbers)), annotation, kind, inside)

        if kind[0] == "tuple":
            return tuple(map(element, arguments, kind[1]))
        least, most = place.rules.get("min_length", 0), place.rules.get("max_length")
        is_set = kind[0] in ("set", "frozenset")
        if is_set and place.in_container:
            least = max(least, 1)  # DynamoDB has no empty set
        count = self._choices.size(least, least if place.depth >= _DEEP else most)
        if kind[0] == "dict":
            names = self._distinct(lambda: self._choices.text(place.name or "name", 1, 40, plain=False), count)
            of = arguments[1] if arguments else Any
            return {name: element(of, kind[1]) for name in names}
        of = arguments[0] if arguments else Any
        if is_set:
            elements = self._distinct(lambda: element(of, kind[1]), count)
            return set(elements) if kind[0] == "set" else frozenset(elements)
        chosen = [element(of, kind[1]) for _ in range(count)]
        return tuple(chosen) if kind[0] == "tuple_of" else chosen

    def _distinct(self, choose: Callable[[], Any], count: int) -> list[Any]:
        """Different values, ``count`` of them or as many as were found: a type may have fewer."""
        values: dict[Any, None] = {}
        for _ in range(count + self._choices.tries):
            if len(values) == count:
                break
            values[choose()] = None
        return list(values)


def _lengths(rules: Mapping[str, Any], needs: Needs) -> tuple[int, int]:
    """The least and largest length of a text or of bytes."""
    least = max(rules.get("min_length", 0), 1 if needs.not_empty else 0)
    most = rules.get("max_length", least + 50)
    return least, max(least, min(most, needs.width or most))
