"""``ThreadNotes``: the notes of a thread of a core, their bytes copied when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotdump.formats.notes import Note


class ThreadNotes(Mapping[tuple[str, int], bytes]):
    """By owner and type. A thread may have 12 KiB of them, of which most commands want the first 336 bytes."""

    __slots__ = ("_notes",)

    def __init__(self, notes: Mapping[tuple[str, int], Note]) -> None:
        self._notes = notes

    def __getitem__(self, key: tuple[str, int]) -> bytes:
        return self._notes[key].data

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return iter(self._notes)

    def __len__(self) -> int:
        return len(self._notes)
