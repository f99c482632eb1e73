"""Paths of mapped files as the kernel writes them, in /proc/PID/maps and in NT_FILE."""

from __future__ import annotations

DELETED = " (deleted)"
"""Stands behind the path of a file that is gone: removed, or replaced by another of its name."""


def file_name(path: str) -> str:
    """Return the last part of ``path``, without the mark of a file that is gone."""
    return path.removesuffix(DELETED).rpartition("/")[2]
