"""The calls of a client that execute PartiQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from pydynox._shared.timeout import NOT_GIVEN, limited

from .connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Unpack

    from pydynox._shared.typing import R1, ReadOptions, StatementOptions, TransactionOptions
    from pydynox.batches.results import QueryResult
    from pydynox.exceptions import PydynoxError, SerializationError
    from pydynox.partiql import Statement


class StatementCalls(Connection):
    """Calls that take PartiQL statements, whose rows are plain dictionaries or instances of a model."""

    __slots__ = ()

    @overload
    async def execute(
        self, statement: str, /, *parameters: Any, model: type[R1], **options: Unpack[StatementOptions]
    ) -> QueryResult[R1]: ...
    @overload
    async def execute(
        self, statement: str, /, *parameters: Any, model: None = None, **options: Unpack[StatementOptions]
    ) -> QueryResult[dict[str, Any]]: ...
    async def execute(
        self,
        statement: str,
        /,
        *parameters: Any,
        model: Any = None,
        consistent_read: bool | None = None,
        limit: int | None = None,
        after: str | None = None,
        on_invalid: Callable[[SerializationError], object] | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> QueryResult[Any]:
        """Execute one PartiQL statement and return its rows. Sends ExecuteStatement once per page.

        A SELECT is read to the end, or up to ``limit`` rows; the result's ``cursor`` then continues after them. A statement that
        writes is not retried where it may have been applied; ``execute_transaction`` can be.

        Args:
            statement: The statement; it names tables in full, ``table_prefix`` is not added.
            *parameters: The values of its ``?`` placeholders, in order.
            model: The model of the rows; plain dictionaries by default. Items of other models are left out.
            consistent_read: Use strongly consistent reads. Defaults to the surrounding ``options()``, then to False.
            limit: Maximum number of rows.
            after: The cursor to continue after, from a result of the same statement and parameters.
            on_invalid: Called with the error of each row that cannot be read, which has its ``key`` and ``raw`` values; the row
                is left out, as with ``Query.on_invalid``. By default the first one raises.
            timeout: Maximum seconds for each request; None for no limit. Overrides the surrounding ``options(timeout=...)``.

        Returns:
            The rows; of a write those that ``RETURNING`` asks for.

        Raises:
            ValidationError: The statement is empty, the number of parameters is wrong, or a parameter cannot be stored.
            CursorError: The cursor is forged, or belongs to another statement.
            ConditionFailedError: The condition of a write was false.
            ItemAlreadyExistsError: An INSERT found an item with its key.
            WriteOutcomeUnknownError: No response arrived for a write.
            InvalidRequestError: DynamoDB rejected the statement.
            SerializationError: A row does not fit the model.

        Example:
            >>> await client.execute('SELECT * FROM "users" WHERE user_id = ?', "u1", model=User)

        Costs: a SELECT without the partition key reads, and is billed for, the whole table; other statements cost the same as the
            corresponding call.
        """
        from pydynox.partiql import execute

        read = execute(
            self,
            (statement, *parameters),
            model,
            consistent_read=consistent_read,
            limit=limit,
            after=after,
            on_invalid=on_invalid,
        )
        return await (read if timeout is NOT_GIVEN else limited(self, timeout, read))

    @overload
    async def execute_batch(
        self, statements: Iterable[Statement], /, *, model: type[R1], **options: Unpack[ReadOptions]
    ) -> list[R1 | PydynoxError | None]: ...
    @overload
    async def execute_batch(
        self, statements: Iterable[Statement], /, *, model: None = None, **options: Unpack[ReadOptions]
    ) -> list[dict[str, Any] | PydynoxError | None]: ...
    async def execute_batch(
        self,
        statements: Iterable[Statement],
        /,
        *,
        model: Any = None,
        consistent_read: bool | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> list[Any]:
        """Execute up to 25 independent PartiQL statements. Sends BatchExecuteStatement.

        Args:
            statements: Each is a statement, or a tuple of a statement and its parameters. Either all read, each by the whole key
                of one item, or all write.
            model: The model of the rows; plain dictionaries by default.
            consistent_read: Use strongly consistent reads. Defaults to the surrounding ``options()``, then to False.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``options(timeout=...)``.

        Returns:
            For each statement, in order: its row, None if there is none, or the error it failed with, which is not raised.

        Raises:
            ValidationError: There are none, more than 25, both reads and writes, or one is invalid; nothing was sent.
            WriteOutcomeUnknownError: No response arrived for writes.

        Example:
            >>> await client.execute_batch([('SELECT * FROM "users" WHERE user_id = ?', user_id) for user_id in ("u1", "u2")])
            [{'user_id': 'u1', 'name': 'Ada'}, None]

        Costs: the sum of the statements' costs.
        """
        from pydynox.partiql import execute_batch

        call = execute_batch(self, statements, model, consistent_read)
        return await (call if timeout is NOT_GIVEN else limited(self, timeout, call))

    @overload
    async def execute_transaction(
        self, statements: Iterable[Statement], /, *, model: type[R1], **options: Unpack[TransactionOptions]
    ) -> list[R1 | None]: ...
    @overload
    async def execute_transaction(
        self, statements: Iterable[Statement], /, *, model: None = None, **options: Unpack[TransactionOptions]
    ) -> list[dict[str, Any] | None]: ...
    async def execute_transaction(
        self,
        statements: Iterable[Statement],
        /,
        *,
        model: Any = None,
        token: str | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> list[Any]:
        """Execute up to 100 PartiQL statements, all or none. Sends ExecuteTransaction.

        Args:
            statements: Each is a statement, or a tuple of a statement and its parameters. Either all read or all write; writes
                may be accompanied by ``EXISTS(SELECT ...)`` statements as conditions.
            model: The model of the rows; plain dictionaries by default.
            token: The client request token, 1 to 36 characters, by which DynamoDB recognizes the transaction for ten minutes;
                generated by default.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``options(timeout=...)``.

        Returns:
            For each SELECT, in order: its row, or None.

        Raises:
            TransactionCanceledError: Nothing was done: ``failures`` has the error of each statement that caused it.
            TransactionTokenReusedError: The token was used with different statements.
            ValidationError: There are none, more than 100, both reads and writes, or one is invalid; nothing was sent.
            WriteOutcomeUnknownError: No response arrived, nor did one to the retries.

        Example:
            >>> await client.execute_transaction(
            ...     [
            ...         ('UPDATE "accounts" SET balance = balance - ? WHERE account_id = ?', 5, "a1"),
            ...         ('EXISTS(SELECT * FROM "users" WHERE user_id = ? AND active = true)', "u1"),
            ...     ]
            ... )

        Costs: twice what the statements cost on their own, even if the transaction is canceled.
        """
        from pydynox.partiql import execute_transaction

        call = execute_transaction(self, statements, model, token)
        return await (call if timeout is NOT_GIVEN else limited(self, timeout, call))
