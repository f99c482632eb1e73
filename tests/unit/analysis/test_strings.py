"""Texts by their copies, in a heap that is nothing but the memory of strings."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from dotdump.analysis import strings
from dotdump.analysis.strings import string_statistics
from dotdump.errors import MemoryFault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.clr.model.object import ClrObject
    from dotdump.clr.model.runtime import ClrRuntime

FIRST = 12


class Heap:
    """Strings one behind the other; of the last only its head is there where it is ``cut``."""

    def __init__(self, *texts: str, cut: bool = False) -> None:
        self.memory, self.objects, self.problems = bytearray(), [], ()
        for text in texts:
            encoded = text.encode("utf-16-le")
            size = (22 + len(encoded) + 7) // 8 * 8
            string = SimpleNamespace(address=len(self.memory), size=size, read_text=lambda _limit, text=text: text)
            self.memory += bytes(8) + len(text).to_bytes(4, "little") + encoded.ljust(size - FIRST, b"\0")
            self.objects.append(string)
        if cut:
            del self.memory[-8:]
        reader = SimpleNamespace(memory=SimpleNamespace(read=self.read))
        self.access = SimpleNamespace(reader=reader, offset=lambda *_names: FIRST)

    def read(self, address: int, size: int) -> bytes:
        if address + size > len(self.memory):
            raise MemoryFault(address, size)
        return bytes(self.memory[address : address + size])

    def object(self, address: int) -> ClrObject:
        return cast("ClrObject", next(each for each in self.objects if each.address == address))


def counted(heap: Heap, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, int], list[str]]:
    """Return how many copies there are of each text, and what was a problem."""

    def all_of(_runtime: object, _progress: object) -> Iterator[object]:
        return iter(heap.objects)

    monkeypatch.setattr(strings, "_strings", all_of)
    found = string_statistics(cast("ClrRuntime", SimpleNamespace(heap=heap, name="CoreCLR")))
    return {row.text: row.count for row in found.texts}, [problem.message for problem in found.problems]


@pytest.mark.parametrize("piece", [1 << 20, 64])
def test_short_long_and_very_long_texts_are_counted(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strings, "_PIECE", piece)
    long, longer = "x" * 9, "y" * 99
    heap = Heap("", "a", long, longer, "", longer[:-1] + "z", long, longer)
    texts, problems = counted(heap, monkeypatch)
    assert texts == {"": 2, "a": 1, long: 2, longer: 2, longer[:-1] + "z": 1}
    assert problems == []


def test_a_string_that_is_not_whole_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    heap = Heap("a", "b" * 40, cut=True)
    del heap.memory[-16:]
    texts, problems = counted(heap, monkeypatch)
    assert texts == {"a": 1}
    assert problems == ["1 string is not whole in the dump"]
