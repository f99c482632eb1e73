"""The hash tables of an ELF file's dynamic symbols, asked as the dynamic linker asks them: in a few small reads.

``read`` returns bytes by address, whole or not at all. Source of truth: gABI ch. 5, "Hash Table", for DT_HASH;
binutils ``elf.cc`` and glibc for DT_GNU_HASH.
"""

from __future__ import annotations

from dotdump.errors import FormatError
from dotdump.limits import SYMBOLS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Read = Callable[[int, int], bytes]

_GNU_HEAD, _SYSV_HEAD = 16, 8
_LONGEST_CHAIN = 1 << 16


def gnu_candidates(read: Read, table: int, name: bytes) -> Iterator[int]:
    """Yield the indexes of the symbols that may bear ``name``; ``FormatError`` where ``table`` is no DT_GNU_HASH."""
    buckets, first, words, shift = _words(read, table, 4)
    if not buckets or not words or shift > 31:
        raise FormatError("a hash table of symbols without buckets", offset=table)
    code = gnu_hash(name)
    bloom = table + _GNU_HEAD
    mask = int.from_bytes(read(bloom + 8 * (code // 64 % words), 8), "little")
    if not mask >> code % 64 & mask >> (code >> shift) % 64 & 1:
        return
    heads = bloom + 8 * words
    (index,) = _words(read, heads + 4 * (code % buckets), 1)
    if index < first:
        return
    chains = heads + 4 * buckets
    for position in range(index, index + _LONGEST_CHAIN):
        (stored,) = _words(read, chains + 4 * (position - first), 1)
        if stored | 1 == code | 1:
            yield position
        if stored & 1:
            return
    raise FormatError(f"a hash chain of more than {_LONGEST_CHAIN} symbols", offset=table)


def sysv_candidates(read: Read, table: int, name: bytes) -> Iterator[int]:
    """Yield the indexes of the symbols that may bear ``name``; ``FormatError`` where ``table`` is no DT_HASH."""
    buckets, _ = _words(read, table, 2)
    if not buckets:
        raise FormatError("a hash table of symbols without buckets", offset=table)
    heads = table + _SYSV_HEAD
    (index,) = _words(read, heads + 4 * (sysv_hash(name) % buckets), 1)
    for _ in range(_LONGEST_CHAIN):
        if not index:
            return
        yield index
        (index,) = _words(read, heads + 4 * (buckets + index), 1)
    raise FormatError(f"a hash chain of more than {_LONGEST_CHAIN} symbols", offset=table)


def gnu_symbol_count(read: Read, table: int, words: int) -> int:
    """Return how many symbols there are, by the end of the last chain of a DT_GNU_HASH of at most ``words`` words."""
    buckets, first, bloom, _ = _words(read, table, 4)
    start = table + _GNU_HEAD
    last = max(_words(read, start + 8 * min(bloom, words), min(buckets, words, SYMBOLS)), default=0)
    if last < first:
        return first
    chains = start + 8 * bloom + 4 * buckets
    for index in range(last, last + _LONGEST_CHAIN):
        if _words(read, chains + 4 * (index - first), 1)[0] & 1:
            return index + 1
    return last


def sysv_symbol_count(read: Read, table: int) -> int:
    """Return how many symbols a DT_HASH has chains for: all there are."""
    return _words(read, table, 2)[1]


def gnu_hash(name: bytes) -> int:
    """Return the hash of DT_GNU_HASH: Bernstein's, 32 bits."""
    code = 5381
    for byte in name:
        code = (code * 33 + byte) & 0xFFFFFFFF
    return code


def sysv_hash(name: bytes) -> int:
    """Return the hash of DT_HASH."""
    code = 0
    for byte in name:
        code = ((code << 4) + byte) & 0xFFFFFFFF
        high = code & 0xF0000000
        code = (code ^ high >> 24) & ~high
    return code


def _words(read: Read, address: int, count: int) -> memoryview[int]:
    return memoryview(read(address, 4 * count)).cast("I")
