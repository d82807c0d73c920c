"""What a keyring may do: it makes a data key and opens it again, for an item of an engine in this process."""

from __future__ import annotations

from typing import Any

from pydynox.attributes import Attr, Encrypted, partition_key
from pydynox.client import DynamoDBClient
from pydynox.keyrings import DataKeyCache
from pydynox.model import Model

TIMEOUT = 15.0  # seconds


def tried(keyring: Any, table: str, region: str | None, profile: str | None) -> dict[str, float]:
    """Milliseconds that each operation of the keyring took. Nothing is stored: both operations only compute.

    Raises:
        PydynoxError: The keyring refuses, or is not reached.
    """

    class Probe(Model[str], table=table):
        name: Attr[str] = partition_key()
        value: Encrypted[str]

    client = DynamoDBClient(
        endpoint_url="memory://",
        region=region,
        profile=profile,
        keyring=keyring,
        # No data key is kept, so that the read has to open the one that the write made.
        data_key_cache=DataKeyCache(max_age=1e-9),
        timeout=TIMEOUT,
    )
    took: dict[str, float] = {}

    def note(event: Any) -> None:
        took[event.operation] = round((event.elapsed or 0.0) * 1000, 2)

    with client.as_default(), client.on_event(note, kinds=["data_key_made", "data_key_unwrapped"]):
        try:
            Probe.table.sync.create()
            Probe(name="probe", value="probe").sync.put()
            Probe.sync.get("probe")
        finally:
            client.sync.close()
    return took
