"""The error tree: which errors are which, and what they carry."""

from __future__ import annotations

import copy
import pickle

import pytest
from pydynox import exceptions
from pydynox.exceptions import PydynoxError, TransactionCanceledError

TREE = {
    "ConfigurationError": (PydynoxError,),
    "ValidationError": (PydynoxError, ValueError),
    "SerializationError": (PydynoxError,),
    "EncryptionError": (exceptions.SerializationError,),
    "CursorError": (PydynoxError, ValueError),
    "ItemNotFoundError": (PydynoxError, LookupError),
    "MultipleItemsError": (PydynoxError, LookupError),
    "ReadLimitError": (PydynoxError,),
    "ItemTooLargeError": (PydynoxError,),
    "ConditionFailedError": (PydynoxError,),
    "ItemAlreadyExistsError": (exceptions.ConditionFailedError,),
    "ItemVanishedError": (exceptions.ItemNotFoundError, exceptions.ConditionFailedError),
    "VersionConflictError": (exceptions.ConditionFailedError,),
    "UniqueConstraintError": (exceptions.ConditionFailedError,),
    "TransactionCanceledError": (PydynoxError,),
    "BatchIncompleteError": (PydynoxError,),
    "BudgetExceededError": (PydynoxError,),
    "IdempotencyError": (PydynoxError,),
    "IdempotencyInProgressError": (exceptions.IdempotencyError,),
    "IdempotencyKeyReusedError": (exceptions.IdempotencyError,),
    "IdempotencyResultError": (exceptions.IdempotencyError,),
    "LockNotAcquiredError": (PydynoxError, TimeoutError),
    "LockLostError": (PydynoxError,),
    "InternalError": (PydynoxError,),
    "RequestError": (PydynoxError,),
    "ThrottlingError": (exceptions.RequestError,),
    "RequestTimeoutError": (exceptions.RequestError, TimeoutError),
    "ConnectionFailedError": (exceptions.RequestError, ConnectionError),
    "CredentialsError": (exceptions.RequestError,),
    "AccessDeniedError": (exceptions.RequestError,),
    "TableNotFoundError": (exceptions.RequestError,),
    "InvalidRequestError": (exceptions.RequestError,),
    "InvalidResponseError": (exceptions.RequestError,),
    "TransactionConflictError": (exceptions.RequestError,),
    "TransactionTokenReusedError": (exceptions.RequestError,),
    "WriteOutcomeUnknownError": (exceptions.RequestError,),
}


def test_the_tree_is_whole() -> None:
    assert set(exceptions.__all__) == {*TREE, "PydynoxError"}


@pytest.mark.parametrize("name", TREE)
def test_an_error_is_what_its_bases_say(name: str) -> None:
    assert getattr(exceptions, name).__bases__ == TREE[name]


@pytest.mark.parametrize("name", exceptions.__all__)
def test_an_error_carries_its_fields_and_survives_a_copy(name: str) -> None:
    error = getattr(exceptions, name)("what, where, what to do", table="users", attempts=3, applied=True)

    for same in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert str(same) == same.message == "what, where, what to do"
        assert (same.table, same.attempts, same.applied, same.operation) == ("users", 3, True, None)


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(TypeError, match="ConfigurationError has no field 'tabel'"):
        exceptions.ConfigurationError("x", tabel="users")


def test_two_errors_share_no_failures() -> None:
    first, second = TransactionCanceledError("x"), TransactionCanceledError("y")

    first.failures[0] = PydynoxError("z")

    assert second.failures == {}
