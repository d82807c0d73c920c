"""A shop's web service on one table. Run it with ``uvicorn --app-dir examples fastapi_app:app``."""

from .main import app

__all__ = ["app"]
