"""``dotdump --version``: without the cost of reading package metadata."""

from __future__ import annotations

from dotdump import __version__


def version_line() -> str:
    """Return name, version, and whether the kernels are compiled or pure Python."""
    return f"dotdump {__version__}"
