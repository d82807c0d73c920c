"""DynamoDBTestCase: a DynamoDB for each test of a unittest class. PYTEST_DONT_REWRITE"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from unittest import IsolatedAsyncioTestCase

from .isolation import isolated_dynamodb

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from unittest import TestResult

    from .client import IsolatedDynamoDB


class DynamoDBTestCase(IsolatedAsyncioTestCase):
    """A test case whose tests, ``async`` or not, each have an empty DynamoDB in this process: ``self.dynamodb``.

    Attributes:
        tables: Models whose tables exist in every test.
        dynamodb_options: Further arguments of ``isolated_dynamodb``.
        dynamodb: What ``isolated_dynamodb`` yields.

    Example:
        >>> class UserTest(DynamoDBTestCase):
        ...     tables = [User]
        ...     async def test_a_user_is_stored(self):
        ...         await User(user_id="u1").create()
        ...         self.assertEqual(self.dynamodb.requests, ["PutItem"])
    """

    tables: ClassVar[Iterable[Any]] = ()
    dynamodb_options: ClassVar[Mapping[str, Any]] = {}
    dynamodb: IsolatedDynamoDB

    def run(self, result: TestResult | None = None) -> TestResult | None:
        """Run the test in a DynamoDB of its own, which ``setUp`` has already."""
        with isolated_dynamodb(tables=self.tables, **self.dynamodb_options) as self.dynamodb:
            return super().run(result)

    def debug(self) -> None:
        """Run the test without collecting its result, as debuggers do."""
        with isolated_dynamodb(tables=self.tables, **self.dynamodb_options) as self.dynamodb:
            super().debug()
