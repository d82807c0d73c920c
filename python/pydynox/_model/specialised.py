"""Generic models with concrete type arguments: each such alias is a class of its own."""

from __future__ import annotations

from types import new_class
from typing import Any

from pydynox._declaration.kinds import describe


def specialised(model: Any, alias: Any) -> Any:
    """``Event[int]`` as a class of its own, created once: its type variables are bound, so its values can be checked."""
    classes: dict[Any, Any] | None = model.__dict__.get("_specialised")
    if classes is None:
        classes = {}
        model._specialised = classes
    existing = classes.get(alias.__args__)
    if existing is not None:
        return existing
    name = f"{model.__name__}[{', '.join(map(describe, alias.__args__))}]"
    body = {
        "__module__": model.__module__,
        "__qualname__": f"{model.__qualname__}{name[len(model.__name__) :]}",
        "__orig_bases__": (alias,),
        "_alias": alias,
        "__doc__": model.__doc__,
    }
    options = {"abstract": model._definition.abstract}
    # Two threads may arrive here at once: both get the class of the first.
    return classes.setdefault(alias.__args__, new_class(name, (model,), options, lambda namespace: namespace.update(body)))
