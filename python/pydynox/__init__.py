"""A DynamoDB ORM with a Rust core: async first, typed, fast."""

from typing import TYPE_CHECKING

from ._core import __version__, ksuid, run, ulid, uuid4, uuid7
from ._cursors import CursorWarning
from ._typing import Codec
from .attributes import (
    Attr,
    BinaryAttribute,
    BooleanAttribute,
    Compressed,
    CompressedAttribute,
    DateAttribute,
    DatetimeAttribute,
    Encrypted,
    EncryptedAttribute,
    EnumAttribute,
    JSONAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    SetAttribute,
    StringAttribute,
    UUIDAttribute,
    field,
    partition_key,
    sort_key,
)
from .batch import BatchWriter
from .batching import batching
from .client import DynamoDBClient, get_default_client, set_default_client
from .collection import Collection
from .config import ModelConfig
from .cost import BudgetExceededWarning, ItemSizeWarning, RateLimit, Tally, Usage, budget
from .credentials import AssumeRole, Credentials
from .document import Document
from .expressions import Action, Condition, attr, path
from .hooks import after_delete, after_load, after_save, before_delete, before_save
from .indexes import GlobalSecondaryIndex, LocalSecondaryIndex
from .kept import TTLAttribute, VersionAttribute, created_at, extend_ttl, ttl, updated_at, version
from .key import Key
from .keyrings import DataKeyCache, Keyring, KmsKeyring, LocalKeyring
from .model import Change, ItemSize, Model
from .query import Query
from .results import QueryResult
from .table import Table
from .transaction import Transaction

if TYPE_CHECKING:
    from ._guards import UniqueProblem, verify_unique
    from ._reencrypt import Reencrypted, reencrypt
    from .jsonl import export_jsonl, import_jsonl
else:
    # Whole tables are no part of most programs: these are imported when they are asked for.
    _LATER = {
        "Reencrypted": "_reencrypt",
        "UniqueProblem": "_guards",
        "export_jsonl": "jsonl",
        "import_jsonl": "jsonl",
        "reencrypt": "_reencrypt",
        "verify_unique": "_guards",
    }

    def __getattr__(name: str) -> object:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        found = getattr(import_module(f".{_LATER[name]}", __name__), name)
        globals()[name] = found
        return found


__all__ = [
    "Action",
    "AssumeRole",
    "Attr",
    "BatchWriter",
    "BinaryAttribute",
    "BooleanAttribute",
    "BudgetExceededWarning",
    "Change",
    "Codec",
    "Collection",
    "Compressed",
    "CompressedAttribute",
    "Condition",
    "Credentials",
    "CursorWarning",
    "DataKeyCache",
    "DateAttribute",
    "DatetimeAttribute",
    "Document",
    "DynamoDBClient",
    "Encrypted",
    "EncryptedAttribute",
    "EnumAttribute",
    "GlobalSecondaryIndex",
    "ItemSize",
    "ItemSizeWarning",
    "JSONAttribute",
    "Key",
    "Keyring",
    "KmsKeyring",
    "ListAttribute",
    "LocalKeyring",
    "LocalSecondaryIndex",
    "MapAttribute",
    "Model",
    "ModelConfig",
    "NumberAttribute",
    "Query",
    "QueryResult",
    "RateLimit",
    "Reencrypted",
    "SetAttribute",
    "StringAttribute",
    "TTLAttribute",
    "Table",
    "Tally",
    "Transaction",
    "UUIDAttribute",
    "UniqueProblem",
    "Usage",
    "VersionAttribute",
    "__version__",
    "after_delete",
    "after_load",
    "after_save",
    "attr",
    "batching",
    "before_delete",
    "before_save",
    "budget",
    "created_at",
    "export_jsonl",
    "extend_ttl",
    "field",
    "get_default_client",
    "import_jsonl",
    "ksuid",
    "partition_key",
    "path",
    "reencrypt",
    "run",
    "set_default_client",
    "sort_key",
    "ttl",
    "ulid",
    "updated_at",
    "uuid4",
    "uuid7",
    "verify_unique",
    "version",
]
