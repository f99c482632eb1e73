"""Progress of a collect: what the methods say, and the rate and time left that follow from it. Prints nothing."""

from __future__ import annotations

from collections import deque
from enum import StrEnum

from dotdump.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object

WINDOW_SECONDS = 5.0
"""The rate is that of the last seconds: a writer that stalls is seen to stall."""


class Phase(StrEnum):
    """What a collect is doing."""

    PREPARE = "preparing"
    GATHER = "gathering state"
    WRITE = "writing"
    FETCH = "fetching"
    VERIFY = "verifying"


class Progress(Protocol):
    """Told how far a collect is. Called often; must return at once and not raise."""

    def __call__(self, phase: Phase, done: int, expected: int | None) -> None:
        """``done`` bytes of about ``expected``; None where nobody knows. ``done`` may exceed ``expected``."""


def silent(phase: Phase, done: int, expected: int | None) -> None:
    """Tell nobody."""


@record
class Reading:
    """How far a phase is. ``rate`` in bytes a second, ``seconds_left``, ``fraction``: None where not known."""

    phase: str
    done: int
    expected: int | None
    elapsed: float
    rate: float | None
    seconds_left: float | None

    @property
    def fraction(self) -> float | None:
        """Part done, 0 to 1, never more."""
        return min(1.0, self.done / self.expected) if self.expected else None


class Meter:
    """Turns what a ``Progress`` is told, with the time of telling, into a ``Reading``."""

    def __init__(self) -> None:
        self._phase = ""
        self._started = 0.0
        self._samples: deque[tuple[float, int]] = deque()

    def update(self, phase: str, done: int, expected: int | None, now: float) -> Reading:
        """Return the reading at ``now``, seconds of a monotonic clock."""
        if phase != self._phase:
            self._phase, self._started = phase, now
            self._samples.clear()
        self._samples.append((now, done))
        while now - self._samples[0][0] > WINDOW_SECONDS and len(self._samples) > 2:
            self._samples.popleft()
        rate = self._rate()
        left = (expected - done) / rate if rate and expected is not None and expected > done else None
        return Reading(phase, done, expected, now - self._started, rate, left)

    def _rate(self) -> float | None:
        (first, before), (last, after) = self._samples[0], self._samples[-1]
        if last - first < 0.2 or after <= before:
            return None
        return (after - before) / (last - first)
