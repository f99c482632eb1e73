"""What explicit Frames keep, with layouts of these tests' own."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from builders.fake_access import SIZE, Layout, fake_access
from dotdump.clr.contracts.argument_roots import ArgumentRoots
from dotdump.clr.contracts.frame_chain import ExplicitFrame
from dotdump.clr.contracts.frame_roots import FrameRoots
from dotdump.clr.contracts.method_descs import MethodKind, MethodRecord
from dotdump.clr.contracts.method_tables import ObjectShape
from dotdump.clr.contracts.stack_reference import StackReference
from dotdump.clr.data.frames import FRAME_TOP
from dotdump.errors import FormatError, LimitExceeded
from dotdump.target.model import Architecture

if TYPE_CHECKING:
    from builders.fake_access import GrowingTarget
    from dotdump.clr.contracts.loader import Loader
    from dotdump.clr.contracts.method_descs import MethodDescs
    from dotdump.clr.contracts.method_names import MethodNames

THREAD, FRAME, BLOCK, OBJECTS, MAP = 0x10000, 0x7000, 0x8000, 0x9000, 0x5000
LAYOUTS: dict[str, Layout] = {
    "Thread": {"GCFrame": 24},
    "GCFrame": {"Next": 8, "Thread": 16, "ObjRefs": 24, "NumObjRefs": (32, "uint32"), "MaybeInterior": (36, "uint32")},
    "HelperMethodFrame": {"Attributes": (16, "uint32"), "Objects": 48, "NumObjects": (56, "uint32")},
    "FramedMethodFrame": {"TransitionBlockPtr": 16, "MethodDescPtr": 24},
    "TransitionBlock": {SIZE: 104},
    "ArgumentRegisters": {SIZE: 48},
    "ExternalMethodFrame": {"ZapModule": 32, "Indirection": 40, "GCRefMap": 48},
    "StubDispatchFrame": {"ZapModule": 40, "Indirection": 48, "GCRefMap": 56},
    "DynamicHelperFrame": {"Flags": (32, "uint32")},
    "ProtectValueClassFrame": {"ValueClassInfoList": 16},
    "ValueClassInfo": {"Next": 8, "MethodTable": 16, "Data": 0},
    "MethodTable": {"MTFlags": (0, "uint32")},
}
VALUE_TYPE = 0x40000
SHAPES = {
    0x4000: ObjectShape(0x4000, 40, 0, contains_pointers=True, collectible=False),
    0x4800: ObjectShape(0x4800, 24, 16, contains_pointers=True, collectible=False),
}
"""A value with references, and an array of such."""


class FakeMethods:
    """Reads methods that a test has made up."""

    def __init__(self, *methods: MethodRecord) -> None:
        self._methods = {method.address: method for method in methods}

    def read(self, address: int) -> MethodRecord:
        return self._methods[address]

    def type_arguments_of(self, method: MethodRecord) -> tuple[int, ...]:
        return (7,) if method.method_table == 0x6660 else ()

    def signature_of(self, method: MethodRecord) -> bytes:
        return method.stored_signature

    def name_of(self, method: MethodRecord) -> str:
        return ".ctor" if method.kind is MethodKind.FCALL else "M"

    def type_name_of(self, method: MethodRecord) -> str:
        return "System.String" if method.kind is MethodKind.FCALL else "T"


def contract(
    *methods: MethodRecord, architecture: Architecture = Architecture.X86_64, version: str = "10.0.0"
) -> tuple[FrameRoots, GrowingTarget]:
    layouts: dict[str, Layout] = {**LAYOUTS, "TransitionBlock": {SIZE: 176}, "ArgumentRegisters": {SIZE: 64}}
    access, target = fake_access(
        layouts if architecture is Architecture.AARCH64 else LAYOUTS,
        architecture=architecture,
        version=version,
    )
    fake = FakeMethods(*methods)
    arguments = ArgumentRoots(
        access,
        cast("Loader", None),
        cast("MethodDescs", fake),
        cast("MethodNames", fake),
        SHAPES.get,
    )
    target.words(BLOCK, *range(0xA0, 0xA0 + 64))
    target.words(OBJECTS, 0xB0, 0xB8, 0xC0)
    return FrameRoots(access, arguments), target


def kept(roots: FrameRoots, kind: str, method: int = 0) -> list[StackReference]:
    return list(roots.of(ExplicitFrame(FRAME, kind, method)))


def argument(index: int, *, interior: bool = False, base: int = BLOCK) -> StackReference:
    address = base + 8 * index
    return StackReference(address, "", 0xA0 + (address - BLOCK) // 8, interior=interior)


def signed(signature: str, *, method_table: int = 0x3000, kind: MethodKind = MethodKind.ARRAY) -> MethodRecord:
    return MethodRecord(0x2000, method_table, 0, kind, 0, stored_signature=bytes.fromhex(signature))


def test_a_helper_keeps_the_variables_it_names() -> None:
    roots, target = contract()
    target.words(FRAME, 0, 0, 0, 0, 0, 0, OBJECTS + 8, OBJECTS)
    assert kept(roots, "HelperMethodFrame") == []
    assert kept(roots, "HelperMethodFrame_1OBJ") == [StackReference(OBJECTS + 8, "", 0xB8)]
    both = [StackReference(OBJECTS + 8, "", 0xB8), StackReference(OBJECTS, "", 0xB0)]
    assert kept(roots, "HelperMethodFrame_2OBJ") == both
    target.words(FRAME, 0, 0, 0, 0, 0, 0, OBJECTS, 3)
    whole = [StackReference(OBJECTS + 8 * index, "", 0xB0 + 8 * index) for index in range(3)]
    assert kept(roots, "HelperMethodFrame_PROTECTOBJ") == whole
    target.words(FRAME, 0, 0, 0, 0, 0, 0, OBJECTS, 0xFFFFFFFF)
    with pytest.raises(LimitExceeded, match="4294967295 objects"):
        kept(roots, "HelperMethodFrame_PROTECTOBJ")


def test_a_helper_that_throws_is_told_by_its_attributes() -> None:
    roots, target = contract()
    target.words(FRAME, 0, 0, 0x31)
    frame = ExplicitFrame(FRAME, "HelperMethodFrame", 0)
    assert roots.is_throw(frame)
    target.words(FRAME, 0, 0, 0x30)
    assert not roots.is_throw(frame)
    assert not roots.is_throw(ExplicitFrame(0x666000, "HelperMethodFrame", 0))


def test_native_code_protects_its_variables_in_a_chain_of_its_own() -> None:
    roots, target = contract()
    target.words(THREAD, 0, 0, 0, FRAME)
    target.words(FRAME, 0, FRAME + 0x100, THREAD, OBJECTS, 2)
    target.words(FRAME + 0x100, 0, FRAME_TOP, THREAD, OBJECTS + 16, 1 | 1 << 32)
    assert list(roots.protected(THREAD)) == [
        StackReference(OBJECTS, "", 0xB0),
        StackReference(OBJECTS + 8, "", 0xB8),
        StackReference(OBJECTS + 16, "", 0xC0, interior=True),
    ]
    target.words(FRAME + 0x100, 0, FRAME_TOP, THREAD + 8, OBJECTS, 1)
    with pytest.raises(FormatError, match="it belongs to 0x10008"):
        list(roots.protected(THREAD))
    target.words(FRAME, 0, FRAME, THREAD, OBJECTS, 0)
    with pytest.raises(LimitExceeded, match="GCFrames"):
        list(roots.protected(THREAD))


def test_an_image_says_which_words_are_references() -> None:
    roots, target = contract()
    target.put(MAP, bytes([0b0_10_00_01]) + b"\xff")
    target.words(FRAME, 0, 0, BLOCK, 0, 0, 0, MAP, MAP)
    assert kept(roots, "ExternalMethodFrame") == [argument(0), argument(2, interior=True)]
    assert kept(roots, "StubDispatchFrame") == [argument(0), argument(2, interior=True)]


def test_on_arm64_words_are_counted_from_x8_on() -> None:
    roots, target = contract(architecture=Architecture.AARCH64)
    target.put(MAP, bytes([0b0_10_00_01]))
    target.words(FRAME, 0, 0, BLOCK, 0, 0, 0, MAP)
    first = BLOCK + 176 - 64 - 8
    assert kept(roots, "ExternalMethodFrame") == [argument(0, base=first), argument(2, interior=True, base=first)]


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        ("00 01 01 08", []),
        ("20 01 01 1C", [argument(0), argument(1)]),
        ("00 04 01 0D 0E 10 08 08", [argument(0), argument(1, interior=True)]),
        ("20 02 1D 1C 12 05 0F 01", [argument(0), argument(1)]),
        ("00 08 01 08 08 08 08 08 0E 0E 0E", [argument(5), argument(13), argument(14)]),
    ],
    ids=["no references", "this and one", "a float takes no word", "class and pointer", "on the stack"],
)
def test_a_signature_tells_where_references_are(signature: str, expected: list[StackReference]) -> None:
    roots, target = contract(signed(signature))
    target.words(FRAME, 0, 0, BLOCK, 0x2000)
    target.words(0x3000, 0)
    assert kept(roots, "PrestubMethodFrame", 0x2000) == expected


def test_this_of_a_structure_points_into_something() -> None:
    roots, target = contract(signed("20 00 01"))
    target.words(FRAME, 0, 0, BLOCK, 0x2000)
    target.words(0x3000, VALUE_TYPE)
    assert kept(roots, "PrestubMethodFrame", 0x2000) == [argument(0, interior=True)]


def test_a_string_constructor_has_no_this() -> None:
    roots, target = contract(signed("20 01 01 1D 03", kind=MethodKind.FCALL))
    target.words(FRAME, 0, 0, BLOCK, 0x2000)
    assert kept(roots, "PrestubMethodFrame", 0x2000) == [argument(0)]


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (signed("00 01 01 11 05"), "one is a structure"),
        (signed("00 00 11 05"), "the value returned is a structure"),
        (signed("05 01 01 1C"), "calling convention 5"),
        (signed(""), "it has no signature"),
        (signed("00 01 01 1C", method_table=0x6660), "generic code"),
    ],
)
def test_what_a_signature_does_not_tell_is_said(method: MethodRecord, message: str) -> None:
    roots, target = contract(method)
    target.words(FRAME, 0, 0, BLOCK, 0x2000)
    with pytest.raises(FormatError, match=message):
        kept(roots, "PrestubMethodFrame", 0x2000)


def test_a_call_of_a_method_that_is_not_known_is_said() -> None:
    roots, target = contract()
    target.words(FRAME, 0, 0, BLOCK, 0)
    with pytest.raises(FormatError, match="which method is called is not known"):
        kept(roots, "PrestubMethodFrame")


def test_a_dynamic_helper_says_which_arguments_are_objects() -> None:
    roots, target = contract()
    for flags, expected in ((0, []), (1, [argument(0)]), (3, [argument(0), argument(1)])):
        target.words(FRAME, 0, 0, BLOCK, 0, flags)
        assert kept(roots, "DynamicHelperFrame") == expected


def test_values_are_looked_through_by_their_type() -> None:
    roots, target = contract()
    target.words(FRAME, 0, 0, 0xD000)
    target.words(0xD000, OBJECTS, 0, 0x4000)
    target.words(0x4000 - 24, (16 - 40) & 2**64 - 1, 16, 1)
    assert kept(roots, "ProtectValueClassFrame") == [
        StackReference(OBJECTS + 8, "", 0xB8),
        StackReference(OBJECTS + 16, "", 0xC0),
    ]


def test_an_array_is_no_value() -> None:
    roots, target = contract()
    target.words(FRAME, 0, 0, 0xD000)
    target.words(0xD000, OBJECTS, 0, 0x4800)
    target.words(0x4800 - 24, 8 << 32 | 1, 16, 2**64 - 1)
    with pytest.raises(FormatError, match="it is no MethodTable of a value"):
        kept(roots, "ProtectValueClassFrame")


def test_values_that_lead_in_a_circle_end() -> None:
    roots, target = contract()
    target.words(FRAME, 0, 0, 0xD000)
    target.words(0xD000, OBJECTS, 0xD000, 0x4000)
    target.words(0x4000 - 24, (16 - 40) & 2**64 - 1, 16, 1)
    with pytest.raises(LimitExceeded, match="more than 65536 objects"):
        kept(roots, "ProtectValueClassFrame")


def test_what_a_returned_value_is_is_not_known_before_10() -> None:
    roots, target = contract(version="8.0.4")
    target.words(FRAME, 0, 0)
    with pytest.raises(FormatError, match="what a HijackFrame keeps is not known"):
        kept(roots, "HijackFrame")
    assert kept(contract()[0], "HijackFrame") == []


@pytest.mark.parametrize("kind", ["InlinedCallFrame", "DebuggerU2MCatchHandlerFrame", "SoftwareExceptionFrame"])
def test_other_kinds_keep_nothing(kind: str) -> None:
    assert kept(contract()[0], kind) == []
