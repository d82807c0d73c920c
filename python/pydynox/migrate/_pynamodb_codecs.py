"""Codecs of what PynamoDB stores in a form of its own: Boolean numbers, Base64 bytes, JSON text, datetimes, dynamic maps."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydynox._shared.typing import Codec


LENGTH = len("2026-11-23T03:41:00.000000+0000")


class LegacyBoolean:
    """The codec of a ``bool`` that is stored as the number 1 or 0, as PynamoDB 1 and its ``LegacyBooleanAttribute`` wrote it.

    A stored BOOL is read too, because PynamoDB 2 to 4 wrote both.

    Example:
        >>> active: Attr[bool] = field(codec=LegacyBoolean())
    """

    def to_stored(self, value: bool, /) -> Any:
        """The number 1 or 0."""
        return int(value)

    def from_stored(self, value: Any, /) -> bool:
        """The ``bool`` of a stored number or BOOL."""
        if isinstance(value, bool) or value in (0, 1):
            return bool(value)
        raise ValueError(f"a legacy Boolean is stored as 1, 0 or BOOL, not {value!r}")


class LegacyBinary:
    """The codec of ``bytes`` whose Base64 text is stored as B: PynamoDB 5, and 6 with ``legacy_encoding=True``.

    Such a value takes a third more space, and DynamoDB compares and sorts the text, not the bytes.

    Example:
        >>> digest: Attr[bytes] = field(codec=LegacyBinary())
    """

    def to_stored(self, value: bytes, /) -> bytes:
        """The Base64 text, as bytes."""
        return b64encode(value)

    def from_stored(self, value: bytes, /) -> bytes:
        """The bytes of a stored Base64 text."""
        return _decoded(value)


class LegacyBinarySet:
    """The codec of a set of ``bytes`` whose members are stored as Base64 text, as ``LegacyBinary`` stores one value.

    Example:
        >>> digests: Attr[set[bytes]] = field(codec=LegacyBinarySet(), default_factory=set, missing=set())
    """

    def to_stored(self, value: set[bytes], /) -> set[bytes] | None:
        """The Base64 text of each member, as bytes; None for the empty set, which DynamoDB does not have."""
        return {b64encode(member) for member in value} or None

    def from_stored(self, value: set[bytes] | None, /) -> set[bytes]:
        """The bytes of each stored member."""
        return {_decoded(member) for member in value or ()}


class JSONText:
    """The codec of a value that is stored as JSON text, character for character as PynamoDB's ``JSONAttribute`` writes it.

    ``pydynox.JSONAttribute`` writes compact text instead. Both read both; only comparing the stored text tells them apart.

    Example:
        >>> payload: Attr[Any] = field(codec=JSONText(), default=None)
    """

    def to_stored(self, value: Any, /) -> str:
        """The text that ``json.dumps`` returns."""
        return json.dumps(value)

    def from_stored(self, value: str, /) -> Any:
        """The value of a stored text; control characters inside strings are accepted, as PynamoDB does."""
        return json.loads(value, strict=False)


class DynamicMap:
    """The codec of a ``DynamicMapAttribute``: a dictionary in which the members named here have a stored form of their own.

    Args:
        members: Codecs by the stored name of the member. Every other member is stored as it is, and read as a plain value.

    Example:
        >>> profile: Attr[dict[str, Any]] = field(codec=DynamicMap({"seen": UTCDateTime()}), default_factory=dict, missing={})
    """

    def __init__(self, members: Mapping[str, Codec[Any]], /) -> None:
        for name, codec in members.items():
            if not callable(getattr(codec, "to_stored", None)) or not callable(getattr(codec, "from_stored", None)):
                raise TypeError(f"the member {name!r} of a DynamicMap needs a codec, such as UTCDateTime(), not {codec!r}")
        self._members = dict(members)

    def to_stored(self, value: dict[str, Any], /) -> dict[str, Any]:
        """A copy of the dictionary with the named members in their stored forms."""
        return {
            name: self._members[name].to_stored(member) if name in self._members and member is not None else member
            for name, member in value.items()
        }

    def from_stored(self, value: dict[str, Any], /) -> dict[str, Any]:
        """The dictionary with the named members read from their stored forms."""
        return {
            name: self._members[name].from_stored(member) if name in self._members and member is not None else member
            for name, member in value.items()
        }


def _decoded(text: bytes) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise ValueError("is not Base64 text: declare it without the legacy encoding") from None


class UTCDateTime:
    """The codec of a ``datetime`` that is stored as ``2026-11-23T03:41:00.000000+0000``: UTC, always with microseconds.

    For members of a ``DynamicMap``; an attribute of its own is declared with ``UTCDateTimeAttribute()``.

    Example:
        >>> profile: Attr[dict[str, Any]] = field(codec=DynamicMap({"seen": UTCDateTime()}), default_factory=dict, missing={})
    """

    def to_stored(self, value: datetime, /) -> str:
        """The text, in UTC."""
        if value.tzinfo is None:
            raise ValueError("has no time zone: add one, as in datetime.now(UTC)")
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "+0000"

    def from_stored(self, value: str, /) -> datetime:
        """The datetime of a stored text."""
        # Before the year 1000, some systems did not pad the text that PynamoDB wrote.
        moment = datetime.fromisoformat(value if len(value) >= LENGTH else value.zfill(LENGTH))
        if moment.tzinfo is None:
            raise ValueError("has no offset from UTC")
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
