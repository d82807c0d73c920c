"""Every exception that pydynox raises.

```text
PydynoxError
├── ConfigurationError                                 A model or a client is misconfigured
├── ValidationError (also ValueError)                  A value is not valid for its attribute
├── SerializationError                                 A stored value does not match the declared type
│   └── EncryptionError                                An encrypted value cannot be decrypted
├── CursorError (also ValueError)                      A cursor is forged, expired, or belongs to another query
├── ItemNotFoundError (also LookupError)               The item does not exist
│   └── ItemVanishedError (also ConditionFailedError)  A loaded item was deleted before this change, so nothing was written
├── MultipleItemsError (also LookupError)              More than one item matches where exactly one was expected
├── ReadLimitError                                     max_reads requests were sent, and more remains to be read
├── ItemTooLargeError                                  An item exceeds 400 KB as DynamoDB counts it
├── ConditionFailedError                               The condition of a write was false, so nothing was written
│   ├── ItemAlreadyExistsError                         An item with this key already exists
│   ├── VersionConflictError                           Another writer changed the item after it was read
│   └── UniqueConstraintError                          Another item holds this unique value, so nothing was written
├── TransactionCanceledError                           The transaction was canceled, and none of it was applied
├── BatchIncompleteError                               A batch ended before everything was written or read
├── BudgetExceededError                                A block of code exceeded its budget()
├── IdempotencyError                                   A call with an idempotency key has no result
│   ├── IdempotencyInProgressError                     Another call with this idempotency key has not ended
│   ├── IdempotencyKeyReusedError                      The idempotency key was used with another payload
│   └── IdempotencyResultError                         The function ran, but its result cannot be stored
├── LockNotAcquiredError (also TimeoutError)           Another holder has the lock
├── LockLostError                                      The lease of a lock has ended, so another holder may have it
├── InternalError                                      A bug in pydynox: please report it
└── RequestError                                       The request failed at the service or on the way to it
    ├── ThrottlingError                                The service throttled the request
    ├── RequestTimeoutError (also TimeoutError)        The call did not finish within its timeout
    ├── ConnectionFailedError (also ConnectionError)   No connection could be made, or it broke before the request was sent
    ├── CredentialsError                               Credentials are missing, expired, or rejected
    ├── AccessDeniedError                              The credentials are valid but do not allow this operation
    ├── TableNotFoundError                             The table does not exist
    ├── InvalidRequestError                            The service rejected the request as malformed (its ValidationException)
    ├── InvalidResponseError                           The service's response cannot be read
    ├── TransactionConflictError                       Another transaction is in progress on the same item
    ├── TransactionTokenReusedError                    The token was already used with a different request
    └── WriteOutcomeUnknownError                       It is unknown whether the write was applied
```
"""

from __future__ import annotations

import sys
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
    "IdempotencyError",
    "IdempotencyInProgressError",
    "IdempotencyKeyReusedError",
    "IdempotencyResultError",
    "InternalError",
    "InvalidRequestError",
    "InvalidResponseError",
    "ItemAlreadyExistsError",
    "ItemNotFoundError",
    "ItemTooLargeError",
    "ItemVanishedError",
    "LockLostError",
    "LockNotAcquiredError",
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
    """Base class of every pydynox error; its attributes locate the failure, where known.

    Attributes:
        message: What happened, where, and what to do about it.
        operation: The DynamoDB operation, such as ``"PutItem"``.
        table: The table's name as sent, including ``table_prefix``.
        model: The name of the model class.
        attribute: The name of the attribute.
        code: The service's error code.
        request_id: The service's ID for this request.
        status: The HTTP status of the response.
        attempts: Number of times the request was sent, including the first.
        elapsed: Seconds from the call to this error.
        retryable: Whether the same call may succeed later.
        ambiguous: Whether an attempt may have reached the service without a response arriving.
        applied: Whether the write was applied despite this error: only its response could not be used.
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
        if sys.flags.dev_mode and self.attempts:
            self.add_note(_history(self))


def _history(error: PydynoxError) -> str:
    """What a call went through until this error, for Python's development mode."""
    times = "once" if error.attempts == 1 else f"{error.attempts} times"
    took = "" if error.elapsed is None else f", {error.elapsed:.3f} s after the call"
    named = "" if error.request_id is None else f"; the last request is {error.request_id}"
    return f"sent {times}{took}{named}"


