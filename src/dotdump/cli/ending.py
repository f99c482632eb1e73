"""``endings_raised``: who is told to end by SIGTERM, SIGHUP or SIGQUIT cleans up first, as it does for Ctrl-C.

What they do by default would leave a dead twin in the process it was forked from, or a core in the target's /tmp.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager, suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class ToldToEnd(KeyboardInterrupt):
    """Raised for a signal, of that ``number``: whatever is done for Ctrl-C is done for it."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextmanager
def endings_raised() -> Iterator[None]:
    """Have ``ToldToEnd`` raised in the block for signals that would end us; those that are ignored or handled stay so.

    Where it is, further ones are ignored from then on: a terminal that goes away, and systemd, send several.
    """
    ours = [number for number in _SIGNALS if _ends_us(number)]

    def end(number: int, _: FrameType | None) -> None:
        _handle(ours, signal.SIG_IGN)
        raise ToldToEnd(number)

    _handle(ours, end)
    try:
        yield
    except ToldToEnd:
        raise
    except BaseException:
        _handle(ours, signal.SIG_DFL)
        raise
    else:
        _handle(ours, signal.SIG_DFL)


def _ends_us(number: int) -> bool:
    return threading.current_thread() is threading.main_thread() and signal.getsignal(number) is signal.SIG_DFL


def _handle(numbers: list[signal.Signals], handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """Set what is done for signals, where a sandbox lets us: what was asked for is done all the same."""
    for number in numbers:
        with suppress(OSError):
            signal.signal(number, handler)
