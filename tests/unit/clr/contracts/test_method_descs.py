"""Records of methods, in layouts of their own."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from builders.fake_access import fake_access
from dotdump.clr.contracts.method_descs import MethodDescs
from dotdump.errors import LimitExceeded

if TYPE_CHECKING:
    from builders.fake_access import Layout

CHUNK, METHOD = 0x7F0000100000, 0x7F0000100010
BITS = "MethodDescTokenRemainderBitCount"
LAYOUTS: dict[str, Layout] = {
    "MethodDesc": {
        "Flags3AndTokenRemainder": (0, "uint16"),
        "ChunkIndex": (2, "uint8"),
        "Slot": (4, "uint16"),
        "Flags": (6, "uint16"),
    },
    "MethodDescChunk": {"!": 16, "MethodTable": 0, "FlagsAndTokenRange": (8, "uint16")},
}


def row_id_of(bits: int) -> int:
    """Return the row of a method whose token is 0x345 in the low bits of its own, and 2 in those of its chunk."""
    access, target = fake_access(LAYOUTS, globals_={BITS: bits})
    target.put(CHUNK, struct.pack("<QHHI", 0x5000, 2, 0, 0) + struct.pack("<HBBHH", 0x345, 0, 0, 0, 0))
    return MethodDescs(access).read(METHOD).row_id


def test_a_token_is_part_the_method_s_and_part_its_chunk_s() -> None:
    assert (row_id_of(12), row_id_of(14)) == (0x2345, 0x8345)


@pytest.mark.parametrize("bits", [-1, 25, 1 << 40])
def test_a_token_of_bits_that_it_has_not_is_damage(bits: int) -> None:
    with pytest.raises(LimitExceeded, match="bits of its token"):
        row_id_of(bits)
