"""Memory of a snapshot: who is asked for what."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from dotdump.errors import MemoryFault
from dotdump.linux.unfrozen import Copies
from dotdump.memory.space import BytesSpace
from dotdump.target.snapshot_memory import SnapshotMemory

if TYPE_CHECKING:
    from dotdump.linux.process_memory import ProcessMemory


def _memory() -> SnapshotMemory:
    frozen = cast("ProcessMemory", BytesSpace([(0x1000, b"twin"), (0x1008, b"more")]))
    return SnapshotMemory(frozen, Copies(((0x1004, b"copy"),), ()), None, lambda: None)


def test_copies_stand_where_the_twin_has_nothing() -> None:
    assert _memory().read(0x1000, 12) == b"twincopymore"


@pytest.mark.parametrize("address", [(1 << 64) - 8, 1 << 64, (1 << 64) + 0x1000])
def test_an_address_at_the_end_of_all_or_beyond_is_a_fault(address: int) -> None:
    assert _memory().read_available(address, 16) == b""
    with pytest.raises(MemoryFault):
        _memory().read(address, 16)
