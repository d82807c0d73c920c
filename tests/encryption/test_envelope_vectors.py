"""Envelopes of the core against an implementation of the format that shares nothing with it but the description."""

import base64
import hashlib
import hmac
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VECTORS = Path(__file__).parent.parent.parent / "crates" / "pydynox-core" / "tests" / "vectors" / "envelope.json"
CODES = {"S": 1, "N": 2, "B": 3, "BOOL": 4, "NULL": 5, "M": 6, "L": 7, "SS": 8, "NS": 9, "BS": 10}

Vector = dict[str, Any]


def vectors() -> list[Vector]:
    loaded: list[Vector] = json.loads(VECTORS.read_text())
    return loaded


def number(text: str) -> str:
    """The text of a number as DynamoDB stores it: no exponent, no needless zeros."""
    plain = format(Decimal(text), "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in {"-0", ""} else plain


def canonical(value: dict[str, Any]) -> Any:
    """A value with its maps and sets in order and its numbers canonical."""
    ((tag, inner),) = value.items()
    if tag == "N":
        return {tag: number(inner)}
    if tag == "M":
        return {tag: {name: canonical(inner[name]) for name in sorted(inner, key=lambda name: name.encode())}}
    if tag == "L":
        return {tag: [canonical(member) for member in inner]}
    if tag == "SS":
        return {tag: sorted(inner, key=lambda member: member.encode())}
    if tag == "NS":
        return {tag: sorted((number(member) for member in inner), key=Decimal)}
    if tag == "BS":
        return {tag: sorted(inner, key=base64.b64decode)}
    return value


def content(value: dict[str, Any]) -> bytes:
    """A value as the bytes that are encrypted."""
    payload: bytes
    ((tag, inner),) = value.items()
    match tag:
        case "S":
            payload = inner.encode()
        case "N":
            payload = number(inner).encode()
        case "B":
            payload = base64.b64decode(inner)
        case "BOOL":
            payload = bytes([inner])
        case "NULL":
            payload = b""
        case _:
            payload = json.dumps(canonical(value), separators=(",", ":"), ensure_ascii=False).encode()
    return bytes([1, CODES[tag]]) + payload


def key_fields(key: dict[str, Any] | None) -> list[bytes]:
    if key is None:
        return [b"", b"", b""]
    return [key["name"].encode(), next(iter(key["value"])).encode(), content(key["value"])[2:]]


def associated_data(vector: Vector) -> bytes:
    fields = [b"pydynox-aad", b"\x01", b"\x01", vector["key_ref"].encode(), vector["table"].encode()]
    fields += key_fields(vector["partition_key"]) + key_fields(vector["sort_key"])
    fields += [vector["attribute"].encode(), next(iter(vector["value"])).encode(), bytes([vector["flags"]])]
    return b"".join(len(field).to_bytes(4, "big") + field for field in fields)


def header(vector: Vector) -> bytes:
    key_ref, wrapped = vector["key_ref"].encode(), bytes.fromhex(vector["wrapped_key"])
    start = b"\xd9\x70\x01\x01" + bytes([vector["flags"], len(key_ref)]) + key_ref
    whole: bytes = start + len(wrapped).to_bytes(2, "big") + wrapped + bytes.fromhex(vector["salt"])
    return whole


def derive(vector: Vector, info: bytes, length: int) -> bytes:
    hkdf = HKDF(SHA512(), length, bytes.fromhex(vector["salt"]), info)
    return hkdf.derive(bytes.fromhex(vector["data_key"]))


def commitment(vector: Vector) -> bytes:
    return hmac.digest(derive(vector, b"pydynox/v1/commit", 48), header(vector), hashlib.sha384)[:32]


def plaintext(vector: Vector) -> bytes:
    """What is encrypted: the value's bytes, or their compressed form, which is given (zstd may write another one)."""
    return bytes.fromhex(vector["compressed"]) if vector["flags"] & 1 else content(vector["value"])


def seal(vector: Vector) -> bytes:
    nonce = bytes.fromhex(vector["nonce"])
    sealed = AESGCM(derive(vector, b"pydynox/v1/enc", 32)).encrypt(nonce, plaintext(vector), associated_data(vector))
    return header(vector) + commitment(vector) + nonce + sealed


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector["name"])
def test_an_independent_implementation_makes_the_same_envelope(vector: Vector) -> None:
    assert seal(vector).hex() == vector["envelope"]


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector["name"])
def test_an_independent_implementation_opens_the_envelope_and_notices_every_change(vector: Vector) -> None:
    envelope = bytes.fromhex(vector["envelope"])
    at = len(header(vector))
    key = AESGCM(derive(vector, b"pydynox/v1/enc", 32))

    opened = key.decrypt(envelope[at + 32 : at + 44], envelope[at + 44 :], associated_data(vector))

    assert envelope[at : at + 32] == commitment(vector)
    assert opened == plaintext(vector)
    for index in range(at + 44, len(envelope)):
        changed = bytearray(envelope)
        changed[index] ^= 1
        with pytest.raises(InvalidTag):
            key.decrypt(envelope[at + 32 : at + 44], bytes(changed[at + 44 :]), associated_data(vector))


def test_the_vectors_cover_every_type_and_form() -> None:
    loaded = vectors()

    assert {next(iter(vector["value"])) for vector in loaded} == set(CODES)
    assert {vector["flags"] for vector in loaded} == {0, 1}
    assert {vector["sort_key"] is None for vector in loaded} == {True, False}
    key_types = {next(iter(key["value"])) for vector in loaded for key in (vector["partition_key"], vector["sort_key"]) if key}
    assert key_types == {"S", "N", "B"}
