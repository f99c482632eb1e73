"""``Status``: /proc/PID/status, the kernel's readable summary of a process or thread.

Keys that a kernel does not have (seccomp before 3.8, NSpid before 4.1, memory of kernel threads and zombies) are None
or empty. Source of truth: proc_pid_status(5), fs/proc/array.c.
"""

from __future__ import annotations

from dotdump.errors import FormatError
from dotdump.linux import text
from dotdump.records import record


@record
class Status:
    """One /proc/PID/status. Sizes are in bytes; the four ids are real, effective, saved and file system.

    ``own_resident`` is what no file on a disk backs, swapped and huge pages among it; None before Linux 4.5.

    ``namespace_pids``, and the same of its process group and session, are one for each pid namespace from ours to its
    own, which is the last; 0 where that does not see it.
    """

    name: str
    state: str
    pid: int
    group: int
    parent: int
    tracer: int
    uids: tuple[int, ...]
    gids: tuple[int, ...]
    namespace_pids: tuple[int, ...] = ()
    namespace_groups: tuple[int, ...] = ()
    namespace_sessions: tuple[int, ...] = ()
    threads: int | None = None
    resident: int | None = None
    own_resident: int | None = None
    virtual: int | None = None
    capabilities_permitted: int | None = None
    capabilities_effective: int | None = None
    capabilities_bounding: int | None = None
    capabilities_ambient: int | None = None
    no_new_privileges: bool | None = None
    seccomp: int | None = None
    core_dumping: bool | None = None

    @property
    def namespace_pid(self) -> int:
        """The pid as the process itself sees it: the innermost of its pid namespaces."""
        return self.namespace_pids[-1] if self.namespace_pids else self.group


def parse_status(data: bytes, source: str = "status") -> Status:
    """Parse the text of a status file; raises ``FormatError`` for a number that is none."""
    fields = dict(_fields(data))
    if b"Name" not in fields:
        raise FormatError("not the status of a process", source=source)

    def numbers(key: bytes) -> tuple[int, ...]:
        return tuple(text.decimal(word, source) for word in fields.get(key, b"").split())

    def number(key: bytes) -> int | None:
        words = fields.get(key, b"").split()
        return text.decimal(words[0], source) if words else None

    def kilobytes(key: bytes) -> int | None:
        value = number(key)
        return None if value is None else value * 1024

    def own_resident() -> int | None:
        keys = b"RssAnon", b"RssShmem", b"VmSwap", b"HugetlbPages"
        return sum(kilobytes(key) or 0 for key in keys) if b"RssAnon" in fields else None

    def flags(key: bytes) -> int | None:
        return text.hexadecimal(fields[key].strip(), source) if key in fields else None

    privileges, dumping = number(b"NoNewPrivs"), number(b"CoreDumping")
    return Status(
        name=text.name(_unescape_name(fields.get(b"Name", b""))),
        state=fields.get(b"State", b"?").strip()[:1].decode("ascii", "replace"),
        pid=number(b"Pid") or 0,
        group=number(b"Tgid") or 0,
        parent=number(b"PPid") or 0,
        tracer=number(b"TracerPid") or 0,
        uids=numbers(b"Uid"),
        gids=numbers(b"Gid"),
        namespace_pids=numbers(b"NSpid"),
        namespace_groups=numbers(b"NSpgid"),
        namespace_sessions=numbers(b"NSsid"),
        threads=number(b"Threads"),
        resident=kilobytes(b"VmRSS"),
        own_resident=own_resident(),
        virtual=kilobytes(b"VmSize"),
        capabilities_permitted=flags(b"CapPrm"),
        capabilities_effective=flags(b"CapEff"),
        capabilities_bounding=flags(b"CapBnd"),
        capabilities_ambient=flags(b"CapAmb"),
        no_new_privileges=None if privileges is None else bool(privileges),
        seccomp=number(b"Seccomp"),
        core_dumping=None if dumping is None else bool(dumping),
    )


def _fields(data: bytes) -> list[tuple[bytes, bytes]]:
    """Key and value of each line; of a key that comes twice the first counts, as nothing but the kernel writes it."""
    lines = [line.partition(b":") for line in data.split(b"\n")]
    return [(key, value.lstrip(b"\t ")) for key, _, value in reversed(lines)]


def _unescape_name(raw: bytes) -> bytes:
    r"""Undo the kernel's escapes of a name: ``\n`` for a newline, and a doubled backslash."""
    return raw.replace(b"\\\\", b"\0").replace(b"\\n", b"\n").replace(b"\0", b"\\")
