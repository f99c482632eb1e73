"""Inside a fresh pid namespace: end a process that is held, give its pid to another, and ask who is there.

python reuse_pids.py COUNT          prints: COUNT reused, N found out
"""

import os
import signal
import sys
from pathlib import Path

from dotdump.errors import ProcessGone
from dotdump.linux.identity import ProcessIdentity

LAST_PID = Path("/proc/sys/kernel/ns_last_pid")


def sleeper() -> int:
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    return pid


def end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def reuse() -> bool:
    """Return whether the second process with the same pid was told from the first."""
    first = sleeper()
    with ProcessIdentity.open(first) as identity:
        end(first)
        LAST_PID.write_text(str(first - 1))
        second = sleeper()
        assert second == first, f"{second} is not {first}"
        try:
            identity.check()
        except ProcessGone:
            return True
        finally:
            end(second)
    return False


def main() -> None:
    count = int(sys.argv[1])
    found = sum(reuse() for _ in range(count))
    sys.stdout.write(f"{count} reused, {found} found out\n")


if __name__ == "__main__":
    main()
