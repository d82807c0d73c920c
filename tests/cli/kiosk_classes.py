"""A class that knows nothing of pydynox; one of its fields is called like a method of models."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Receipt:
    shop: str
    number: int
    table: str = ""
    version: int = 0
