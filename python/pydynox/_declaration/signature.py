"""What ``inspect.signature`` shows for a model: its attributes as keyword-only parameters. Imported only for that."""

from __future__ import annotations

from inspect import Parameter, Signature  # noqa: TID251 (the caller has already imported it)
from typing import TYPE_CHECKING, Any

from .definition import MANAGED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydynox.attributes import Attr


class _Made:
    """The default of a parameter that is created again for each instance."""

    def __repr__(self) -> str:
        return "<factory>"


_FACTORY = _Made()


def signature_of(attributes: Iterable[Attr[Any]]) -> Signature:
    """The constructor of a model with these attributes."""
    return Signature(
        [
            Parameter(attribute.name, Parameter.KEYWORD_ONLY, default=_default_of(attribute), annotation=attribute.type)
            for attribute in attributes
            if attribute.options.template is None and attribute.options.purpose not in MANAGED
        ]
    )


def _default_of(attribute: Attr[Any]) -> Any:
    if attribute.options.default is not None:
        return attribute.options.default[0]
    return Parameter.empty if attribute.options.default_factory is None else _FACTORY
