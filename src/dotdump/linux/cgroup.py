"""/proc/PID/cgroup: the control groups of a process, and the container that they name.

Version 1 has a line for every hierarchy, version 2 one line ``0::PATH``. Source of truth: cgroups(7).
"""

from __future__ import annotations

from dotdump.errors import FormatError
from dotdump.linux import text
from dotdump.records import record

_IDENTIFIER = 64
_HEXADECIMAL = frozenset("0123456789abcdef")


@record
class CgroupMembership:
    """One line: ``hierarchy`` 0 and no ``controllers`` for version 2. ``path`` is relative to its mount."""

    hierarchy: int
    controllers: tuple[str, ...]
    path: str


def parse_cgroup(data: bytes, source: str = "cgroup") -> tuple[CgroupMembership, ...]:
    """Parse the text of a cgroup file; raises ``FormatError`` for a line that is none."""
    return tuple(_membership(line, source) for line in data.split(b"\n") if line)


def find_container(memberships: tuple[CgroupMembership, ...]) -> str | None:
    """Return the id of the container (64 hexadecimal digits, as every container engine names them), or None.

    Engines wrap it as ``docker-ID.scope``, ``cri-containerd-ID.scope``, ``crio-ID.scope``, ``libpod-ID.scope`` or use
    it as it is; of nested containers the innermost counts.
    """
    for membership in memberships:
        for component in reversed(membership.path.split("/")):
            for word in component.removesuffix(".scope").replace("_", "-").replace(":", "-").split("-"):
                if len(word) == _IDENTIFIER and _HEXADECIMAL.issuperset(word):
                    return word
    return None


def _membership(line: bytes, source: str) -> CgroupMembership:
    fields = line.split(b":", 2)
    if len(fields) < 3:
        raise FormatError("not a line of control groups", source=source)
    controllers = tuple(text.name(word) for word in fields[1].split(b",") if word)
    return CgroupMembership(text.decimal(fields[0], source), controllers, text.name(fields[2]))
