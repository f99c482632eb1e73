"""Paths of mapped files as the kernel writes them, in /proc/PID/maps and in NT_FILE."""

from __future__ import annotations

DELETED = " (deleted)"
"""Stands behind the path of a file that is gone: removed, or replaced by another of its name."""


def file_name(path: str) -> str:
    """Return the last part of ``path``, without the mark of a file that is gone."""
    return path.removesuffix(DELETED).rpartition("/")[2]


def within(root: str, path: str) -> str:
    """Return ``path`` as a process names it whose root the kernel shows as ``root``; itself where it lies elsewhere.

    The kernel puts the place of a root that chroot(2) changed before the paths of the files in it.
    """
    rest = path.removeprefix(root.rstrip("/"))
    return rest if rest.startswith("/") else path
