"""A window in which nothing of ours comes between two steps: no signal handler, no garbage collection, no waiting.

What can be blocked is blocked; SIGKILL cannot, and everything done inside must survive it.
"""

from __future__ import annotations

import gc
import os
import signal
import threading
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_PRIORITY = 5


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back the signals that end programs, and run with real-time priority where that is permitted."""
    collecting = gc.isenabled()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    policy = None
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # raises what came just before
        with _remembered():
            gc.disable()
            policy = _hurry()
            yield
    finally:
        try:
            if policy is not None:
                os.sched_setscheduler(0, *policy)
        finally:
            if collecting:
                gc.enable()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def can_hold_back() -> bool:
    """Return whether signals can be held back: a sandbox may refuse what that takes."""
    try:
        with uninterrupted():
            return True
    except OSError:
        return False


@contextmanager
def _remembered() -> Iterator[None]:
    """Have signals that the kernel gives to another thread, which does not block them, wait for the end as well.

    Their handlers would run in the main thread, and what they do by default would end all threads.
    """
    came: list[int] = []
    replaced = []
    try:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                handler = signal.getsignal(number)
                if handler not in (signal.SIG_IGN, None):
                    replaced.append((number, handler))
                    signal.signal(number, lambda number, _: came.append(number))
        yield
    finally:
        for number, handler in replaced:
            signal.signal(number, handler)
        for held in came:
            signal.raise_signal(held)  # blocked still: it waits for the mask that was


def _hurry() -> tuple[int, os.sched_param] | None:
    try:
        policy = os.sched_getscheduler(0), os.sched_getparam(0)
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    except OSError:
        return None
    return policy
