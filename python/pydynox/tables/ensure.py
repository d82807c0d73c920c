"""The tables of many models, made and brought up to date one after another."""

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
    """Have the tables of these models, one after another; models of one table are declared together. As ``Table.ensure``.

    Args:
        *models: The models, in any order.
        wait_timeout: Seconds that one table may take; None for no limit.
        progress: Called with what is being done.
        timeout: Seconds that each of its requests may take, as ``client.options(timeout=...)`` says it; None for no limit.

    Returns:
        What was fixed.

    Raises:
        ConfigurationError: Two models of one table disagree, or a table differs in what cannot be fixed.

    Example:
        >>> await ensure_tables(Customer, Order, Invoice)

    Costs: nothing, but for what new indexes and their writes cost.
    """
    by_table: dict[tuple[int, str], list[type[Any]]] = {}
    for model in models:
        by_table.setdefault(Table(model)._identity(), []).append(model)
    fixed: list[Drift] = []
    for group in by_table.values():
        fixed += await Table(*group).ensure(wait_timeout=wait_timeout, progress=progress, timeout=timeout)
    return fixed
