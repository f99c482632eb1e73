"""What reading a process's memory and writing it takes, a megabyte at a time and nothing else: a floor for dumpers.

    python bench/peers/copy_alone.py PID PATH

All pages that are there are read, of mappings that can be read; nothing is stopped, and the file is no core.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK, PAGE, ENTRY = 1 << 20, 4096, 8
READABLE = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) r", re.MULTILINE)
THERE = re.compile(rb"[\x40-\xff]+")
"""Highest bytes of entries of /proc/PID/pagemap whose page is present or swapped."""


class Extent(ctypes.Structure):
    """``struct iovec``."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def chunks(pid: int) -> Iterator[tuple[int, int]]:
    """Yield start and size of what is there."""
    with Path(f"/proc/{pid}/pagemap").open("rb", buffering=0) as pagemap:
        for low, high in READABLE.findall(Path(f"/proc/{pid}/maps").read_text()):
            start, count = int(low, 16), (int(high, 16) - int(low, 16)) // PAGE
            highest = os.pread(pagemap.fileno(), count * ENTRY, start // PAGE * ENTRY)[ENTRY - 1 :: ENTRY]
            for run in THERE.finditer(highest):
                first, last = (start + place * PAGE for place in run.span())
                yield from ((address, min(CHUNK, last - address)) for address in range(first, last, CHUNK))


def main() -> None:
    """Copy."""
    pid, path = int(sys.argv[1]), Path(sys.argv[2])
    read = ctypes.CDLL(None).process_vm_readv
    read.restype = ctypes.c_ssize_t
    buffer = ctypes.create_string_buffer(CHUNK)
    view = memoryview(buffer)
    here = Extent(ctypes.addressof(buffer), CHUNK)
    with path.open("wb", buffering=0) as file:
        for address, size in chunks(pid):
            there = Extent(address, size)
            count = read(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
            os.write(file.fileno(), view[: max(count, 0)])


if __name__ == "__main__":
    main()
