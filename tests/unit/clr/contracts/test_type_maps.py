"""Tables of types, in layouts of their own."""

from __future__ import annotations

import json
import struct

import pytest

from builders.clr import FakeModule, FakeTarget
from builders.fake_access import Layout, fake_access
from dotdump import limits
from dotdump.clr.contracts.loader import Loader
from dotdump.clr.contracts.type_maps import TypeMaps
from dotdump.clr.contracts.type_names import TypeNames
from dotdump.clr.data_access import DataAccess
from dotdump.clr.descriptor import parse_descriptor
from dotdump.clr.runtime_module import RuntimeKind, RuntimeModule
from dotdump.errors import FormatError, LimitExceeded, MemoryFault

MODULE, TABLE = 0x7F0000100000, 0x7F0000200000
DOCUMENT = {
    "types": {
        "Module": {"TypeDefToMethodTableMap": 0, "AvailableTypeParams": 64},
        "ModuleLookupMap": {"Next": 0, "TableData": 8, "Count": [16, "uint32"]},
    },
    "globals": {},
}


def definitions(count: int, data: bytes) -> TypeMaps:
    """Return the maps of a module whose table of definitions says that it has ``count`` and has ``data``."""
    target = FakeTarget()
    target.put(MODULE, struct.pack("<QQQ", 0, TABLE, count).ljust(80, b"\0"))
    target.put(TABLE, data)
    runtime = RuntimeModule(FakeModule("libcoreclr.so", 0x1000, 0x2000), RuntimeKind.CORECLR)
    access = DataAccess(target, runtime, "8.0.0", parse_descriptor(json.dumps(DOCUMENT).encode()))
    return TypeMaps(access, TypeNames(access, Loader(access)))


def test_types_are_those_that_have_an_entry() -> None:
    assert list(definitions(3, struct.pack("<3Q", 0x1001, 0, 0x2000)).definitions(MODULE)) == [0x1000, 0x2000]


def test_a_table_that_claims_more_than_there_is_is_read_as_far_as_it_is() -> None:
    entries = definitions(1 << 24, struct.pack("<Q", 0x1000) * (1 << 17)).definitions(MODULE)
    assert [next(entries) for _ in range(1 << 17)] == [0x1000] * (1 << 17)
    with pytest.raises(MemoryFault, match=f"{1 << 20} bytes"):
        next(entries)


CONSTRUCTED: dict[str, Layout] = {
    "Module": {"AvailableTypeParams": 0},
    "EETypeHashTable": {
        "Buckets": 0,
        "BucketCount": (8, "uint32"),
        "VolatileEntryValue": 0,
        "VolatileEntryNextEntry": 8,
    },
}


def chained(*chains: list[tuple[int, int, int]]) -> TypeMaps:
    """Return the maps of a module with a bucket for each chain of (address, value, next)."""
    access, target = fake_access(CONSTRUCTED)
    for entry, value, following in {entry for chain in chains for entry in chain}:
        target.words(entry, value, following)
    target.words(MODULE, TABLE)
    target.words(TABLE, TABLE + 0x100, len(chains))
    target.words(TABLE + 0x100, *(chain[0][0] for chain in chains))
    return TypeMaps(access, TypeNames(access, Loader(access)))


ENTRIES = [0x7F0000300000 + 16 * number for number in range(4)]
FIRST, SECOND, THIRD, FOURTH = ENTRIES


def test_chains_that_all_buckets_share_are_read_once_and_it_is_said() -> None:
    chain = [(FIRST, 0x5000, SECOND), (SECOND, 0x6002, THIRD), (THIRD, 0x7000, 0)]
    types = chained(*[chain] * 16).constructed(MODULE)
    assert [next(types), next(types)] == [0x5000, 0x7000]
    with pytest.raises(FormatError, match=f"constructed types at {TABLE:#x}: chains come back to {FIRST:#x}"):
        next(types)


def test_a_chain_that_is_damaged_costs_its_own_rest_and_it_is_said() -> None:
    maps = chained(
        [(FIRST, 0x5000, SECOND), (SECOND, 0x6000, 0xDEAD0000)], [(THIRD, 0x7000, FOURTH), (FOURTH, 0x8000, 1)]
    )
    types = maps.constructed(MODULE)
    assert [next(types) for _ in range(4)] == [0x5000, 0x6000, 0x7000, 0x8000]
    with pytest.raises(MemoryFault, match="0xdead0000"):
        next(types)


def test_more_constructed_types_than_a_module_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CONSTRUCTED_TYPES", 2)
    types = chained([(FIRST, 0x5000, SECOND), (SECOND, 0x6000, THIRD), (THIRD, 0x7000, 0)]).constructed(MODULE)
    assert [next(types), next(types)] == [0x5000, 0x6000]
    with pytest.raises(LimitExceeded, match="more than 2 entries"):
        next(types)
