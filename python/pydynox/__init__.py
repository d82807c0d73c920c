"""A DynamoDB ORM with a Rust core: async first, typed, fast."""

from typing import TYPE_CHECKING

from ._core import __version__, ksuid, run, ulid, uuid4, uuid7
from ._cursors import CursorWarning
from ._shared.rejected import Rejected
from ._shared.typing import Codec
from .attributes import Attr, Compressed, Encrypted, field, partition_key, sort_key
from .batches.results import QueryResult
from .client import DynamoDBClient
from .config import ModelConfig
from .credentials import AssumeRole, Credentials
from .default_client import get_default_client, set_default_client
from .expressions import Action, Condition, attr, path
from .hooks import after_delete, after_load, after_save, before_delete, before_save
from .key import Key
from .keyrings import DataKeyCache, Keyring, KmsKeyring, LocalKeyring
from .managed import created_at, extend_ttl, ttl, updated_at, version
from .model import Change, ItemSize, Model
from .query import Query

if TYPE_CHECKING:
    from ._core import Event
    from ._declaration.stored_forms import StoredFormWarning
    from ._explain.explanation import ExplainedRequest, Explanation, IndexWrite
    from ._jobs.export_lines import export_jsonl, import_jsonl
    from ._jobs.reencrypt import Reencrypted, reencrypt
    from ._jobs.verify_unique import UniqueProblem, verify_unique
    from ._observe.handlers import Subscription
    from ._observe.logs import enable_logging
    from ._observe.recording import Recording
    from ._observe.statistics import ClientStats
    from ._repository.repository import Repository
    from .attribute_objects import (
        BinaryAttribute,
        BooleanAttribute,
        CompressedAttribute,
        DateAttribute,
        DatetimeAttribute,
        EncryptedAttribute,
        EnumAttribute,
        JSONAttribute,
        ListAttribute,
        MapAttribute,
        NumberAttribute,
        SetAttribute,
        StringAttribute,
        TTLAttribute,
        UUIDAttribute,
        VersionAttribute,
    )
    from .batches.reads import batching
    from .batches.writer import BatchWriter
    from .collection import Collection
    from .coordination.events import OutboxEvent
    from .coordination.idempotency import idempotent
    from .coordination.locks import Lock
    from .coordination.marks import IdempotencyMark
    from .coordination.outbox import Outbox
    from .coordination.tables import CoordinationTable
    from .cost import BudgetExceededWarning, ItemSizeWarning, Progress, RateLimit, Tally, Usage, budget
    from .document import Document
    from .indexes import GlobalSecondaryIndex, LocalSecondaryIndex
    from .tables.table import Table
    from .transaction import Transaction
else:
    # Few programs use all of these; each module is imported on first use, which keeps importing pydynox cheap.
    _LATER = {
        "StoredFormWarning": "_declaration.stored_forms",
        **dict.fromkeys(("ExplainedRequest", "Explanation", "IndexWrite"), "_explain.explanation"),
        **dict.fromkeys(("export_jsonl", "import_jsonl"), "_jobs.export_lines"),
        **dict.fromkeys(("Reencrypted", "reencrypt"), "_jobs.reencrypt"),
        **dict.fromkeys(("UniqueProblem", "verify_unique"), "_jobs.verify_unique"),
        **dict.fromkeys(
            (
                "BinaryAttribute",
                "BooleanAttribute",
                "CompressedAttribute",
                "DateAttribute",
                "DatetimeAttribute",
                "EncryptedAttribute",
                "EnumAttribute",
                "JSONAttribute",
                "ListAttribute",
                "MapAttribute",
                "NumberAttribute",
                "SetAttribute",
                "StringAttribute",
                "TTLAttribute",
                "UUIDAttribute",
                "VersionAttribute",
            ),
            "attribute_objects",
        ),
        "Event": "_core",
        "Subscription": "_observe.handlers",
        "Recording": "_observe.recording",
        "ClientStats": "_observe.statistics",
        "enable_logging": "_observe.logs",
        "batching": "batches.reads",
        "BatchWriter": "batches.writer",
        "Collection": "collection",
        "CoordinationTable": "coordination.tables",
        "IdempotencyMark": "coordination.marks",
        "idempotent": "coordination.idempotency",
        "Lock": "coordination.locks",
        "Outbox": "coordination.outbox",
        "OutboxEvent": "coordination.events",
        **dict.fromkeys(
            ("BudgetExceededWarning", "ItemSizeWarning", "Progress", "RateLimit", "Tally", "Usage", "budget"), "cost"
        ),
        "Document": "document",
        **dict.fromkeys(("GlobalSecondaryIndex", "LocalSecondaryIndex"), "indexes"),
        "Repository": "_repository.repository",
        "Table": "tables.table",
        "Transaction": "transaction",
    }

    #: Reachable as attributes after `import pydynox`, like the modules that it imports at once.
    _MODULES = frozenset({"attribute_objects", "collection", "cost", "document", "indexes", "tables", "transaction"})

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name in _MODULES:
            return import_module(f".{name}", __name__)
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f".{_LATER[name]}", __name__), name)
        globals()[name] = value
        return value


#: The modules that hold public names besides those of the package itself.
_SUBMODULES = frozenset({"exceptions", "expressions", "integrations", "local", "migrate", "otel", "streams", "tables", "testing"})


def __dir__() -> list[str]:
    return sorted({*__all__, *_SUBMODULES})


__all__ = [
    "Action",
    "AssumeRole",
    "Attr",
    "BatchWriter",
    "BinaryAttribute",
    "BooleanAttribute",
    "BudgetExceededWarning",
    "Change",
    "ClientStats",
    "Codec",
    "Collection",
    "Compressed",
    "CompressedAttribute",
    "Condition",
    "CoordinationTable",
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
    "Event",
    "ExplainedRequest",
    "Explanation",
    "GlobalSecondaryIndex",
    "IdempotencyMark",
    "IndexWrite",
    "ItemSize",
    "ItemSizeWarning",
    "JSONAttribute",
    "Key",
    "Keyring",
    "KmsKeyring",
    "ListAttribute",
    "LocalKeyring",
    "LocalSecondaryIndex",
    "Lock",
    "MapAttribute",
    "Model",
    "ModelConfig",
    "NumberAttribute",
    "Outbox",
    "OutboxEvent",
    "Progress",
    "Query",
    "QueryResult",
    "RateLimit",
    "Recording",
    "Reencrypted",
    "Rejected",
    "Repository",
    "SetAttribute",
    "StoredFormWarning",
    "StringAttribute",
    "Subscription",
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
    "enable_logging",
    "export_jsonl",
    "extend_ttl",
    "field",
    "get_default_client",
    "idempotent",
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
