"""The XSAVE area of a thread (NT_X86_XSTATE) without AMX's tiles, which are 8 KiB of it and which few threads ever use.

Source of truth: Intel SDM vol. 1 ch. 13, "Managing state using the XSAVE feature set".
"""

from __future__ import annotations

from struct import Struct

_HEADER, _USED = 512, Struct("<QQ")
"""Where the header is, and what it begins with: which components are in use, and the form of the area."""
_TILES = 3 << 17
"""XTILECFG and XTILEDATA among the components."""
_BEFORE_TILES = 2696
"""Bytes of the area of a CPU without AMX: up to the end of PKRU, in the standard form."""


def without_tiles(area: bytes) -> bytes:
    """Return the area of a thread up to the tiles, where it has none in use: they are the last of it, and zero."""
    if len(area) <= _BEFORE_TILES:
        return area
    used, form = _USED.unpack_from(area, _HEADER)
    return area if used & _TILES or form or any(area[_BEFORE_TILES:]) else area[:_BEFORE_TILES]
