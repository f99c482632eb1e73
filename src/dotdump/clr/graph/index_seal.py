"""Seals: how an index file tells, without being read, that it is as it was written.

A checksum over gigabytes takes longer than an answer that needs a few pages of them. Two things damage a file: a
machine that goes down before the disk has everything, and who writes to it. So a seal has the boot in which it was
put there, when all was written or has been checked, and the time that the file was then given as that of its last
change. Where either differs, whoever reads the file takes its checksum, and puts a new seal there.

Layout, little-endian: 16 bytes of the kernel's boot id, u64 time in seconds.
"""

from __future__ import annotations

import os
import time
from struct import Struct

_SEAL = Struct("<16sQ")
SIZE = _SEAL.size
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_UNKNOWN = bytes(16)
_SECOND = 1_000_000_000


def renew(descriptor: int, place: int) -> None:
    """Put a seal at ``place`` of a file that is whole; raises ``OSError`` where it cannot be written."""
    now = int(time.time())
    os.pwrite(descriptor, _SEAL.pack(_boot(), now), place)
    os.utime(descriptor, ns=(now * _SECOND, now * _SECOND))


def holds(seal: bytes, descriptor: int) -> bool:
    """Return whether nothing can have happened to the file since ``seal`` was put there."""
    boot, then = _SEAL.unpack(seal)
    unchanged: bool = os.fstat(descriptor).st_mtime_ns == then * _SECOND
    return unchanged and boot == _boot() != _UNKNOWN


def _boot() -> bytes:
    """Return what is this boot's alone; zeros where the kernel does not say."""
    try:
        with open(_BOOT_ID, encoding="ascii") as file:
            return bytes.fromhex(file.read(64).replace("-", ""))[:16]
    except (OSError, ValueError):
        return _UNKNOWN
