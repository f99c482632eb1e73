"""Code that never ran: ranges, nibble maps, ready-to-run images and code headers, in layouts of their own."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from builders.clr import FakeModule, FakeTarget
from dotdump.clr.contracts.execution_manager import CodeManager
from dotdump.clr.data_access import DataAccess
from dotdump.clr.descriptor import parse_descriptor
from dotdump.clr.runtime_module import RuntimeKind, RuntimeModule
from dotdump.target.model import Architecture, Platform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dotdump.clr.descriptor import Json

MAP, LISTED = 0x10_0000, 0x20_0000
SECTIONS, RECORDS, TABLES = 0x30_0000, 0x40_0000, 0x100_0000
JIT_HEAP, IMAGE = 0x7F00_1000_0000, 0x7F00_2000_0000

TYPES: dict[str, Json] = {
    "RangeSectionMap": {"TopLevelData": 16},
    "RangeSectionFragment": {"RangeSection": 0, "RangeBegin": 8, "RangeEndOpen": 16, "Next": 32},
    "RangeSection": {
        "R2RModule": 0,
        "HeapList": 8,
        "Flags": [16, "uint32"],
        "RangeBegin": 24,
        "RangeEndOpen": 32,
    },
    "CodeHeapListNode": {"MapBase": 8, "HeaderMap": 0, "StartAddress": 16, "EndAddress": 24},
    "RealCodeHeader": {
        "NumUnwindInfos": [0, "uint32"],
        "MethodDesc": 8,
        "GCInfo": 16,
        "DebugInfo": 24,
        "UnwindInfos": 32,
    },
    "Module": {"ReadyToRunInfo": 24},
    "ReadyToRunInfo": {
        "ReadyToRunHeader": 0,
        "RuntimeFunctions": 8,
        "NumRuntimeFunctions": [16, "uint32"],
        "NumHotColdMap": [20, "uint32"],
        "HotColdMap": 24,
        "DelayLoadMethodCallThunks": 32,
        "CompositeInfo": 40,
        "Composite": 48,
        "EntryPointToMethodDescMap": 64,
    },
    "ReadyToRunHeader": {"MajorVersion": [2, "uint16"], "MinorVersion": [0, "uint16"]},
    "ImageDataDirectory": {"VirtualAddress": [4, "uint32"], "Size": [0, "uint32"]},
    "HashMap": {"Buckets": 8},
    "Bucket": {"!": 64, "Keys": 0, "Values": 32},
}
LIST_TYPES: dict[str, Json] = TYPES | {
    "RangeSection": {
        "Next": 0,
        "HeapListOrModule": 8,
        "Flags": [16, "uint32"],
        "RangeBegin": 24,
        "RangeEndOpen": 32,
    }
}


@dataclass
class Jitted:
    """A method: ``functions`` are (offset from its start, size), the first its body; ``stub`` is a kind's number."""

    offset: int
    size: int
    method_desc: int = 0
    functions: Sequence[tuple[int, int]] = ()
    stub: int = 0


@dataclass
class Image:
    """A ready-to-run image: ``functions`` are (RVA, size), ``methods`` MethodDescs by index of a function.

    ``cold`` are pairs of the index at which a method's cold part begins and that of its hot part; ``thunks`` is a
    place, as (RVA, size).
    """

    functions: Sequence[tuple[int, int]]
    methods: dict[int, int]
    cold: Sequence[tuple[int, int]] = ()
    thunks: tuple[int, int] = (0, 0)
    version: tuple[int, int] = (9, 3)


