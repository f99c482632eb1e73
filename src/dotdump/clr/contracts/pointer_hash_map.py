"""``PtrHashMap``: the runtime's own hash table from one address to another.

Source of truth: hash.h and hash.cpp, the same from 3.1 to 10. Four keys and four values are a bucket, of which the
first holds the number of buckets instead; values are kept halved, and the highest bit of a bucket's first value says
that a search goes on behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotdump import limits
from dotdump.errors import LimitExceeded

if TYPE_CHECKING:
    from dotdump.clr.data_access import DataAccess
    from dotdump.unwind.effort import Effort

_SLOTS = 4
_COLLISION = 1 << 63
_WORD = 0xFFFFFFFF
_PROBE = 2
"""Effort to read a bucket."""


def find_in_hash_map(access: DataAccess, table: int, key: int, effort: Effort) -> int:
    """Return the address that the table at ``table`` has for ``key``, 0 where it has none.

    Raises ``MemoryFault`` where a bucket is not there, ``LimitExceeded`` for a number of buckets that cannot be, and
    where no ``effort`` is left to look into one.
    """
    buckets = access.pointer(table, "HashMap", "Buckets")
    count = access.reader.u32(buckets)
    if not 1 < count <= limits.HASH_MAP_BUCKETS:
        raise LimitExceeded(f"{count} buckets", source=f"hash table at {table:#x}")
    size, values = access.size("Bucket"), access.offset("Bucket", "Values") // 8
    seed, step = key >> 2 & _WORD, 1 + ((key >> 5) + 1 & _WORD) % (count - 1)
    for _ in range(count):
        effort.spend(_PROBE)
        words = memoryview(access.reader.memory.read(buckets + size * (1 + seed % count), size)).cast("Q")
        for slot in range(_SLOTS):
            if words[slot] == key:
                return (words[values + slot] & ~_COLLISION) << 1
        if not words[values] & _COLLISION:
            return 0
        seed = seed + step & _WORD
    return 0
