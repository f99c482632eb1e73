"""Inner loops over buffers: typed Python, compiled by Cython where a C compiler was there. No I/O, no objects.

Each kernel is a module NAME.py that runs as it is, and NAME.pxd with its C types. Compiled or not, the answers are
the same. Bounds checks stay on, because what kernels read is hostile; a kernel never raises for bad data.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array

    Column = array[int] | memoryview[int]


def compiled() -> bool:
    """Return whether the kernels run as machine code, or as plain Python: the same answers, slowly."""
    from dotdump.kernels import walk

    return not str(walk.__file__).endswith(".py")