class ConfigurationError(PydynoxError):
    """A model or a client is misconfigured; raised when it is created."""


class ValidationError(PydynoxError, ValueError):
    """A value is not valid for its attribute; nothing was sent and nothing was changed.

    Attributes:
        errors: Every problem found, not only the first, as ``(attribute, message)``.
        key: The key of the item, in a batch or a transaction.
        position: The zero-based position of the write in its batch or transaction.
    """

    errors: Sequence[tuple[str, str]] = ()
    key: Any = None
    position: int | None = None


class SerializationError(PydynoxError):
    """A stored value does not match the declared type; ``model`` and ``attribute`` name it.

    Attributes:
        key: The key of the item, for a row of a query or scan.
        raw: The item as plain values, for a row of a query or scan.
        cursor: Resumes reading past that row, in the direction of the query that read it.
    """

    key: Any = None
    raw: dict[str, Any] | None = None
    cursor: str | None = None


class EncryptionError(SerializationError):
    """An encrypted value cannot be decrypted; or plaintext was found where ciphertext is expected."""


class CursorError(PydynoxError, ValueError):
    """A cursor is forged, expired, or belongs to another query."""


class ItemNotFoundError(PydynoxError, LookupError):
    """The item does not exist."""


class MultipleItemsError(PydynoxError, LookupError):
    """More than one item matches where exactly one was expected."""


class ReadLimitError(PydynoxError):
    """``max_reads`` requests were sent, and more remains to be read.

    Attributes:
        cursor: Resumes reading where it stopped, in the direction of the query that read it.
    """

    cursor: str | None = None


class ItemTooLargeError(PydynoxError):
    """An item exceeds 400 KB as DynamoDB counts it; nothing was sent.

    Attributes:
        size: The size of the item in bytes.
        limit: The largest size that DynamoDB accepts, in bytes.
        largest: The largest attributes, as ``(attribute, size)``.
        key: The key of the item.
        position: The zero-based position of the write in its batch or transaction.
    """

    size: int = 0
    limit: int = 409_600
    largest: Sequence[tuple[str, int]] = ()
    key: Any = None
    position: int | None = None


class ConditionFailedError(PydynoxError):
    """The condition of a write was false, so nothing was written.

    If ``ambiguous`` is set, an earlier attempt of this same call may have made it false.

    Attributes:
        condition: The caller's condition, if the call had one.
        key: The key of the item.
        item: The stored item: an instance of the model, plain values if no model matches it, or None if it does not exist.
    """

    condition: object = None
    key: object = None
    _item: Any = None

    @property
    def item(self) -> Any:
        """The stored item, as described above; of a repository it is made on first use."""
        # Most of these errors are caught for their class alone: an object that is not asked for is not made.
        as_object = getattr(self._item, "_as_object", None)
        if as_object is not None:
            self._item = as_object()
        return self._item

    @item.setter
    def item(self, item: Any) -> None:
        self._item = item


class ItemAlreadyExistsError(ConditionFailedError):
    """An item with this key already exists; use ``put()`` to replace it."""


class ItemVanishedError(ItemNotFoundError, ConditionFailedError):
    """A loaded item was deleted before this change, so nothing was written; nothing was recreated."""


class VersionConflictError(ConditionFailedError):
    """Another writer changed the item after it was read; ``item`` is the stored one."""


class UniqueConstraintError(ConditionFailedError):
    """Another item holds this unique value, so nothing was written.

    Attributes:
        fields: The attributes that must be unique together.
        holder: The key of the item that holds the value; None if unknown.
    """

    fields: Sequence[str] = ()
    holder: object = None


class TransactionCanceledError(PydynoxError):
    """The transaction was canceled, and none of it was applied.

    Attributes:
        failures: The errors that caused it, by the zero-based position of their operation.
    """

    failures: dict[int, PydynoxError] = {}  # noqa: RUF012 (each error has its own, set in __init__)

    def __init__(self, message: str = "", **fields: Any) -> None:
        self.failures = {}
        super().__init__(message, **fields)


