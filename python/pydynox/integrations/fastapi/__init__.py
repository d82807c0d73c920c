"""For FastAPI: the client's lifetime, errors as responses, ETags, pages with cursors, PATCH, and streams of JSON lines."""

from .errors import Problem, install_errors, responses
from .etags import ETag
from .lifetime import lifespan
from .lines import JSONLines
from .paging import Page, Paging, paging
from .patches import Patch

__all__ = ["ETag", "JSONLines", "Page", "Paging", "Patch", "Problem", "install_errors", "lifespan", "paging", "responses"]
