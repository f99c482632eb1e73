"""Paths as a Triage dump has them: without the directories, which tell of users, projects and machines."""

from __future__ import annotations

from dotdump.formats.runtime_files import SHARED_FRAMEWORK


def short_path(path: str) -> str:
    """Return the name of a file as a path; of files of the shared framework the version too, which readers go by."""
    if not path.startswith("/"):
        return path
    at = path.find(SHARED_FRAMEWORK)
    return path[at:] if at >= 0 else "/" + path.rpartition("/")[2]
