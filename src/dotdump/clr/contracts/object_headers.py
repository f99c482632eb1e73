"""Object headers: the 32 bits before each object, as far as they say who has locked it.

Source of truth: ``ObjHeader`` in syncblk.h; the masks of the thin lock are those in the compiled code of 3.1.23 (10
bits of thread id), 8.0.4, 9.0.22 and 10.0.14 (16 bits).
"""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING, NamedTuple

from dotdump.clr.contracts.object_selection import HeaderRule

if TYPE_CHECKING:
    from dotdump.clr.data_access import DataAccess

HEADER = 4
"""How far before an object its header lies."""


class HeaderBits(IntFlag):
    """Bits of a header; without ``IS_HASH_OR_SYNC_BLOCK_INDEX`` the low ones are a thin lock."""

    SPIN_LOCK = 0x10000000
    IS_HASH_OR_SYNC_BLOCK_INDEX = 0x08000000
    IS_HASH_CODE = 0x04000000
    SYNC_BLOCK_INDEX = 0x03FFFFFF


class ThinLock(NamedTuple):
    """A lock in a header: the managed id of its owner, and how often that has entered it again."""

    owner: int
    recursion: int


class ObjectHeaders:
    """Reads headers as one runtime writes them."""

    def __init__(self, access: DataAccess) -> None:
        self._reader = access.reader
        self._owner = access.global_integer("ThinLockThreadIdMask")
        self._recursion = access.global_integer("ThinLockRecursionMask")

    @property
    def thin_locks(self) -> HeaderRule:
        """Which headers have a thin lock."""
        return HeaderRule(unset=HeaderBits.IS_HASH_OR_SYNC_BLOCK_INDEX, marked=self._owner)

    def thin_lock_of(self, address: int) -> ThinLock | None:
        """Return the thin lock of the object at ``address``, or None."""
        header = self._reader.u32(address - HEADER)
        if header & HeaderBits.IS_HASH_OR_SYNC_BLOCK_INDEX or not header & self._owner:
            return None
        recursion = (header & self._recursion) // (self._recursion & -self._recursion or 1)
        return ThinLock(header & self._owner, recursion)

    def sync_block_index_of(self, address: int) -> int:
        """Return the index of the sync block of the object at ``address``, 0 where it has none."""
        header = self._reader.u32(address - HEADER)
        kind = header & (HeaderBits.IS_HASH_OR_SYNC_BLOCK_INDEX | HeaderBits.IS_HASH_CODE)
        return header & HeaderBits.SYNC_BLOCK_INDEX if kind == HeaderBits.IS_HASH_OR_SYNC_BLOCK_INDEX else 0
