"""A repository over a class of another module, and a class of this module that only another module's repository stores."""

from __future__ import annotations

from pydynox import GlobalSecondaryIndex, Repository

from .kiosk_classes import Receipt

receipts = Repository(
    Receipt,
    table="receipts",
    partition_key="shop",
    sort_key="number",
    names={"number": "no"},
    indexes={"by_table": GlobalSecondaryIndex("table")},
    version="version",
)
