"""Where helpers and recordings lie."""

from pathlib import Path

__all__ = ["DATA", "SUPPORT"]

SUPPORT = Path(__file__).parent
DATA = SUPPORT.parent / "data"
