"""Every exception that pydynox raises.

```text
PydynoxError
├── ConfigurationError                                 A model or a client is declared wrongly
├── ValidationError (also ValueError)                  Values that do not fit
├── SerializationError                                 A stored value does not fit the declared type
│   └── EncryptionError                                An encrypted value cannot be opened
├── CursorError (also ValueError)                      A cursor is forged, expired, or was made by another query
├── ItemNotFoundError (also LookupError)               There is no such item
│   └── ItemVanishedError (also ConditionFailedError)  A loaded item was to be changed, and it is no longer there
├── MultipleItemsError (also LookupError)              More than one item matches where one was asked for
├── ReadLimitError                                     max_reads requests were sent, and there is more to read
├── ItemTooLargeError                                  An item over 400 KB as DynamoDB counts it
├── ConditionFailedError                               The condition of a write was false, so nothing was written
│   ├── ItemAlreadyExistsError                         A new item was to be written, and its key is taken
│   ├── VersionConflictError                           The item was changed by somebody else since it was read
│   └── UniqueConstraintError                          Another item holds this unique value, so nothing was written
├── TransactionCanceledError                           Nothing of a transaction was applied
├── BatchIncompleteError                               A batch ended before everything was written or read
├── BudgetExceededError                                A block of code wants more than its budget()
├── InternalError                                      A fault of pydynox itself: please report it
└── RequestError                                       The service, or the way to it, refused the request
    ├── ThrottlingError                                The service refused the request because of its rate
    ├── RequestTimeoutError (also TimeoutError)        The call did not end within its timeout
    ├── ConnectionFailedError (also ConnectionError)   There was no connection, or it broke before the request was sent
    ├── CredentialsError                               Credentials are missing, expired, or not accepted
    ├── AccessDeniedError                              The credentials are good but do not allow this
    ├── TableNotFoundError                             There is no such table
    ├── InvalidRequestError                            The service calls the request malformed (its ValidationException)
    ├── InvalidResponseError                           The service's answer cannot be read
    ├── TransactionConflictError                       Another transaction is at work on the same item
    ├── TransactionTokenReusedError                    The token was used before, with another request
    └── WriteOutcomeUnknownError                       Nobody knows whether the write was applied
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "AccessDeniedError",
    "BatchIncompleteError",
    "BudgetExceededError",
    "ConditionFailedError",
    "ConfigurationError",
    "ConnectionFailedError",
    "CredentialsError",
    "CursorError",
    "EncryptionError",
    "InternalError",
    "InvalidRequestError",
    "InvalidResponseError",
    "ItemAlreadyExistsError",
    "ItemNotFoundError",
    "ItemTooLargeError",
    "ItemVanishedError",
    "MultipleItemsError",
    "PydynoxError",
    "ReadLimitError",
    "RequestError",
    "RequestTimeoutError",
    "SerializationError",
    "TableNotFoundError",
    "ThrottlingError",
    "TransactionCanceledError",
    "TransactionConflictError",
    "TransactionTokenReusedError",
    "UniqueConstraintError",
    "ValidationError",
    "VersionConflictError",
    "WriteOutcomeUnknownError",
]


class PydynoxError(Exception):
    """The root of all; its attributes say where, as far as it is known.

    Attributes:
        message: What happened, where, and what to do.
        operation: The DynamoDB operation, such as ``"PutItem"``.
        table: The table's name as it was sent.
        model: The name of the model class.
        attribute: The name of the attribute.
        code: The service's name of the error.
        request_id: What the service calls this request.
        status: The HTTP status of the answer.
        attempts: How often the request was sent.
        elapsed: Seconds from the call to this error.
        retryable: Whether the same call may succeed later.
        ambiguous: Whether an attempt may have reached the service without an answer.
        applied: Whether the write was applied all the same: only its answer could not be used.
    """

    operation: str | None = None
    table: str | None = None
    model: str | None = None
    attribute: str | None = None
    code: str | None = None
    request_id: str | None = None
    status: int | None = None
    attempts: int = 0
    elapsed: float | None = None
    retryable: bool = False
    ambiguous: bool = False
    applied: bool = False

    def __init__(self, message: str = "", **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        for name, value in fields.items():
            if not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} has no field {name!r}")
            setattr(self, name, value)


class ConfigurationError(PydynoxError):
    """A model or a client is declared wrongly; raised when it is made."""


class ValidationError(PydynoxError, ValueError):
    """Values that do not fit; nothing was sent and nothing was changed.

    Attributes:
        errors: All that is wrong, as ``(attribute, message)``, not only the first.
        key: The key of the item, in a batch or a transaction.
        position: Which of its writes it is, counted from 0.
    """

    errors: Sequence[tuple[str, str]] = ()
    key: Any = None
    position: int | None = None


class SerializationError(PydynoxError):
    """A stored value does not fit the declared type; ``model`` and ``attribute`` say which.

    Attributes:
        key: The key of the item, of a row of a query or scan.
        raw: The item as plain values, of such a row.
        cursor: Where reading goes on behind that row.
    """

    key: Any = None
    raw: dict[str, Any] | None = None
    cursor: str | None = None


class EncryptionError(SerializationError):
    """An encrypted value cannot be opened; or plain text stands where ciphertext is expected."""


class CursorError(PydynoxError, ValueError):
    """A cursor is forged, expired, or was made by another query."""


class ItemNotFoundError(PydynoxError, LookupError):
    """There is no such item."""


class MultipleItemsError(PydynoxError, LookupError):
    """More than one item matches where one was asked for."""


class ReadLimitError(PydynoxError):
    """``max_reads`` requests were sent, and there is more to read.

    Attributes:
        cursor: Where reading goes on.
    """

    cursor: str | None = None


class ItemTooLargeError(PydynoxError):
    """An item over 400 KB as DynamoDB counts it; nothing was sent.

    Attributes:
        size: The size of the item in bytes.
        limit: The largest size that DynamoDB accepts.
        largest: The largest attributes, as ``(attribute, size)``.
        key: The key of the item.
        position: Which of the writes of a batch or a transaction it is, counted from 0.
    """

    size: int = 0
    limit: int = 409_600
    largest: Sequence[tuple[str, int]] = ()
    key: Any = None
    position: int | None = None


class ConditionFailedError(PydynoxError):
    """The condition of a write was false, so nothing was written.

    With ``ambiguous`` an earlier attempt of this very call may be what made it false.

    Attributes:
        condition: The condition, when it was the caller's.
        key: The key of the item.
        item: The item as it is stored: an instance of the model, plain values where it fits none, None where there is none.
    """

    condition: object = None
    key: object = None
    item: Any = None


class ItemAlreadyExistsError(ConditionFailedError):
    """A new item was to be written, and its key is taken; ``put()`` replaces what is there."""


class ItemVanishedError(ItemNotFoundError, ConditionFailedError):
    """A loaded item was to be changed, and it is no longer there; nothing was resurrected."""


class VersionConflictError(ConditionFailedError):
    """The item was changed by somebody else since it was read; ``item`` is the stored one."""


class UniqueConstraintError(ConditionFailedError):
    """Another item holds this unique value, so nothing was written.

    Attributes:
        fields: The attributes whose value it is.
        holder: The key of the item that holds it; None where it is not known.
    """

    fields: Sequence[str] = ()
    holder: object = None


class TransactionCanceledError(PydynoxError):
    """Nothing of a transaction was applied.

    Attributes:
        failures: What stood in the way, by the position of its operation.
    """

    failures: dict[int, PydynoxError] = {}  # noqa: RUF012 (each error has its own, see below)

    def __init__(self, message: str = "", **fields: Any) -> None:
        self.failures = {}
        super().__init__(message, **fields)


class BatchIncompleteError(PydynoxError):
    """A batch ended before everything was written or read; ``retryable`` where the service only had no capacity for the rest.

    Attributes:
        unprocessed: What the service has not taken, or what was sent and may be written: instances and keys.
        written: What is written; empty where ``bulk_write`` or an import wrote it, which do not remember what they have done.
        written_count: How many are written, in every case; lines of an import.
        pending: What was not sent any more: what waited to be sent, and the rest of a list or tuple. What another iterator has
            not given yet stays in it.
        items: What was read, in the order of the keys; None where there is no item, or where it was not read.
    """

    unprocessed: Sequence[Any] = ()
    written: Sequence[Any] = ()
    written_count: int = 0
    pending: Sequence[Any] = ()
    items: Sequence[Any] = ()


class BudgetExceededError(PydynoxError):
    """A block of code wants more than its ``budget()``.

    Attributes:
        sites: Where in the program calls were made, and how many, the place with the most first.
    """

    sites: Sequence[tuple[str, int]] = ()


class InternalError(PydynoxError):
    """A fault of pydynox itself: please report it."""


class RequestError(PydynoxError):
    """The service, or the way to it, refused the request; ``code`` is the service's word for it."""


class ThrottlingError(RequestError):
    """The service refused the request because of its rate.

    Attributes:
        reasons: What was throttled, as ``(reason, resource)``.
    """

    reasons: Sequence[tuple[str, str]] = ()


class RequestTimeoutError(RequestError, TimeoutError):
    """The call did not end within its ``timeout``."""


class ConnectionFailedError(RequestError, ConnectionError):
    """There was no connection, or it broke before the request was sent."""


class CredentialsError(RequestError):
    """Credentials are missing, expired, or not accepted."""


class AccessDeniedError(RequestError):
    """The credentials are good but do not allow this."""


class TableNotFoundError(RequestError):
    """There is no such table; ``User.table.create()`` makes it."""


class InvalidRequestError(RequestError):
    """The service calls the request malformed (its ``ValidationException``)."""


class InvalidResponseError(RequestError):
    """The service's answer cannot be read."""


class TransactionConflictError(RequestError):
    """Another transaction is at work on the same item."""


class TransactionTokenReusedError(RequestError):
    """The token was used before, with another request."""


class WriteOutcomeUnknownError(RequestError):
    """Nobody knows whether the write was applied; read the item before writing again."""
