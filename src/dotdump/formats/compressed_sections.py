"""Sections of ELF files that are compressed, unpacked: by SHF_COMPRESSED with zlib or zstd, or as .zdebug_* with zlib.

What they promise to unpack to is bounded, and no more is ever unpacked. Source of truth: gABI ch. 4, "Section
Compression"; for .zdebug_*, which GNU tools wrote before that, binutils' ``bfd/compress.c``.
"""

from __future__ import annotations

import zlib
from struct import Struct

from dotdump.limits import DEBUG_DATA

SHF_COMPRESSED = 0x800
_ZLIB, _ZSTD = 1, 2
_HEADER = Struct("<IIQQ")
_OLD_HEADER = Struct(">4sQ")
_OLD_MAGIC = b"ZLIB"


def unpack_section(data: bytes) -> bytes | None:
    """Return what a section with SHF_COMPRESSED holds, or of a cut one what there is; None where it is damaged."""
    if len(data) < _HEADER.size:
        return None
    kind, _, size, _ = _HEADER.unpack_from(data)
    return _unpack(data[_HEADER.size :], kind, size)


def unpack_old_section(data: bytes) -> bytes | None:
    """Return what a section with a name in .zdebug holds, or None, as of ``unpack_section``."""
    if len(data) < _OLD_HEADER.size:
        return None
    magic, size = _OLD_HEADER.unpack_from(data)
    return _unpack(data[_OLD_HEADER.size :], _ZLIB, size) if magic == _OLD_MAGIC else None


def _unpack(packed: bytes, kind: int, size: int) -> bytes | None:
    if not 0 < size <= DEBUG_DATA:  # zlib takes 0 for no bound
        return None
    if kind == _ZLIB:
        try:
            return zlib.decompressobj().decompress(packed, size)
        except zlib.error:
            return None
    return _unpack_zstd(packed, size) if kind == _ZSTD else None


def _unpack_zstd(packed: bytes, size: int) -> bytes | None:
    from dotdump.memory.zstd_library import zstd  # which few files need

    try:
        return zstd.ZstdDecompressor().decompress(packed, size)
    except zstd.ZstdError:
        return None
