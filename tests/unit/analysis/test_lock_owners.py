"""Owners of locks that are not as the library makes them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from builders.managed import NamedObject, NamedType
from dotdump.analysis.lock_census import LockCensus
from dotdump.analysis.lock_owners import LockOwners
from dotdump.analysis.wait_rules import WaitKind

if TYPE_CHECKING:
    from dotdump.analysis.waits import Waits
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
