"""Adoption: the Python source of models for a table, a model file or a PynamoDB class that already exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydynox._shared.timeout import NOT_GIVEN, limited
from pydynox.cost import reporting
from pydynox.default_client import client_for
from pydynox.exceptions import ConfigurationError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydynox.client import DynamoDBClient
    from pydynox.cost import Progress


async def adopt_table(
    table: str,
    /,
    *,
    sample: int = 1000,
    discriminator: str | None = None,
    client: DynamoDBClient | None = None,
    progress: Callable[[Progress], object] | None = None,
    timeout: float | None = NOT_GIVEN,
) -> str:
    """The source of models for a table, from its description and a sample of its items. Sends DescribeTable, DescribeTimeToLive
    and Scan; nothing is written to the table.

    The models read every item of the sample. Where the sample leaves a doubt, as with numbers that could be times, the attribute
    has the safe type and a comment. The source contains names of attributes, and values only of what tells kinds of items apart.

    Args:
        table: The table's name, without the client's ``table_prefix``, or its ARN.
        sample: Maximum number of items to read, from segments all over the table.
        discriminator: The attribute that names the kind of each item; by default an attribute with a customary name, such as
            ``entity_type``, or else the beginnings of the keys.
        client: The client; defaults to the one in effect.
        progress: Called with a ``Progress``: the number of items read so far, and more.
        timeout: Seconds that each request may take, like ``client.options(timeout=...)``; None for no limit.

    Raises:
        ValidationError: ``sample`` is less than 1.
        ConfigurationError: The table has no items, or none of the sample has the discriminator.
        TableNotFoundError: The table does not exist.

    Example:
        >>> print(await adopt_table("orders", sample=5000))

    Costs: half a read unit per 4 KB of each page that is read.
    """
    if type(sample) is not int or sample < 1:
        raise ValidationError(f"sample must be at least 1 item, not {sample!r}", errors=[("sample", "must be at least 1")])
    client = client or client_for(None)
    if timeout is not NOT_GIVEN:
        return await limited(
            client,
            timeout,
            adopt_table(table, sample=sample, discriminator=discriminator, client=client, progress=progress),
        )
    from ._adopt.module import source_of
    from ._adopt.sample import sampled

    with reporting(client.core, progress, total=sample) as report:
        layout, items = await sampled(client, table, sample, report)
    if not items:
        raise ConfigurationError(
            f"the table {table} has no items, and a sample of zero items shows no types: adopt the model file or the PynamoDB "
            "class that describes it, or declare the model by hand",
            table=table,
        )
    return source_of([(layout, items, {})], f"a sample of {len(items):,} item{'s' * (len(items) != 1)}", discriminator)


def adopt_file(text: str | bytes, /, *, table: str | None = None, discriminator: str | None = None) -> str:
    """The source of models for the tables of a NoSQL Workbench model, or of a ``dynamodb_data_model.json``; nothing is sent.

    Sample data in the file is used like the sample of a table.

    Args:
        text: The content of the file.
        table: Only this table; by default all of them.
        discriminator: The attribute that names the kind of each item, as in ``adopt_table``.

    Raises:
        ConfigurationError: The file is not such a model, has another version, or lacks a part; the message names the part.

    Example:
        >>> print(adopt_file(Path("shop.json").read_bytes()))

    Costs: nothing; no request is sent.
    """
    from ._adopt.files import tables_of
    from ._adopt.module import source_of

    kind, tables = tables_of(text)
    if table is not None:
        names = ", ".join(layout.name for layout, _, _ in tables)
        tables = [one for one in tables if one[0].name == table]
        if not tables:
            raise ConfigurationError(f"the file has no table {table!r}; its tables are: {names}", table=table)
    return source_of(tables, kind, discriminator)


def adopt_pynamodb(*models: type[Any]) -> str:
    """The source of models for PynamoDB classes, with the same stored forms; nothing is sent, and PynamoDB must be installed.

    Args:
        *models: Subclasses of ``pynamodb.models.Model``; import the subclasses with a ``discriminator=`` first.

    Raises:
        ConfigurationError: A class is not a model of PynamoDB, has no key or table name, or a discriminator that no class has.

    Example:
        >>> print(adopt_pynamodb(User, Order))

    Costs: nothing; no request is sent.
    """
    from ._adopt.pynamo import source_of_classes

    return source_of_classes(models)
