"""The Python that runs us, to run another with."""

from __future__ import annotations

import os
import sys

from dotdump.errors import CollectError

_OWN = "/proc/self/exe"


def own_python() -> str:
    """Return the path of our Python. It does not know its own where it was started by a name that leads nowhere.

    Raises ``CollectError`` where the program is none: what embeds Python must not be started a second time.
    """
    if sys.executable:
        return sys.executable
    try:
        program = os.path.basename(os.readlink(_OWN))
    except OSError:
        program = ""
    if not program.startswith(("python", "pypy")):
        raise CollectError(
            "it is not known which Python runs here: sys.executable is empty", hint="set sys.executable to its path"
        )
    return _OWN
