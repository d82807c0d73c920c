"""The pydantic model of a partial change of a model's items. Imported when a program asks for one."""

from __future__ import annotations

import string
import warnings
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from .instances import is_managed
from .pydantic_errors import model_check
from .pydantic_schema import field_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydynox.attributes import Attr
    from pydynox.expressions import Action

_patches: dict[type[Any], type[ModelPatch]] = {}


class ModelPatch(BaseModel):
    """The base of what ``Model.model_patch()`` returns: attributes that were sent change, None removes, all others stay."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())
    pydynox_model: ClassVar[Any] = None  # the model whose items it changes
    pydynox_attributes: ClassVar[dict[str, Attr[Any]]] = {}

    def model_actions(self) -> list[Action]:
        """The changes as actions, for an update that reads nothing: one ``SET`` or ``REMOVE`` for each attribute that was sent.

        Raises:
            ValidationError: A value does not fit.

        Example:
            >>> await User.key(user_id).update(*patch.model_actions())
        """
        model = type(self).pydynox_model
        values = {name: getattr(self, name) for name in type(self).pydynox_attributes if name in self.model_fields_set}
        paths = {name: getattr(model, name) for name in values}
        return [
            paths[name].remove() if value is None and not _stores_null(model, name) else paths[name].set(value)
            for name, value in values.items()
        ]


class _SecretPatch(ModelPatch):
    """The base where an attribute is encrypted: errors do not show what was sent for it."""

    @model_validator(mode="wrap")
    @classmethod
    def _hide(cls, value: Any, validate: Any) -> Any:
        return model_check(dict(cls.pydynox_attributes))(value, validate)


def patch_of(model: type[Any]) -> type[ModelPatch]:
    """The class of the changes of a model's items, the same one each time."""
    patch = _patches.get(model)
    if patch is None:
        patch = _patches.setdefault(model, _made(model))
    return patch


def _stores_null(model: Any, name: str) -> bool:
    return bool(model.model_fields[name].options.store_null)


def _made(model: type[Any]) -> type[ModelPatch]:
    parts = _key_parts(model.model_fields)
    attributes = {
        name: attribute for name, attribute in model.model_fields.items() if name not in parts and _is_writable(attribute)
    }
    has_secrets = any(attribute.options.protection == "encrypted" for attribute in attributes.values())
    name = f"{model.__name__}Patch"
    about = f"A change of {model.__name__}: null removes, and what is left out stays as it is."
    body: dict[str, Any] = {
        "__module__": model.__module__,
        "__qualname__": f"{model.__qualname__}Patch",
        "__doc__": about,
        "pydynox_model": model,
        "pydynox_attributes": attributes,
    }
    base: Any = type(name, (_SecretPatch if has_secrets else ModelPatch,), body)
    fields: dict[str, Any] = {
        name: (Annotated[Any, _Attribute(model, attribute)], _absent(attribute)) for name, attribute in attributes.items()
    }
    with warnings.catch_warnings():
        # An attribute may be called `json` or `copy`: its value hides a method of pydantic that nothing here calls.
        warnings.filterwarnings("ignore", r"Field name .* shadows an attribute", UserWarning)
        patch = create_model(name, __base__=base, __module__=model.__module__, __doc__=about, **fields)
    return cast("type[ModelPatch]", patch)


def _absent(attribute: Attr[Any]) -> Any:
    # A factory, since a default would be part of the JSON Schema.
    is_secret = attribute.options.protection == "encrypted"
    return Field(default_factory=_nothing, repr=not is_secret, exclude=is_secret)


def _nothing() -> None:
    return None


def _key_parts(attributes: Mapping[str, Attr[Any]]) -> set[str | None]:
    """The names of the attributes that keys are built from: a stored item's do not change."""
    templates = [attribute.options.template for attribute in attributes.values() if attribute.options.roles]
    return {name for template in templates if template is not None for _, name, _, _ in string.Formatter().parse(template)}


def _is_writable(attribute: Attr[Any]) -> bool:
    return not (attribute.options.roles or attribute.immutable or is_managed(attribute))


class _Attribute:
    """The type of an attribute, as the body of a request has it."""

    def __init__(self, model: type[Any], attribute: Attr[Any]) -> None:
        self._model = model
        self._attribute = attribute

    def __get_pydantic_core_schema__(self, _: Any, handler: Any) -> Any:
        return field_schema(self._model, self._attribute, handler)
