"""``first_to_die``: where memory runs out, the kernel takes us and not the process that is looked at, which is larger.

In a container both are in one control group. Killed at any moment, we leave the process as it was. A twin of it goes
before us. Anybody may make their own score worse, and as it was. Source of truth: proc_pid_oom_score_adj(5).
"""

from __future__ import annotations

from contextlib import contextmanager, suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_SCORE = "/proc/self/oom_score_adj"
WORST = 1000
"""Of a twin: nothing goes before it."""
_OURS = WORST - 1


@contextmanager
def first_to_die() -> Iterator[None]:
    """Offer this process to the out-of-memory killer during the block; nothing where /proc does not take that."""
    before = _read()
    if before < _OURS:
        _write(_OURS)
    try:
        yield
    finally:
        if before < _OURS:
            _write(before)


def _read() -> int:
    """Return our score; the worst where nothing says it, for then it is not to be changed."""
    with suppress(OSError, ValueError), open(_SCORE, "rb") as score:
        return int(score.read())
    return WORST


def _write(value: int) -> None:
    with suppress(OSError), open(_SCORE, "wb", buffering=0) as score:
        score.write(b"%d" % value)
