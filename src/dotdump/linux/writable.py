"""``wait_until_writable``: for descriptors that somebody else has made non-blocking. Source of truth: poll(2)."""

from __future__ import annotations

import select


def wait_until_writable(descriptor: int) -> None:
    """Return once ``descriptor`` takes something, or never will again: a write then fails and says why."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    poll.poll()
