"""Files that belong to a runtime and lie beside it: createdump, the DAC."""

from __future__ import annotations

import os

from dotdump.dump.doctor.facts import Tool


def find_tool(runtime: str, name: str, inside: str) -> Tool | None:
    """Return the file ``name`` beside the ``runtime``, a path as the process sees it, without its version.

    ``inside`` is the process's root directory as we see it: None where that may not be entered.
    """
    if not os.access(inside, os.X_OK):
        return None
    path = f"{os.path.dirname(runtime)}/{name}"
    try:
        mode = os.stat(inside + path).st_mode
    except OSError:
        return Tool(path, present=False, executable=False)
    return Tool(path, executable=bool(mode & 0o111))
