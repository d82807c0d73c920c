"""ETags from versions: conditional reads, and changes that are refused if the item has changed (RFC 9110, section 13)."""

# Without postponed annotations: FastAPI evaluates those of a dependency.
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Annotated, Any, Self

from fastapi import Header, Request, Response

import pydynox._core as _core
from pydynox._shared.typing import Row
from pydynox.exceptions import ConfigurationError
from pydynox.expressions import Condition

from .errors import RefusedError

_IfMatch = Annotated[
    str | None, Header(description="Make the change only if the item has one of these ETags; `*`: if it exists.")
]
_IfNoneMatch = Annotated[
    str | None,
    Header(
        description="Send the item only if it has none of these ETags; make the change only then. `*`: only if there is none."
    ),
]
_TAG = re.compile(r'[ \t,]*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*(?=,|$)')
_OURS = re.compile(r"(0|[1-9][0-9]{0,17})(?:-([0-9a-f]{1,15}))?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# Each as whether it is weak, and its text; none for `*`, which is any.
_Tags = Sequence[tuple[bool, str]]


class ETag:
    """The ``If-Match`` and ``If-None-Match`` of a request, and the ``ETag`` of its response: ``Annotated[ETag, Depends()]``.

    The tag of an item is its ``version()`` and, where the model has it, its ``created_at()``: an item that was deleted and
    created again has another one. ``Depends(ETag.required)`` refuses a change without either header with a 428.

    Raises:
        HTTPException: A header is not a list of ETags (400).

    Example:
        >>> @app.get("/users/{user_id}", responses=responses(304, 404))
        ... async def read(user_id: str, etag: Annotated[ETag, Depends()]) -> User:
        ...     return etag.send(await User.get_or_raise(user_id))
    """

    def __init__(
        self, request: Request, response: Response, if_match: _IfMatch = None, if_none_match: _IfNoneMatch = None
    ) -> None:
        del if_match, if_none_match  # for the schema of the app: a request can have several lines of each
        self._request = request
        self._response = response
        self._match = _tags(request, "If-Match")
        self._none_match = _tags(request, "If-None-Match")

    @classmethod
    async def required(
        cls, request: Request, response: Response, if_match: _IfMatch = None, if_none_match: _IfNoneMatch = None
    ) -> Self:
        """The same for changes that must name the item they were made from: ``Depends(ETag.required)``.

        Raises:
            HTTPException: The request has neither ``If-Match`` nor ``If-None-Match`` (428).

        Example:
            >>> async def change(user_id: str, patch: Patch[User], etag: Annotated[ETag, Depends(ETag.required)]) -> User: ...
        """
        etag = cls(request, response, if_match, if_none_match)
        if etag._match is None and etag._none_match is None:
            raise RefusedError(428, "Send the item's ETag in If-Match, or If-None-Match: * to create it.")
        return etag

    def check(self, item: Any) -> None:
        """Refuse a change that was made from another state of the item; no I/O.

        The write then is guarded by the version that was read, so a change between the two is a 412 as well.

        Args:
            item: The item as it was just read; None if it does not exist.

        Raises:
            HTTPException: A precondition is false (412).
            ConfigurationError: The model has no ``version()``.

        Example:
            >>> user = await User.get_or_raise(user_id)
            >>> etag.check(user)
            >>> user.model_apply(patch)
            >>> await user.save()
        """
        tag = None if item is None else _tag_of(item)
        if self._match is not None and not _matches(self._match, tag, weakly=False):
            raise RefusedError(412, "The item was changed in the meantime: read it again.")
        if self._none_match is not None and _matches(self._none_match, tag, weakly=True):
            raise RefusedError(412, "The item already exists.")

    def condition(self, model: type[Any]) -> Condition | None:
        """The ``If-Match`` of the request as a condition, for changes by key; no I/O. If it fails, the response is a 412.

        Args:
            model: The class of the item.

        Returns:
            None without the header and for ``*``: changes by key need the item to exist in any case.

        Raises:
            HTTPException: No item of the model can have one of the ETags (412).
            ConfigurationError: The model has no ``version()``.

        Example:
            >>> await User.key(user_id).update(*patch.model_actions(), condition=etag.condition(User))
        """
        version, created = _purposes(model)
        if not self._match:
            return None
        conditions: list[Condition] = []
        for weak, text in self._match:
            ours = None if weak else _OURS.fullmatch(text)
            if ours is None or (ours[2] is not None and created is None):
                continue
            condition = _version_is(getattr(model, version), int(ours[1]))
            if created is not None:
                moment: Any = getattr(model, created)
                condition &= moment.not_exists() if ours[2] is None else moment == _EPOCH + int(ours[2], 16) * _MICROSECOND
            conditions.append(condition)
        if not conditions:
            raise RefusedError(412, "The item was changed in the meantime: read it again.")
        condition = reduce(lambda one, other: one | other, conditions)
        self._request.state.pydynox_condition = condition
        return condition

    def send(self, item: Row) -> Row:
        """Put the tag of an item into the response's ``ETag``; no I/O.

        Args:
            item: The item, as it is read or after it was written.

        Returns:
            The same item.

        Raises:
            HTTPException: The request is a GET, and its client has this state of the item (304).
            ConfigurationError: The model has no ``version()``.

        Example:
            >>> return etag.send(await User.get_or_raise(user_id))
        """
        tag = _tag_of(item)
        self._response.headers["ETag"] = f'"{tag}"'
        if self._request.method in ("GET", "HEAD"):
            if self._match is not None and not _matches(self._match, tag, weakly=False):
                raise RefusedError(412, "The item was changed in the meantime.")
            if self._none_match is not None and _matches(self._none_match, tag, weakly=True):
                raise RefusedError(304, headers={"ETag": f'"{tag}"'})
        return item


def _version_is(path: Any, number: int) -> Condition:
    # An item that was stored before the model had a version reads as version 0.
    condition: Condition = path.not_exists() | (path == 0) if number == 0 else path == number
    return condition


def _purposes(model: type[Any]) -> tuple[str, str | None]:
    """The names of the attributes from which the tag of an item is built."""
    given: Any = model
    if not issubclass(given, _core.Instance):
        # An object of a repository: which of its fields is the version, only the repository knows.
        raise ConfigurationError(f"an ETag is built from an instance of a Model, not from {model.__name__}", model=model.__name__)
    names = {attribute.options.purpose: name for name, attribute in model.model_fields.items()}
    if "version" not in names:
        raise ConfigurationError(
            f"{model.__name__} has no version, of which ETags are made: declare version: Attr[int] = version()",
            model=model.__name__,
        )
    return names["version"], names.get("created_at")


def _tag_of(item: Any) -> str:
    version, created = _purposes(item.__class__)
    moment = None if created is None else getattr(item, created)
    text = str(getattr(item, version))
    return text if moment is None else f"{text}-{(moment - _EPOCH) // _MICROSECOND:x}"


def _matches(tags: _Tags, tag: str | None, *, weakly: bool) -> bool:
    if tag is None:
        return False
    return not tags or any(text == tag and (weakly or not weak) for weak, text in tags)


def _tags(request: Request, name: str) -> _Tags | None:
    lines = request.headers.getlist(name)
    if not lines:
        return None
    text = ",".join(lines).strip(" \t")
    if text == "*":
        return ()
    tags: list[tuple[bool, str]] = []
    place = 0
    while match := _TAG.match(text, place):
        tags.append((match[1] is not None, match[2]))
        place = match.end()
    if not tags or text[place:].strip(" \t,"):
        raise RefusedError(400, f'{name} must be * or ETags in double quotes, such as "3".')
    return tags
