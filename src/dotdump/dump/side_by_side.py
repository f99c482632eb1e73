"""``side_by_side``: work on many things that waits for the kernel more than for Python, done by several threads."""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress

from dotdump.dump.helper import Helper, wait_for_end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeVar

    Item = TypeVar("Item")

MOST_THREADS = 4
"""Memory that is copied or taken is what they wait for, and more of them wait no less."""


def side_by_side(work: Callable[[Item], object], items: Iterable[Item]) -> None:
    """Do ``work`` with each item, begun in order, here and in as many threads more as CPUs and limits allow.

    Raises what any of them raised, Ctrl-C first, after which nothing more is begun. However it ends, nothing is being
    done any more.
    """
    left = iter(list(items))  # a list's iterator may be asked by several threads, a generator may not
    errors: list[BaseException] = []

    def do() -> None:
        try:
            for item in left:
                work(item)
        except BaseException as error:  # noqa: BLE001 - it is raised where all have ended
            errors.append(error)
            deque(left, maxlen=0)

    started: list[Helper] = []
    try:
        with suppress(RuntimeError):  # some limit allows no further thread
            for _ in range(min(len(os.sched_getaffinity(0)), MOST_THREADS) - 1):
                started.append(Helper(do, "copy"))
                started[-1].start()
        do()
    finally:
        deque(left, maxlen=0)
        wait_for_end(started)
    if errors:
        raise next((error for error in errors if not isinstance(error, Exception)), errors[0])
