"""Attributes that are stored encrypted or compressed: their options, checked when the class is created."""

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
        ConfigurationError: An attribute cannot be protected, or has an option without effect.
    """
    for attribute in attributes:
        if attribute.options.protection is None:
            option = next(iter(attribute.options.storing), None)
            if option is not None:
                fail(cls, attribute.name, f"has {option}= but is neither Encrypted nor Compressed")
            continue
        _check(cls, attribute, is_document=is_document)


def protection_of(attribute: Attr[Any]) -> _core.Protected | None:
    """How an attribute is protected, in the form that the extension takes."""
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
    """Whether the values of an attribute are hidden from every dump and ``repr()``."""
    return attribute.options.protection == "encrypted" and not attribute.options.storing.get("dump", False)


def place_concealed(cls: type[Any], attributes: Iterable[Attr[Any]]) -> None:
    """Have the instances of a class keep their concealed values outside ``__dict__``.

    Such an attribute has a descriptor in the class. Others have none, which keeps access fast, unless a base class conceals an
    attribute of the same name.
    """
    for attribute in attributes:
        name = attribute.name
        current = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
        if conceals(attribute) and not isinstance(current, _core.Concealed):
            setattr(cls, name, _core.Concealed(name))
        elif isinstance(current, _core.Concealed) and not conceals(attribute):
            # Found before the descriptor of the base. It has no __set__, so the instance's __dict__ comes first again.
            setattr(cls, name, _Shown(name))


class _Shown:
    """Overrides the descriptor of a base class: the values are in ``__dict__`` again."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: Any) -> Any:
        if instance is None:
            return owner._path_to(self._name)
        raise AttributeError(self._name)


def _check(cls: type[Any], attribute: Attr[Any], *, is_document: bool) -> None:
    name, word, storing = attribute.name, attribute.options.protection, attribute.options.storing
    if is_document:
        fail(
            cls,
            name,
            f"is {word} in a document: only whole attributes of an item can be; make the attribute holding the document {word}",
        )
    if attribute.options.roles:
        fail(cls, name, f"is a key and {word}: DynamoDB can find items only by keys it can read")
    if attribute.options.purpose is not None:
        fail(cls, name, f"is {word}, but pydynox and DynamoDB must read it")
    if attribute.options.template is not None:
        fail(cls, name, f"is {word} and built from others by a template: protect the attributes it is built from")
    only_encrypted = next((option for option in ("compress", "on_plaintext", "dump") if option in storing), None)
    if word == "compressed" and only_encrypted is not None:
        fail(cls, name, f"has {only_encrypted}=, which is for Encrypted")
    compresses = word == "compressed" or storing.get("compress", False)
    idle = next((option for option in _COMPRESSION if option in storing), None)
    if not compresses and idle is not None:
        fail(cls, name, f"has {idle}= but is not compressed: set compress=True")
    if storing.get("on_plaintext", "error") not in ("error", "migrate"):
        fail(cls, name, f"has on_plaintext={storing['on_plaintext']!r}: write 'error' or 'migrate'")
    for option in ("compress", "dump"):
        if not isinstance(storing.get(option, False), bool):
            fail(cls, name, f"has {option}={storing[option]!r}: write True or False")
    for option in _COMPRESSION:
        value = storing.get(option, 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            fail(cls, name, f"has {option}={value!r}: write a whole number")
