"""Attributes that are stored encrypted or compressed: what a class says about them, checked when the class is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pydynox._core as _core

from .annotations import fail

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydynox.attributes import Attr

_COMPRESSION = {"compress_level": 3, "compress_above": 1024, "max_size": 4 * 1024 * 1024}


def check_protected(cls: type[Any], attributes: Iterable[Attr[Any]], *, is_document: bool) -> None:
    """Check the protected attributes of a class.

    Raises:
        ConfigurationError: One cannot be protected, or says something that means nothing.
    """
    for attribute in attributes:
        if attribute.options.protection is None:
            option = next(iter(attribute.options.storing), None)
            if option is not None:
                fail(cls, attribute.name, f"says {option}= and is neither Encrypted nor Compressed")
            continue
        _check(cls, attribute, is_document=is_document)


def protection_of(attribute: Attr[Any]) -> _core.Protected | None:
    """How an attribute is protected, as the border takes it."""
    if attribute.options.protection is None:
        return None
    storing = attribute.options.storing
    encrypts = attribute.options.protection == "encrypted"
    compresses = not encrypts or storing.get("compress", False)
    level, above, largest = (storing.get(name, default) for name, default in _COMPRESSION.items())
    return (
        storing.get("on_plaintext", "error") if encrypts else None,
        (level, above, largest) if compresses else None,
        not encrypts or storing.get("dump", False),
    )


def conceals(attribute: Attr[Any]) -> bool:
    """Whether no way out of an instance shows the values of an attribute."""
    return attribute.options.protection == "encrypted" and not attribute.options.storing.get("dump", False)


def place_concealed(cls: type[Any], attributes: Iterable[Attr[Any]]) -> None:
    """Have the instances of a class keep their concealed values outside of ``__dict__``.

    Such an attribute has a descriptor in the class. Others have none, which is what makes them fast, unless a base class conceals
    the one of that name.
    """
    for attribute in attributes:
        name = attribute.name
        current = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
        if conceals(attribute) and not isinstance(current, _core.Concealed):
            setattr(cls, name, _core.Concealed(name))
        elif isinstance(current, _core.Concealed) and not conceals(attribute):
            setattr(cls, name, _Shown(name))


class _Shown:
    """Stands before the descriptor of a base class: the values are in ``__dict__`` again."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: Any) -> Any:
        if instance is None:
            return owner._path_to(self._name)
        raise AttributeError(self._name)


def _check(cls: type[Any], attribute: Attr[Any], *, is_document: bool) -> None:
    name, word, storing = attribute.name, attribute.options.protection, attribute.options.storing
    if is_document:
        fail(cls, name, f"is {word} in a document: only whole attributes of an item are; make the document {word}")
    if attribute.options.roles:
        fail(cls, name, f"is a key and {word}: DynamoDB finds items by what it can read")
    if attribute.options.purpose is not None:
        fail(cls, name, f"is {word}, and pydynox and DynamoDB have to read it")
    if attribute.options.template is not None:
        fail(cls, name, f"is {word} and made of others by a template: protect what it is made of")
    only_encrypted = next((option for option in ("compress", "on_plaintext", "dump") if option in storing), None)
    if word == "compressed" and only_encrypted is not None:
        fail(cls, name, f"says {only_encrypted}=, which is for Encrypted")
    compresses = word == "compressed" or storing.get("compress", False)
    idle = next((option for option in _COMPRESSION if option in storing), None)
    if not compresses and idle is not None:
        fail(cls, name, f"says {idle}= and is not compressed: say compress=True")
    if storing.get("on_plaintext", "error") not in ("error", "migrate"):
        fail(cls, name, f"says on_plaintext={storing['on_plaintext']!r}: write 'error' or 'migrate'")
    for option in ("compress", "dump"):
        if not isinstance(storing.get(option, False), bool):
            fail(cls, name, f"says {option}={storing[option]!r}: write True or False")
    for option in _COMPRESSION:
        value = storing.get(option, 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            fail(cls, name, f"says {option}={value!r}: write a whole number")
