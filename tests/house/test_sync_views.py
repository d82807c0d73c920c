"""The blocking views are generated, and the committed file is the one that the coroutines give."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parent.parent.parent / "tools" / "gen_sync.py"


def test_the_committed_views_are_current() -> None:
    done = subprocess.run([sys.executable, str(TOOL), "--check"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