@dataclass
class FakeCode:
    """The code of a runtime, from which ``manager`` finds it again."""

    jitted: Sequence[Jitted] = ()
    image: Image | None = None
    architecture: Architecture = Architecture.X86_64
    xdata: dict[int, bytes] = field(default_factory=dict)
    is_list: bool = False
    nibble_version: int = 1

    def manager(self, target: FakeTarget | None = None) -> CodeManager:
        """Return what finds this code in ``target``: one that was changed, or a new one."""
        return CodeManager(self.access(target or self.target()))

    def access(self, target: FakeTarget) -> DataAccess:
        runtime = RuntimeModule(target.modules[0], RuntimeKind.CORECLR)
        document: dict[str, Json] = {
            "version": 0,
            "baseline": "empty",
            "contracts": {"ExecutionManager": self.nibble_version},
            "types": LIST_TYPES if self.is_list else TYPES,
            "globals": {
                **({} if self.is_list else {"ExecutionManagerCodeRangeMapAddress": [hex(MAP), "pointer"]}),
                **({"ExecutionManagerCodeRangeList": [hex(LISTED), "pointer"]} if self.is_list else {}),
            },
        }
        return DataAccess(target, runtime, "10.0.0", parse_descriptor(json.dumps(document).encode()))

    def target(self) -> FakeTarget:
        target = FakeTarget(FakeModule("/libcoreclr.so", 0x1000, 0x2000))
        target.platform = Platform(self.architecture)
        sections = []
        if self.jitted:
            sections.append((JIT_HEAP, JIT_HEAP + 0x10000, 0, self._heap(target)))
        if self.image is not None:
            sections.append((IMAGE, IMAGE + 0x10000, self._module(target, self.image), 0))
        self._place_sections(target, sections)
        for rva, data in self.xdata.items():
            target.put(IMAGE + rva, data)
        return target

    def _place_sections(self, target: FakeTarget, sections: Sequence[tuple[int, int, int, int]]) -> None:
        if self.is_list:
            sections = sorted(sections, reverse=True)
        addresses = [SECTIONS + 0x100 * index for index in range(len(sections))]
        for index, (begin, end, module, heap) in enumerate(sections):
            if self.is_list:
                following = addresses[index + 1] if index + 1 < len(sections) else 0
                target.words(addresses[index], following, module or heap, 4 if module else 2, begin, end)
            else:
                target.words(addresses[index], module, heap, 2 if heap else 0, begin, end)
        if self.is_list:
            target.words(LISTED, addresses[0])
            return
        ranges = [(begin, end, address) for (begin, end, _, _), address in zip(sections, addresses, strict=True)]
        RangeMap(target).place(ranges)

    def _heap(self, target: FakeTarget) -> int:
        units = [0] * 0x200
        for number, method in enumerate(self.jitted):
            bucket, nibble = method.offset // 32, method.offset % 32 // 4 + 1
            units[bucket // 8] |= nibble << 28 - 4 * (bucket % 8)
            header = method.stub or self._code_header(target, number, method)
            target.words(JIT_HEAP + method.offset - 8, header)
        target.put(RECORDS, struct.pack(f"<{len(units)}I", *units))
        end = JIT_HEAP + max(method.offset + method.size for method in self.jitted)
        return target.words(RECORDS + 0x1000, RECORDS, JIT_HEAP, JIT_HEAP, end)

    def _code_header(self, target: FakeTarget, number: int, method: Jitted) -> int:
        functions = method.functions or [(0, method.size)]
        address = RECORDS + 0x2000 + 0x100 * number
        head = struct.pack("<IIQQQ", len(functions), 0, method.method_desc, address + 0x80, 0)
        records = b"".join(
            self._function(method.offset + start, size, 0x8000 + 0x100 * number + 0x20 * index)
            for index, (start, size) in enumerate(functions)
        )
        return target.put(address, head + records)

    def _function(self, begin: int, size: int, unwind: int) -> bytes:
        if self.architecture is Architecture.AARCH64:
            return struct.pack("<II", begin, unwind)
        return struct.pack("<III", begin, begin + size, unwind)

    def _module(self, target: FakeTarget, image: Image) -> int:
        place = RECORDS + 0x10000
        records = b"".join(
            self._function(begin, size, 0x8000 + 0x20 * index) for index, (begin, size) in enumerate(image.functions)
        )
        table = target.put(place + 0x1000, records)
        header = target.put(place + 0x100, struct.pack("<HH", image.version[1], image.version[0]))
        hot_cold = target.put(place + 0x4000, b"".join(struct.pack("<II", *pair) for pair in image.cold) or b"\0")
        thunks = target.put(place + 0x120, struct.pack("<II", image.thunks[1], image.thunks[0]))
        buckets = self._hash_table(target, place + 0x8000, image)
        info = struct.pack(
            "<QQIIQQQQ", header, table, len(image.functions), 2 * len(image.cold), hot_cold, thunks, 0, 0
        )
        target.put(place + 0x200, info.ljust(64, b"\0") + struct.pack("<QQ", 0, buckets))
        for index in range(len(image.functions)):
            self.xdata.setdefault(0x8000 + 0x20 * index, bytes([1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
        return target.words(place, 0, 0, 0, place + 0x200)

    @staticmethod
    def _hash_table(target: FakeTarget, address: int, image: Image, count: int = 7) -> int:
        keys = [[0] * 4 for _ in range(count)]
        values = [[0] * 4 for _ in range(count)]
        for index, method_desc in image.methods.items():
            key = IMAGE + image.functions[index][0]
            seed, step = key >> 2 & 0xFFFFFFFF, 1 + ((key >> 5) + 1 & 0xFFFFFFFF) % (count - 1)
            while 0 not in keys[seed % count]:
                values[seed % count][0] |= 1 << 63
                seed += step
            slot = keys[seed % count].index(0)
            keys[seed % count][slot] = key
            values[seed % count][slot] |= method_desc >> 1
        first = struct.pack("<I", count).ljust(64, b"\0")
        rest = b"".join(struct.pack("<8Q", *k, *v) for k, v in zip(keys, values, strict=True))
        return target.put(address, first + rest)


class RangeMap:
    """A map of five levels; each table of 256 pointers has a place of its own."""

    def __init__(self, target: FakeTarget) -> None:
        self._target = target
        self._next = TABLES
        self._tables: dict[int, list[int]] = {MAP + 16: [0] * 256}

    def place(self, ranges: Sequence[tuple[int, int, int]]) -> None:
        for begin, end, section in ranges:
            for chunk in range(begin >> 17, (end - 1 >> 17) + 1):
                self._add(chunk, begin, end, section)
        for address, entries in self._tables.items():
            self._target.words(address, *entries)

    def _add(self, chunk: int, begin: int, end: int, section: int) -> None:
        table = MAP + 16
        for level in range(4, 0, -1):
            index = chunk >> 8 * level & 0xFF
            if not self._tables[table][index]:
                self._tables[self._take(0x800)] = [0] * 256
                self._tables[table][index] = self._next - 0x800
            table = self._tables[table][index]
        entries = self._tables[table]
        entries[chunk & 0xFF] = self._target.words(self._take(0x40), section, begin, end, 0, entries[chunk & 0xFF]) | 1

    def _take(self, size: int) -> int:
        self._next += size
        return self._next - size
