"""``python -m dotdump.server.dump_worker PID PATH``: a core of a process into a file that somebody holds open.

``PATH`` is a ``/proc/PID/fd/N``. Prints the reason and ends with 1 where it cannot.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dotdump.dump.write import write_core
from dotdump.errors import DotdumpError
from dotdump.target.process import open_process


def main(pid: int, path: str) -> int:
    """Write the core; return the exit code."""
    try:
        with open_process(pid) as target, Path(path).open("wb") as file:
            write_core(target, file)
    except (DotdumpError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
