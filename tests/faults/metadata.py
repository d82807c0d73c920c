"""The metadata service of a machine: a token, the name of its role, the keys of that role."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from .deeds import answer
from .server import Connection, Deed, Seen

TOKEN = "a-token-of-the-session"


def of_machine(seen: Seen) -> int:
    """Which step a request is: 0 asks for the token, 1 for the role, 2 for its keys."""
    if seen.path == "/latest/api/token":
        return 0
    return 1 if seen.path.endswith("/") else 2


def metadata(key: str | Callable[[], str], *, lasts: dt.timedelta = dt.timedelta(hours=6)) -> Deed:
    """Answers as the service does, to whoever has the session's token."""

    def deed(connection: Connection, seen: Seen) -> None:
        step = of_machine(seen)
        if step == 0:
            ok = seen.line.startswith("PUT ") and seen.headers.get("x-aws-ec2-metadata-token-ttl-seconds")
            headers = {"x-aws-ec2-metadata-token-ttl-seconds": "21600"}
            said = answer(TOKEN.encode(), kind="text/plain", crc32="missing", headers=headers)
            (said if ok else answer(b"", status=400, kind="text/plain", crc32="missing"))(connection, seen)
            return
        if seen.headers.get("x-aws-ec2-metadata-token") != TOKEN:
            answer(b"", status=401, kind="text/plain", crc32="missing")(connection, seen)
            return
        if "security-credentials-extended" in seen.path:
            answer(b"", status=404, kind="text/plain", crc32="missing")(connection, seen)
            return
        if step == 1:
            answer(b"app-role", kind="text/plain", crc32="missing")(connection, seen)
            return
        now = dt.datetime.now(dt.UTC)
        keys = {
            "Code": "Success",
            "LastUpdated": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Type": "AWS-HMAC",
            "AccessKeyId": key if isinstance(key, str) else key(),
            "SecretAccessKey": "machine-secret",
            "Token": "machine-token",
            "Expiration": (now + lasts).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        answer(keys, kind="text/plain", crc32="missing")(connection, seen)

    return deed
