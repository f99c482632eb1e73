"""Names of NativeAOT's types that no compiler makes."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from builders.clr import FakeModule
from builders.fake_access import fake_access
from dotdump.clr.contracts.native_aot_image import NativeAotImage
from dotdump.clr.contracts.native_aot_names import NativeAotNames, NativeElement, NativeFlags
from dotdump.formats.native_header import Section
from dotdump.limits import NAME_PARTS

if TYPE_CHECKING:
    import pytest

    from builders.fake_access import Layout

LAYOUTS: dict[str, Layout] = {
    "MethodTable": {
        "!": 24,
        "MTFlags": (0, "uint32"),
        "BaseSize": (4, "uint32"),
        "RelatedType": 8,
        "NumVirtuals": (16, "uint16"),
        "NumInterfaces": (18, "uint16"),
    }
}
DEFINITION, FIRST, DEPTH = 0x7F0000100000, 0x7F0000200000, 14


def test_a_name_of_too_many_types_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    access, target = fake_access(LAYOUTS)
    target.put(DEFINITION, struct.pack("<IIQQ", NativeFlags.GENERIC_DEFINITION, 2, 0, 0))
    kind = NativeFlags.GENERIC | NativeFlags.DYNAMIC | NativeElement.CLASS << 26
    for place in range(FIRST, FIRST + 0x40 * DEPTH, 0x40):
        both = place + 0x28, place + 0x40, place + 0x40
        target.put(place, struct.pack("<IIQQ", kind, 24, 0, 0) + struct.pack("<4Q", DEFINITION, *both))
    metadata = SimpleNamespace(type_name=lambda _token: SimpleNamespace(name="Pair`2", assembly=""))
    image = SimpleNamespace(tokens={DEFINITION: 1}, metadata=metadata)
    monkeypatch.setattr(FakeModule, "symbol_at", lambda _module, _address: None, raising=False)
    name = NativeAotNames(access, cast("NativeAotImage", image)).name_of(FIRST)
    assert name.startswith("Pair<Pair<")
    assert name.count("Pair") <= NAME_PARTS


def test_references_that_are_cut_within_a_number_end_with_the_last_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    access, target = fake_access({})
    target.put(FIRST, b"\1\2\3\4\5\6")
    section = Section(FIRST, FIRST + 0x40)
    monkeypatch.setattr(NativeAotImage, "section", lambda _image, _number: section)
    assert NativeAotImage(access).tokens == {}
