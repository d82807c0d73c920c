"""Certificates: an authority of its own for a server on 127.0.0.1, and what it issues, right and wrong. PYTEST_DONT_REWRITE"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path

Certificate = Literal["valid", "expired", "wrong_host"]


class Authority:
    """Issues certificates that only clients with its own certificate trust.

    Raises:
        ImportError: trustme is not installed.
    """

    def __init__(self) -> None:
        try:
            import trustme
        except ImportError as missing:
            raise ImportError("TLS in tests needs trustme: pip install trustme") from missing
        self._authority: Any = trustme.CA()

    def write(self, directory: Path) -> Path:
        """Write its own certificate into a file."""
        bundle = directory / "ca.pem"
        self._authority.cert_pem.write_to_path(str(bundle))
        return bundle

    def context(self, name: str = "127.0.0.1", *, expired: bool = False) -> ssl.SSLContext:
        """The side of a server of this name."""
        from datetime import UTC, datetime, timedelta

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        now = datetime.now(UTC)
        start, end = (now - timedelta(days=2), now - timedelta(days=1)) if expired else (now - timedelta(days=1), None)
        self._authority.issue_cert(name, not_before=start, not_after=end).configure_cert(context)
        return context

    def of(self, certificate: Certificate) -> ssl.SSLContext:
        """The side of a server on 127.0.0.1 with such a certificate."""
        return self.context("elsewhere.invalid" if certificate == "wrong_host" else "127.0.0.1", expired=certificate == "expired")
