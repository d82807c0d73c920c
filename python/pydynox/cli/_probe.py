"""One unsigned request to an endpoint: whether TLS is made with it, and how far its clock is from this machine's."""

from __future__ import annotations

import base64
import email.utils
import http.client
import os
import ssl
import time
import urllib.parse
import urllib.request
from typing import Any, NamedTuple

TIMEOUT = 5.0  # seconds


class Answer(NamedTuple):
    """What an endpoint answered."""

    tls: str | None
    """The version and the cipher of TLS, and the end of the certificate; None without TLS."""
    skew: float | None
    """Seconds by which the service's clock is ahead of this machine's; None if it does not tell the time."""


def proxy_for(url: str) -> str | None:
    """The proxy that requests to an endpoint go through, with its password.

    Raises:
        ValueError: It is not a URL; the message does not repeat it.
    """
    parts = urllib.parse.urlsplit(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    try:
        is_url = urllib.parse.urlsplit(proxy).port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise ValueError(
            "the proxy is not a URL (http://user:password@host:port): in a user or a password, write characters such as # / ? @ "
            "as %23, %2F, %3F and %40"
        ) from None
    return proxy


def ask(url: str, proxy: str | None = None) -> Answer:
    """Send GET / without a signature: directly, or as a client does through an HTTP proxy.

    Raises:
        OSError: There is no connection, or TLS cannot be made, or the proxy refuses.
    """
    parts = urllib.parse.urlsplit(url)
    is_secure = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if is_secure else 80)
    through = urllib.parse.urlsplit(proxy) if proxy else None
    at = (host, port) if through is None else (through.hostname or "", through.port or 80)
    path, headers = "/", {"Connection": "close"}
    if is_secure:
        bundle = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
        context = ssl.create_default_context(cafile=bundle)
        connection: Any = http.client.HTTPSConnection(*at, timeout=TIMEOUT, context=context)
        if through is not None:
            connection.set_tunnel(host, port, _authorization(through))
    else:
        connection = http.client.HTTPConnection(*at, timeout=TIMEOUT)
        if through is not None:
            # A proxy for plain HTTP is asked for the whole URL.
            path, headers = f"http://{parts.netloc}/", {**headers, **_authorization(through)}
    try:
        connection.connect()
        tls = _described(connection.sock) if is_secure else None
        before = time.time()
        connection.request("GET", path, headers=headers)
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


def _authorization(proxy: urllib.parse.SplitResult) -> dict[str, str]:
    """What a proxy with a user and a password wants to see."""
    if proxy.username is None:
        return {}
    unquote = urllib.parse.unquote
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _described(sock: Any) -> str:
    until = sock.getpeercert().get("notAfter")
    ends = "" if until is None else f", certificate until {until}"
    return f"{sock.version()}, {sock.cipher()[0]}{ends}"
