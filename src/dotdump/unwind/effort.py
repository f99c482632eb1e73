"""``Effort``: how much work a target may make us do in all, whatever its frame information and tables of code say."""

from __future__ import annotations

from dotdump.errors import LimitExceeded
from dotdump.limits import UNWINDING_EFFORT


class Effort:
    """Units of about a microsecond. One for all threads: a hostile target may have any number of them."""

    __slots__ = ("left",)

    def __init__(self, units: int = UNWINDING_EFFORT) -> None:
        self.left = units

    def spend(self, units: int) -> None:
        """Take ``units``; ``LimitExceeded`` where they are not left."""
        self.left -= units
        if self.left < 0:
            raise LimitExceeded("walking the stacks of this target takes more work than stacks can")
