"""The tables of many models, created and brought up to date one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydynox._shared.timeout import NOT_GIVEN

from .table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from .description import Drift, TableProgress


async def ensure_tables(
    *models: type[Any],
    wait_timeout: float | None = 600.0,
    progress: Callable[[TableProgress], object] | None = None,
    timeout: float | None = NOT_GIVEN,
) -> list[Drift]:
    """Call ``Table.ensure`` for the tables of these models, one after another; models that share a table are taken together.

    Args:
        *models: The models, in any order.
        wait_timeout: Maximum seconds for each table; None for no limit.
        progress: Called with a ``TableProgress`` at each step and each time a table is described.
        timeout: Maximum seconds for each request; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

    Returns:
        What was fixed.

    Raises:
        ConfigurationError: Two models of one table disagree, or a table differs in something that cannot be fixed.

    Example:
        >>> await ensure_tables(Customer, Order, Invoice)

    Costs: nothing, except the write units of new indexes.
    """
    by_table: dict[tuple[int, str], list[type[Any]]] = {}
    for model in models:
        by_table.setdefault(Table(model).identity(), []).append(model)
    fixed: list[Drift] = []
    for group in by_table.values():
        fixed += await Table(*group).ensure(wait_timeout=wait_timeout, progress=progress, timeout=timeout)
    return fixed
