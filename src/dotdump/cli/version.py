"""``dotdump --version``: without the cost of reading package metadata."""

from __future__ import annotations

from dotdump import __version__, kernels


def version_line() -> str:
    """Return name, version, and whether the kernels are compiled or pure Python."""
    return f"dotdump {__version__} (kernels: {'compiled' if kernels.compiled() else 'pure'})"
