"""Where statics lie, on structures with layouts of their own."""

from __future__ import annotations

import struct

import pytest

from builders.clr import FakeModule, FakeTarget
from dotdump.clr.contracts.loader import Loader
from dotdump.clr.contracts.statics import NOWHERE, Statics, StaticsBase, find_statics
from dotdump.clr.contracts.type_names import TypeNames
from dotdump.clr.data_access import DataAccess
from dotdump.clr.descriptor import parse_descriptor
from dotdump.clr.runtime_module import RuntimeKind, RuntimeModule

TABLE, AUXILIARY, THREAD, STORAGE, ARRAY, MORE = (0x7F0000100000 + 0x10000 * n for n in range(6))
BLOCK, DYNAMIC, ENTRY, MODULE, HANDLE, FIELDS, CLASS = (0x7F0000200000 + 0x10000 * n for n in range(7))

FROM_9 = b"""{"types": {
  "MethodTable": {"MTFlags": 0, "MTFlags2": [4, "uint32"], "AuxiliaryData": 8},
  "MethodTableAuxiliaryData": {"Flags": [4, "uint32"]},
  "DynamicStaticsInfo": {"!": 24, "NonGCStatics": 0, "GCStatics": 8},
  "ThreadStaticsInfo": {"!": 40, "GCTlsIndex": [4, "uint32"], "NonGCTlsIndex": [8, "uint32"]},
  "Thread": {"ThreadLocalDataPtr": 16},
  "ThreadLocalData": {"NonCollectibleTlsArrayData": 0, "CollectibleTlsArrayData": 8, "InFlightData": 16,
    "NonCollectibleTlsDataCount": [24, "int32"], "CollectibleTlsDataCount": [28, "int32"]},
  "InFlightTLSData": {"TlsIndex": [0, "uint32"], "TLSData": 8, "Next": 16}},
 "globals": {"StaticsPointerMask": ["0xfffffffffffffffe", "nuint"], "PtrArrayOffsetToDataArray": ["16", "nuint"],
   "NumberOfTlsOffsetsNotUsedInNoncollectibleArray": ["2", "uint8"]}}"""

UP_TO_8 = b"""{"types": {
  "MethodTable": {"MTFlags": [0, "uint32"], "MTFlags2": [4, "uint32"], "NumVirtuals": [8, "uint16"],
    "Token": [10, "uint16"], "LoaderModule": 16, "PerInstInfo": 24, "EEClassOrCanonMT": 40},
  "FieldDesc": {"MTOfEnclosingClass": 0},
  "EEClass": {"OptionalFields": 8}, "EEClassOptionalFields": {"ModuleDynamicID": [4, "uint32"]},
  "Module": {"DomainLocalModule": 8},
  "DomainLocalModule": {"GCStatics": 0, "DynamicClassTable": 8, "DynamicEntries": 16, "ModuleIndex": 24,
    "DataBlob": 32},
  "ThreadLocalModule": {"DynamicClassTable": 0, "DynamicEntries": 8, "GCStatics": 16, "DataBlob": 24},
  "DynamicClassInfo": {"!": 16, "Flags": [0, "uint32"], "DynamicEntry": 8},
  "DynamicEntry": {"GCStatics": 8},
  "Thread": {"ThreadLocalBlock": 32},
  "ThreadLocalBlock": {"TLMTableSize": 0, "TLMTable": 8},
  "GenericsStaticsInfo": {"FieldDescs": 0, "DynamicTypeID": 8}},
 "globals": {"PtrArrayOffsetToDataArray": ["16", "nuint"], "CanonicalMethodTableMask": ["1", "uint8"],
   "CanonicalMethodTableTag": ["1", "uint8"]}}"""


def statics_of(target: FakeTarget, layouts: bytes) -> Statics:
    runtime = RuntimeModule(FakeModule("libcoreclr.so", 0x1000, 0x2000), RuntimeKind.CORECLR)
    access = DataAccess(target, runtime, "8.0.0", parse_descriptor(layouts))
    found = find_statics(access, TypeNames(access, Loader(access)))
    assert found is not None
    return found


@pytest.fixture
def types() -> FakeTarget:
    """A type of 9: its statics, and thread statics of index 3 (references) and of the storage itself (values)."""
    target = FakeTarget()
    target.words(TABLE, 2 << 32, AUXILIARY)
    thread_statics = struct.pack("<4Q", 3 << 32, 2 << 24 | 0x30, 0, 0)[:16]
    target.put(AUXILIARY - 40, thread_statics + struct.pack("<3QQ", 0x5008, 0x6001, 0, 1 << 32))
    target.words(THREAD, 0, 0, STORAGE)
    target.put(STORAGE, struct.pack("<QQQii", ARRAY, 0, 0, 4, 0))
    target.words(ARRAY, 0, 2, 0x7000, 0x8000)
    return target


def test_statics_of_a_type_lie_before_its_auxiliary_data(types: FakeTarget) -> None:
    assert statics_of(types, FROM_9).base_of(TABLE) == StaticsBase(0x6000, 0x5008, initialized=True)


