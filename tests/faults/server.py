"""A server on 127.0.0.1 that does with each request what its script says, and remembers what it saw."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from pydynox.testing._wire import Connection, Seen, WireServer

__all__ = ["Connection", "Deed", "FaultServer", "Seen"]

Deed = Callable[[Connection, Seen], None]


class FaultServer(WireServer):
    """Does one deed of its script per request, and the last one from then on.

    Args:
        deeds: What to do; see `deeds.py`.
        tls: Speak TLS.
        at_accept: What to do with a connection before anything is read.
    """

    def __init__(
        self, *deeds: Deed, tls: ssl.SSLContext | None = None, at_accept: Callable[[Connection], None] | None = None
    ) -> None:
        self.deeds = deeds
        super().__init__(tls=tls, at_accept=at_accept)

    def respond(self, connection: Connection, seen: Seen) -> None:
        self.deeds[min(seen.number, len(self.deeds)) - 1](connection, seen)
