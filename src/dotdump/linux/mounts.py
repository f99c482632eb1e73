r"""/proc/PID/mountinfo: the mounts that a process sees.

Space, tab, newline, backslash and ``#`` in names are written as ``\ooo``. Source of truth: proc_pid_mountinfo(5).
"""

from __future__ import annotations

from dotdump.errors import FormatError
from dotdump.linux import text
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_ESCAPED = b" \t\n\\#"


@record
class Mount:
    """One mount. ``root`` is the directory of the file system that is mounted at ``point``."""

    id: int
    parent: int
    device: tuple[int, int]
    root: str
    point: str
    options: tuple[str, ...]
    file_system: str
    source: str
    super_options: tuple[str, ...]

    @property
    def read_only(self) -> bool:
        """Whether the mount, or the file system as a whole, may not be written to."""
        return "ro" in self.options or "ro" in self.super_options


def parse_mountinfo(data: bytes, source: str = "mountinfo") -> list[Mount]:
    """Parse the text of a mountinfo file; raises ``FormatError`` for a line that is none."""
    return [_mount(line, source) for line in data.split(b"\n") if line]


def find_mount(mounts: Sequence[Mount], path: str) -> Mount | None:
    """Return the mount that holds the absolute, normalised ``path``: of several the one mounted last."""
    best: Mount | None = None
    for mount in mounts:
        inside = mount.point in ("/", path) or path.startswith(mount.point + "/")
        if inside and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    return best


def _mount(line: bytes, source: str) -> Mount:
    before, dash, after = line.partition(b" - ")
    fields, rest = before.split(b" "), after.split(b" ")
    if not dash or len(fields) < 6 or len(rest) < 2:
        raise FormatError("not a line of mounts", source=source)
    major, _, minor = fields[2].partition(b":")
    return Mount(
        id=text.decimal(fields[0], source),
        parent=text.decimal(fields[1], source),
        device=(text.decimal(major, source), text.decimal(minor, source)),
        root=_name(fields[3]),
        point=_name(fields[4]),
        options=tuple(_name(fields[5]).split(",")),
        file_system=_name(rest[0]),
        source=_name(rest[1]),
        super_options=tuple(_name(rest[2]).split(",")) if len(rest) > 2 else (),
    )


def _name(raw: bytes) -> str:
    return text.name(text.unescape(raw, _ESCAPED))
