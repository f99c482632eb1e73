"""``hold_stops``: what a terminal stops us with waits while a process stands still for us: so would that, until ``fg``.

Ctrl-C is no such signal, and SIGSTOP cannot be held back. Source: signal(7), termios(3), "TOSTOP": who holds SIGTTOU
back may write to a terminal from the background.
"""

from __future__ import annotations

import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

_STOPS = frozenset({signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})


def hold_stops() -> Collection[signal.Signals]:
    """Hold them back in this thread, and in those that it starts; return which were not: ``let_stops`` takes that.

    None where a sandbox does not let us: what was asked for is done all the same.
    """
    try:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    except OSError:
        return ()
    return _STOPS - before


def let_stops(held: Collection[signal.Signals]) -> None:
    """Take what has come, and what comes."""
    if held:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, held)
