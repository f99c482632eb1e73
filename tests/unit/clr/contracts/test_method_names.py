"""Records and names of methods, in layouts of their own, with the metadata of the Corpus."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field

import pytest

from builders.clr import FakeModule, FakeTarget
from corpus import ASSEMBLIES
from dotdump import limits
from dotdump.clr.contracts.method_descs import MethodDescs, MethodKind
from dotdump.clr.contracts.method_names import MethodNames
from dotdump.clr.contracts.type_names import TypeNames
from dotdump.clr.contracts.type_strings import TypeStrings
from dotdump.clr.data_access import DataAccess
from dotdump.clr.descriptor import parse_descriptor
from dotdump.clr.runtime_module import RuntimeKind, RuntimeModule
from dotdump.errors import FormatError, LimitExceeded
from dotdump.formats.metadata.image import Metadata
from dotdump.formats.metadata.schema import MethodDef, TypeDef
from dotdump.formats.pe import PeImage
from dotdump.memory.space import BytesSpace

METADATA = Metadata(
    PeImage(BytesSpace([(0, (ASSEMBLIES / "net8.0" / "Corpus.dll").read_bytes())]), 0, loaded=False).metadata()
)
MODULE, TABLES, CHUNKS, MORE = 0x1000, 0x10000, 0x20000, 0x30000
GENERIC, ARRAY, SZARRAY = 0x10, 0x80080000, 0x800A0000
DOCUMENT = {
    "version": 0,
    "baseline": "empty",
    "contracts": {},
    "types": {
        "MethodTable": {
            "MTFlags": [0, "uint32"],
            "MTFlags2": [4, "uint32"],
            "NumVirtuals": [8, "uint16"],
            "Module": 16,
            "EEClassOrCanonMT": 24,
            "PerInstInfo": 32,
        },
        "ArrayClass": {"Rank": [4, "uint8"]},
        "TypeDesc": {"TypeAndFlags": [0, "uint32"]},
        "ParamTypeDesc": {"TypeArg": 8},
        "FnPtrTypeDesc": {"NumArgs": [16, "uint32"], "RetAndArgTypes": 24},
        "MethodDesc": {
            "!": 16,
            "Flags": [0, "uint16"],
            "Slot": [2, "uint16"],
            "ChunkIndex": [4, "uint8"],
            "Flags3AndTokenRemainder": [6, "uint16"],
        },
        "MethodDescChunk": {"!": 16, "MethodTable": 0, "FlagsAndTokenRange": [8, "uint16"]},
        "InstantiatedMethodDesc": {"Flags2": [16, "uint16"], "NumGenericArgs": [18, "uint16"], "PerInstInfo": 24},
        "StoredSigMethodDesc": {"Sig": 16, "cSig": [24, "uint32"], "ExtendedFlags": [28, "uint32"]},
        "DynamicMethodDesc": {"MethodName": 32},
    },
    "globals": {
        "CanonicalMethodTableTag": ["0x1", "uint8"],
        "CanonicalMethodTableMask": ["0x1", "uint8"],
        "MethodDescTokenRemainderBitCount": ["0x5", "uint8"],
        "DynamicMethodStubFlag": ["0x40", "uint32"],
    },
}


class FakeLoader:
    """One module: the Corpus."""

    def find_metadata(self, module: int) -> Metadata | None:
        return METADATA if module == MODULE else None


@dataclass
class Types:
    """Memory with method tables and methods."""

    target: FakeTarget = field(default_factory=lambda: FakeTarget(FakeModule("/libcoreclr.so", 0x100, 0x200)))
    count: int = 0

    def type(self, name: str, flags: int = 0, instantiation: int = 0, virtuals: int = 4) -> int:
        row_id = next((n for n, _ in enumerate(METADATA.rows(TypeDef), 1) if METADATA.type_name(n) == name), 0)
        self.count += 1
        address = TABLES + 0x80 * self.count
        head = struct.pack("<IIHHIQQQ", flags, row_id << 8, virtuals, 0, 0, MODULE, address + 0x40, instantiation)
        return self.target.put(address, head.ljust(0x40, b"\0") + struct.pack("<IBxxx", 0, 3))

    def handles(self, *handles: int) -> int:
        self.count += 1
        return self.target.words(MORE + 0x400 * self.count, *handles)

    def instance(self, name: str, *arguments: int) -> int:
        dictionary = self.handles(*arguments)
        self.count += 1
        place = MORE + 0x400 * self.count
        self.target.put(place, struct.pack("<HHQ", 1, len(arguments), dictionary))
        return self.type(name, GENERIC, place + 4)

    def method(self, method_table: int, kind: MethodKind, name: str = "", slot: int = 0, tail: bytes = b"") -> int:
        row_id = next((n for n, row in enumerate(METADATA.rows(MethodDef), 1) if METADATA.string(row.name) == name), 0)
        self.count += 1
        chunk, index = CHUNKS + 0x100 * self.count, 2
        self.target.put(chunk, struct.pack("<QHxxxxxx", method_table, row_id >> 5))
        head = struct.pack("<HHBxHxxxxxxxx", kind | 0x100, slot, index, row_id & 0x1F)
        return self.target.put(chunk + 16 + 8 * index, head + tail)

    def names(self) -> tuple[MethodDescs, MethodNames]:
        runtime = RuntimeModule(self.target.modules[0], RuntimeKind.CORECLR)
        access = DataAccess(self.target, runtime, "10.0.0", parse_descriptor(json.dumps(DOCUMENT).encode()))
        loader: FakeLoader = FakeLoader()
        names = TypeNames(access, loader)  # type: ignore[arg-type] # has what is asked of a loader
        strings = TypeStrings(access, loader, names)  # type: ignore[arg-type] # has what is asked of a loader
        return MethodDescs(access), MethodNames(access, loader, names, strings)  # type: ignore[arg-type] # has what is asked of a loader

    def signature(self, method: int) -> str:
        records, names = self.names()
        record = records.read(method)
        head = f"{names.type_name_of(record)}.{names.name_of(record)}"
        return head + names.arguments_text(record) + names.parameters_of(record)


@pytest.fixture
def types() -> Types:
    return Types()


def test_a_method_has_the_name_and_the_parameters_of_its_token(types: Types) -> None:
    method = types.method(types.type("Corpus.ThreadScenario"), MethodKind.IL, "LockBoth")
    assert types.signature(method) == "Corpus.ThreadScenario.LockBoth(System.Object, System.Object)"


def test_types_in_types_and_their_arguments_are_named_with_the_assembly(types: Types) -> None:
    line = types.type("Corpus.Line")
    lines = types.type("", SZARRAY, line)
    box = types.instance("Corpus.Box`1", lines, types.instance("Corpus.Box`1", line))
    method = types.method(box, MethodKind.IL, "LockBoth")
    assert types.signature(method).startswith(
        "Corpus.Box`1[[Corpus.Line[], Corpus],[Corpus.Box`1[[Corpus.Line, Corpus]], Corpus]].LockBoth("
    )


def test_an_instance_of_a_generic_method_has_its_arguments(types: Types) -> None:
    row_ids = [n for n, row in enumerate(METADATA.rows(MethodDef), 1) if METADATA.string(row.name) == "Park"]
    tail = struct.pack("<HHxxxxQ", 1, 2, types.handles(types.type("Corpus.Line"), types.type("Corpus.Order")))
    method = types.method(types.type("Corpus.ThreadScenario"), MethodKind.INSTANTIATED, "Park", tail=tail)
    record = types.names()[0].read(method)
    assert record.row_id == row_ids[0]
    assert len(record.arguments) == 2
    assert types.signature(method) == "Corpus.ThreadScenario.Park[[Corpus.Line, Corpus],[Corpus.Order, Corpus]]()"


def test_a_definition_of_a_generic_method_has_no_arguments(types: Types) -> None:
    method = types.method(types.type("Corpus.ThreadScenario"), MethodKind.INSTANTIATED, "Park", tail=bytes(16))
    record = types.names()[0].read(method)
    assert (record.arguments, record.is_definition) == ((), True)


@pytest.mark.parametrize(("flags", "kind"), [(0x40, "ILStubClass"), (0x20, "DynamicClass")])
def test_methods_without_metadata_have_the_name_they_were_given(types: Types, flags: int, kind: str) -> None:
    name = types.target.put(0x50000, b"Emitted\0")
    signature = types.target.put(0x50100, bytes.fromhex("00 02 01 08 1c"))
    tail = struct.pack("<QIIQ", signature, 5, flags, name)
    method = types.method(types.type("Corpus.Line"), MethodKind.DYNAMIC, tail=tail)
    assert types.signature(method) == f"{kind}.Emitted(Int32, System.Object)"


@pytest.mark.parametrize(("slot", "name"), [(4, "Get"), (5, "Set"), (6, "Address"), (7, ".ctor"), (1, ".ctor")])
def test_methods_of_arrays_are_named_by_their_slot(types: Types, slot: int, name: str) -> None:
    array = types.type("", ARRAY, types.type("Corpus.Line"))
    signature = types.target.put(0x50100, bytes.fromhex("20 02 01 08 08"))
    tail = struct.pack("<QII", signature, 5, 0)
    method = types.method(array, MethodKind.ARRAY, slot=slot, tail=tail)
    assert types.signature(method) == f"Corpus.Line[,,].{name}(Int32, Int32)"


def test_pointers_and_references_are_type_descs(types: Types) -> None:
    pointer = types.target.words(0x60000, 0xF, types.type("Corpus.Line"))
    reference = types.target.words(0x60100, 0x10, pointer | 2)
    box = types.instance("Corpus.Box`1", pointer | 2, reference | 2)
    method = types.method(box, MethodKind.IL, "LockBoth")
    assert types.signature(method).startswith("Corpus.Box`1[[Corpus.Line*, Corpus],[Corpus.Line*&, Corpus]].")


def test_a_function_pointer_is_named_by_what_it_takes_and_no_module_defines_it(types: Types) -> None:
    line = types.type("Corpus.Line")
    lines = types.type("", SZARRAY, line)
    function = types.target.words(0x60000, 0x1B, 0, 2, line, line, lines) | 2
    array = types.type("", SZARRAY, function)
    names = types.names()[1]._names
    assert names.name_of(array) == "Corpus.Line(Corpus.Line, Corpus.Line[])[]"
    assert names.module_behind(lines) == MODULE
    with pytest.raises(FormatError, match="no module"):
        names.module_behind(array)


def test_what_cannot_be_named_has_its_address(types: Types) -> None:
    box = types.instance("Corpus.Box`1", 0xDEAD0000)
    method = types.method(box, MethodKind.IL, "LockBoth")
    assert types.signature(method).startswith("Corpus.Box`1[<type at 0xdead0000>].LockBoth(")


def test_a_type_that_is_its_own_argument_has_a_name_all_the_same(types: Types) -> None:
    place = types.target.put(0x70000, struct.pack("<HHQ", 1, 60, 0x71000)) + 4
    endless = types.type("Corpus.Box`1", GENERIC, place)
    types.target.words(0x71000, *[endless] * 60)
    method = types.method(endless, MethodKind.IL, "LockBoth")
    assert types.signature(method) == f"<type at {endless:#x}>.LockBoth(System.Object, System.Object)"
    names = types.names()[1]
    assert len(names._names.name_of(endless)) < 60 * limits.NAME_PARTS


def test_more_arguments_than_a_name_may_have_parts_are_not_followed(types: Types) -> None:
    place = types.target.put(0x70000, struct.pack("<HHQ", 1, limits.TYPE_ARGUMENTS, 0x71000)) + 4
    endless = types.type("Corpus.Box`1", GENERIC, place)
    types.target.words(0x71000, *[endless] * limits.TYPE_ARGUMENTS)
    names = types.names()[1]._names
    assert len(names.arguments_of(endless)) == limits.TYPE_ARGUMENTS
    asked = 0

    def count(handle: int, depth: int) -> str:
        nonlocal asked
        asked += 1
        return TypeNames._name(names, handle, depth)

    names._name = count  # type: ignore[method-assign] # counts calls
    names.name_of(endless)
    assert asked < 40 * limits.NAME_PARTS
    types.target.put(0x70000, struct.pack("<HHQ", 1, limits.TYPE_ARGUMENTS + 1, 0x71000))
    with pytest.raises(FormatError, match="type arguments"):
        types.names()[1]._names.arguments_of(endless)


def test_counts_that_cannot_be_are_refused(types: Types) -> None:
    many = types.method(0x1, MethodKind.INSTANTIATED, tail=struct.pack("<HHxxxxQ", 1, 9999, 0x1000))
    with pytest.raises(LimitExceeded, match="9999 type arguments"):
        types.names()[0].read(many)
    large = types.method(0x1, MethodKind.DYNAMIC, tail=struct.pack("<QIIQ", 0x1000, 1 << 30, 0, 0))
    with pytest.raises(LimitExceeded, match="a signature of"):
        types.names()[0].read(large)
