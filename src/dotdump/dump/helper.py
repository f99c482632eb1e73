"""``Helper``: a thread of ours whose end is surely waited for, whatever comes meanwhile.

``Thread.join`` that Ctrl-C breaks off takes the thread for ended: from then on ``is_alive`` denies it, and ``join``
returns at once (CPython before 3.13).
"""

from __future__ import annotations

from threading import Event, Thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Helper(Thread):
    """A thread that does ``work``. ``ended`` is set when that has returned or raised."""

    def __init__(self, work: Callable[[], None], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.ended = Event()
        self._work = work

    def run(self) -> None:
        """Do the work."""
        try:
            self._work()
        finally:
            self.ended.set()


def wait_for_end(helpers: Sequence[Helper]) -> None:
    """Wait until none of ``helpers`` works any more, through Ctrl-C, which is raised then.

    One whose start was broken off by Ctrl-C, or refused, may be about to begin: it must find nothing to do.
    """
    interrupt: KeyboardInterrupt | None = None
    for helper in helpers:
        while helper.ident is not None and not helper.ended.is_set():
            try:
                helper.ended.wait()
            except KeyboardInterrupt as error:
                interrupt = error
    if interrupt is not None:
        raise interrupt
    for helper in helpers:
        if helper.is_alive():
            helper.join()