class BatchIncompleteError(PydynoxError):
    """A batch ended before everything was written or read; ``retryable`` if the service merely lacked the capacity for the rest.

    Attributes:
        unprocessed: Instances and keys that the service did not process, or whose outcome is unknown.
        written: What was written; empty for ``bulk_write`` and imports, which do not keep track of individual items.
        written_count: Number of items written, in every case; for an import, of lines.
        pending: What was not sent: items waiting to be sent, and the rest of a list or tuple. Items not yet taken from any other
            iterator remain in it.
        items: What was read, in the order of the keys; None for an item that does not exist or was not read.
    """

    unprocessed: Sequence[Any] = ()
    written: Sequence[Any] = ()
    written_count: int = 0
    pending: Sequence[Any] = ()
    items: Sequence[Any] = ()


class BudgetExceededError(PydynoxError):
    """A block of code exceeded its ``budget()``.

    Attributes:
        sites: The places in the program that made the calls, with their counts, largest first.
    """

    sites: Sequence[tuple[str, int]] = ()


class IdempotencyError(PydynoxError):
    """A call with an idempotency key has no result.

    Attributes:
        function: The name that the call's records have: the function's, unless ``name=`` says another.
        key: The idempotency key of the call.
    """

    function: str = ""
    key: str = ""


class IdempotencyInProgressError(IdempotencyError):
    """Another call with this idempotency key has not ended; this one did not run.

    Attributes:
        retry_after: Seconds until that call's lease ends: a later call then runs, whether that one ended or not.
    """

    retry_after: float = 0.0
    retryable = True


class IdempotencyKeyReusedError(IdempotencyError):
    """The idempotency key was used with another payload; this call did not run."""


class IdempotencyResultError(IdempotencyError):
    """The function ran, but its result cannot be stored; calls with this key raise this error again in place of running it."""

    applied = True


class LockNotAcquiredError(PydynoxError, TimeoutError):
    """Another holder has the lock.

    Attributes:
        name: The name of the lock.
    """

    name: str = ""
    retryable = True


class LockLostError(PydynoxError):
    """The lease of a lock has ended, so another holder may have it.

    Attributes:
        name: The name of the lock.
    """

    name: str = ""


class InternalError(PydynoxError):
    """A bug in pydynox: please report it."""


class RequestError(PydynoxError):
    """The request failed at the service or on the way to it; ``code`` is the service's error code."""


class ThrottlingError(RequestError):
    """The service throttled the request.

    The traceback shows the advice as notes.

    Attributes:
        reasons: The limits exceeded, as ``(reason, resource)``.
    """

    reasons: Sequence[tuple[str, str]] = ()

    def __init__(self, message: str = "", **fields: Any) -> None:
        super().__init__(message, **fields)
        for sentence in self.advice:
            self.add_note(sentence)

    @property
    def advice(self) -> tuple[str, ...]:
        """What to do: a sentence for each limit that was exceeded, with the resource."""
        from ._shared.advice import advice

        return advice(self.reasons)


class RequestTimeoutError(RequestError, TimeoutError):
    """The call did not finish within its ``timeout``."""


class ConnectionFailedError(RequestError, ConnectionError):
    """No connection could be made, or it broke before the request was sent."""


class CredentialsError(RequestError):
    """Credentials are missing, expired, or rejected."""


class AccessDeniedError(RequestError):
    """The credentials are valid but do not allow this operation."""


class TableNotFoundError(RequestError):
    """The table does not exist; ``User.table.create()`` creates it."""


class InvalidRequestError(RequestError):
    """The service rejected the request as malformed (its ``ValidationException``)."""


class InvalidResponseError(RequestError):
    """The service's response cannot be read."""


class TransactionConflictError(RequestError):
    """Another transaction is in progress on the same item."""


class TransactionTokenReusedError(RequestError):
    """The token was already used with a different request."""


class WriteOutcomeUnknownError(RequestError):
    """It is unknown whether the write was applied; read the item before writing again."""
