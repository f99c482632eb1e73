"""``Helper``: a thread of ours whose end is surely waited for, whatever comes meanwhile.

``Thread.join`` that Ctrl-C breaks off takes the thread for ended: from then on ``is_alive`` denies it, and ``join``
returns at once (CPython before 3.13). Ctrl-C within ``Event.wait`` may be a RuntimeError. A lock knows neither.
"""

from __future__ import annotations

from threading import Lock, Thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


_WHILE = 0.2
"""Seconds: a lock that was had as Ctrl-C came is waited for in vain."""


class Helper(Thread):
    """A thread that does ``work``. ``ended`` tells whether that has returned or raised."""

    def __init__(self, work: Callable[[], None], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.ended = False
        self._work = work
        self._working = Lock()
        self._working.acquire()

    def run(self) -> None:
        """Do the work."""
        try:
            self._work()
        finally:
            self.ended = True
            self._working.release()

    def wait(self) -> None:
        """Wait until it has ended, or for a while. Whatever breaks this off, it may be called again."""
        if not self.ended:
            self._working.acquire(timeout=_WHILE)


def wait_for_end(helpers: Sequence[Helper]) -> None:
    """Wait until none of ``helpers`` works any more, through Ctrl-C, which is raised then.

    One whose start was broken off by Ctrl-C, or refused, may be about to begin: it must find nothing to do.
    """
    interrupt: KeyboardInterrupt | None = None
    for helper in helpers:
        while helper.ident is not None and not helper.ended:
            try:
                helper.wait()
            except KeyboardInterrupt as error:
                interrupt = error
    if interrupt is not None:
        raise interrupt
    for helper in helpers:
        if helper.is_alive():
            helper.join()