def test_thread_statics_lie_where_their_index_says(types: FakeTarget) -> None:
    found = statics_of(types, FROM_9)
    assert found.thread_base_of(TABLE, THREAD) == StaticsBase(0x8000, STORAGE + 0x30, initialized=True)
    assert found.thread_storage(THREAD) == ARRAY


def test_an_index_beyond_the_array_leads_to_what_is_under_way(types: FakeTarget) -> None:
    types.put(STORAGE, struct.pack("<QQQii", ARRAY, 0, MORE, 3, 0))
    types.words(MORE, 3, HANDLE, MORE)
    types.words(HANDLE, 0x9000)
    assert statics_of(types, FROM_9).thread_base_of(TABLE, THREAD).references == 0x9000


def test_what_is_under_way_in_a_circle_is_looked_through_once(types: FakeTarget) -> None:
    types.put(STORAGE, struct.pack("<QQQii", ARRAY, 0, MORE, 3, 0))
    types.words(MORE, 77, HANDLE, MORE)
    assert statics_of(types, FROM_9).thread_base_of(TABLE, THREAD).references == 0


def test_collectible_thread_statics_are_behind_handles(types: FakeTarget) -> None:
    types.put(AUXILIARY - 40, struct.pack("<II", 0, 1 << 24 | 1) + types.chunks[AUXILIARY - 40][8:])
    types.put(STORAGE, struct.pack("<QQQii", ARRAY, MORE, 0, 4, 2))
    types.words(MORE, 0, HANDLE)
    types.words(HANDLE, 0xA000)
    assert statics_of(types, FROM_9).thread_base_of(TABLE, THREAD).references == 0xA000


def test_a_type_without_room_for_statics_has_them_nowhere(types: FakeTarget) -> None:
    types.words(TABLE, 0, AUXILIARY)
    found = statics_of(types, FROM_9)
    assert found.base_of(TABLE) == found.thread_base_of(TABLE, THREAD) == NOWHERE


def module_with(flags: int) -> FakeTarget:
    """A type of 8 with token 2, and a module with its block, in which one other type was added by itself."""
    target = FakeTarget()
    target.put(
        TABLE, struct.pack("<IIHHIQQQQ", flags, 0, 9, 2, 0, MODULE, 0, 0, CLASS) + struct.pack("<4Q", 0, FIELDS, 0, 0)
    )
    target.words(FIELDS, TABLE)
    target.words(MODULE, 0, BLOCK)
    target.put(BLOCK, struct.pack("<4Q", 0x6000, DYNAMIC, 1, 1) + bytes([0, 1]))
    target.words(DYNAMIC, 1, ENTRY)
    target.words(ENTRY, 0, 0x7000)
    target.words(THREAD + 32, 2, MORE)
    target.words(MORE, 0, STORAGE)
    target.put(STORAGE, struct.pack("<3Q", DYNAMIC, 1, HANDLE) + bytes([0, 0]))
    target.words(HANDLE, ARRAY)
    return target


def test_statics_of_a_definition_lie_in_its_modules_block() -> None:
    found = statics_of(module_with(0), UP_TO_8)
    assert found.base_of(TABLE) == StaticsBase(0x6000, BLOCK, initialized=True)
    assert found.thread_base_of(TABLE, THREAD) == StaticsBase(ARRAY + 16, STORAGE, initialized=False)


def test_statics_of_a_constructed_type_lie_where_its_number_says() -> None:
    found = statics_of(module_with(0x4), UP_TO_8)
    assert found.base_of(TABLE) == StaticsBase(0x7000, ENTRY, initialized=True)


def test_statics_of_a_type_made_at_run_time_lie_where_its_class_says() -> None:
    target = module_with(0x2)
    target.words(CLASS, 0, CLASS + 16, 0)
    assert statics_of(target, UP_TO_8).base_of(TABLE) == StaticsBase(0x7000, ENTRY, initialized=True)
    target.words(ENTRY, 0, HANDLE)
    found = statics_of(target, UP_TO_8).thread_base_of(TABLE, THREAD)
    assert found == StaticsBase(ARRAY + 16, ENTRY, initialized=True)


def test_a_class_without_a_number_has_statics_nowhere() -> None:
    target = module_with(0x2)
    target.words(CLASS, 0, 0)
    assert statics_of(target, UP_TO_8).base_of(TABLE) == NOWHERE


def test_a_number_that_is_not_the_types_own_is_not_believed() -> None:
    target = module_with(0x4)
    target.words(FIELDS, TABLE + 8)
    assert statics_of(target, UP_TO_8).base_of(TABLE) == NOWHERE


def test_statics_of_a_collectible_type_have_no_place() -> None:
    target = module_with(0x4)
    target.words(DYNAMIC, 9, ENTRY)
    assert statics_of(target, UP_TO_8).base_of(TABLE) == StaticsBase(0, 0, initialized=True)
