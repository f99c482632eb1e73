"""A managed heap that never ran, with layouts of its own: what reads it must have asked the descriptor.

The runtime is described as .NET 11 does it: a descriptor, and a sub-descriptor for the garbage collector.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from builders.clr import FakeModule, FakeTarget, put_descriptor
from builders.objects import FakeType

BASE = 0x7F0000000000
TYPES = BASE + 0x200000
COLLECTOR = BASE + 0x100000
GENERATION_SIZE = 0x48
HAS_COMPONENT_SIZE, CONTAINS_POINTERS = 0x80000000, 0x01000000

RUNTIME = {
    "version": 0,
    "baseline": "empty",
    "contracts": {"Thread": "c1"},
    "types": {
        "MethodTable": {"MTFlags": 8, "BaseSize": 12, "EEClassOrCanonMT": 24, "LoaderModule": 16, "PerInstInfo": 40},
        "EEClass": {"MethodTable": 32},
    },
    "globals": {},
    "subDescriptors": {"GC": [[0], "pointer"]},
}
SEGMENT = ("Next", "Flags", "Mem", "Reserved", "Committed", "Allocated")
GC = {
    "contracts": {"GC": "c1"},
    "types": {
        "HeapSegment": {name: 8 * index for index, name in enumerate(SEGMENT)},
        "Generation": {"!": GENERATION_SIZE, "StartSegment": 8, "AllocationContext": 16},
        "GCAllocContext": {"Limit": 0, "Pointer": 8},
    },
    "globals": {
        "GCIdentifiers": ["workstation,regions", "string"],
        "TotalGenerationCount": ["5", "uint32"],
        "GCHeapGenerationTable": [[0], "pointer"],
        "GCHeapEphemeralHeapSegment": [[1], "pointer"],
        "GCHeapAllocAllocated": [[2], "pointer"],
        "StructureInvalidCount": [[3], "pointer"],
    },
}


@dataclass
class FakeRegion:
    """Objects of one generation; words at ``start`` are its memory."""

    start: int
    generation: int
    words: list[int]
    flags: int = 0
    allocated: int | None = None
    committed: int | None = None


@dataclass
class FakeHeap:
    """Build with ``add_type`` and ``add_region``, then ``target()``. Fields may be changed in between, to damage it."""

    regions: list[FakeRegion] = field(default_factory=list)
    types: list[FakeType] = field(default_factory=list)
    invalid_count: int = 0
    context: tuple[int, int] = (0, 0)
    loop: bool = False
    gc_descriptor: dict[str, Any] = field(default_factory=lambda: dict(GC))
    chunks: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.free = self.add_type(24, 1, flags=0, eeclass=False)

    def add_type(
        self,
        base_size: int,
        component_size: int = 0,
        *,
        flags: int = 0,
        eeclass: bool = True,
        gc_desc: tuple[int, ...] = (),
    ) -> FakeType:
        """Return a new type; ``gc_desc`` are the words before its MethodTable, the one at -8 first."""
        address = TYPES + 0x400 * len(self.types)
        flags |= (HAS_COMPONENT_SIZE | component_size if component_size else 0) | (CONTAINS_POINTERS if gc_desc else 0)
        description = struct.pack(f"<{len(gc_desc)}Q", *(word % 2**64 for word in reversed(gc_desc)))
        start = address - len(description)
        words = struct.pack("<QIIQQQ", 0, flags, base_size, 0, address + 0x100 if eeclass else 0, 0)
        self.chunks[start] = description + words
        self.chunks[address + 0x100] = struct.pack("<5Q", 0, 0, 0, 0, address)
        kind = FakeType(address, base_size, component_size)
        self.types.append(kind)
        return kind

    def add_region(self, generation: int, *objects: list[int], flags: int = 0) -> FakeRegion:
        """Return a new region that holds ``objects``, each a list of words."""
        start = BASE + 0x10000000 + 0x400000 * len(self.regions) + 0x28
        region = FakeRegion(start, generation, [word for each in objects for word in each], flags)
        self.regions.append(region)
        return region

    def describe(self, types: dict[str, object], values: dict[str, object]) -> None:
        """Add types and globals to what the collector says of itself."""
        old = self.gc_descriptor
        self.gc_descriptor = old | {"types": old["types"] | types, "globals": old["globals"] | values}

    def target(self) -> FakeTarget:
        """Return a target that has all of it."""
        module = FakeModule("/dotnet/shared/Microsoft.NETCore.App/10.0.0/libcoreclr.so", BASE, BASE + 0x80000)
        target = FakeTarget(module)
        target.chunks.update(self.chunks)
        module.symbols["DotNetRuntimeContractDescriptor"] = BASE + 0x1000
        put_descriptor(target, BASE + 0x1000, RUNTIME, [target.words(BASE + 0x40000, BASE + 0x10000)])
        self._put_collector(target)
        return target

    def _put_collector(self, target: FakeTarget) -> None:
        table, ephemeral, allocated = COLLECTOR, COLLECTOR + 0x800, COLLECTOR + 0x808
        records = {id(region): COLLECTOR + 0x1000 + 0x40 * index for index, region in enumerate(self.regions)}
        for generation in range(5):
            chain = [region for region in self.regions if region.generation == generation]
            for region, following in zip_longest(chain, chain[1:]):
                after = records[id(following)] if following else records[id(chain[0])] if self.loop else 0
                self._put_region(target, records[id(region)], region, after)
            first = records[id(chain[0])] if chain else 0
            context = self.context if generation == 0 else (0, 0)
            target.words(table + GENERATION_SIZE * generation, 0, first, context[1], context[0], 0)
        target.words(ephemeral, 0, 0, self.invalid_count)
        put_descriptor(target, BASE + 0x10000, self.gc_descriptor, [table, ephemeral, allocated, ephemeral + 16])

    @staticmethod
    def _put_region(target: FakeTarget, record: int, region: FakeRegion, following: int) -> None:
        end = region.start + 8 * len(region.words)
        allocated = end if region.allocated is None else region.allocated
        committed = end if region.committed is None else region.committed
        values = {"Mem": region.start, "Allocated": allocated, "Committed": committed, "Reserved": committed + 0x1000}
        target.words(record, *(({"Next": following, "Flags": region.flags} | values)[name] for name in SEGMENT))
        target.words(region.start, *region.words)
