"""Locks that use others to wait on, on objects whose fields are what they were given."""

from __future__ import annotations

from builders.managed import NamedObject, NamedType
from dotdump.analysis.lock_census import LockCensus
from dotdump.analysis.wait_rules import WaitKind

BARRIER, COUNTDOWN, EVENT = (NamedObject(0x1000 * n, NamedType(f"Lock{n}")) for n in (1, 2, 3))
KINDS = {BARRIER: WaitKind.BARRIER, COUNTDOWN: WaitKind.COUNTDOWN, EVENT: WaitKind.EVENT}


def census() -> LockCensus:
    return LockCensus(locks={found.address: (found, kind) for found, kind in KINDS.items()})


def test_the_outermost_lock_is_that_which_none_uses() -> None:
    inner = NamedObject(0x9000, NamedType("System.Object"))
    BARRIER.named.fields, EVENT.named.fields = {"_oddEvent": EVENT}, {"m_lock": inner}
    assert census().outer(inner.address) == (BARRIER, WaitKind.BARRIER)
    assert census().outer(BARRIER.address) is None


def test_locks_that_use_each_other_have_an_outer_one_all_the_same() -> None:
    COUNTDOWN.named.fields, EVENT.named.fields = {"_event": EVENT}, {"m_lock": COUNTDOWN}
    assert census().outer(EVENT.address) == (EVENT, WaitKind.EVENT)
    assert census().outer(COUNTDOWN.address) == (COUNTDOWN, WaitKind.COUNTDOWN)
