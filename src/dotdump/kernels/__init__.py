"""Inner loops over buffers: typed Python, compiled by Cython where a C compiler was there. No I/O, no objects.

Each kernel is a module NAME.py that runs as it is, and NAME.pxd with its C types. Compiled or not, the answers are
the same. Bounds checks stay on, because what kernels read is hostile; a kernel never raises for bad data.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array

    Column = array[int] | memoryview[int]


def compiled() -> bool:
    """Return whether the kernels run as machine code, or as plain Python: the same answers, slowly.

    Asks where a kernel would be imported from and does not import it: ``--version`` has a bar to pass.
    """
    specs = (finder.find_spec("dotdump.kernels.walk", __path__) for finder in sys.meta_path)
    return any(not str(spec.origin).endswith(".py") for spec in specs if spec)
