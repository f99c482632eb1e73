"""How far a long read of a heap has come, in bytes, for whoever follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Progress = Callable[[str, int, int], None]


class BytesDone:
    """Adds up the bytes of a phase that are done, and tells ``progress`` how many of ``total`` they are."""

    def __init__(self, progress: Progress | None, phase: str, total: int) -> None:
        self._progress = progress
        self._phase = phase
        self._total = total
        self._done = 0

    def __call__(self, size: int) -> None:
        """Count ``size`` bytes more."""
        self._done += size
        if self._progress is not None:
            self._progress(self._phase, self._done, self._total)
