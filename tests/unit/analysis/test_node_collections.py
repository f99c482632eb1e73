"""Text in pieces, of more than any program has."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from builders.managed import NamedArray, NamedObject, NamedType
from dotdump import limits
from dotdump.analysis.node_collections import read_string_builder
from dotdump.errors import LimitExceeded

if TYPE_CHECKING:
    from dotdump.clr.model.heap import ClrHeap

LENGTH = 10


class Characters(NamedArray):
    """An array of characters at a place."""

    def address_of(self, number: int) -> int:
        return 0x9000 + 2 * number


class Text(NamedObject):
    """The object that such an array is."""

    @property
    def array(self) -> Characters:  # type: ignore[override]  # a fake of it
        return Characters([""] * LENGTH)


def builder(pieces: int, length: int = LENGTH) -> NamedObject:
    """Return the last of many pieces that share one array."""
    reader = SimpleNamespace(utf16=lambda _address, count: "x" * count)
    heap, text = SimpleNamespace(access=SimpleNamespace(reader=reader)), Text(0x8000, NamedType("System.Char[]"))
    last: NamedObject | None = None
    for number in range(pieces):
        fields: dict[str, object] = {"m_ChunkPrevious": last, "m_ChunkChars": text, "m_ChunkLength": length}
        last = NamedObject(0x1000 + 0x20 * number, NamedType("System.Text.StringBuilder", fields))
        last.heap = cast("ClrHeap", heap)
    assert last is not None
    return last


@pytest.mark.parametrize("length", [LENGTH, 0, -1])
def test_pieces_that_share_their_characters_are_not_read_for_ever(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BUILDER_TEXT", 4 * max(length, 1))
    count, items = read_string_builder(builder(4, length))
    assert count == 4 * max(length, 0)
    assert [item.value for item in items()] == ["x" * count]
    with pytest.raises(LimitExceeded, match="more than"):
        read_string_builder(builder(5, length))
