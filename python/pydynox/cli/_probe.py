"""One unsigned request to an endpoint: whether TLS is made with it, and how far its clock is from this machine's."""

from __future__ import annotations

import email.utils
import http.client
import os
import ssl
import time
import urllib.parse
import urllib.request
from typing import Any, NamedTuple

from ._surroundings import without_password

TIMEOUT = 5.0  # seconds


class Answer(NamedTuple):
    """What an endpoint answered."""

    tls: str | None
    """The version and the cipher of TLS, and the end of the certificate; None without TLS."""
    skew: float | None
    """Seconds by which the service's clock is ahead of this machine's; None if it does not tell the time."""


def proxy_for(url: str) -> str | None:
    """The proxy that requests to an endpoint go through, without its password."""
    parts = urllib.parse.urlsplit(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return without_password(proxy)


def ask(url: str) -> Answer:
    """Send GET / without a signature, directly.

    Raises:
        OSError: There is no connection, or TLS cannot be made.
    """
    parts = urllib.parse.urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        bundle = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
        context = ssl.create_default_context(cafile=bundle)
        connection: Any = http.client.HTTPSConnection(host, parts.port or 443, timeout=TIMEOUT, context=context)
    else:
        connection = http.client.HTTPConnection(host, parts.port or 80, timeout=TIMEOUT)
    try:
        connection.connect()
        tls = _described(connection.sock) if parts.scheme == "https" else None
        before = time.time()
        connection.request("GET", "/", headers={"Connection": "close"})
        date = connection.getresponse().getheader("Date")
        now = (before + time.time()) / 2
    except http.client.HTTPException as error:
        raise OSError(f"the answer is not HTTP: {error}") from error
    finally:
        connection.close()
    try:
        # The header has whole seconds, so that half of one is expected.
        skew = None if date is None else email.utils.parsedate_to_datetime(date).timestamp() + 0.5 - now
    except ValueError:
        skew = None
    return Answer(tls, skew)


def _described(sock: Any) -> str:
    until = sock.getpeercert().get("notAfter")
    ends = "" if until is None else f", certificate until {until}"
    return f"{sock.version()}, {sock.cipher()[0]}{ends}"
