"""Common entries of call frame information: what their augmentation says, wherever they lie."""

from __future__ import annotations

import struct

import pytest

from builders.cfi import PCREL_SDATA4, cie
from dotdump.formats.dwarf_cfi import parse_cie, read_entry
from dotdump.formats.dwarf_cursor import Bases
from dotdump.memory.space import BytesSpace

ALIGNED, LSDA = 0x50, 0x0B
LETTERS = "zPLR"
AUGMENTATION = 8 + 1 + len(LETTERS) + 1 + 4
"""Where it begins: behind length and number, version, letters, three numbers and its own length."""


@pytest.mark.parametrize("base", range(0x1000, 0x1008))
def test_a_pointer_that_is_aligned_takes_as_much_room_as_its_place_asks_for(base: int) -> None:
    padding = -(base + AUGMENTATION + 1) % 8
    personality = bytes([ALIGNED]) + b"\xee" * padding + struct.pack("<Q", 0x5000)
    data = cie(b"\x0c\x07\x08", letters=LETTERS, augmentation=personality + bytes([LSDA, PCREL_SDATA4]))
    entry = read_entry(BytesSpace([(base, data)]), base)
    assert entry is not None
    found = parse_cie(entry, Bases())
    assert (found.lsda_encoding, found.encoding) == (LSDA, PCREL_SDATA4)
    assert found.instructions.startswith(b"\x0c\x07\x08")
