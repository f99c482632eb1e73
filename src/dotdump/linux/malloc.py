"""``use_one_heap``: where threads of this process get their memory from. Source of truth: mallopt(3), of glibc."""

from __future__ import annotations

import ctypes

_M_ARENA_MAX = -8


def use_one_heap() -> None:
    """Have all threads allocate from one heap, for the life of the process; nothing where there is no such choice.

    glibc gives a thread a heap of its own, and what is free in one is of no use to the others.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
