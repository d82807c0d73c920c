"""Which pages the site has, in which order, and which files of the repository's root are among them."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = pathlib.Path(__file__).parent.parent.parent
BLOB = "https://github.com/pydynox/pydynox/blob/main/"
#: Papers of the root, and the pages that they become.
ROOT_PAGES = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md"}

#: The programs in examples, and the page that shows them.
EXAMPLES_PAGE = "examples.md"
EXAMPLES = (
    "fastapi_app/main.py",
    "fastapi_app/models.py",
    "fastapi_app/jobs.py",
    "fastapi_app/__init__.py",
    "fastapi_app/test_app.py",
    "quickstart.py",
    "script.py",
    "lambda_handler.py",
    "boto3_project/inventory.py",
    "boto3_project/test_inventory.py",
)

#: Title and page, or title and entries.
NAV: list[tuple[str, Any]] = [
    (
        "Start",
        [
            ("pydynox", "index.md"),
            ("Quickstart", "quickstart.md"),
            ("Tutorial", "tutorial.md"),
            ("Example programs", EXAMPLES_PAGE),
            ("Comparison", "comparison.md"),
        ],
    ),
    (
        "How-to",
        [
            (
                "Model your data",
                [
                    ("Models", "models.md"),
                    ("Types", "types.md"),
                    ("Classes of your own", "repository.md"),
                    ("Validation", "validation.md"),
                    ("Hooks", "hooks.md"),
                    ("Indexes", "indexes.md"),
                    ("Single-table design", "single-table.md"),
                    ("Items that expire", "expiry.md"),
                ],
            ),
            (
                "Read",
                [
                    ("Queries and scans", "queries.md"),
                    ("Paging an API", "paging.md"),
                    ("Totals and counters", "totals.md"),
                    ("Batches", "batches.md"),
                    ("PartiQL", "partiql.md"),
                ],
            ),
            (
                "Write",
                [
                    ("Saving", "saving.md"),
                    ("Updates", "updates.md"),
                    ("Conditions", "conditions.md"),
                    ("Versions and timestamps", "versions.md"),
                    ("Transactions", "transactions.md"),
                    ("Unique values", "unique.md"),
                ],
            ),
            ("Coordinate callers", [("Idempotency", "idempotency.md"), ("Outbox", "outbox.md"), ("Locks", "locks.md")]),
            (
                "Tables and jobs",
                [
                    ("Tables and deployment", "tables.md"),
                    ("Adopting a table", "adopting.md"),
                    ("Bulk jobs", "bulk.md"),
                    ("Command line", "cli.md"),
                ],
            ),
            (
                "Connect",
                [
                    ("Configuration", "configuration.md"),
                    ("Credentials", "credentials.md"),
                    ("Vaults and brokers", "brokers.md"),
                    ("Endpoints, TLS and proxies", "endpoints.md"),
                    ("Timeouts and retries", "timeouts-and-retries.md"),
                ],
            ),
            ("Protect data", [("Encryption and compression", "encryption.md"), ("Security policy", "security.md")]),
            (
                "Frameworks",
                [
                    ("FastAPI", "fastapi.md"),
                    ("Django, Celery, Litestar", "other-frameworks.md"),
                    ("Lambda", "lambda.md"),
                    ("Streams", "streams.md"),
                    ("Scripts and notebooks", "scripts.md"),
                ],
            ),
            (
                "Test",
                [
                    ("Testing your code", "testing.md"),
                    ("Testing faults", "testing-faults.md"),
                    ("Testing applications", "testing-apps.md"),
                    ("The embedded engine", "embedded.md"),
                ],
            ),
            (
                "Operate",
                [
                    ("Deploying a service", "deploying.md"),
                    ("What calls cost", "cost.md"),
                    ("What a call would do", "explain.md"),
                    ("When DynamoDB throttles", "throttling.md"),
                    ("Seeing what calls do", "observability.md"),
                    ("Health checks", "health-checks.md"),
                    ("Finding out what is wrong", "doctor.md"),
                ],
            ),
            (
                "Move from another library",
                [
                    ("boto3", "from_boto3.md"),
                    ("PynamoDB", "from_pynamodb.md"),
                    ("dyntastic", "from_dyntastic.md"),
                    ("pydynox 1.x of PyPI", "from_pydynox.md"),
                ],
            ),
        ],
    ),
    ("Cookbook", "cookbook.md"),
    (
        "Concepts",
        [
            ("How pydynox works", "concepts.md"),
            ("How a request travels", "request.md"),
            ("Performance", "performance.md"),
            ("Architecture", "architecture.md"),
            ("Stored forms", "formats.md"),
            ("Free threading", "free-threading.md"),
        ],
    ),
    (
        "Reference",
        [
            ("What each call sends", "calls.md"),
            ("Client", "reference/client.md"),
            ("Models", "reference/models.md"),
            ("Attributes", "reference/attributes.md"),
            ("Indexes", "reference/indexes.md"),
            ("Queries", "reference/queries.md"),
            ("Conditions and updates", "reference/expressions.md"),
            ("Hooks", "reference/hooks.md"),
            ("Transactions and batches", "reference/transactions.md"),
            ("Coordination", "reference/coordination.md"),
            ("Repository", "reference/repository.md"),
            ("Tables", "reference/tables.md"),
            ("Encryption", "reference/encryption.md"),
            ("Cost", "reference/cost.md"),
            ("Jobs", "reference/jobs.md"),
            ("Attribute objects", "reference/attribute-objects.md"),
            ("Testing", "reference/testing.md"),
            ("Local server", "reference/local.md"),
            ("Forms of PynamoDB", "reference/pynamodb.md"),
            ("Streams", "reference/streams.md"),
            ("FastAPI", "reference/fastapi.md"),
            ("Events", "reference/events.md"),
            ("Lambda", "reference/lambda.md"),
            ("Errors", "reference/errors.md"),
        ],
    ),
    (
        "Help",
        [
            ("Errors", "errors.md"),
            ("Questions about errors", "faq.md"),
            ("Every message", "messages.md"),
            ("Known limits", "known-limits.md"),
            ("Support and deprecation", "support.md"),
            ("Changelog", "changelog.md"),
            ("Contributing", "contributing.md"),
        ],
    ),
]


def pages(nav: list[tuple[str, Any]]) -> Iterator[tuple[str, str]]:
    """Title and file of each page, in order."""
    for title, value in nav:
        if isinstance(value, str):
            yield title, value
        else:
            yield from pages(value)
