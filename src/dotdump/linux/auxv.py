"""/proc/PID/auxv: the auxiliary vector that the kernel gave the program, pairs of machine words.

Source of truth: getauxval(3), include/uapi/linux/auxvec.h.
"""

from __future__ import annotations

from enum import IntEnum
from struct import iter_unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class AuxType(IntEnum):
    """Kinds of entry, without their prefix ``AT_``."""

    NULL = 0
    PHDR = 3
    PHENT = 4
    PHNUM = 5
    PAGESZ = 6
    BASE = 7
    ENTRY = 9
    UID = 11
    EUID = 12
    GID = 13
    EGID = 14
    PLATFORM = 15
    HWCAP = 16
    CLKTCK = 17
    SECURE = 23
    RANDOM = 25
    HWCAP2 = 26
    EXECFN = 31
    SYSINFO_EHDR = 33


def parse_auxv(data: bytes, pointer_size: int = 8) -> Mapping[int, int]:
    """Return values by type, up to AT_NULL; an incomplete last pair is passed over."""
    pair = 2 * pointer_size
    found: dict[int, int] = {}
    for kind, value in iter_unpack("<QQ" if pointer_size == 8 else "<II", data[: len(data) // pair * pair]):
        if kind == AuxType.NULL:
            break
        found.setdefault(kind, value)
    return found
