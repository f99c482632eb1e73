"""Names of users, for people to read.

/etc/passwd is read once; only for a user who is not in it the name service is asked, which may go over a network.
"""

from __future__ import annotations

from dotdump.linux.proc import read_file
from dotdump.linux.text import name

_names: dict[int, str] = {}


def user_name(uid: int) -> str:
    """Return the name of user ``uid``, or its number where it has none."""
    if not _names:
        _names.update(_read_passwd())
    if uid not in _names:
        _names[uid] = _ask(uid)
    return _names[uid]


def _read_passwd() -> dict[int, str]:
    try:
        data = read_file("/etc/passwd")
    except OSError:
        return {}
    lines = [line.split(b":", 3) for line in data.split(b"\n")]
    return {int(fields[2]): name(fields[0]) for fields in reversed(lines) if len(fields) > 3 and fields[2].isdigit()}


def _ask(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
