"""Kinds of Frames by the table of vtables that the runtime keeps for its debugger library."""

from __future__ import annotations

import struct

import pytest

from builders.fake_access import Layout, fake_access
from dotdump.clr.contracts.frame_chain import FrameChains
from dotdump.unwind.stack_words import StackWords

TABLE, VTABLES, CODE = 0x1000, 0x100000, 0x700000
KINDS = [f"Kind{number}Frame" for number in range(25)]
BEFORE = 12
FRAME_TOP = (1 << 64) - 1


def kinds(*, shift: int, readable: bool = True, offsets: bool = False) -> list[str]:
    """Return what a chain of one Frame of each kind is, where as many variables more are in front of the vtables.

    With ``offsets`` the table has those from the runtime's file, in four bytes each.
    """
    layouts: dict[str, Layout] = {"Frame": {"Next": 8, "Identifier": 0}}
    order: dict[str, int | str] = {"FrameVtableIndex": BEFORE, "FrameVtableOrder": " ".join(KINDS)}
    access, target = fake_access(layouts, globals_=order, version="8.0.31")
    module = access.runtime.module
    module.symbols["g_dacTable"] = TABLE  # type: ignore[attr-defined] # of the fake one
    module.base, module.end = VTABLES - 0x400, CODE  # type: ignore[misc] # a stand-in may be written to
    first = BEFORE + shift
    count = first + len(KINDS) + 10
    entries = [VTABLES + 0x200 * index for index in range(count)]
    if offsets:
        target.chunks[TABLE] = struct.pack(f"<{count}I", *(entry - module.base for entry in entries))
    else:
        target.chunks[TABLE] = struct.pack(f"<{count}Q", *entries)
    for index, entry in enumerate(entries) if readable else ():
        is_frame = first <= index < first + len(KINDS)
        functions = [CODE + 0x100 * index + slot if slot % 2 or not is_frame else CODE - slot for slot in range(16)]
        target.chunks[entry] = struct.pack("<16Q", *functions)
    for number in range(len(KINDS)):
        last = number == len(KINDS) - 1
        place = 0x9000 + 0x1000 * number
        target.chunks[place] = struct.pack("<QQ", entries[first + number], FRAME_TOP if last else place + 0x1000)
        target.chunks[place] += bytes(0x200)
    return [frame.kind for frame in FrameChains(access, StackWords(access.reader.memory)).frames_of(0x9000)]


@pytest.mark.parametrize("offsets", [False, True], ids=["addresses", "offsets"])
@pytest.mark.parametrize("shift", [0, 1, 3, -1, -4])
def test_vtables_are_found_wherever_an_update_has_moved_them(shift: int, *, offsets: bool) -> None:
    assert kinds(shift=shift, offsets=offsets) == KINDS


def test_without_their_functions_they_are_where_the_version_has_them() -> None:
    assert kinds(shift=0, readable=False) == KINDS
