"""/proc/PID/environ and /proc/PID/cmdline: strings that end in NUL.

Both are memory of the process, which may have written anything over them (as ``setproctitle`` does): whatever the
bytes are, they parse. Source of truth: proc_pid_environ(5), proc_pid_cmdline(5).
"""

from __future__ import annotations

from dotdump.linux import text


def parse_environment(data: bytes) -> dict[str, str]:
    """Return names and values; of a name that comes twice the first counts, as for getenv(3)."""
    found: dict[str, str] = {}
    for entry in data.split(b"\0"):
        key, equals, value = entry.partition(b"=")
        if equals and key:
            found.setdefault(text.name(key), text.name(value))
    return found


def parse_command_line(data: bytes) -> tuple[str, ...]:
    """Return the arguments; empty for kernel threads and zombies."""
    if not data:
        return ()
    return tuple(map(text.name, data.removesuffix(b"\0").split(b"\0")))
