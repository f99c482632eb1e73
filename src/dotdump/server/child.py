"""``python -m dotdump.server.child MODULE [ARGUMENT ...]``: run a module as ``python -m`` does, and say how it ended.

Standard output gets the exit code, and nothing else: it stays empty where the module did not come to an end by itself.
The kernel need not tell it to the program that started us: one that ignores SIGCHLD, or waits in a handler of it for
whatever child has ended, has lost it, and ``subprocess`` then says 0. Source of truth: waitpid(2), "ECHILD".
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path


def main(module: str, arguments: list[str]) -> None:
    """Run ``module``; raises ``SystemExit`` as it does, and whatever else it raises."""
    answer = os.dup(1)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code or 0
        os.write(answer, b"%d" % (code if isinstance(code, int) else 1))
        raise
    os.write(answer, b"0")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
