"""A block without Python's garbage collector: what makes records by the hundred thousand and no cycles.

It would look at each of them again and again, for a third of the time, and let a process that is stopped wait for that.
So it does with what imports make, which is a tenth of their time.
"""

from __future__ import annotations

import gc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType


class WithoutCollector:
    """A context manager: runs the block without it, and has it as it was afterwards."""

    def __enter__(self) -> None:
        self._collecting = gc.isenabled()
        gc.disable()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._collecting:
            gc.freeze()
            gc.unfreeze()  # all that is there is old now: else the first thing it did would be to look through it
            gc.enable()
