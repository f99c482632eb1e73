"""``die_first``: where memory runs out, the kernel takes us and not the process that is looked at, which is larger.

In a container both are in one control group. Killed at any moment, we leave the process as it was. A twin of it goes
before us. Anybody may make their own score worse. Source of truth: proc_pid_oom_score_adj(5).
"""

from __future__ import annotations

from contextlib import suppress

_SCORE = "/proc/self/oom_score_adj"
WORST = 1000
"""Of a twin: nothing goes before it."""
_OURS = WORST - 1


def die_first() -> None:
    """Offer this process to the out-of-memory killer until it ends; nothing where /proc does not take that."""
    with suppress(OSError, ValueError), open(_SCORE, "r+b", buffering=0) as score:
        if int(score.read()) < _OURS:
            score.write(b"%d" % _OURS)
