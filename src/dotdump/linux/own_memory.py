"""``OwnMemory``: anonymous memory of this process, whose pages can be had before they are needed.

Source of truth: madvise(2): MADV_POPULATE_WRITE is Linux 5.14's. ``mmap.madvise`` holds the interpreter's lock, so
that of several threads which take pages one would wait for the other.
"""

from __future__ import annotations

import ctypes
import mmap

from dotdump.linux.errors import call_error

_MADV_POPULATE_WRITE = 23
_madvise = ctypes.CDLL(None, use_errno=True).madvise
_madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


class OwnMemory:
    """``size`` bytes, zero. They end with the last ``view`` of them."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.view = memoryview(mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
        self._address = ctypes.addressof(ctypes.c_char.from_buffer(self.view))

    def use_large_pages(self, *, large: bool) -> None:
        """Have pages that are not there yet be large ones, or not; ``OSError`` where there are none."""
        self._advise(0, self.size, mmap.MADV_HUGEPAGE if large else mmap.MADV_NOHUGEPAGE)

    def populate(self, start: int, size: int) -> None:
        """Have pages from ``start`` on, by any thread; ``OSError`` where the kernel cannot, or has none left."""
        self._advise(start, min(size, self.size - start), _MADV_POPULATE_WRITE)

    def _advise(self, start: int, size: int, advice: int) -> None:
        if _madvise(self._address + start, size, advice):
            raise call_error()
