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
    before = _exchange(_OURS, worse=True)
    try:
        yield
    finally:
        if before is not None:
            _exchange(before, worse=False)


def _exchange(wanted: int, *, worse: bool) -> int | None:
    """Set our score and return what it was; None where it cannot be set, or would not get ``worse`` as it must."""
    with suppress(OSError, ValueError), open(_SCORE, "r+b", buffering=0) as score:
        before = int(score.read())
        if before < wanted or not worse:
            score.write(b"%d" % wanted)
            return before
    return None
