"""/proc/PID/limits: the resource limits of a process.

Source of truth: proc_pid_limits(5): fixed columns, the name in the first 25 (names hold spaces), then soft and hard.
"""

from __future__ import annotations

from dotdump.linux import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_SIZE = "Max file size"
"""RLIMIT_FSIZE, as the kernel writes its name."""
OPEN_FILES = "Max open files"
"""RLIMIT_NOFILE."""

_NAME_WIDTH = 25


def parse_limits(data: bytes, source: str = "limits") -> Mapping[str, tuple[int | None, int | None]]:
    """Return soft and hard limit by the kernel's name, such as ``"Max file size"``; None is unlimited."""
    found: dict[str, tuple[int | None, int | None]] = {}
    for line in data.split(b"\n")[1:]:
        words = line[_NAME_WIDTH:].split()
        if len(words) >= 2:
            key = text.name(line[:_NAME_WIDTH]).strip()
            found[key] = (_limit(words[0], source), _limit(words[1], source))
    return found


def _limit(word: bytes, source: str) -> int | None:
    return None if word == b"unlimited" else text.decimal(word, source)
