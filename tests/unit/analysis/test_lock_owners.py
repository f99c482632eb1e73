"""Owners of locks that are not as the library makes them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from builders.managed import NamedObject, NamedType
from dotdump.analysis.lock_census import LockCensus
from dotdump.analysis.lock_objects import LockState
from dotdump.analysis.lock_owners import Awaited, LockOwners, ThreadRef
from dotdump.analysis.wait_rules import WaitKind
from dotdump.errors import MemoryFault

if TYPE_CHECKING:
    import pytest

    from dotdump.analysis.waits import ThreadWait, Waits
    from dotdump.clr.model.runtime import ClrRuntime


def test_a_reader_writer_lock_without_a_base_type_has_no_readers_and_no_owner() -> None:
    kind = NamedType("System.Threading.ReaderWriterLockSlim")
    lock = NamedObject(0x1000, kind)
    finder = SimpleNamespace(of_types=lambda tables: iter(()) if list(tables) == [kind.method_table] else None)
    runtime = SimpleNamespace(threads=(), static_finder=finder)
    census = LockCensus(locks={lock.address: (lock, WaitKind.READER_WRITER_LOCK)})
    owners = LockOwners(cast("ClrRuntime", runtime), cast("Waits", None), census)
    assert owners.owners_of_object(lock, WaitKind.READER_WRITER_LOCK) == ()
    assert "has no field" in owners.problems[0].message


class NumberedElsewhere(NamedObject):
    """A lock that is there but for the number that it gave itself."""

    def __getitem__(self, name: str) -> object:  # type: ignore[override]  # a fake of it
        if name == "_lockID":
            raise MemoryFault(0x1008, 8)
        return super().__getitem__(name)


def test_a_lock_whose_number_is_not_there_has_no_readers_and_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = NamedType("System.Threading.ReaderWriterLockSlim", {"_lockID": None})
    lock = NumberedElsewhere(0x1000, kind)
    state = LockState(is_taken=False, owners=(), waiters=0, os_owner=0, text="free")
    monkeypatch.setattr("dotdump.analysis.lock_owners.read_lock", lambda *_: state)
    runtime = SimpleNamespace(threads=(), static_finder=SimpleNamespace(of_types=lambda _tables: iter(())))
    owners = LockOwners(cast("ClrRuntime", runtime), cast("Waits", None), LockCensus(locks={}))
    for _ in range(2):
        assert owners.owners_of_object(lock, WaitKind.READER_WRITER_LOCK) == ()
    (problem,) = owners.problems
    assert "ReaderWriterLockSlim at 0x1000: cannot read 8 bytes at 0x1008" in problem.message


def test_a_reader_that_waits_to_write_waits_for_the_others_and_for_no_other_lock_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kind, mine, others = WaitKind.READER_WRITER_LOCK, ThreadRef(1, 1, ""), ThreadRef(2, 2, "")
    lock = NamedObject(0x1000, NamedType("System.Threading.ReaderWriterLockSlim"))
    thread = SimpleNamespace(os_id=1, managed_id=1, name="")
    waits = SimpleNamespace(objects_on_stack=lambda _wait, wanted: list(wanted))
    wait = cast("ThreadWait", SimpleNamespace(kind=kind, thread=thread))
    for is_upgrading, awaited in ((True, Awaited(0x1000, lock.type.name, (others,))), (False, Awaited())):
        census = LockCensus(locks={lock.address: (lock, kind)})
        owners = LockOwners(cast("ClrRuntime", SimpleNamespace(threads=())), cast("Waits", waits), census)
        state = LockState(is_taken=True, owners=(1,), waiters=1, is_upgrading=is_upgrading)
        monkeypatch.setattr(owners, "owners_of_object", lambda *_: (mine, others))
        monkeypatch.setattr(owners, "state_of", lambda *_, state=state: state)
        assert owners._on_stack(wait) == awaited
