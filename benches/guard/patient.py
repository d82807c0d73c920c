"""An item with an encrypted attribute: its model, its keyring, and the answer with its stored form."""

from __future__ import annotations

import base64
from typing import Any

from pydynox import Attr, DynamoDBClient, Encrypted, LocalKeyring, Model, partition_key


class Patient(Model[str], table="patients"):
    """One encrypted attribute and two plain ones."""

    patient_id: Attr[str] = partition_key()
    name: Attr[str]
    ssn: Encrypted[str]


def keyring() -> LocalKeyring:
    """The same key in every process, so that one can decrypt what another encrypted."""
    return LocalKeyring({"guard": bytes(range(32))})


def make_patient() -> Patient:
    """The item."""
    return Patient(patient_id="p1", name="Ada Lovelace", ssn="078-05-1120")


def stored_patient() -> dict[str, Any]:
    """The item as DynamoDB returns it."""
    client = DynamoDBClient(endpoint_url="memory://", keyring=keyring())
    with client.as_default():
        Patient.table.sync.create()
        make_patient().sync.put()
        found = client.sync.get_item("patients", {"patient_id": "p1"})
    return {
        "patient_id": {"S": found["patient_id"]},
        "name": {"S": found["name"]},
        "ssn": {"B": base64.b64encode(found["ssn"]).decode()},
    }
