"""The two pieces of a process's own code that an injected system call needs.

``syscall; ret`` enters the kernel and comes back to the address on the stack; ``mov $15, %rax; syscall`` is what libc
gives the kernel to return from a signal handler (both glibc and musl). Nothing is written over code. Source of truth:
``__restore_rt`` of glibc and musl, System V ABI for x86-64.
"""

from __future__ import annotations

from dotdump.memory.region import Protection
from dotdump.memory.region_table import named_regions
from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dotdump.memory.region import Region
    from dotdump.memory.space import AddressSpace

SYSCALL_RETURN = b"\x0f\x05\xc3"
SIGNAL_RETURN = b"\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05"
_READABLE_CODE = Protection.READ | Protection.EXECUTE
_LARGEST = 64 << 20
"""Bytes of one mapping of code that are searched; libc has two million."""


@record
class Gadgets:
    """Addresses of the two pieces."""

    syscall_return: int
    signal_return: int

    def still_there(self, memory: AddressSpace) -> bool:
        """Whether the code at both addresses is (still) what it must be."""
        pieces = ((self.syscall_return, SYSCALL_RETURN), (self.signal_return, SIGNAL_RETURN))
        return all(memory.read_available(address, len(code)) == code for address, code in pieces)


def find_gadgets(memory: AddressSpace, regions: Sequence[Region]) -> Gadgets | None:
    """Return where both pieces are, libc first, or None where the process has not got both."""
    syscall_return = signal_return = 0
    for region in _code(regions):
        text = memory.read_available(region.start, min(region.size, _LARGEST))
        syscall_return = syscall_return or _find(text, SYSCALL_RETURN, region.start)
        signal_return = signal_return or _find(text, SIGNAL_RETURN, region.start)
        if syscall_return and signal_return:
            return Gadgets(syscall_return, signal_return)
    return None


def _code(regions: Sequence[Region]) -> Iterable[Region]:
    """Code that nobody rewrites: private, of a file, and not writable."""
    code = [
        region
        for region in named_regions(regions)
        if region.protection == _READABLE_CODE and region.inode and not region.shared and region.path.startswith("/")
    ]
    return sorted(code, key=lambda region: (not _is_libc(region.path), region.start))


def _is_libc(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.startswith(("libc.so", "libc-", "ld-musl-", "libc.musl-"))


def _find(text: bytes, piece: bytes, start: int) -> int:
    index = text.find(piece)
    return start + index if index >= 0 else 0
