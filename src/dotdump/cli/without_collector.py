"""A block without Python's garbage collector: what makes records by the hundred thousand and no cycles.

It would look at each of them again and again, for a third of the time, and let a process that is stopped wait for that.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def without_collector() -> Iterator[None]:
    """Run the block without it, and have it as it was afterwards."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.freeze()
            gc.unfreeze()  # all that is there is old now: else the first thing it did would be to look through it
            gc.enable()
